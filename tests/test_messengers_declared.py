"Apps whose JSON is described by a declaration: sigtop, Element, Snapchat, X, Skype and Teams."
import json
from datetime import datetime, timezone

import pytest

from mutations import survives
from tinychat.messengers import declared
from tinychat.messengers.core import all_files, read_group

UTC = timezone.utc

def write(root, **files):
    "folder__name = content, JSON unless it is text -> the folder; `_js` and `_json` end a name"
    for name, content in files.items():
        path = root/name.replace('__', '/').replace('_json', '.json').replace('_js', '.js')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding='utf-8')
    return root

def read(root):
    group, = declared.find(all_files(root))
    return read_group(declared, group)
def said(export): return [(m.sender, m.text) for c in export.chats for m in c.messages]
def me(export): return set().union(*(c.me for c in export.chats))

# sigtop

def signal(kind='incoming', body='hi', at=1_700_000_000_000, **more): return dict(id='x', conversationId='c', type=kind, body=body, sent_at=at, **more)

def test_sigtop_knows_who_is_me_by_the_direction(tmp_path):
    root = write(tmp_path, **{'Bo (+4915550)_json': [signal('outgoing', 'b', 1_700_000_001_000), signal(body='a', source='+4915550', sourceServiceId='s')]})
    export = read(root)
    assert said(export) == [('Bo', 'a'), ('Me', 'b')] and me(export) == {'Me'} and export.format == 'Signal'
    assert [m.time for m in export.chats[0].messages] == [datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)]

def test_sigtop_groups_and_kinds(tmp_path):
    records = [signal(body='one', source='+1'), signal(body='two', sourceServiceId='uuid'), signal('outgoing', 'three'), signal(body='nobody'), signal('call-history'), signal('group-v2-change'), signal('timer-notification'),
               signal(body=None, source='+1', attachments=[{}]), signal(body='', source='+1', sticker={'packId': 'p'}), signal(body='gone', source='+1', deletedForEveryone=True), signal(body='', source='+1'), signal(body='\ufffc you', source='+1'), signal(body='\ufffc', source='+1')]
    export = read(write(tmp_path, **{f'Sewing ({"Ab-9_"*8}xyz)_json': records}))
    assert said(export) == [('+1', 'one'), ('uuid', 'two'), ('Me', 'three'), ('+1', 'you')] and export.chats[0].name == 'Sewing' and export.chats[0].group
    assert export.dropped == dict(malformed=1, call=1, system=2, media=1, sticker=1, deleted=1, empty=2)

def test_a_contact_called_me_is_not_me(tmp_path):
    export = read(write(tmp_path, **{'Me (+1)_json': [signal(body='a'), signal('outgoing', 'b')]}))
    assert len({s for s, _ in said(export)}) == 2 and [t for s, t in said(export) if s in me(export)] == ['b']

@pytest.mark.parametrize('detail', ['+4915550', 'bo.123', 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'])
def test_sigtop_names_people_in_groups_by_their_own_chats(tmp_path, detail):
    both = dict(source='+4915550', sourceServiceId='s1')
    export = read(write(tmp_path, **{f'Bo ({detail})_json': [signal(body='old', source='+4915550'), signal(body='new', at=1_700_000_001_000, **both), signal('outgoing', 'mine', 1_700_000_002_000)],
                                     f'Sewing ({"a1"*16})_json': [signal(body='x', sourceServiceId='s1'), signal(body='y', sourceServiceId='s2'), signal('outgoing', 'z')]}))
    assert said(export) == [('Bo', 'old'), ('Bo', 'new'), ('Me', 'mine'), ('Bo', 'x'), ('s2', 'y'), ('Me', 'z')] and [c.name for c in export.chats] == ['Bo', 'Sewing']

def test_sigtop_two_contacts_of_one_name(tmp_path):
    export = read(write(tmp_path, **{'Bo (+1)_json': [signal(body='a', source='+1')], 'Bo (+2)_json': [signal(body='b', source='+2'), signal('outgoing', 'c')]}))
    assert said(export) == [('Bo (+1)', 'a'), ('Bo (+2)', 'b'), ('Me', 'c')]

# Element

def event(body='hi', sender='@bo:x.org', at=1_700_000_000_000, type='m.room.message', **content):
    return dict(type=type, sender=sender, content=dict(msgtype='m.text', body=body) | content, origin_server_ts=at, room_id='!r:x.org', event_id='$1')
def joined(id, name): return dict(type='m.room.member', state_key=id, sender=id, content=dict(membership='join', displayname=name), origin_server_ts=1)

@pytest.mark.parametrize('exporter', ['@cy:x.org', 'Cyrus', 'cyrus'])
def test_element_knows_the_owner_by_id_or_name(tmp_path, exporter):
    events = [joined('@bo:x.org', 'Bo'), joined('@cy:x.org', 'Cyrus'), event('a'), event('b', '@cy:x.org')]
    export = read(write(tmp_path, export_json=dict(room_name='Bo', room_creator='x', topic='', exported_by=exporter, messages=events)))
    assert said(export) == [('Bo', 'a'), ('Cyrus', 'b')] and me(export) == {'Cyrus'} and export.dropped == dict(system=2)

def test_element_owner_without_a_name_in_the_room(tmp_path):
    export = read(write(tmp_path, export_json=dict(room_name='r', exported_by='Cy', messages=[event('a'), event('b', '@cy:x.org')])))
    assert me(export) == {'@cy:x.org'}

def test_element_quotes_and_edits_and_kinds(tmp_path):
    reply = {'m.relates_to': {'m.in_reply_to': {'event_id': '$0'}}}
    events = [event('> <@cy:x.org> long\n> more\n\nmine', **reply), event('no quote', **reply), event('> I typed this'), event('* right', **{'m.new_content': dict(body='right'), 'm.relates_to': dict(rel_type='m.replace')}),
              event('x.jpg', msgtype='m.image'), event('beep', msgtype='m.notice'), event('waves', msgtype='m.emote'), event(type='m.sticker', msgtype=None), event(type='m.reaction', msgtype=None), event(type='m.call.invite', msgtype=None),
              event(type='m.room.encrypted', msgtype=None), event('here', msgtype='m.location'), dict(event(), content={}), dict(event('x'), unsigned=dict(redacted_because={'a': 1})), event(type='org.matrix.msc3381.poll.start', msgtype=None)]
    export = read(write(tmp_path, export_json=dict(room_name='r', exported_by='x', messages=events)))
    assert [t for _, t in said(export)] == ['mine', 'no quote', '> I typed this', 'waves']
    assert export.dropped == dict(system=1, media=1, bot=1, sticker=1, reaction=1, call=1, malformed=1, contact=2, deleted=2)

# Snapchat

def snap(sender='bo1', text='hi', mine=False, kind='TEXT', at='2024-04-20 01:29:22 UTC', **more): return {'From': sender, 'Media Type': kind, 'Created': at, 'Content': text, 'Conversation Title': None, 'IsSender': mine} | more

def test_snapchat(tmp_path):
    chats = {'bo1': [snap(text='b', at='2024-04-20 01:30:22 UTC'), snap('cy2', 'a &lt;3', True, **{'Created(microseconds)': 1_713_576_562_686})],
             '0f-uuid': [snap('di', 'x', **{'Conversation Title': 'Sewing'}), snap('cy2', 'y', True), snap('bo1', 'z')]}
    export = read(write(tmp_path, json__chat_history_json=chats, account_json={'Basic Information': {'Username': 'cy2', 'Name': 'Cy'}}, json__friends_json={'Friends': [{'Username': 'bo1', 'Display Name': 'Bo'}], 'Blocked Users': []}))
    assert [[(m.sender, m.text) for m in c.messages] for c in export.chats] == [[('cy2', 'a <3'), ('Bo', 'b')], [('di', 'x'), ('cy2', 'y'), ('Bo', 'z')]]
    assert [(c.name, c.id, c.group) for c in export.chats] == [('bo1', 'bo1', False), ('Sewing', '0f-uuid', True)] and me(export) == {'cy2'}
    assert export.chats[0].messages[0].time == datetime(2024, 4, 20, 1, 29, 22, 686_000, tzinfo=UTC)

def test_snapchat_kinds(tmp_path):
    kinds = dict(MEDIA='media', NOTE='media', STICKER='sticker', SHARE='forwarded', SHARESAVEDSTORY='forwarded', STATUSERASEDMESSAGE='deleted', STATUSERASEDSNAPMESSAGE='deleted', STATUSCALLMISSEDAUDIO='call', LOCATION='contact',
                 STATUSPARTICIPANTREMOVED='system', STATUSCONVERSATIONCAPTURESCREENSHOT='system', NONPARTICIPANTBOTRESPONSE='bot', TEXT='empty', SOMETHINGNEW='system')
    for kind, reason in kinds.items():
        export = read(write(tmp_path, chat_history_json={'bo1': [snap(text=None, kind=kind), snap(text='captioned', kind='MEDIA')]}))
        assert export.dropped == {reason: 1} and said(export) == [('bo1', 'captioned')], kind

def test_snapchat_of_2022(tmp_path):
    old = {'Media Type': 'TEXT', 'Created': '2022-07-22 19:28:21 UTC', 'Text': 'hi'}
    export = read(write(tmp_path, chat_history_json={'Received Saved Chat History': [{'From': 'bo1', **old}, 'damaged', {'From': 5, **old}], 'Sent Saved Chat History': [{'To': 'bo1', **old, 'Text': 'yo'}]}, account_json={'Basic Information': {'Username': 'cy2'}}))
    assert said(export) == [('bo1', 'hi'), ('cy2', 'yo')] and me(export) == {'cy2'} and export.dropped == dict(malformed=2)

# X

def dm(sender='2', text='hi', at='2023-09-25T22:06:11.000Z', **more): return dict(messageCreate=dict(recipientId='9', senderId=sender, id='1', createdAt=at, text=text, reactions=[], urls=[], mediaUrls=[]) | more)
def talk(id, *messages): return dict(dmConversation=dict(conversationId=id, messages=list(messages)))
def script(name, data): return f'window.YTD.{name} = {json.dumps(data)}'
ACCOUNT = script('account.part0', [dict(account=dict(accountId='1', username='cy', accountDisplayName='Cy'))])

def test_x(tmp_path):
    root = write(tmp_path, data__account_js=ACCOUNT, data__profile_js=script('profile.part0', []),
                 **{'data__direct-messages_js': script('direct_messages.part0', [talk('1-2', dm('1', 'b', '2023-09-25T22:07:11.000Z'), dm('2', 'a'))]),
                    'data__direct-messages-part1_js': script('direct_messages.part1', [talk('1-2', dm('1', 'c', '2023-09-26T22:07:11.000Z'))]),
                    'data__direct-messages-group_js': script('direct_messages_group.part0', [talk('77', dm('3', 'd'), dm('1', 'e'), dm('2', 'f'), dict(participantsLeave=dict(userIds=['3'])))]),
                    'data__direct-message-headers_js': script('direct_message_headers.part0', [talk('1-2', dm('1', None))])})
    export = read(root)
    assert [[(m.sender, m.text) for m in c.messages] for c in export.chats] == [[('3', 'd'), ('Cy', 'e'), ('2', 'f')], [('2', 'a'), ('Cy', 'b'), ('Cy', 'c')]]
    assert me(export) == {'Cy'} and export.dropped == dict(system=1) and [c.id for c in export.chats] == ['77', '1-2']

def test_x_links_and_pictures(tmp_path):
    link, picture = dict(url='https://t.co/a', expanded='https://e.org/?a=1'), dict(url='https://t.co/b', expanded='https://twitter.com/messages/media/1')
    messages = [dm(text='see https://t.co/a &amp; &lt;3', urls=[link]), dm(text='look https://t.co/b', urls=[picture], mediaUrls=['m']), dm(text='https://t.co/b', urls=[picture], mediaUrls=['m']), dm(text='', mediaUrls=[]), dm(text='odd', urls=[5, dict(url='')])]
    export = read(write(tmp_path, **{'direct-messages_js': script('direct_messages.part0', [talk('1-2', *messages)])}))
    assert [t for _, t in said(export)] == ['see https://e.org/?a=1 & <3', 'look', 'odd'] and export.dropped == dict(media=1, empty=1) and me(export) == set()

def test_x_empty_and_damaged_records(tmp_path):
    export = read(write(tmp_path, account_js=ACCOUNT, **{'direct-messages_js': script('direct_messages.part0', [talk('1-2', dm(), {}, None, 'x', dict(messageCreate=None))]), 'direct-messages-group_js': script('direct_messages_group.part0', [])}))
    assert (export.read, export.kept, export.dropped) == (5, 1, dict(malformed=4))

# Skype and Teams

def skype(sender='8:live:bo', text='hi', kind='RichText', at='2023-09-25T22:06:11.1Z', **more): return {'id': '1', 'from': sender, 'content': text, 'messagetype': kind, 'originalarrivaltime': at, 'displayName': None, 'properties': None} | more
def talks(*conversations, owner='8:live:cy'): return dict(userId=owner, exportDate='2025-04-01T10:00', conversations=list(conversations))
def pair(*messages, id='8:live:bo', name='Bo', **more): return dict(id=id, displayName=name, properties={}, threadProperties=None, MessageList=list(messages)) | more

def test_skype(tmp_path):
    group = pair(skype('8:di', 'x', displayName='Di D'), skype('8:live:cy', 'y'), skype('8:live:bo', 'z'), id='19:g@thread.skype', name=None, threadProperties=dict(topic='Sewing'))
    export = read(write(tmp_path, messages_json=talks(pair(skype('8:live:cy', 'b', at='2023-09-25T22:07:11.1Z'), skype(text='a')), group)))
    assert [[(m.sender, m.text) for m in c.messages] for c in export.chats] == [[('Bo', 'a'), ('live:cy', 'b')], [('Di D', 'x'), ('live:cy', 'y'), ('Bo', 'z')]]
    assert me(export) == {'live:cy'} and [(c.name, c.group) for c in export.chats] == [('Bo', False), ('Sewing', True)]
    assert export.chats[0].messages[0].time == datetime(2023, 9, 25, 22, 6, 11, 100_000, tzinfo=UTC)

def test_skype_of_older_days_has_addresses_for_ids(tmp_path):
    where = 'https://db3-client-s.gateway.messenger.live.com/v1/users/ME/contacts/'
    export = read(write(tmp_path, messages_json=talks(pair(skype(where + '8:live:cy', 'a'), skype(where + '8:live:bo', 'b'), skype(where + '28:robot', 'beep')))))
    assert said(export) == [('live:cy', 'a'), ('Bo', 'b')] and me(export) == {'live:cy'} and export.dropped == dict(bot=1)

@pytest.mark.parametrize('text,typed', [
    ('a &lt;3 &amp; b', 'a <3 & b'), ('<ss type="smile">:)</ss>', ':)'), ('<a href="http://e.org">http://e.org</a> ok', 'http://e.org ok'), ('hi <at id="8:x">Bo</at>', 'hi Bo'), ('one\ntwo', 'one\ntwo'),
    ('<quote author="x"><legacyquote>[1] x: </legacyquote>theirs<legacyquote>\n\n&lt;&lt;&lt; </legacyquote></quote>mine', 'mine'), ('<b raw_pre="*" raw_post="*">loud</b>', '*loud*'), ('right<e_m a="x" ts="1" t="61"/>', 'right'),
    ('<p>one</p><p>two</p>', 'one\ntwo'), ('<div>a<br>b&nbsp;c</div>', 'a\nb c'), ('<blockquote itemtype="x"><p>theirs</p></blockquote><p>mine</p>', 'mine'), ('x <img alt="😀"> y', 'x 😀 y'), ('2 < 3', '2 < 3')])
def test_skype_markup(tmp_path, text, typed):
    export = read(write(tmp_path, messages_json=talks(pair(skype(text=text)))))
    assert [t for _, t in said(export)] == [typed]

def test_skype_kinds(tmp_path):
    kinds = {'Event/Call': 'call', 'ThreadActivity/AddMember': 'system', 'RichText/UriObject': 'media', 'RichText/Media_GenericFile': 'media', 'RichText/Contacts': 'contact', 'Poll': 'contact', 'Notice': 'system', 'InviteFreeRelationshipChanged/Initialized': 'system'}
    messages = [skype(text='<x>words</x>', kind=kind) for kind in kinds] + [skype(text='<b>not markup', kind='Text'), skype(text='', properties=dict(deletetime='1')), skype(text='<quote>q</quote>'), skype(text=5), skype(kind=None), skype(sender=None)]
    export = read(write(tmp_path, messages_json=talks(pair(*messages), pair(id='48:notes', MessageList=None))))
    assert said(export) == [('Bo', '<b>not markup')] and export.dropped == dict(call=1, system=3, media=2, contact=2, deleted=1, empty=1, malformed=3)

# all

def test_apps_in_one_folder_and_nothing_else(tmp_path):
    write(tmp_path, messages_json=talks(pair(skype())), export_json=dict(room_name='r', exported_by='x', messages=[event()]), chat_history_json={'bo1': [snap()]}, **{'direct-messages_js': script('direct_messages.part0', [talk('1-2', dm())]), 'Bo (+1)_json': [signal()]},
          result_json=dict(name='x', type='personal_chat', messages=[]), list_json=[dict(text='a', sender='b')], lone_js='window.YTD.tweets.part0 = []', other_json=dict(conversations=[dict(title='x')]), account_json=dict(a=1))
    groups = declared.find(all_files(tmp_path))
    assert [read_group(declared, g).format for g in groups] == ['Signal', 'Element', 'Snapchat', 'X', 'Skype and Teams'] and sum(map(len, groups)) == 5

def test_people_with_one_name_stay_two(tmp_path):
    export = read(write(tmp_path, messages_json=talks(pair(skype('8:a', 'x', displayName='Bo'), skype('8:b', 'y', displayName='Bo'), id='19:g', name=None))))
    assert said(export) == [('Bo (a)', 'x'), ('Bo (b)', 'y')]

def test_errors_name_the_file_and_quote_nothing(tmp_path):
    for name, content, why in [('messages_json', '{"userId": "8:a", "exportDate": "", "conversations": [\n{"content": "my secret', 'in messages.json its JSON is damaged at line 2'), ('messages_json', '{"userId": "8:a", "conversations_": 1, "x": {"conversations": []}}', 'in messages.json there are no chats')]:
        with pytest.raises(ValueError, match=why) as e: read(write(tmp_path, **{name: content}))
        assert 'secret' not in str(e.value) and '\n' not in str(e.value)

def test_a_friend_named_like_the_owner_is_not_the_owner(tmp_path):
    export = read(write(tmp_path, messages_json=talks(pair(skype('8:live:bo', 'a', displayName='Cy'), skype('8:cy', 'b')), owner='8:cy')))
    assert [t for s, t in said(export) if s in me(export)] == ['b']
    export = read(write(tmp_path/'only', messages_json=talks(pair(skype('8:live:bo', 'a', displayName='cy'), name=None), owner='8:cy')))
    assert me(export) == set()

def test_element_two_who_could_be_the_owner(tmp_path):
    events = [joined('@bo:x.org', 'Cy'), joined('@di:x.org', 'Cy'), event('a'), event('b', '@di:x.org'), event('c', '@ed:x.org')]
    assert me(read(write(tmp_path, export_json=dict(room_name='r', exported_by='Cy', messages=events)))) == set()
    events = [joined('@bo:x.org', 'Cy'), event('a'), event('b', '@cy:x.org')] # a name goes before the first part of an id
    assert me(read(write(tmp_path/'b', export_json=dict(room_name='r', exported_by='Cy', messages=events)))) == {'Cy'}

@pytest.mark.parametrize('app', ['signal', 'element', 'snapchat', 'x', 'skype'])
def test_damaged_files_are_read_or_refused(app):
    n = range(4)
    files = dict(signal={'Bo (+1).json': [signal(('outgoing', 'incoming')[i % 2], f'text {i}', 1_700_000_000_000 + i) for i in n]},
                 element={'export.json': dict(room_name='r', exported_by='Bo', messages=[joined('@bo:x.org', 'Bo')] + [event(f'text {i}') for i in n])},
                 snapchat={'chat_history.json': {'bo1': [snap(text=f'text {i}', mine=i % 2 == 0) for i in n]}, 'account.json': {'Basic Information': {'Username': 'cy2'}}},
                 x={'account.js': ACCOUNT, 'direct-messages.js': script('direct_messages.part0', [talk('1-2', *(dm(str(i % 2 + 1), f'text {i}') for i in n))])},
                 skype={'messages.json': talks(pair(*(skype(text=f'<b>text</b> {i}') for i in n)))})[app]
    files = {name: (data if isinstance(data, str) else json.dumps(data, indent=1)).encode() for name, data in files.items()}
    read_, refused, _ = survives(declared, files, 80, seed=len(app))
    assert read_ > 3 and refused > 20
