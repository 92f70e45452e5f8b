"Google Voice and Google Chat: pages put together, and dates read or left alone."
import json, zipfile
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import pytest
from mutations import survives
from tinychat.messengers import google
from tinychat.messengers.core import all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'
HEAD = '<?xml version="1.0" ?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>%s</title>\n<style type="text/css">\n.hChatLog { width: 750px; }\n</style></head>\n'
PICTURE, VIDEO, CARD = '<div><img src="x" alt="Image MMS Attachment" /></div>', '<div><a class="video" href="x">Video attachment</a></div>', '<div><a class="vcard" href="x">Contact card attachment</a></div>'

def cite(number='', name='', me=False):
    fn = '<abbr class="fn" title="">Me</abbr>' if me else f'<span class="fn">{escape(name)}</span>'
    return f'<cite class="sender vcard"><a class="tel" href="tel:{number}">{fn}</a></cite>'

ME, ADA, GRACE = cite('+15550199', me=True), cite('+15550100', 'Ada'), cite('+15550111', 'Grace')

def note(who, text, time='2026-03-01T18:00:00.000-05:00', more=''):
    return f'<div class="message"><abbr class="dt" title="{time}">Mar 1, 2026, 6:00:00&#8239;PM\nEastern Time</abbr>:\n{who}:\n<q>{text}</q>\n{more}</div> '

def talk(*notes, title='', people=(), deleted='False'):
    group = f'<div class="participants">Group conversation with:\n{", ".join(people)}</div>\n' if people else '\n'
    return HEAD % title + f'<body><div class="hChatLog hfeed">{group}{"".join(notes)}</div>\n\n<div class="tags">Labels:\n<a rel="tag" href="http://www.google.com/voice#sms">Text</a>, <a rel="tag" href="http://www.google.com/voice#inbox">Inbox</a></div>\n<div class="deletedStatusContainer">User Deleted:\n{deleted}</div></body></html>'

def call(what='Missed call from'):
    return HEAD % what + f'<body><div class="haudio"><span class="album">Call Log for\n</span>\n<span class="fn">{what}\nAda</span>\n<div class="contributor vcard">{what}\n{ADA[28:-7]}</div>\n<span class="full-text">Hello</span>\n<abbr class="published" title="2026-03-01T18:00:00.000-05:00">x</abbr>\n<div class="tags">Labels:\n<a rel="tag" href="http://www.google.com/voice#missed">Missed</a></div></div></body></html>'

def load(tmp_path, *pages, names=()):
    folder = tmp_path/'Takeout'/'Voice'/'Calls'
    folder.mkdir(parents=True, exist_ok=True)
    for n, html in enumerate(pages): (folder/(names[n] if names else f'{n}.html')).write_text(html, encoding='utf-8', newline='')
    [group] = google.find(all_files(tmp_path))
    return read_group(google, group)

def test_one_conversation_on_many_pages(tmp_path):
    export = load(tmp_path, talk(note(ME, 'morning', '2026-03-02T09:00:00.000-05:00'), title='Me to\nAda'), talk(note(ADA, 'hi'), note(ME, 'yo'), title='Ada'))
    [chat] = export.chats
    assert (chat.name, chat.me, chat.group) == ('Ada', {'Me'}, False)
    assert [(m.sender, m.text) for m in chat.messages] == [('Ada', 'hi'), ('Me', 'yo'), ('Me', 'morning')]
    assert chat.messages[0].time == datetime(2026, 3, 1, 23, tzinfo=timezone.utc)

def test_spread_over_zips(tmp_path):
    for n, text in enumerate(('b', 'a')):
        with zipfile.ZipFile(tmp_path/f'takeout-{n}.zip', 'w') as z: z.writestr(f'Takeout/Voice/Calls/{n}.html', talk(note(ADA, text, f'2026-03-0{2-n}T18:00:00.000-05:00')))
    [group] = google.find(all_files(tmp_path))
    assert [[m.text for m in c.messages] for c in read_group(google, group).chats] == [['a', 'b']]

@pytest.mark.parametrize('raw, text', [('Hi,<br>Hello<br />Goodbye', 'Hi,\nHello\nGoodbye'), ('a<br><br>b', 'a\n\nb'), ('1 &lt; 2 &amp;&amp; 3 &gt; 2 it&#39;s &quot;so&quot;', '1 < 2 && 3 > 2 it\'s "so"'),
    ('&amp;lt;b&amp;gt;', '&lt;b&gt;'), ('👩‍🚀 \u202f\u200e  two  spaces ', '👩‍🚀 \u202f\u200e  two  spaces '), ('Me: MMS Received', 'Me: MMS Received'), ('MMS Received', 'MMS Received'),
    ('User Deleted:\nTrue', 'User Deleted:\nTrue'), ('a&nbsp;b', 'a\xa0b'), ('Group Conversation', 'Group Conversation'), ('I <3 u', 'I <3 u'), ('bye<br>', 'bye\n')])
def test_not_one_character_changes(tmp_path, raw, text):
    assert [m.text for c in load(tmp_path, talk(note(ADA, raw))).chats for m in c.messages] == [text]

def test_attachments(tmp_path):
    export = load(tmp_path, talk(note(ADA, '', more=PICTURE), note(ADA, 'MMS Received', more=VIDEO), note(ME, 'MMS Sent', more=PICTURE), note(ADA, 'MMS Received', more=CARD), note(ADA, '😁<br>', more=VIDEO), note(ADA, ''), note(ADA, 'last')))
    assert [m.text for m in export.chats[0].messages] == ['😁', 'last']
    assert export.dropped == {'media': 3, 'contact': 1, 'empty': 1}

def test_calls_and_voicemail(tmp_path):
    export = load(tmp_path, call(), call('Voicemail from'), call('Recorded call with'), talk(note(ADA, 'hi')))
    assert (export.read, export.kept, export.dropped) == (4, 1, {'call': 3})

def test_deleted_conversations(tmp_path):
    export = load(tmp_path, talk(note(ADA, 'gone'), deleted='True'), talk(note(ADA, 'here'), deleted=' False '))
    assert [m.text for m in export.chats[0].messages] == ['here'] and export.dropped == {'deleted': 1}

def test_groups(tmp_path):
    export = load(tmp_path, talk(note(ME, 'both?'), people=[ADA, GRACE]), talk(note(GRACE, 'sure', '2026-03-03T18:00:00.000-05:00'), people=[GRACE, ADA]), talk(note(ADA, 'psst')))
    assert [(c.name, c.group, [m.sender for m in c.messages]) for c in export.chats] == [('Ada, Grace', True, ['Me', 'Grace']), ('Ada', False, ['Ada'])]

def test_numbers_without_names(tmp_path):
    bare = cite('+15550123')
    export = load(tmp_path, talk(note(bare, 'hi')), talk(note(ME, 'who is it?'), title='Me to\n'), talk(note(ME, 'hm'), title=''), names=['a.html', '+15550123 - Text - 2026-03-01T23_00_00Z.html', 'x - y - Text - 2026-03-01T23_00_00Z(1).html'])
    assert {c.name: sorted((m.sender, m.text) for m in c.messages) for c in export.chats} == {'+15550123': [('+15550123', 'hi'), ('Me', 'who is it?')], 'x - y': [('Me', 'hm')]}

def test_an_empty_sender_is_the_other_one(tmp_path):
    export = load(tmp_path, talk(note(cite(), 'a'), note(ADA, 'b')), talk(note(cite(), 'c'), title='Grace'), talk(note(cite(), 'd')))
    assert [(c.name, [(m.sender, m.text) for m in c.messages]) for c in export.chats] == [('Ada', [('Ada', 'a'), ('Ada', 'b')]), ('Grace', [('Grace', 'c')]), ('', [('', 'd')])]

def test_two_people_of_one_name(tmp_path):
    twin, me = cite('+15550222', 'Ada'), cite('+15550333', 'Me')
    export = load(tmp_path, talk(note(ADA, 'a'), note(twin, 'b'), people=[ADA, twin]), talk(note(me, 'c')))
    assert [[m.sender for m in c.messages] for c in export.chats] == [['+15550100', '+15550222'], ['+15550333']]

def test_times(tmp_path):
    export = load(tmp_path, talk(note(ADA, 'c', '2026-03-03T00:00:00Z'), note(ADA, 'd', 'soon'), note(ADA, 'a', '2026-03-01T00:00:00.000+01:00'), note(ADA, 'b', '2026-03-02T00:00:00')))
    assert [(m.text, m.time and m.time.tzinfo) for m in export.chats[0].messages] == [('a', timezone.utc), ('b', None), ('c', timezone.utc), ('d', None)]

def test_pretty_printed(tmp_path):
    html = talk(note(ADA, 'hi'), note(ME, 'yo', more=PICTURE), people=[ADA, GRACE]).replace('<cite class="sender vcard">', '<cite class="sender vcard"\n   >').replace('<div', '\n    <div').replace('User Deleted:\nFalse', 'User Deleted: False')
    assert [m.text for m in load(tmp_path, html).chats[0].messages] == ['hi', 'yo']

def test_damaged_pages(tmp_path):
    html = talk(note(ADA, 'one'), note(ADA, 'two'))
    export = load(tmp_path, html[:html.index('wo</q>')])
    assert (export.read, export.kept, export.dropped) == (2, 1, {'malformed': 1})
    with pytest.raises(ValueError, match='messages are missing'): load(tmp_path, html.replace('</style>', ''))
    try: assert load(tmp_path, html + '<![x[').kept == 2 # newer parsers do not mind
    except ValueError as e: assert 'not HTML' in str(e)
    (tmp_path/'Takeout'/'Voice'/'Calls'/'0.html').write_bytes(html.encode() + b'\xff')
    with pytest.raises(ValueError, match='neither UTF-8'): read_group(google, google.find(all_files(tmp_path))[0])

@pytest.mark.skipif(not EXPORTS.is_dir(), reason='no shared exports here')
def test_real_pages():
    groups = google.find([f for f in all_files(EXPORTS) if not f.name.startswith('reported/')])
    assert [len(g) for g in groups] == [19]
    export = read_group(google, groups[0])
    assert (export.read, export.kept, export.dropped) == (23, 12, {'call': 8, 'media': 2, 'contact': 1})
    said = {m.text for c in export.chats for m in c.messages}
    assert {'Hi,\nHello\nGoodbye', '😁', 'test message', 'hello', 'goodbye', 'Good afternoon.', 'STOP', 'Hello'} <= said
    assert [c.name for c in export.chats if c.group] == ['Bob Smith, Joe Smith', '+11085550100, +11085550180, +11085550119, +11085550194, +11035550112']
    assert sum(m.sender == 'Me' for c in export.chats for m in c.messages) == 4

# Google Chat

def person(name='Ada', **more): return {'name': name, 'email': f'{name.lower()}@example.com', 'user_type': 'Human'} | more

def said(text, who='Ada', date='Monday, March 2, 2026 at 6:02:00\u202fPM UTC', **more):
    return {'creator': person(who), 'created_date': date, 'text': text, 'topic_id': 'a', 'message_id': 'x/a/a'} | more

def chat(tmp_path, *messages, me='Grace', members=('Ada', 'Grace'), folder='DM x', name=None):
    root = tmp_path/'Takeout'/'Google Chat'
    for p in (root/'Groups'/folder, root/'Users'/'User 1'): p.mkdir(parents=True, exist_ok=True)
    (root/'Groups'/folder/'messages.json').write_text(json.dumps({'messages': list(messages)}, indent=2), encoding='utf-8')
    (root/'Groups'/folder/'group_info.json').write_text(json.dumps(({'name': name} if name else {}) | {'members': [person(m) for m in members]}))
    if me: (root/'Users'/'User 1'/'user_info.json').write_text(json.dumps({'user': person(me), 'membership_info': []}))
    [group] = google.find(all_files(tmp_path))
    return read_group(google, group)

def test_chat(tmp_path):
    export = chat(tmp_path, said('b\nb', 'Grace', 'Monday, March 2, 2026 at 6:03:00 PM UTC'), said(' a 😀'))
    [log] = export.chats
    assert (export.format, log.name, log.me, log.group) == ('Google Chat', 'Ada', {'Grace'}, False)
    assert [(m.sender, m.text) for m in log.messages] == [('Ada', ' a 😀'), ('Grace', 'b\nb')]
    assert log.messages[0].time == datetime(2026, 3, 2, 18, 2, tzinfo=timezone.utc)

def test_rooms_and_unknown_owner(tmp_path):
    [log] = chat(tmp_path, said('a'), me=None, folder='Space x', name='Plans').chats
    assert (log.name, log.me, log.group) == ('Plans', set(), True)
    [log] = chat(tmp_path/'b', said('a'), members=('Ada', 'Grace', 'Alan')).chats
    assert (log.name, log.group) == ('Ada, Alan', True)

def test_what_is_not_a_message(tmp_path):
    gone = {'message_state': 'DELETED', 'deleted_date': 'Monday, March 2, 2026 at 6:02:00 PM UTC', 'topic_id': 'a', 'deletion_metadata': {'deletion_type': 'CREATOR'}, 'message_id': 'x'}
    export = chat(tmp_path, said('message_state: DELETED'), gone, said(None, attached_files=[{'export_name': 'File-a.png'}]), said('with', attached_files=[{'export_name': 'File-a.png'}]), said('', annotations=[{'start_index': 0, 'length': 0, 'drive_metadata': {'id': 'x'}}]),
                  said('', annotations=[{'video_call_metadata': {}}]), said(''), said('built', creator=person('Build', user_type='Bot')), said('deleted account', creator={'user_type': 'Human'}), said('no creator', creator=None),
                  None, 7, 'x', [], said(7), said(['a']), said('x', creator='Ada'), said('x', annotations={}), said('odd', created_date=17, creator={'name': None, 'email': 7}))
    assert [m.text for m in export.chats[0].messages] == ['message_state: DELETED', 'with', 'deleted account', 'no creator', 'odd']
    assert export.dropped == {'deleted': 1, 'media': 2, 'call': 1, 'empty': 1, 'bot': 1, 'malformed': 8}
    assert [m.sender for m in export.chats[0].messages][-3:] == ['', '', '']

def test_a_namesake_of_the_owner(tmp_path):
    [log] = chat(tmp_path, said('mine', 'Grace'), said('hers', creator=person('Grace', email='other@example.com')), members=('Grace',)).chats
    assert [m.sender for m in log.messages] == ['grace@example.com', 'other@example.com'] and log.me == {'grace@example.com'}

def test_months_do_not_contradict_each_other():
    import inspect
    lines = inspect.getsource(google).split('MONTH_NAMES = ')[1].split('"""')[1].strip().splitlines()
    assert len(lines) > 10 and all(len(line.split()) == 12 for line in lines)
    for line in lines:
        for n, name in enumerate(line.split(), 1): assert google.MONTH_NAMES[name] == n, name

@pytest.mark.parametrize('date, iso', [('Thursday, November 3, 2016 at 11:59:50 AM UTC', '2016-11-03T11:59:50'), ('Thursday, November 3, 2016 at 12:00:00\u202fAM UTC', '2016-11-03T00:00:00'), ('Thursday, November 3, 2016 at 12:30:00 PM UTC', '2016-11-03T12:30:00'),
    ('Thursday, November 3, 2016 at 17:13:43 UTC', '2016-11-03T17:13:43'), ('2015. február 15., vasárnap 21:54:36 UTC', '2015-02-15T21:54:36'), ('Sonntag, 15. Februar 2015 um 21:54:36 UTC', '2015-02-15T21:54:36'),
    ('domingo, 15 de febrero de 2015, 9:54:36 p. m. UTC', '2015-02-15T21:54:36'), ('воскресенье, 15 февраля 2015 г. в 21:54:36 UTC', '2015-02-15T21:54:36'), ('2015年2月15日星期日 下午9:54:36 UTC', '2015-02-15T21:54:36'), ('15 Şubat 2015 Pazar 21:54:36 UTC', '2015-02-15T21:54:36'),
    ('domingo, 15 de fevereiro de 2015 às 21:54:36 UTC', '2015-02-15T21:54:36'), ('søndag den 15. februar 2015 kl. 21.54.36 UTC', '2015-02-15T21:54:36'), ('dimanche 29 février 2016 à 00:00:00 UTC', '2016-02-29T00:00:00')])
def test_dates(date, iso): assert google.parse_sentence_date(date) == datetime.fromisoformat(iso + '+00:00')

@pytest.mark.parametrize('date', ['', 'UTC', 'now UTC', 'Thursday, November 31, 2016 at 11:59:50 AM UTC', 'Thursday, November 3, 2016 at 13:00:00 PM UTC', 'Thursday, November 3, 2016 at 0:00:00 PM UTC', 'Thursday, November 3, 2016 at 25:00:00 UTC',
    'Thursday, November 3, 2016 at 11:59:50 π.μ. UTC', 'Thursday, November 3, 2016 at 11:59:50 AM EST', 'Thursday, November 3, 2016 at 11:59:50 AM', 'May June 3, 2016 at 11:59:50 AM UTC', '3.11.2016 11:59:50 UTC', 'Thursday, November 3 4, 2016 at 11:59:50 AM UTC',
    'วันพฤหัสบดีที่ 3 พฤศจิกายน พ.ศ. 2559 เวลา 11:59:50 UTC', '2016年13月3日 11:59:50 UTC', None, 3, {}, [], float('nan'), True])
def test_dates_that_are_left_alone(date): assert google.parse_sentence_date(date) is None

def test_found_by_content(tmp_path):
    for name, text in {'messages.json': '{"messages": [{"sender_name": "Ada", "content": "\\"topic_id\\""}]}', 'result.json': '{"name": "x", "type": "personal_chat", "messages": []}', 'list.json': '[{"ID": 1, "Contents": "x"}]',
                       'jsonl.json': '{"messages": [{"role": "user", "content": "hi"}]}', 'group_info.json': '{"members": [{"user_type": "Human"}]}', 'page.html': '<html><div class="message">x</div></html>'}.items(): (tmp_path/name).write_text(text)
    assert google.find(all_files(tmp_path)) == []

@pytest.mark.parametrize('text', ['{"messages": [{"topic_id": 1}', '{"messages": [{"topic_id": 1}]]}'])
def test_damaged_json(tmp_path, text):
    (tmp_path/'messages.json').write_text(text)
    with pytest.raises(ValueError, match='JSON is damaged'): read_group(google, google.find(all_files(tmp_path))[0])

def test_wrong_types_beside_it(tmp_path):
    export = chat(tmp_path, said('a'))
    for name, data in {'Groups/DM x/group_info.json': '{"name": 7, "members": "user_type"}', 'Users/User 1/user_info.json': '{"user": [], "membership_info": 0}'}.items(): (tmp_path/'Takeout'/'Google Chat'/name).write_text(data)
    [log] = read_group(google, google.find(all_files(tmp_path))[0]).chats
    assert (log.name, log.me, len(log.messages)) == ('', set(), 1)

VOICE_FILES = {'Takeout/Voice/Calls/Ada - Text - 2026-03-01T23_00_00Z.html': talk(note(ADA, 'are you<br>coming? 😀'), note(ME, 'yes &amp; no', more=PICTURE), title='Ada').encode(),
               'Takeout/Voice/Calls/Group Conversation - 2026-03-01T23_00_00Z.html': talk(note(GRACE, 'hi'), note(ME, 'yo'), people=[ADA, GRACE]).encode(), 'Takeout/Voice/Calls/Ada - Missed - 2026-03-01T23_00_00Z.html': call().encode()}
CHAT_FILES = {'Takeout/Google Chat/Groups/DM x/messages.json': json.dumps({'messages': [said('hi 😀'), said('yo', 'Grace'), {'message_state': 'DELETED'}]}, indent=2).encode(),
              'Takeout/Google Chat/Groups/DM x/group_info.json': json.dumps({'members': [person(), person('Grace')]}, indent=2).encode(), 'Takeout/Google Chat/Users/User 1/user_info.json': json.dumps({'user': person('Grace'), 'membership_info': []}, indent=2).encode()}

@pytest.mark.parametrize('files', [VOICE_FILES, CHAT_FILES], ids=['voice', 'chat'])
def test_damaged_files_are_read_or_refused(files):
    read, refused, unknown = survives(google, files, 300)
    assert read + refused + unknown >= 300 and read > 50
