"Telegram Desktop's result.json."
import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from mutations import survives
from tinychat.messengers import telegram
from tinychat.messengers.core import File, all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'/'telegram'

def message(text='hi', name='Ada', n='user11', when='1700000000', **more):
    return {'id': 1, 'type': 'message', 'date': '2023-11-14T23:13:20', 'date_unixtime': when, 'from': name, 'from_id': n, 'text': text, 'text_entities': [], **more}

def chat(*messages, name='Grace', type='personal_chat', id=22): return {'name': name, 'type': type, 'id': id, 'messages': list(messages)}

def account(*chats, **more): return {'about': 'x', **more, 'chats': {'about': 'y', 'list': list(chats)}}

def read(tmp_path, data, encoding='utf-8', **dump):
    path = tmp_path/'result.json'
    path.write_bytes((data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, indent=1)).encode(encoding))
    group, = telegram.find(all_files(path))
    return read_group(telegram, group)

def texts(export): return [m.text for c in export.chats for m in c.messages]

def test_one_chat_and_account(tmp_path):
    one = chat(message(), message('yo', 'Grace', 'user22'))
    for data in (one, account(one)):
        export = read(tmp_path, data)
        (c,) = export.chats
        assert (c.name, c.me, c.group, export.read, export.kept) == ('Grace', {'Ada'}, False, 2, 2)
        assert c.messages[0].time == datetime.fromtimestamp(1700000000, timezone.utc)

def test_left_chats(tmp_path):
    export = read(tmp_path, {**account(chat(message('a'))), 'left_chats': {'about': '', 'list': [chat(message('b'), type='private_supergroup', name='Left', id=5)]}})
    assert texts(export) == ['a', 'b'] and [c.group for c in export.chats] == [False, True]

def test_text_is_string_or_list(tmp_path):
    odd = ' \u200ea\n\u00a0 👩‍👩‍👧 \u2028'
    parts = ['see ', {'type': 'link', 'text': 'example.org'}, '\n', {'type': 'custom_emoji', 'text': '🐟', 'document_id': 'x'}, odd]
    assert texts(read(tmp_path, chat(message(odd), message(parts)))) == [odd, 'see example.org\n🐟' + odd]

def test_old_exports(tmp_path):
    old = lambda text, name, n: {'id': 1, 'type': 'message', 'date': '2018-12-05T10:39:10', 'edited': '1970-01-01T03:00:00', 'from': name, 'from_id': n, 'text': text}
    export = read(tmp_path, account(chat(old('a', 'Ada', 11), old('b', 'Grace', 22)), personal_information={'user_id': 11}))
    (c,) = export.chats
    assert [m.time for m in c.messages] == [datetime(2018, 12, 5, 10, 39, 10)]*2 and c.me == {'Ada'}

def test_what_is_not_a_message(tmp_path):
    bare = lambda **more: message('', **more)
    records = [{'type': 'service', 'action': 'phone_call', 'actor': 'Ada', 'text': ''}, {'type': 'service', 'action': 'pin_message', 'text': ''}, {'type': 'service', 'action': ['x']},
               bare(media_type='sticker', sticker_emoji='🐟', file='f'), bare(photo='p'), bare(media_type='voice_message', file='f'), bare(media_type='video_message'),
               bare(location_information={}), bare(poll={}), bare(contact_information={}), bare(), message(forwarded_from=None), message(forwarded_from='X', saved_from='X'),
               message(via_bot='@gif'), {'type': 'unsupported'}, None, 5, [], message(None, text_entities=3), message(7), message([3]), message(name=['x'])]
    export = read(tmp_path, chat(*records, message('a caption', photo='p'), message('Ada joined the group')))
    assert texts(export) == ['a caption', 'Ada joined the group'] and export.read == len(records) + 2
    assert export.dropped == Counter(call=1, system=2, sticker=1, media=3, contact=3, empty=1, forwarded=2, bot=1, malformed=8)

def test_bots(tmp_path):
    export = read(tmp_path, account(chat(message('/start'), message('Hello!', 'Bot', 'user9'), type='bot_chat', name='Bot', id=9), chat(message('Login code: 1', 'Telegram', 'user777000'), name='Telegram', id=777000)))
    assert export.kept == 0 and export.dropped == Counter(bot=3)

def test_deleted_accounts(tmp_path):
    gone = {k: v for k, v in message('c', None).items() if k != 'from_id'}
    export = read(tmp_path, chat(message('a', None, 'user9'), message('b'), gone, name=None, id=9))
    (c,) = export.chats
    assert (c.name, [m.sender for m in c.messages], c.me) == ('', ['user9', 'Ada', 'Deleted Account'], set())

def test_me_by_saved_messages(tmp_path):
    group = chat(message('a', 'Ada B.'), message('b', 'Grace', 'user22'), message('c', 'Alan', 'user33'), type='private_group', id=44, name='Sewing')
    for data in (account(group, {'type': 'saved_messages', 'id': 11, 'messages': []}), account(group, personal_information={'user_id': 11}), account(group, chat(message(), message('b', 'Grace', 'user22')))):
        assert read(tmp_path, data).chats[0].me == {'Ada B.'}
    assert read(tmp_path, account(group)).chats[0].me == set() and read(tmp_path, account(group)).chats[0].group

def test_two_people_of_one_name(tmp_path):
    (c,) = read(tmp_path, chat(message('a', 'Sam', 'user11'), message('b', 'Sam', 'user22'))).chats
    assert [m.sender for m in c.messages] == ['Sam', 'Sam (user22)'] and c.me == {'Sam'}

def test_order_of_time_is_stable(tmp_path):
    export = read(tmp_path, chat(message('b', when='1700000060'), message('?', when='soon'), message('a'), message('a2')))
    assert texts(export) == ['a', 'a2', 'b', '?'] and export.chats[0].messages[-1].time is None

@pytest.mark.parametrize('when', [None, 5.5, float('nan'), float('inf'), True, [], {}, '', 'x', '-1', -1, 10**40, '9'*30, '１７'])
def test_senseless_times(tmp_path, when):
    (m,) = read(tmp_path, chat({k: v for k, v in message(when=when).items() if k != 'date'})).chats[0].messages
    assert m.time is None

def test_far_times(tmp_path):
    times = [m.time.year for m in read(tmp_path, chat(message(when='0'), message(when='4102444800'))).chats[0].messages]
    assert times == [1970, 2100]

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_encodings(tmp_path, encoding): assert texts(read(tmp_path, chat(message('grüße 🐟')), encoding)) == ['grüße 🐟']

def test_pieces_across_the_step(tmp_path):
    said = ['x'*n + '"\\{}[]🐟' for n in (1, 1 << 19, 3 << 20, 7)]
    assert texts(read(tmp_path, account(chat(*map(message, said))))) == said

def test_wrong_types_everywhere(tmp_path):
    for odd in (None, 3, 'x', [], {}, True, [[]]):
        for key in ('name', 'id', 'type'): read(tmp_path, account({**chat(message()), key: odd}))
        for key in message(): read(tmp_path, account(chat({**message(), key: odd}, message())))
        for data in (account(odd), {**account(), 'chats': {'list': odd}}, {**chat(message()), 'messages': odd}, account(chat(message()), personal_information=odd)):
            try: read(tmp_path, data)
            except ValueError as e: assert 'Telegram' in str(e) and '\n' not in str(e)

@pytest.mark.parametrize('text', ['{"name": "a", "type": "personal_chat", "messages": [', '{"name": "a", "type": "personal_chat"}', '{"type": "personal_chat", "messages": []}}', '{"type": "personal_chat", "messages": ' + '['*100_000, '{"type": "personal_chat", "id": ' + '1'*5000 + '}'])
def test_damage_is_one_sentence(tmp_path, text):
    with pytest.raises(ValueError, match='looks like an export of Telegram, but its JSON'): read(tmp_path, text)

def test_not_telegram(tmp_path):
    for n, data in enumerate(({'participants': [], 'messages': [{'sender_name': 'a', 'content': 'b'}]}, {'messages': [{'role': 'user', 'content': 'x'}]}, [{'type': 'message', 'ts': '1', 'text': 'x'}],
                              {'guild': {}, 'channel': {'type': 'DirectTextChat'}, 'messages': [{'type': 'Default', 'content': 'x'}]}, {'chats': 5})):
        (tmp_path/f'{n}.json').write_text(json.dumps(data))
    assert telegram.find(all_files(tmp_path)) == []

@pytest.mark.skipif(not EXPORTS.is_dir(), reason='no exports here')
def test_real_exports():
    exports = {Path(g[0].path).name: read_group(telegram, g) for g in telegram.find(all_files(EXPORTS))}
    assert set(exports) == {'chatminer_batch.json', 'chatminer_single.json', 'langchain_result.json'}
    answers = json.loads((EXPORTS/'chatminer_target.json').read_text())
    for name in ('chatminer_batch.json', 'chatminer_single.json'):
        got = [(m.time.replace(tzinfo=None).isoformat(), m.sender, m.text) for m in exports[name].chats[0].messages]
        # the answer has a space between two pieces of a text; the file has none, and we add none
        assert got == [(a['timestamp'], a['author'], a['message'].replace('Link: ', 'Link:')) for a in answers]
    assert exports['langchain_result.json'].kept == 4

def test_damaged_files_are_read_or_refused():
    one = account(chat(message(), message(['see ', {'type': 'bold', 'text': 'x'}], 'Grace', 'user22'), message('', photo='p')), {'type': 'saved_messages', 'id': 11, 'messages': [message('note')]}, personal_information={'user_id': 11})
    read_, refused, unknown = survives(telegram, {'result.json': json.dumps(one, indent=1, ensure_ascii=False).encode()}, 300)
    assert read_ > 30 and refused > 100
