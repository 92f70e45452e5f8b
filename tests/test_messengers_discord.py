"Discord: DiscordChatExporter's JSON and CSV, and the data package."
import json
from datetime import datetime, timezone
from pathlib import Path
import pytest

from mutations import survives
from tinychat.messengers import discord
from tinychat.messengers.core import JsonStream, all_files, find_files, read_group

def person(id, name, **more): return {'id': id, 'name': name, 'discriminator': '0000', 'nickname': str(name).title(), 'isBot': False, **more}
ANN, BO, PROGRAM = person('1', 'ann'), person('2', 'bo'), person('3', 'beep', isBot=True)
def said(who, text, minute=0, **more):
    return {'id': str(100 + minute), 'type': 'Default', 'timestamp': f'2025-05-01T10:{minute:02}:00+00:00', 'content': text, 'author': who, 'attachments': [], 'stickers': [], **more}
def channel(*messages, kind='DirectTextChat', name='Ann', **more):
    return {'guild': {'id': '0', 'name': 'Direct Messages'}, 'channel': {'id': '9', 'type': kind, 'name': name}, 'messages': list(messages), 'messageCount': len(messages), **more}

def write(root, **files):
    "name__of__file_json = content -> the folder"
    for name, content in files.items():
        stem, _, ending = name.rpartition('_')
        path = root/(stem.replace('__', '/') + '.' + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content, indent=2)).encode())
    return root

def read(path): return [read_group(discord, g) for g in discord.find(all_files(path))]
def texts(export): return [m.text for c in export.chats for m in c.messages]

def test_the_type_decides_and_never_a_word(tmp_path):
    lines = ['Joined the server.', 'Pinned a message.', 'Started a call that lasted 3 minutes.', 'I left. He added me', 'bot']
    export, = read(write(tmp_path, c_json=channel(*(said(ANN, t, n) for n, t in enumerate(lines)), *(said(ANN, t, 9, type=k) for t, k in
        [('x', 'GuildMemberJoin'), ('x', 'ChannelPinnedMessage'), ('x', 'Call'), ('x', 'ThreadCreated'), ('x', '7'), ('x', 'NewInFuture'), ('x', 'Reply')]), said(PROGRAM, 'beep', 10))))
    assert texts(export) == lines + ['x'] and export.dropped == {'system': 5, 'call': 1, 'bot': 1}

def test_text_is_kept_to_the_character(tmp_path):
    odd = ['  two  spaces ', 'line\n\nline\r\nline', '\u200e\u202f\u00a0x', '👩‍👩‍👧 e\u0301 ﬁ “q”', '<@1> <:party:55> ||hidden||', '@Ann **b** `<b>` &amp;', '[01.01.20, 10:00] Ann: hi', '\x00\u2028', 'x'*200_000]
    export, = read(write(tmp_path, c_json=channel(*(said(BO, t, n) for n, t in enumerate(odd)))))
    assert texts(export) == odd

def test_without_text_it_says_why(tmp_path):
    export, = read(write(tmp_path, c_json=channel(said(ANN, '', attachments=[{}]), said(ANN, '', stickers=[{}]), said(ANN, '', forwardedMessage={'content': 'theirs'}), said(ANN, ''), said(ANN, None), said(ANN, ' '),
                                                  said(ANN, 'look', 1, attachments=[{}], stickers=[{}]))))
    assert texts(export) == ['look'] and export.dropped == {'media': 1, 'sticker': 1, 'forwarded': 1, 'empty': 3}

def test_i_am_the_one_a_direct_chat_is_not_named_after(tmp_path):
    both = [said(ANN, 'hi', 1), said(BO, 'ho', 2)]
    write(tmp_path, a_json=channel(*both), b_json=channel(*both, name='ann'), c_json=channel(*both, name='somebody'), d_json=channel(*both, kind='GuildTextChat'), e_json=channel(said(ANN, 'hi')))
    assert [e.chats[0].me for e in read(tmp_path)] == [{'bo'}, {'bo'}, set(), set(), set()]
    assert [e.chats[0].group for e in read(tmp_path)] == [False, False, False, True, False]

def test_two_with_one_name_stay_two(tmp_path):
    export, = read(write(tmp_path, c_json=channel(said(person('7', 'sam'), 'a', 1), said(person('8', 'sam'), 'b', 2), said(person('9', None), 'c', 3), kind='DirectGroupTextChat')))
    assert [m.sender for m in export.chats[0].messages] == ['sam (7)', 'sam (8)', '9'] and export.chats[0].group

def test_a_name_that_looks_like_one_with_an_id_stays_apart(tmp_path):
    sams = [person('7', 'sam'), person('8', 'sam'), person('9', 'sam (8)')]
    export, = read(write(tmp_path, c_json=channel(*(said(p, 'hi', n) for n, p in enumerate(sams)), kind='DirectGroupTextChat')))
    assert [m.sender for m in export.chats[0].messages] == ['sam (7)', 'sam (8)', 'sam (8) (9)'] and export.chats[0].group

def test_times_are_instants_whatever_the_offset_and_newest_first_too(tmp_path):
    newest = [said(BO, 'c', timestamp='2025-05-01T12:00:00.1234567+02:00', id='30'), said(BO, 'b', timestamp='2025-05-01T09:30:00Z', id='20'), said(BO, 'a', timestamp='2025-05-01T09:30:00Z', id='10')]
    export, = read(write(tmp_path, c_json=channel(*newest)))
    assert texts(export) == ['a', 'b', 'c']
    assert export.chats[0].messages[2].time == datetime(2025, 5, 1, 10, 0, 0, 123456, tzinfo=timezone.utc) and export.chats[0].messages[2].time.utcoffset().total_seconds() == 0

def test_parts_are_one_chat_in_order(tmp_path):
    parts = {f'c [part {n}].json' if n > 1 else 'c.json': channel(said(ANN, str(n), n)) for n in range(1, 12)}
    for name, c in parts.items(): (tmp_path/name).write_text(json.dumps(c))
    export, = read(tmp_path)
    assert texts(export) == [str(n) for n in range(1, 12)] and len(export.chats) == 1

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_encodings_key_order_and_an_empty_chat(tmp_path, encoding):
    c = channel(said(ANN, 'grüße 🐟'))
    (tmp_path/'a.json').write_bytes(json.dumps(dict(sorted(c.items())), ensure_ascii=False).encode(encoding))
    (tmp_path/'b.json').write_bytes(json.dumps(channel()).encode(encoding))
    one, none = read(tmp_path)
    assert texts(one) == ['grüße 🐟'] and (none.read, none.chats) == (0, [])

def test_a_long_channel_is_read_piece_by_piece(tmp_path, monkeypatch):
    write(tmp_path, c_json=channel(*(said(ANN, f'{n} ' + 'y'*n, 0, embeds=['x'*(n % 3000)]) for n in range(4000))))
    most, more = [0], JsonStream.more
    def measured(stream):
        new = more(stream)
        most.append(len(stream.text))
        return new
    monkeypatch.setattr(JsonStream, 'more', measured)
    export, = read(tmp_path)
    assert texts(export) == [f'{n} ' + 'y'*n for n in range(4000)] and max(most) < 300_000

@pytest.mark.parametrize('cut', [60, 400, -1, -2, -30])
def test_cut_short_is_one_sentence_without_a_word_of_it(tmp_path, cut):
    whole = json.dumps(channel(said(ANN, 'my secret'), said(BO, 'ours'))).encode()
    write(tmp_path, c_json=whole[:cut])
    if not discord.find(all_files(tmp_path)): return
    with pytest.raises(ValueError, match='looks like an export of Discord, but its JSON is damaged or cut short. Export it again') as e: read(tmp_path)
    assert 'secret' not in str(e.value)

def test_what_follows_the_end_is_damage(tmp_path):
    write(tmp_path, c_json=json.dumps(channel(said(ANN, 'x'))) + '{}')
    with pytest.raises(ValueError, match='goes on after its end'): read(tmp_path)

def test_wrong_types_are_malformed_and_counted(tmp_path):
    bad = [None, 1, 'x', [], {}, said('ann', 'x'), said({}, 'x'), said({'name': ' '}, 'x'), said(ANN, 5), said(ANN, ['x']), said(ANN, 'x', timestamp=5), said(ANN, 'x', timestamp='0000-00-00T00:00:00Z'),
           said(ANN, 'x', timestamp=float('nan')), said(ANN, 'x', type=1), said(ANN, '\ud83d'), said(person('\ud83d', '\ud83d'), 'x')]
    export, = read(write(tmp_path, c_json=channel(*bad, said(ANN, 'good'))))
    assert texts(export) == ['good'] and export.dropped == {'malformed': len(bad)} and export.read == len(bad) + 1

HEADER = 'AuthorID,Author,Date,Content,Attachments,Reactions\r\n'
def row(*cells): return ','.join('"' + c.replace('"', '""') + '"' for c in cells) + '\r\n'

def test_csv(tmp_path):
    day = '2025-05-01T10:00:00.0000000+00:00'
    write(tmp_path, c_csv='\ufeff' + HEADER + row('1', 'ann', day, 'say "hi",\r\nthen\ngo', '', '') + row('2', 'bo#0001', day, 'Joined the server.', '', '') + row('2', 'bo#0001', day, 'Joined the server. Yay', '', '👍 (1)')
          + row('1', 'ann', day, '', 'a.png,b.png', '') + row('1', 'ann', day, '', '', '') + row('1', 'ann', day, 'Started a call that lasted 0 minutes.', '', '') + '"only","three","cells"\r\n')
    export, = read(tmp_path)
    assert texts(export) == ['say "hi",\r\nthen\ngo', 'Joined the server. Yay']
    assert export.dropped == {'system': 1, 'media': 1, 'empty': 1, 'call': 1, 'malformed': 1} and export.chats[0].messages[0].time == datetime(2025, 5, 1, 10, tzinfo=timezone.utc)

@pytest.mark.parametrize('dates, second', [
    (['01/02/2021 09:00', '02/02/2021 09:00', '13/02/2021 08:00'], (2, 2)), (['01/30/2021 09:00', '02/01/2021 09:00'], (2, 1)), (['1/2/2021 9:00 AM', '1/2/2021 9:00\u202fPM'], (1, 2)),
    (['01-Mar-18 11:00 PM', '02-Apr-18 12:05 AM'], (4, 2)), (['01.02.2021 09.00', '02.02.2021 09.00'], (2, 2)), (['2021/03/01 9:00', '2021/03/02 9:00'], (3, 2)), (['1. 3. 2021 9:00', '2. 3. 2021 9:00'], (3, 2))])
def test_dates_of_older_csv_files(tmp_path, dates, second):
    export, = read(write(tmp_path, c_csv=HEADER + ''.join(row('1', 'ann', d, d, '', '') for d in dates)))
    time = export.chats[0].messages[1].time
    assert texts(export) == dates and (time.month, time.day) == second and time.tzinfo is None

def test_csv_parts_from_before_and_after_the_dates_changed(tmp_path):
    (tmp_path/'c.csv').write_text(HEADER + row('1', 'ann', '01/02/2021 10:00', 'old', '', '') + row('2', 'bo', '13/02/2021 10:00', 'older program', '', ''))
    (tmp_path/'c [part 2].csv').write_text(HEADER + row('1', 'ann', '2025-05-01T10:00:00.0000000+00:00', 'new', '', ''))
    export, = read(tmp_path)
    assert texts(export) == ['old', 'older program', 'new'] and [m.time.tzinfo for m in export.chats[0].messages] == [None, None, timezone.utc]

def test_csv_that_cannot_be_read(tmp_path):
    for content, why in [(row('1', 'ann', 'one day', 'x', '', ''), 'JSON export does not have this problem'), ('"1","ann","2025-05-01T10:00:00Z","never closed,,\r\n', 'do not match up near line'), (b'"\xff"', 'neither UTF-8')]:
        write(tmp_path, c_csv=HEADER.encode() + (content if isinstance(content, bytes) else content.encode()))
        with pytest.raises(ValueError, match=why): read(tmp_path)

def package(root, top='Messages', account='Account', **more):
    return write(root, **{f'{account}__user_json': {'id': '2', 'username': 'bo'}, f'{top}__index_json': {'5': 'Direct Message with ann#0', '6': None}, f'{top}__c5__channel_json': {'id': '5', 'type': 'DM'},
        f'{top}__c5__messages_json': [{'ID': 3, 'Timestamp': '2025-05-01 10:00:00', 'Contents': 'two', 'Attachments': ''}, {'ID': '2', 'Timestamp': '2025-05-01 10:00:00', 'Contents': 'one <@1>', 'Attachments': ''},
                                      {'ID': 1, 'Timestamp': '2025-05-01 10:00:00', 'Contents': '', 'Attachments': 'https://x.example/a.png'}],
        f'{top}__c6__channel_json': {'id': '6', 'type': 0, 'name': 'general'}, f'{top}__c6__messages_csv': 'ID,Timestamp,Contents,Attachments\r\n4,2020-05-01 10:00:00.500000+00:00,"a, ""b""\nc",\r\n5,2020-05-01 10:00:01+00:00,,u\r\n', **more})

@pytest.mark.parametrize('top, account', [('messages', 'account'), ('Messages', 'Account'), ('Wiadomości', 'Konto'), ('package__messages', 'package__account')])
def test_package_whatever_its_folders_are_called(tmp_path, top, account):
    export, = read(package(tmp_path, top, account, activity__analytics__events_json='{"event_type": "x"}\n{"a": 1}\n', servers__index_json={'6': 'Server'}))
    assert {c.name: [m.text for m in c.messages] for c in export.chats} == {'Direct Message with ann#0': ['one <@1>', 'two'], 'general': ['a, "b"\nc']}
    assert all(c.me == {'bo'} == {m.sender for m in c.messages} for c in export.chats) and [c.group for c in export.chats] == [False, True] and export.dropped == {'media': 2}

def test_package_zipped_and_in_pieces(tmp_path):
    import shutil
    root = package(tmp_path/'p')
    shutil.make_archive(tmp_path/'package', 'zip', root)
    assert texts(read(tmp_path/'package.zip')[0]) == texts(read(root)[0])
    alone, = [read_group(discord, g) for g in discord.find(find_files(root/'Messages/c6/messages.csv'))]
    assert texts(alone) == ['a, "b"\nc'] and {m.sender for m in alone.chats[0].messages} == {'Me'} and not alone.chats[0].me
    folder, = read(root/'Messages')
    assert [c.name for c in folder.chats] == ['Direct Message with ann#0', 'general'] and not folder.chats[0].me

def test_package_without_its_names(tmp_path):
    broken = package(tmp_path, Account__user_json='{"username": ', Messages__index_json='[', Messages__c5__channel_json='')
    export, = read(broken)
    assert export.kept == 3 and [c.name for c in export.chats] == ['', 'general'] and not export.chats[0].me

@pytest.mark.parametrize('content', [b'', b'[', b'{"ID": 1}', b'[{"IE": 1, "Timestamp": "2025-05-01 10:00:00", "Konten": "x"}]', b'[{"ID": 1, "Timestamp": "2025-05-01 10:00:00", "Contents": "\xff"}]'])
def test_a_damaged_channel_of_a_package_is_not_silently_left_out(tmp_path, content):
    write(package(tmp_path), Messages__c7__messages_json=content)
    try: export, = read(tmp_path)
    except ValueError as e: assert 'looks like an export of Discord' in str(e)
    else: assert export.dropped['malformed'] == 1

def test_a_damaged_part_is_not_silently_left_out(tmp_path):
    (tmp_path/'c [part 2].json').write_text(json.dumps(channel(said(ANN, 'x'))))
    (tmp_path/'c.json').write_text('{"guild": ')
    with pytest.raises(ValueError, match='damaged or cut short'): read(tmp_path)

def test_leaves_others_alone(tmp_path):
    write(tmp_path, a_json={'name': 'x', 'messages': []}, b_json=[{'type': 'message', 'ts': '1.2'}], c_json={'messages': [{'text': '"guild": {}, "channel": {}, "messages": [] "ID": "Timestamp": "Contents":'}]}, d_csv='Author,Date\n', e_json='', f_json=b'\xff\xfe\x00')
    assert discord.find(all_files(tmp_path)) == []
    shared = Path(__file__).resolve().parents[2]/'shared'/'exports'
    if shared.exists(): assert discord.find(all_files(shared)) == []

def sources(tmp_path):
    chat = channel(*(said((ANN, BO)[n % 2], f'text {n} 🐟 "q"', n, stickers=[{}]*(n % 3 == 0)) for n in range(12)), said(PROGRAM, 'beep', 20), said(ANN, '', 21, attachments=[{}]))
    rows = ''.join(row('12'[n % 2], ('ann', 'bo')[n % 2], f'0{n+1}/02/2021 10:00', f'hi {n}\n"there"', '', '') for n in range(8))
    package(tmp_path)
    return {'c.json': json.dumps(chat, indent=1, ensure_ascii=False).encode(), 'd.csv': (HEADER + rows).encode(), **{p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}}

def test_damage_is_read_or_refused(tmp_path):
    read_, refused, _ = survives(discord, sources(tmp_path), 300)
    assert read_ > 300 and refused > 20
