"Messenger and Instagram exports, trap by trap. All people and messages are invented."
import json, random, zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from mutations import survives

from tinychat.messengers import import_exports, meta
from tinychat.messengers.core import REASONS, File, all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'
ADA, ZOE, BO = 'Ada Byron', 'Zoë Quist', 'Bo'
INBOX = 'your_facebook_activity/messages/inbox'
T = 1709322000000

def moji(x):
    "As Meta writes it: UTF-8 taken for Latin-1."
    if isinstance(x, str): return x.encode().decode('latin-1')
    if isinstance(x, dict): return {k: moji(v) for k,v in x.items()}
    return [moji(v) for v in x] if isinstance(x, list) else x

def thread(*rows, people=(ADA, ZOE), title=ZOE, **more):
    "Rows are (sender, text) or records, oldest first."
    rows = [r if not isinstance(r, tuple) else dict(sender_name=r[0], content=r[1]) for r in rows]
    rows = [{'timestamp_ms': T + n*1000} | r if isinstance(r, dict) else r for n,r in enumerate(rows)]
    return dict(participants=[dict(name=p) for p in people], messages=rows[::-1], title=title) | more

def flat(*rows, people=(ADA, ZOE), name='Zoë Quist_7'):
    rows = [dict(senderName=r[0], text=r[1]) if isinstance(r, tuple) else r for r in rows]
    rows = [dict(timestamp=T + n*1000, type='text', isUnsent=False, media=[], reactions=[]) | r for n,r in enumerate(rows)]
    return dict(participants=list(people), threadName=name, messages=rows)

@pytest.fixture
def folder(tmp_path):
    def write(files):
        for name,data in files.items():
            p = tmp_path/name
            p.parent.mkdir(parents=True, exist_ok=True)
            p.write_bytes(data if isinstance(data, bytes) else data.encode('utf-8', 'surrogatepass') if isinstance(data, str) else json.dumps(moji(data)).encode())
        return tmp_path
    return write

def exports(path): return [read_group(meta, g) for g in meta.find(all_files(path))]
def one(path):
    [e] = exports(path)
    return e
def texts(chat): return [m.text for m in chat.messages]
def fates(folder, *rows, **more):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread(*rows, **more)}))
    return texts(e.chats[0]), dict(e.dropped)

# Mending

TYPED = ['café', '“curly” ‘quotes’', 'Ａ１ full width', '日本', '👩🏽‍👩‍👧 \u200d', '\u200eא\u200f', 'a\u202fb\u00a0!', '  spaces \n\n lines\r\n', 'ﬁ ½ Å', '\x00\x07', '𝓪', 'CAFÉ\u00a0!', 'Ã©']

def test_text_comes_back_exactly(folder):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread(*[(ZOE, t) for t in TYPED])}))
    assert texts(e.chats[0]) == TYPED and {m.sender for m in e.chats[0].messages} == {ZOE}

def test_text_that_was_whole_passes_through(folder):
    e = one(folder({'messages/inbox/a_1/message_1.json': json.dumps(thread(*[(ZOE, t) for t in TYPED]), ensure_ascii=False)}))
    assert texts(e.chats[0]) == TYPED

def test_a_whole_file_with_many_letters_is_left_alone(folder):
    said = ['très', 'où', 'été', '…', '😀'] * 5 + ['CAFÉ\u00a0!']
    e = one(folder({'messages/inbox/a_1/message_1.json': json.dumps(thread(*[(BO, t) for t in said], people=(BO,)), ensure_ascii=False)}))
    assert texts(e.chats[0]) == said

def test_both_kinds_of_text_in_one_file(folder):
    both = thread((ADA, 'caf\u00c3\u00a9'), (ADA, 'naïve 日本'), (ADA, 'cut \u00f0\u009f'))
    e = one(folder({'messages/inbox/a_1/message_1.json': json.dumps(both)}))
    assert texts(e.chats[0]) == ['café', 'naïve 日本', 'cut \u00f0\u009f']

def test_half_an_emoji(folder):
    e = one(folder({'messages/inbox/a_1/message_1.json': json.dumps(thread((ADA, 'x \ud83c')))}))
    assert texts(e.chats[0]) == ['x \ud83c']

# Files

@pytest.mark.parametrize('root', ['messages', 'your_activity_across_facebook/messages', 'your_facebook_activity/messages', 'your_instagram_activity/messages', 'facebook-ada/messages', ''])
@pytest.mark.parametrize('section', ['inbox', 'archived_threads', 'filtered_threads', 'message_requests', 'e2ee_cutover', ''])
def test_every_root(folder, root, section):
    place = '/'.join(p for p in (root, section) if p) or '.'
    e = one(folder({f'{place}/zoe_1/message_1.json': thread((ADA, 'hi')), f'{place}/bo_2/message_1.json': thread((BO, 'ho'), people=(ADA, BO), title=BO)}))
    assert sorted((c.name, *texts(c)) for c in e.chats) == [(BO, 'ho'), (ZOE, 'hi')] and all(c.me == {ADA} for c in e.chats)

def test_numbers_not_names_order_the_files(folder):
    files = {f'{INBOX}/a_1/message_{n}.json': thread(dict(sender_name=ADA, content=f'{n}b', timestamp_ms=T), dict(sender_name=ADA, content=f'{n}a', timestamp_ms=T)) for n in (1, 2, 10)}
    e = one(folder(files))
    assert len(e.chats) == 1 and texts(e.chats[0]) == ['10b', '10a', '2b', '2a', '1b', '1a']

def test_time_has_the_last_word(folder):
    files = {f'{INBOX}/a_1/message_{n}.json': thread(dict(sender_name=ADA, content=f'{n}', timestamp_ms=T + n)) for n in (1, 2, 10)}
    assert texts(one(folder(files)).chats[0]) == ['1', '2', '10']

def test_oldest_first_inside_is_noticed(folder):
    t = thread((ADA, 'a'), (ADA, 'b'), dict(sender_name=ADA, content='c', timestamp_ms=T + 1000))
    t['messages'].reverse()
    assert texts(one(folder({f'{INBOX}/a_1/message_1.json': t})).chats[0]) == ['a', 'b', 'c']

def test_sections_and_encrypted_chats_are_one_account(folder):
    e = one(folder({f'{INBOX}/zoe_1/message_1.json': thread((ADA, 'hi')), 'your_facebook_activity/messages/archived_threads/bo_1/message_1.json': thread((BO, 'ho'), people=(BO, ADA), title=BO),
                    'your_facebook_activity/messages/Cy_3.json': flat((ADA, 'hey'), people=(ADA, 'Cy'), name='Cy')}))
    assert len(e.chats) == 3 and all(c.me == {ADA} for c in e.chats)

def test_two_accounts_stay_apart(folder):
    root = folder({f'{who}/{INBOX}/{n}/message_1.json': thread((who, 'x'), people=(who, n), title=n) for who in (ADA, BO) for n in ('C', 'D')})
    assert [[c.me for c in e.chats] for e in exports(root)] == [[{ADA}]*2, [{BO}]*2]

def test_bom_crlf_and_utf16(folder):
    data = json.dumps(moji(thread((ZOE, 'é'))), indent=1)
    for raw in (b'\xef\xbb\xbf' + data.encode(), data.replace('\n', '\r\n').encode(), data.encode('utf-16')):
        assert texts(one(folder({f'{INBOX}/a_1/message_1.json': raw})).chats[0]) == ['é']

def test_in_a_zip_in_a_folder(folder, tmp_path):
    (tmp_path/'in').mkdir()
    with zipfile.ZipFile(tmp_path/'in'/'facebook.zip', 'w') as z:
        z.writestr(f'{INBOX}/zoe_1/message_1.json', json.dumps(moji(thread((ZOE, 'é'))))); z.writestr('__MACOSX/x', '')
    for path in (tmp_path/'in', tmp_path/'in'/'facebook.zip'): assert texts(one(path).chats[0]) == ['é']

def test_single_file_and_old_name(folder):
    root = folder({'zoe.json': thread((ADA, 'x')), 'message.json': thread((ADA, 'y'))})
    assert texts(one(root/'zoe.json').chats[0]) == ['x'] and texts(one(root/'message.json').chats[0]) == ['y']

def test_a_group_with_more_people_than_fit_into_the_beginning(folder):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread((ADA, 'hi'), people=[f'Person number {n} of many' for n in range(2000)] + [ADA])}))
    assert texts(e.chats[0]) == ['hi'] and e.chats[0].group

def test_others_are_left_to_others(folder):
    root = folder({'a.json': '{"messages": [{"role": "user", "content": "\\"sender_name\\": \\"timestamp_ms\\":"}]}', 'b.json': '[]', 'c.json': '{"name": "x", "type": "personal_chat", "id": 1, "messages": []}',
                   'd.txt': '31/12/20, 23:59 - Ada: {"sender_name": 1, "timestamp_ms": 2, "messages": 3}', 'e.json': '[{"user": "U1", "text": "hi", "ts": "1.2"}]', 'f.bin': b'\xff\x00\x80',
                   'message_1.json': '{"messages": [{"creator": {"name": "Ada"}, "text": "hi"}]}', 'g.jsonl': '{"sender_name": "x", "timestamp_ms": 5}', 'messages/c1/channel.json': '{"id": "1", "type": 1}'})
    assert meta.find(all_files(root)) == []

def test_a_damaged_file_is_not_forgotten(folder):
    for bad in (b'', b'\x00{', b'[]', b'{"messages": null}', b'3', json.dumps(thread((ADA, 'x'))).encode()[:-9]):
        root = folder({f'{INBOX}/a_1/message_1.json': thread((ADA, 'hi')), f'{INBOX}/a_1/message_2.json': bad})
        if bad == b'[]': assert texts(one(root).chats[0]) == ['hi']; continue
        with pytest.raises(ValueError, match='message_2.json'): one(root)

# Records

def test_structure(folder):
    kept, dropped = fates(folder, dict(sender_name=ADA, call_duration=0), dict(sender_name=ADA, call_duration=60, content='Video chat ended'), dict(sender_name=ADA, type='Call'),
        dict(sender_name=ADA, photos=[{}]), dict(sender_name=ADA, videos=[{}]), dict(sender_name=ADA, audio_files=[{}]), dict(sender_name=ADA, gifs=[{}]), dict(sender_name=ADA, files=[{}]),
        dict(sender_name=ADA, share={'link': 'x', 'share_text': 'theirs'}, type='Share'), dict(sender_name=ADA, sticker={'uri': 'x'}), dict(sender_name=ADA, is_unsent=True, content='x'),
        dict(sender_name=ADA, content='left', type='Unsubscribe'), dict(sender_name=ADA, type='Subscribe', users=[{'name': BO}]), dict(sender_name=ADA, type='Payment', content='x'), dict(sender_name=ADA, content=' \n'),
        dict(sender_name=ADA, content='look x', share={'link': 'x'}, type='Share'), dict(sender_name=ADA, content='caption', photos=[{}]), dict(sender_name=ADA, content='hi', reactions=[{'reaction': '❤', 'actor': ZOE}], is_unsent=False))
    assert kept == ['look x', 'caption', 'hi']
    assert dropped == dict(call=3, media=6, sticker=1, deleted=1, system=2, contact=1, empty=1)

NOTICES = [('You sent an attachment.', 'media'), ('Ada Byron sent an attachment.', 'media'), ('Ada sent a photo.', 'media'), ('Ada sent 3 photos.', 'media'), ('Ada sent a GIF from GIPHY.', 'media'), ('Ada sent a sticker.', 'sticker'),
    ('Ada Byron created a poll', 'contact'), ('Ada created a poll: wen?.', 'contact'), ('Ada voted for "a" in the poll: wen?', 'contact'), ('Ada changed vote to "b" in the poll: wen?', 'contact'), ('This poll is no longer available.', 'contact'),
    ('Ada started a call.', 'call'), ('Ada joined the video chat.', 'call'), ('The video chat ended.', 'call'), ('Zoë missed your call.', 'call'), ('You missed a video call from Zoë Quist.', 'call'), ('Ada called you.', 'call'), ('Video chat ended', 'call'),
    ('Ada named the group Fish & chips', 'system'), ('You named the group Fish.', 'system'), ('Ada left the group.', 'system'), ('Ada added Bo to the group.', 'system'), ('Ada removed Bo from the group.', 'system'), ('Ada set the emoji to 🐟.', 'system'),
    ('Ada set the nickname for Zoë Quist to Zo.', 'system'), ('Ada set her own nickname to A.', 'system'), ('Ada changed the theme to Love.', 'system'), ('You changed the chat theme.', 'system'), ('Ada changed the group photo.', 'system'),
    ('You are now connected on Messenger', 'system'), ("You can now message and call each other and see info like Active Status and when you've read messages.", 'system'), ('You and Zoë waved at each other.', 'system'),
    ('Liked a message', 'reaction'), ('Reacted ❤ to your message ', 'reaction'), ('Reacted 👍🏽 to your message ', 'reaction'), ('Ada reacted 😆 to your message ', 'reaction')]
TYPED_LIKE_ONES = ['lol Ada created a poll', 'Zoë created a poll', 'did you see she created a poll: wen?', 'sent an attachment.', 'You sent an attachment', 'I sent an attachment.', 'you missed a call from me', 'You missed a call from Bob.',
    'liked a message', 'Liked a message!', 'Reacted badly to your message', 'Reacted ❤ to your message and cried', 'Bo left the group.', 'left', 'added', 'removed', 'Ada left.', 'Ada', 'You', 'You.', 'Zoë named the group Fish', 'We left the group.', 'call',
    'You are now connected on Messenger, I think', 'Ada Byron\nAda left the group.', '[Photo]', 'The call ended badly.', 'null', 'None']

@pytest.mark.parametrize('text,why', NOTICES)
def test_what_the_app_wrote(folder, text, why): assert fates(folder, (ADA, text)) == ([], {why: 1})

@pytest.mark.parametrize('text', TYPED_LIKE_ONES)
def test_what_people_typed(folder, text): assert fates(folder, (ADA, text)) == ([text], {})

def test_you_is_only_the_owner(folder):
    e = one(folder({f'{INBOX}/zoe_1/message_1.json': thread((ZOE, 'You left the group.'), (ADA, 'You left the group.')), f'{INBOX}/bo_1/message_1.json': thread((ADA, 'hi'), people=(ADA, BO), title=BO)}))
    assert sorted(sum(map(texts, e.chats), [])) == ['You left the group.', 'hi'] and e.dropped == {'system': 1}

def test_names_are_data_not_patterns(folder):
    for name in ('A.*(', 'Ada: [x]', '^', '\\', 'I am', 'We', '', ' ', '🐟', 'You'):
        kept, dropped = fates(folder, (name, f'{name} created a poll'), (name, 'xx created a poll'), (name, 'I created a poll'), people=(name, ZOE))
        assert kept[-2:] == ['xx created a poll', 'I created a poll'] and sum(dropped.values()) <= 1

def test_wrong_types_everywhere(folder):
    odd = [None, 7, 1.5, True, [], [1], {}, {'a': 1}, 'x', '']
    rows = odd + [dict(sender_name=v, content='hi') for v in odd] + [dict(sender_name=ADA, content=v) for v in odd] + [dict(sender_name=ADA, content='hi', timestamp_ms=v) for v in odd]
    rows += [dict(sender_name=ADA, content='hi') | {k: v} for k in ('type', 'is_unsent', 'reactions', 'photos', 'share') for v in odd]
    for more in [dict(participants=v) for v in odd] + [dict(title=v) for v in odd] + [dict(participants=[v, {'name': v}]) for v in odd]:
        e = one(folder({f'{INBOX}/a_1/message_1.json': thread(*rows) | more}))
        assert e.read == len(rows) and set(e.dropped) <= set(REASONS) and isinstance(e.chats[0].name, str)
        assert all(isinstance(m.sender, str) and isinstance(m.text, str) for m in e.chats[0].messages)
    assert e.dropped['malformed'] >= len(odd) # those that are no objects at all

def test_missing_sender_is_kept_without_a_name(folder):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread((None, 'x'), dict(content='y'), (ADA, 'z'))}))
    assert [(m.sender, m.text) for m in e.chats[0].messages] == [('', 'x'), ('', 'y'), (ADA, 'z')]
    assert '2 of 3 messages do not say who sent them' in e.notes[0]

def test_times(folder):
    at = [0, T, '1709322000000', 4102444800000, -1000, None, 'x', 10**30, 1e300]
    e = one(folder({f'{INBOX}/a_1/message_1.json': json.dumps(thread(*[dict(sender_name=ADA, content=str(t), timestamp_ms=t) for t in at])).replace('1e+300', 'NaN')}))
    got = {m.text: m.time for m in e.chats[0].messages}
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert len(got) == len(at) - 1 and got['0'] == start and got[str(T)] == got['1709322000000'] == start + timedelta(milliseconds=T) and got['4102444800000'].year == 2100
    assert got['None'] is got['x'] is got[str(10**30)] is None

def test_without_times_the_order_of_the_file_stays(folder):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread(*[dict(sender_name=ADA, content=str(n), timestamp_ms=None) for n in range(5)])}))
    assert texts(e.chats[0]) == list('01234')

def test_seconds_of_2018(folder):
    old = dict(participants=[dict(name=ZOE)], title=ZOE, messages=[dict(sender_name=ADA, timestamp=T//1000, content='hi')])
    assert one(folder({'messages/zoe_1/message.json': old})).chats[0].messages[0].time == datetime(2024, 3, 1, 19, 40, tzinfo=timezone.utc)

def test_empty_chats(folder):
    e = one(folder({f'{INBOX}/a_1/message_1.json': thread(), f'{INBOX}/b_1/message_1.json': thread(people=(), title='')}))
    assert [c.messages for c in e.chats] == [[], []] and e.read == 0

def test_groups(folder):
    is_group = lambda **kw: one(folder({f'{INBOX}/a_1/message_1.json': thread((ADA, 'x'), **kw)})).chats[0].group
    assert not is_group() and not is_group(people=(ADA,), thread_type='Regular')
    assert is_group(people=(ADA, ZOE, BO)) and is_group(thread_type='RegularGroup') and is_group(people=(ZOE, BO)) and is_group(joinable_mode={'mode': 1}) and is_group(people=(ADA, ZOE, ZOE))
    assert not is_group(people=(ZOE, BO), thread_type='Regular')

# Encrypted chats, Instagram of old

def test_encrypted(folder):
    rows = [(ADA, 'hi'), (ZOE, 'é “x” 日本'), dict(senderName=ADA, text='', type='media', media=[{'uri': './media/1.jpg'}]), dict(senderName=ADA, text='caption', type='media', media=[{'uri': './media/1.jpg'}]),
            dict(senderName=ADA, text='gone', isUnsent=True), dict(senderName=ADA, text='x', type='placeholder'), dict(senderName=ADA, text='https://example.com', type='link'), dict(senderName=ADA, text='', type='text')]
    for data in (flat(*rows), json.dumps(flat(*rows), ensure_ascii=False)):
        e = one(folder({'messages/Zoë Quist_7.json': data}))
        assert texts(e.chats[0]) == ['hi', 'é “x” 日本', 'caption', 'https://example.com'] and e.dropped == dict(media=1, deleted=2, empty=1)
        assert e.chats[0].name == 'Zoë Quist_7' and e.chats[0].messages[0].time == datetime(2024, 3, 1, 19, 40, tzinfo=timezone.utc)

def test_encrypted_ties_keep_the_order(folder):
    e = one(folder({'Zoe_1.json': flat(*[dict(senderName=ADA, text=str(n), timestamp=T) for n in range(4)])}))
    assert texts(e.chats[0]) == list('0123')

def test_instagram_before_2021(folder):
    row = lambda n, **more: dict(sender='ada', created_at=f'2019-05-01T10:00:{n:02}.123456+00:00') | more
    rows = [row(9, text='reply', story_share='x'), row(8, heart='❤️'), row(7, media_share_url='x', media_share_caption='theirs'), row(6, video_call_action='ended'), row(5, action='named the group x'), row(4, media='x'),
            row(3, profile_share_username='x'), row(2, text=None), row(1, text='first', likes=[{'username': 'zoe'}]), 'x']
    root = folder({'messages.json': json.dumps([dict(participants=['ada', 'zoe'], conversation=rows), dict(participants=['ada', 'zoe', 'bo'], conversation=None)]), 'profile.json': '{"username": "ada", "profile_pic_url": "x"}'})
    e = one(root)
    assert texts(e.chats[0]) == ['first', 'reply'] and e.dropped == dict(sticker=1, media=2, call=1, system=1, contact=1, empty=1, malformed=1)
    assert e.chats[0].me == {'ada'} and [c.group for c in e.chats] == [False, True] and e.chats[0].messages[0].time.tzinfo and e.format == 'Instagram'

# Who is me

def test_common_name_needs_two_chats(folder):
    files = {f'{INBOX}/a/message_1.json': thread((ADA, 'x'), title='')}
    assert one(folder(files)).chats[0].me == set()
    files[f'{INBOX}/b/message_1.json'] = thread((BO, 'x'), people=(BO, ADA), title='')
    assert [c.me for c in one(folder(files)).chats] == [{ADA}]*2

def test_two_common_names_are_none(folder):
    files = {f'{INBOX}/{n}/message_1.json': thread((ADA, 'x'), title='') for n in 'ab'}
    assert [c.me for c in one(folder(files)).chats] == [set()]*2

def test_a_group_the_owner_left_does_not_make_a_friend_the_owner(folder):
    files = {f'{INBOX}/a/message_1.json': thread((ZOE, 'x'), people=(ZOE, BO), title='Picnic'), f'{INBOX}/b/message_1.json': thread((ADA, 'x'))}
    assert [c.me for c in one(folder(files)).chats] == [set()]*2

@pytest.mark.parametrize('key', ['Name', 'Nom', 'お名前'])
def test_instagram_profile(folder, key):
    for place in ('personal_information', 'personal_information/personal_information', 'account_information'):
        profile = dict(profile_user=[dict(title='', media_map_data={}, string_map_data={'Email': {'value': 'a@example.com'}, key: {'href': '', 'value': ZOE, 'timestamp': 0}})])
        e = one(folder({'ig/your_instagram_activity/messages/inbox/ada_1/message_1.json': thread((ZOE, 'x'), title=ADA), f'ig/{place}/personal_information.json': profile}))
        assert e.chats[0].me == {ZOE} and e.format == 'Instagram'

def test_a_profile_in_another_part_of_the_download(folder):
    profile = dict(profile_user=[dict(string_map_data=dict(Name=dict(value=ADA)))])
    assert one(folder({f'part1/{INBOX}/a/message_1.json': thread((ADA, 'x')), 'part2/personal_information/personal_information.json': profile})).chats[0].me == {ADA}

def test_a_profile_stays_with_its_account(folder):
    profile = dict(profile_user=[dict(string_map_data=dict(Name=dict(value=ADA)))])
    got = exports(folder({f'bo/{INBOX}/a/message_1.json': thread((ADA, 'x'), people=(ADA, BO)), f'ada/{INBOX}/a/message_1.json': thread((ADA, 'x'), people=(ADA, BO)), 'ada/personal_information.json': profile}))
    assert [e.chats[0].me for e in got] == [{ADA}, set()]

def test_facebook_profile_but_not_the_family_in_it(folder):
    profile = dict(profile_v2=dict(name=dict(full_name=ADA), family_members=[dict(name=ZOE)], relationship=dict(partner=ZOE)))
    assert one(folder({f'{INBOX}/a/message_1.json': thread((ADA, 'x')), 'personal_information/profile_information/profile_information.json': profile})).chats[0].me == {ADA}

def test_damaged_profiles_do_no_harm(folder):
    odd = [None, 7, [], [1], {}, {'a': 1}, 'x', [{'string_map_data': 3}], [{'string_map_data': {'Name': 3}}], [{'string_map_data': {'Name': {'value': [1]}}}]]
    for v in [json.dumps(dict(profile_user=v)) for v in odd] + [json.dumps(dict(profile_v2=v)) for v in odd] + ['{"profile_user": [', '{"profile_user": ' + '['*20000]:
        assert one(folder({f'{INBOX}/a/message_1.json': thread((ADA, 'x')), 'p.json': v})).chats[0].me == set()

# Scale, exports of others, damage

def test_large_and_linear(folder):
    import time
    e = [thread(*[(ADA, 'You and me and ' * 4)] * n) for n in (2000, 8000)]
    took = []
    for d in e:
        root = folder({f'{INBOX}/a_1/message_1.json': d}); start = time.perf_counter()
        assert one(root).kept == len(d['messages']); took.append(time.perf_counter() - start)
    assert took[1] < 20*took[0] + 1
    huge = 'Ada voted for ' + ' in the poll: '*20000 + 'x missed your '*20000 + '\n'
    assert fates(folder, (ZOE, huge)) == ([huge], {})

@pytest.mark.skipif(not EXPORTS.exists(), reason='no real exports here')
def test_exports_of_others():
    want = json.loads((EXPORTS/'instagram/chatminer_target.json').read_text())
    [e] = exports(EXPORTS/'instagram')
    got = [dict(timestamp=m.time.replace(tzinfo=None).isoformat(), author=m.sender, message=m.text) for m in e.chats[0].messages]
    assert got == sorted(want, key=lambda m: m['timestamp'])
    by_name = {d: one(EXPORTS/'messenger'/d) for d in ('json_simple', 'json_multifile', 'json_nontext', 'e2ee_simple')}
    assert texts(by_name['json_multifile'].chats[0]) == ['Message A (from file 1, oldest)', 'Message B (from file 1, newer)', 'Message C (from file 2)', 'Message D (from file 10, newest)']
    assert sorted(c.name for c in by_name['json_simple'].chats) == ['Alice Example', 'Zoe Archive'] and 'café time?' in sum(map(texts, by_name['json_simple'].chats), [])
    assert by_name['json_nontext'].kept == 0 and by_name['json_nontext'].dropped == dict(sticker=1, media=2, call=2, system=1)
    assert by_name['e2ee_simple'].dropped == dict(deleted=1, media=1) and all(c.me == {'Test User'} for d in ('json_simple', 'e2ee_simple') for c in by_name[d].chats)
    ours = {f.name.split('/')[0] for g in meta.find(all_files(EXPORTS)) for f in g}
    assert ours - {'reported'} == {'instagram', 'messenger'}

def samples():
    dump = lambda d: json.dumps(moji(d), indent=1).encode()
    return {f'{INBOX}/zoe_1/message_1.json': dump(thread((ADA, 'hi é'), (ZOE, 'Liked a message'), dict(sender_name=ZOE, photos=[{'uri': 'x'}]), dict(sender_name=ADA, content='x', is_unsent=True))),
            f'{INBOX}/zoe_1/message_2.json': dump(thread((ADA, 'before 🐟'))), f'{INBOX}/bo_1/message_1.json': dump(thread((BO, 'Bo left the group.'), people=(ADA, BO), title=BO)),
            'your_facebook_activity/messages/Cy_3.json': dump(flat((ADA, 'hey'), ('Cy', 'ho'), people=(ADA, 'Cy'), name='Cy_3')),
            'old/messages.json': dump([dict(participants=['ada', 'zoe'], conversation=[dict(sender='ada', created_at='2019-05-01T10:00:00+00:00', text='é'), dict(sender='zoe', created_at='2019-05-01T09:00:00+00:00', heart='❤')])]),
            'old/profile.json': dump(dict(username='ada', name=ADA, profile_pic_url='x')), 'personal_information/personal_information.json': dump(dict(profile_user=[dict(string_map_data=dict(Name=dict(value=ADA)))]))}

def test_damaged_files_are_read_or_refused():
    read, refused, unknown = survives(meta, samples(), 300)
    assert read and refused

# Pages

FB, IG = 'your_facebook_activity/messages/inbox', 'your_instagram_activity/messages/inbox'
STYLES = dict(new=('section', '_a6-g', 'h2', '_2ph_ _a6-h _a6-i', '_2ph_ _a6-p', 'footer', '_3-94 _a6-o', '<div class="_a72d">{}</div>'),
              now=('div', 'pam _3-95 _2ph- _a6-g uiBoxWhite noborder', 'div', '_3-95 _2pim _a6-h _a6-i', '_3-95 _a6-p', 'div', '_3-94 _a6-o', '{}'),
              old=('div', 'pam _3-95 _2pi0 _2lej uiBoxWhite noborder', 'div', '_3-96 _2pio _2lek _2lel', '_3-96 _2let', 'div', '_3-94 _2lem', '{}'))

def box(who, said, when, style='now'):
    tag, outer, head, name, body, foot, date, inside = STYLES[style]
    who = f'<{head} class="{name}">{who}</{head}>' if who is not None else ''
    return f'<{tag} class="{outer}">{who}<div class="{body}"><div>{said}</div></div><{foot} class="{date}">{inside.format(when)}</{foot}></{tag}>'

def text(said): return '<div></div><div>' + said.replace('&', '&amp;').replace('<', '&lt;').replace('\n', '<br />') + '</div><div></div><div></div>'

def web(*boxes, title=ZOE):
    return f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8" /><base href="../../../../" /><style type="text/css">._a6-g{{margin:0}}{"x"*20000}</style><title>{title}</title></head><body class="_5vb_ _2yq _a7o5"><div class="_li"><header><h1 id="u_0">{title}</h1></header><main class="_a706" role="main">{"".join(boxes)}</main></div></body></html>'

def when(n): return f'Mar 01, 2024 7:{40 + n:02}:05 pm'

@pytest.mark.parametrize('style', STYLES)
def test_a_page_is_read_like_json(folder, style):
    said = [(ADA, 'hi'), (ZOE, "it's 5 < 6 & more\n\n“ok”  🐟"), (ADA, 'café'), (ADA, 'You sent an attachment.'), (ZOE, 'Ada Byron')]
    pages = web(*[box(who, text(t), when(n), style) for n, (who, t) in enumerate(said)][::-1])
    e = one(folder({f'{FB}/zoe_1/message_1.html': pages, 'your_facebook_activity/start_here.html': '<html></html>'}))
    (c,) = e.chats
    assert [(m.sender, m.text) for m in c.messages] == said[:3] + said[4:] and (c.name, e.format, e.dropped) == (ZOE, 'Facebook Messenger', dict(media=1))
    assert c.messages[0].time == datetime(2024, 3, 1, 19, 40, 5) and 'no time zone' in e.notes[0]

def test_instagrams_clock(folder):
    e = one(folder({f'{IG}/zoe_1/message_1.html': web(box(ZOE, text('hi'), 'Aug 09, 2026 9:49 am'))}))
    assert e.chats[0].messages[0].time == datetime(2026, 8, 9, 17, 49, tzinfo=timezone.utc) and e.format == 'Instagram' and not e.notes

def test_facebooks_clock(folder):
    zone = '<html><body><section class="_a6-g"><table><tr><td class="_a6_q">Time zone</td><td class="_2piu _a6_r">Europe/Amsterdam</td></tr></table></section></body></html>'
    e = one(folder({f'{FB}/zoe_1/message_1.html': web(box(ZOE, text('hi'), 'Jul 09, 2026 9:49:00 am')), 'logged_information/location/timezone.html': zone}))
    assert e.chats[0].messages[0].time == datetime(2026, 7, 9, 7, 49, tzinfo=timezone.utc) and not e.notes
    for bad in ('Mars/Base', 'Europe/../../etc', 'Europe', ''):
        e = one(folder({f'{FB}/zoe_1/message_1.html': web(box(ZOE, text('hi'), 'Jul 09, 2026 9:49:00 am')), 'logged_information/location/timezone.html': zone.replace('Europe/Amsterdam', bad)}))
        assert e.chats[0].messages[0].time == datetime(2026, 7, 9, 9, 49)

def test_what_was_attached(folder):
    attached = dict(photo='<div></div><div></div><div><div><a target="_blank" href="p.jpg"><img src="p.jpg" class="_a6_o _3-96" /></a></div></div><div></div>', link='<div></div><div>look</div><div><a href="https://example.org">look https://example.org</a></div>',
                    card='<div></div><div></div><div><div>theirs</div><div><a href="x">x</a></div></div>', sticker='<div></div><div></div><div><img src="your_facebook_activity/messages/stickers_used/1.png" /></div>',
                    caption='<div></div><div>a caption</div><div><video src="v.mp4"></video></div>', liked=f'<div></div><div>liked</div><div></div><div><ul class="_a6-q"><li><span>❤{ADA}</span></li></ul></div>', only='first', alone='<div>second</div>',
                    voice='<div></div><div></div><div><audio src="a.mp4"></audio></div>', nothing='<div></div><div></div>', heart='<div></div><div></div><div></div><div><ul class="_tqp"><li>😆Ada</li></ul></div>', listed='<div>third</div>\n<ul class="_a6-q"><li>x</li></ul>')
    e = one(folder({f'{FB}/zoe_1/message_1.html': web(*[box(ZOE, said, when(n)) for n, said in enumerate(attached.values())][::-1])}))
    assert texts(e.chats[0]) == ['look', 'a caption', 'liked', 'first', 'second', 'third']
    assert e.dropped == dict(media=3, sticker=1, empty=2) and e.read == len(attached)

def test_nobody_and_boxes_of_other_kinds(folder):
    people = '<div class="pam _3-95 _2pi0 _2lej uiBoxWhite noborder"><div class="_3-96 _2pio _2lek _2lel">Participants: Ada, Zoë and Bo</div></div>'
    e = one(folder({f'{FB}/zoe_1/message_1.html': web(people, box(None, text('who?'), when(1)), box('', text('who?'), when(0)), box(ZOE, text('me'), when(0)))}))
    assert texts(e.chats[0]) == ['me'] and e.dropped == dict(nameless=2) and e.read == 3

DATES = ['Sep 25, 2023 10:06 pm', 'Sep 25, 2023, 10:06 PM', 'Sep 25, 2023 10:06:00pm', '25 Sep 2023, 22:06', 'sept. 25, 2023 10:06 p. m.', '25 de set de 2023 22:06', '25 сен 2023 г., 22:06', '9月 25, 2023 10:06:00 PM', '2023年9月25日 22:06', '2023/09/25 22:06',
         '9월 25, 2023 10:06 오후', '25.09.2023, 22:06', '25/09/2023 22:06', '9/25/2023, 10:06 PM', '25. sep. 2023 22.06', 'Eyl 25, 2023 10:06 pm', 'wrz 25, 2023 10:06 pm', 'thg 9 25, 2023 10:06 pm', 'ספט׳ 25, 2023 10:06 pm', 'سبتمبر 25, 2023 10:06 م', 'सित॰ 25, 2023 10:06 pm', 'ก.ย. 25, 2023 10:06 pm',
         'Σεπ 25, 2023 10:06 μ.μ.', 'вер. 25, 2023 10:06 pm', 'zář 25, 2023 10:06 pm', 'syysk. 25, 2023 10:06 pm', 'Sep\u00a025, 2023 10:06\u202fpm']

@pytest.mark.parametrize('date', DATES)
def test_dates_in_many_languages(date): assert meta.page_times([date]) == [datetime(2023, 9, 25, 22, 6)]

@pytest.mark.parametrize('date', ['', 'soon', '25 Foo 2023 22:06', 'Sep 25, 2023', 'Sep 2023 22:06', 'Sep 25 22:06', 'Feb 30, 2023 10:06 pm', 'Sep 25, 2023 25:06', 'Sep 25, 2023 13:06 pm', '0:00 '*100, '9'*5000 + ' Sep 1:00', 'Sep 25, 2023 10:06 11:07'])
def test_dates_that_do_not_add_up(date): assert meta.page_times([date]) == [None]

def test_the_page_tells_which_number_is_the_month():
    day = lambda t: (t.month, t.day)
    assert [*map(day, meta.page_times(['3/14/2024, 9:05 AM', '3/2/2024, 9:00 AM', '2/20/2024, 9:00 AM']))] == [(3, 14), (3, 2), (2, 20)]
    assert [*map(day, meta.page_times(['5/2/2024 9:00', '5/1/2024 9:00', '4/12/2024 9:00', '4/11/2024 09:00']))] == [(5, 2), (5, 1), (4, 12), (4, 11)] # each of these could be both
    assert [*map(day, meta.page_times(['5/1/2024 09:00', '12/12/2023 10:00', '1/12/2023 10:00', '2/11/2023 10:00']))] == [(1, 5), (12, 12), (12, 1), (11, 2)]

def test_unreadable_times_keep_the_order_and_are_told(folder):
    e = one(folder({f'{FB}/zoe_1/message_{f}.html': web(*[box(ZOE, text(f'{f}{n}'), 'Foo 25, 2023 22:06') for n in (1, 0)]) for f in (1, 2, 10)}))
    assert texts(e.chats[0]) == ['100', '101', '20', '21', '10', '11'] and '6 of 6 messages have no time' in e.notes[0]

def test_who_is_me_on_pages(folder):
    profile = f'<html><body><div class="_a6-g"><table><tr><td colspan="2" class="_2pin _a6_q">Username<div><div>ada</div></div></td></tr><tr><td>Name<div><div>{ADA}</div></div></td></tr><tr><td>Sister<div><div>{ZOE}</div></div></td></tr></table></div></body></html>'
    page = web(box(ADA, text('x'), when(1)), box(ZOE, text('y'), when(0)))
    assert one(folder({f'ig/{IG}/zoe_1/message_1.html': page, 'ig/personal_information/personal_information/personal_information.html': profile})).chats[0].me == {ADA}
    root = folder({f'two/{FB}/zoe_1/message_1.html': page, f'two/{FB}/bo_1/message_1.html': web(box(ADA, text('x'), when(1)), box(BO, text('y'), when(0)), title=BO)})
    assert [c.me for c in one(root/'two').chats] == [{ADA}]*2

def test_pages_beside_json_are_another_export(folder):
    rows = [(ADA, 'a'), (ZOE, 'b')]
    got = exports(folder({f'{FB}/zoe_1/message_1.json': thread(*rows), f'{FB}/zoe_1/message_1.html': web(*[box(who, text(t), when(n)) for n, (who, t) in enumerate(rows)][::-1])}))
    assert [(texts(e.chats[0]), e.chats[0].name, e.format) for e in got] == [(['a', 'b'], ZOE, 'Facebook Messenger')]*2

def test_a_chat_as_json_and_as_pages_is_one_chat(folder, tmp_path):
    rows = [(ADA, 'hi'), (ZOE, 'yo'), (ADA, 'ok'), (ZOE, 'ok')]
    shown = lambda zone, n: datetime.fromtimestamp(T//1000 + n, zone).strftime('%b %d, %Y %I:%M:%S %p').lower()
    zone = '<html><table><tr><td>Zona horaria</td><td>Asia/Kolkata</td></tr></table></html>'
    for name, box_, clock in (('fb', FB, timezone(timedelta(hours=5.5))), ('ig', IG, timezone(timedelta(hours=-8)))):
        pages = web(*[box(who, text(t), shown(clock, n)) for n, (who, t) in enumerate(rows)][::-1])
        folder({f'{name}/json/{box_}/zoe_1/message_1.json': thread(*rows), f'{name}/pages/{box_}/zoe_1/message_1.html': pages, f'{name}/pages/logged_information/location/timezone.html': zone})
        paths = tmp_path/name/'json', tmp_path/name/'pages'
        for first, second in (paths, paths[::-1]):
            done = import_exports(first, second, me=[ADA], redact=False)
            assert done.report['kept'] == done.report['duplicates'] == 4, name

def test_pages_of_other_kinds_are_left_alone(folder):
    root = folder({'your_facebook_activity/posts/your_posts_1.html': web(box(ADA, text('x'), when(0))), 'your_instagram_activity/x.html': '<html></html>', 'message_1.html': '<html><div class="m">x</div></html>', 'your_instagram_activity/comments/post_comments_1.html': web(box(ADA, text('x'), when(0)))})
    assert meta.find(all_files(root)) == []

def test_damaged_pages_are_read_or_refused():
    pages = {f'{FB}/zoe_1/message_{n}.html': web(*[box(who, text(f'hi {n}\nthere'), when(m)) for m, who in enumerate((ADA, ZOE, ADA))]).replace('x'*20000, '').encode() for n in (1, 2)}
    read, refused, unknown = survives(meta, pages, 300)
    assert read > 100 and refused > 20
