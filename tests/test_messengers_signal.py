"Signal's three shapes: what each one's traps do to a message, and that nothing is lost."
import base64, copy, hashlib, json, zipfile
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest
from mutations import survives
from tinychat.messengers import signal as reader
from tinychat.messengers.core import all_files, balanced, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'

def export_of(root, files):
    for name, data in files.items():
        (root/name).parent.mkdir(parents=True, exist_ok=True)
        (root/name).write_bytes(data if isinstance(data, bytes) else data.encode('utf-8', 'surrogatepass'))
    return [read_group(reader, g) for g in reader.find(all_files(root))]

def frames(*items, chats=({'id': '10', 'recipientId': '2'},), more=()):
    people = [{'id': '1', 'self': {}}, {'id': '2', 'contact': {'aci': 'Ag==', 'e164': '15550001111', 'profileGivenName': 'Ada'}},
              {'id': '3', 'contact': {'nickname': {'given': 'Al'}, 'systemGivenName': 'Alan'}}, {'id': '4', 'group': {'snapshot': {'title': {'title': 'Lab'}}}},
              {'id': '5', 'distributionList': {'distributionList': {'name': 'My Story'}}}, {'id': '6', 'releaseNotes': {}}, {'id': '7', 'callLink': {'name': 'Weekly'}}]
    out = [{'version': '1', 'backupTimeMs': '1'}, {'account': {'givenName': 'Grace'}}, *({'recipient': p} for p in people), *({'chat': c} for c in chats), *more]
    return '\n'.join(json.dumps(f, ensure_ascii=False) for f in [*out, *({'chatItem': {'chatId': '10', 'authorId': '2', 'dateSent': '1780000000000', 'incoming': {}} | i} for i in items)]) + '\n'

def text(body, **more): return {'standardMessage': {'text': {'body': body}, **more}}
def native(root, *items, **kw): return export_of(root, {'main.jsonl': frames(*items, **kw)})[0]
def said(export): return [(m.sender, m.text) for c in export.chats for m in c.messages]

def test_native_says_who_i_am_and_when(tmp_path):
    e = native(tmp_path, text('hi'), {'authorId': '1', 'outgoing': {}, 'dateSent': '1780000000001'} | text('hi!'))
    assert said(e) == [('Ada', 'hi'), ('Grace', 'hi!')] and e.chats[0].me == {'Grace'} and not e.chats[0].group and e.chats[0].name == 'Ada'
    assert e.chats[0].messages[1].time == datetime(2026, 5, 28, 20, 26, 40, 1000, tzinfo=timezone.utc)

def test_native_outgoing_is_me_even_if_the_self_recipient_is_missing(tmp_path):
    lines = frames({'authorId': '1', 'outgoing': {}} | text('x')).replace('{"recipient": {"id": "1", "self": {}}}\n', '')
    e = export_of(tmp_path, {'main.jsonl': lines})[0]
    assert said(e) == [('Grace', 'x')] and e.chats[0].me == {'Grace'}

def test_native_numbers_may_be_numbers(tmp_path):
    e = native(tmp_path, {'chatId': 10, 'authorId': 2, 'dateSent': 1780000000000} | text('x'))
    assert said(e) == [('Ada', 'x')] and e.chats[0].messages[0].time.year == 2026

@pytest.mark.parametrize('item, reason', [
    ({'updateMessage': {'simpleUpdate': {'type': 'JOINED_SIGNAL'}}}, 'system'), ({'updateMessage': {'groupChange': {'updates': [{}]}}}, 'system'),
    ({'updateMessage': {'expirationTimerChange': {}}}, 'system'), ({'updateMessage': {}}, 'system'),
    ({'updateMessage': {'individualCall': {}}}, 'call'), ({'updateMessage': {'groupCall': {}}}, 'call'),
    ({'remoteDeletedMessage': {}}, 'deleted'), ({'adminDeletedMessage': {'adminId': '1'}}, 'deleted'), ({'stickerMessage': {'sticker': {'emoji': '😀'}}}, 'sticker'),
    ({'contactMessage': {'contact': {}}}, 'contact'), ({'paymentNotification': {'note': 'rent'}}, 'contact'), ({'giftBadge': {}}, 'contact'), ({'poll': {'question': 'tea?'}}, 'contact'),
    ({'viewOnceMessage': {}}, 'media'), ({'standardMessage': {'attachments': [{'pointer': {}}]}}, 'media'), ({'standardMessage': {'quote': {'text': {'body': 'x'}}}}, 'empty'),
    ({'standardMessage': {}}, 'empty'), ({'directStoryReplyMessage': {'emoji': '😀'}}, 'reaction'), ({}, 'malformed'), ({'unheardOf': {}}, 'malformed'), ({'standardMessage': 'x'}, 'malformed'),
    ({'standardMessage': {'text': {'body': 5}}}, 'malformed'), ({'authorId': None} | text('x'), 'malformed'), ({'authorId': '6'} | text('News!'), 'bot')])
def test_native_every_kind_of_item_is_counted(tmp_path, item, reason):
    e = native(tmp_path, item, text('left. added you'))
    assert e.dropped == {reason: 1} and e.read == 2 and said(e) == [('Ada', 'left. added you')]

def test_native_calls_by_link_and_unknown_frames(tmp_path):
    e = native(tmp_path, text('x'), more=[{'adHocCall': {'callId': '1'}}, {'stickerPack': {}}, {'chatFolder': {}}, {'notificationProfile': {}}, {}, {'new': {}}])
    assert e.dropped == {'call': 1, 'malformed': 1} and e.read == 3

def test_native_revisions_give_the_time_and_are_not_records(tmp_path):
    edited = text('hello') | {'dateSent': '1780000300000', 'revisions': [{'dateSent': '1780000000000'} | text('helo'), {'dateSent': '1780000200000'} | text('hallo')]}
    e = native(tmp_path, edited, {'dateSent': '1780000100000', 'authorId': '1', 'outgoing': {}} | text('hi'))
    assert said(e) == [('Ada', 'hello'), ('Grace', 'hi')] and e.read == 2

def test_native_quotes_previews_reactions_and_styles_leave_the_text_alone(tmp_path):
    body = '  “Bold”\u200e ﬁ Å e\u0301 👩‍👩‍👧‍👦\n> not a quote\n\n(- no: reaction -)\n[2024-05-01 12:34] Me: hi\r\n\u2028end\t '
    part = {'standardMessage': {'text': {'body': body, 'bodyRanges': [{'start': 2, 'length': 4, 'style': 'BOLD'}, None, {'start': 'x', 'mentionAci': 'Ag=='}]},
            'quote': {'authorId': '1', 'text': {'body': 'quoted'}}, 'linkPreview': [{'url': 'https://a.example', 'title': 'A'}], 'reactions': [{'emoji': '👍'}], 'attachments': [{}]}}
    assert said(native(tmp_path, part)) == [('Ada', body)]

def test_native_mentions_get_their_name(tmp_path):
    body = '\ufffc 😀😀 \ufffc and \ufffc'
    ranges = [{'length': 1, 'mentionAci': 'Ag=='}, {'start': 7, 'length': 1, 'mentionAci': 'Ag=='}, {'start': 13, 'length': 1, 'mentionAci': 'unknown'}]
    assert said(native(tmp_path, {'standardMessage': {'text': {'body': body, 'bodyRanges': ranges}}})) == [('Ada', '@Ada 😀😀 @Ada and \ufffc')]

def test_native_story_replies_are_text(tmp_path):
    assert said(native(tmp_path, {'directStoryReplyMessage': {'textReply': {'text': {'body': 'wow'}}}})) == [('Ada', 'wow')]

def test_native_groups_lists_and_notes_to_self(tmp_path):
    chats = [{'id': '10', 'recipientId': '4'}, {'id': '11', 'recipientId': '1'}, {'id': '12', 'recipientId': '5'}, {'id': '13', 'recipientId': '3'}]
    e = native(tmp_path, text('a'), {'chatId': '11', 'authorId': '1', 'outgoing': {}} | text('b'), {'chatId': '12', 'authorId': '1', 'outgoing': {}} | text('c'), {'chatId': '99', 'authorId': '98'} | text('d'), chats=chats)
    assert [(c.name, c.group, len(c.messages)) for c in e.chats] == [('Lab', True, 1), ('Grace', False, 1), ('My Story', False, 1), ('', False, 1)]
    assert said(e)[-1] == ('98', 'd')

def test_native_two_people_of_one_name_stay_two(tmp_path):
    more = [{'recipient': {'id': '8', 'contact': {'profileGivenName': 'Ada'}}}, {'recipient': {'id': '9', 'contact': {'profileGivenName': 'Grace'}}}]
    e = native(tmp_path, text('a'), {'authorId': '8'} | text('b'), {'authorId': '9'} | text('c'), {'authorId': '3'} | text('d'), more=more)
    assert said(e) == [('Ada', 'a'), ('Ada (8)', 'b'), ('Grace (9)', 'c'), ('Al', 'd')] and e.chats[0].me == {'Grace'} and e.chats[0].group

@pytest.mark.parametrize('date', [None, '', '0', 'soon', 'NaN', float('nan'), 1e400, [], '9'*30, '9'*5000, -10**20])
def test_native_a_message_without_a_time_is_kept_in_its_place(tmp_path, date):
    e = native(tmp_path, {'dateSent': '1780000000005'} | text('a'), {'dateSent': date} | text('b'), {'dateSent': '1780000000001'} | text('c'))
    assert [(m.text, bool(m.time)) for m in e.chats[0].messages] == [('c', True), ('a', True), ('b', False)]

def test_native_far_years(tmp_path):
    e = native(tmp_path, {'dateSent': '4102444800000'} | text('a'), {'dateSent': '1'} | text('b'))
    assert [m.time.year for m in e.chats[0].messages] == [1970, 2100]

def test_native_long_text_from_its_attachment(tmp_path):
    essay = 'é' * 5000
    plain = hashlib.sha256(essay.encode()).digest()
    stem, b64 = hashlib.sha256(plain + b'k').hexdigest(), lambda b: base64.b64encode(b).decode()
    item = text(essay[:1024], longText={'locatorInfo': {'plaintextHash': b64(plain), 'localKey': b64(b'k')}})
    [e] = export_of(tmp_path/'a', {'x/main.jsonl': frames(item), f'x/files/{stem[:2]}/{stem}.txt': essay, 'x/metadata.json': '{}'})
    assert said(e) == [('Ada', essay)]
    [e] = export_of(tmp_path/'b', {'x/main.jsonl': frames(item), f'x/files/{stem[:2]}/{stem}.txt': essay + '!'})
    assert said(e) == [('Ada', essay[:1024])]

def test_native_damaged_lines_cost_one_record_each(tmp_path):
    data = frames(text('a'), text('b'), text('c')).encode()
    lines = data.split(b'\n')
    lines[-3] = lines[-3][:40] + b'\xff' + lines[-3][40:]
    e = export_of(tmp_path, {'main.jsonl': b'\xef\xbb\xbf' + b'\r\n'.join(lines) + b'[1]\n\n{"chatItem"'})[0]
    assert [m.text for m in e.chats[0].messages] == ['a', 'c'] and e.dropped == {'malformed': 3}

def test_native_no_wrong_type_anywhere_breaks_it(tmp_path):
    item = {'chatItem': {'chatId': '10', 'authorId': '2', 'dateSent': '1780000000000', 'outgoing': {}, 'revisions': [{'dateSent': '1'}], 'standardMessage': {
            'text': {'body': 'x\ufffc', 'bodyRanges': [{'start': 1, 'length': 1, 'mentionAci': 'Ag=='}]}, 'longText': {'locatorInfo': {'plaintextHash': 'AA==', 'localKey': 'AA=='}}}}}
    whole = [json.loads(l) for l in frames().splitlines()] + [item]
    def spots(x, path=()):
        if path: yield path
        for k, v in x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list) else (): yield from spots(v, (*path, k))
    for n, path in enumerate(spots(whole)):
        for wrong in (None, 5, -1, True, 'x', [], [1], {}, {'a': 1}, float('nan')):
            changed = x = copy.deepcopy(whole)
            for k in path[:-1]: x = x[k]
            x[path[-1]] = wrong
            (tmp_path/'main.jsonl').write_text('\n'.join(map(json.dumps, changed)))
            for g in reader.find(all_files(tmp_path)): balanced(reader.read(g))

def line(body, sender='Ada', **more): return json.dumps({'date': '2024-05-01T12:34:56.789000', 'sender': sender, 'body': body + '  ', 'quote': '', 'sticker': None, 'reactions': [], 'attachments': []} | more, ensure_ascii=False) + '\n'

def test_lines(tmp_path):
    data = ''.join([line('hi ', 'Me'), line('yes', quote='\n\n> hi\n\n', reactions=[{'name': 'Me', 'emoji': '👍'}]), line('', sticker={'id': '1'}), line('', sticker='😀'), line('', attachments=[{'name': 'a.jpg'}]),
                    line('gone', deleted=True), line('Missed call', call=True), line('Missed call'), line(''), line('x', date=None), line('y', sender=None), '[]\n', '{"body": 5}\n', '{"da'])
    [e] = export_of(tmp_path, {'Ada/data.json': data, 'Ada/chat.md': '[2024-05-01 12:34:56] Me: hi  \n\n', 'Ada/index.html': '<html>'})
    assert said(e) == [('Me', 'hi '), ('Ada', 'yes'), ('Ada', 'Missed call'), ('Ada', 'x'), ('No-Sender', 'y')]
    assert e.dropped == dict(sticker=2, media=1, deleted=1, call=1, empty=1, malformed=3) and e.read == 14
    assert e.chats[0].name == 'Ada' and e.chats[0].me == {'Me'} and e.chats[0].messages[0].time == datetime(2024, 5, 1, 12, 34, 56, 789000)

def test_nothing_is_read_twice_and_nothing_forgotten(tmp_path):
    md = '[2024-05-01 12:34:56] Me: hi  \n\n'
    files = {'Ada/data.json': line('a'), 'Ada/chat.md': md, 'Bob/chat.md': md, 'Old/index.md': md, 'Old/chat.md': md, 'app/main.jsonl': frames(text('b')), 'app/files/aa/chat.md': md, 'app/files/ab/main.jsonl': frames(text('c')), 'loose.md': md, 'loose.txt': md}
    exports = export_of(tmp_path, files)
    assert sorted(str(Path(e.path).relative_to(tmp_path)) for e in exports) == sorted(['Ada/data.json', 'Bob/chat.md', 'Old/chat.md', 'Old/index.md', 'app/main.jsonl', 'loose.md', 'loose.txt'])
    with zipfile.ZipFile(tmp_path/'all.zip', 'w') as z:
        for name, data in files.items(): z.writestr(name, data)
    assert len(reader.find(all_files(tmp_path/'all.zip'))) == 7

MD = '''[2024-05-01 12:34:56] Me: two··
lines  ··
(- Ada: 👍, Bob: ❤ -)

[2024-05-01 12:35:10] Ada:·

> a
> [2024-05-01 12:00:00] Me: b
>·
> c

yes: https://a.example/x··

[2024-05-01 12:35:11] Ada:···
(( 😀 ))

[2024-05-01 12:35:12] Ada:···[😀](../exported_stickers/ab/3.webp)··

[2024-05-01 12:35:13] Ada:···![a b[1].jpg](./media/a%20b[1].jpg)··[b.pdf](./media/b.pdf)··

[2024-05-01 12:35:14] Me: see··
(- Ada: 👍 -)![a.jpg](./media/a.jpg)··(media not exported)··

[2024-05-01 12:35:15] Ada: (This message was deleted)

[2024-05-01 12:35:16] Ada: (This message was deleted)··

[2024-05-01 12:35:17] Ada: (- a: b -)··

[2024-05-01 12:35:18] No-Sender:···

[2024-05-01 12:35:19] Me: ![x](./media/x)··

[2024-05-01 12:35:20] Me: > quote
[2024-05-01 12:00:00] Ada: pasted··

'''.replace('·', ' ')

def texts(e): return [m.text for c in e.chats for m in c.messages]

WANTED = ['two  \nlines  ', 'yes: https://a.example/x', 'see', '(This message was deleted)', '(- a: b -)', '![x](./media/x)', '> quote\n[2024-05-01 12:00:00] Ada: pasted']

@pytest.mark.parametrize('change', [lambda b: b, lambda b: b'\xef\xbb\xbf' + b, lambda b: b.replace(b'\n', b'\r\n'), lambda b: b.decode().encode('utf-16')])
def test_text_of_today(tmp_path, change):
    [e] = export_of(tmp_path, {'Ada/chat.md': change(MD.encode())})
    assert texts(e) == WANTED and e.dropped == dict(sticker=2, media=1, deleted=1, empty=1) and e.read == 12
    assert e.chats[0].messages[0].time == datetime(2024, 5, 1, 12, 34, 56) and e.chats[0].me == {'Me'}

def test_text_of_old(tmp_path):
    old = '[2019-05-29, 15:04] Me: How is everyone?\n[2019-05-29, 15:10] Aya: We\'re great!\nand: you?\n[2024-05-01 12:34:56] Me: other form\n[2019-05-29, 15:20] Jim: I\'m not.\n(- Aya: 😢 -)\n[2019-05-29, 15:21] Jim: \n> great\nno\n[2019-05-29, 15:22] Aya: (( 😀 ))\n'
    [e] = export_of(tmp_path, {'x.txt': old})
    assert said(e) == [('Me', 'How is everyone?'), ('Aya', "We're great!\nand: you?\n[2024-05-01 12:34:56] Me: other form"), ('Jim', "I'm not."), ('Jim', 'no')]
    assert e.dropped == dict(sticker=1) and e.chats[0].group

def test_text_keeps_every_character(tmp_path):
    body = 'ﬁ Å e\u0301\u202f👩‍👩‍👧‍👦\u200d \u2028 \x0b\x85 **b** (( x )) y\n\n> typed\n\n\n[1] (a)'
    [e] = export_of(tmp_path, {'chat.md': f'[2024-05-01 12:34:56] Ada: {body}  \n\n[2024-05-01 12:34:57] Me: ok  \n\n'})
    assert texts(e) == [body, 'ok']

def test_text_with_an_impossible_date_or_a_lost_beginning(tmp_path):
    [e] = export_of(tmp_path, {'chat.md': '[2024-05-01 12:34] Ada: a\n[2024-15-41 32:99] Me: b\n'})
    assert texts(e) == ['a', 'b'] and [bool(m.time) for m in e.chats[0].messages] == [True, False]
    [e] = [balanced(reader.read_chat_md(all_files(tmp_path/'y'))) for _ in [(tmp_path/'y').write_text('rest of a message\n[2024-05-01 12:34] Ada: a\n')]]
    assert texts(e) == ['a'] and e.dropped == dict(malformed=1)

def test_text_is_not_whatsapp(tmp_path):
    files = {'_chat.txt': '[2024-05-01, 12:34:56] Ada: hi\n[2024-05-01, 12:34:57] Bob: hi\n', 'se.txt': '\u200e[2024-05-01 12:34:56] Ada: hi\n', 'se2.txt': '[2024-05-01 12:34:56] Ada: hi\n[2024-05-01 12:34:56] Ada: \u200eimage omitted\n',
             'se3.txt': '[2024-05-01 12:34:56] Ada: hi\n[2024-05-01 12:34:57] Bob: hi\n', 'a.txt': '24/12/2019, 12:23 - Jane: hi', 'r.json': '{"messages": []}', 'empty.md': '', 'l.jsonl': '{"messages": [{"role": "user"}]}\n', 'img': b'\x89PNG\r\n\x1a\n\0\0'}
    assert export_of(tmp_path, files) == []

def test_text_not_unicode_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match='neither UTF-8 nor UTF-16'): export_of(tmp_path, {'chat.md': '[2024-05-01 12:34] Ada: grüße\n'.encode('latin-1')})

def test_huge_and_hostile_text_is_read_in_linear_time(tmp_path):
    evil = ['> ' * 200_000, '[' * 400_000, '(- a: ' * 100_000, '![x](./media/' * 60_000, ' ' * 400_000, '\n' * 400_000, '](./media/' * 40_000 + ')', '![a](./media/a)  ' * 3_000]
    [e] = export_of(tmp_path, {'chat.md': ''.join(f'[2024-05-01 12:34:56] Ada: x{b}x  \n\n' for b in evil)})
    assert texts(e) == [f'x{b}x' for b in evil]

def test_chatminers_fixture():
    folder = EXPORTS/'signal'
    if not folder.exists(): pytest.skip('no exports here')
    [e] = [read_group(reader, g) for g in reader.find(all_files(folder))]
    wanted = json.loads((folder/'chatminer_target.json').read_text())
    # the project joins lines with spaces and sorts the other way; we do neither
    assert sorted((m.time.isoformat(), m.sender, m.text.replace('\n', ' ')) for m in e.chats[0].messages) == sorted((w['timestamp'], w['author'], w['message']) for w in wanted)
    assert e.read == 2 and e.chats[0].messages[1].text == 'Hello\nJane!'

def test_the_standard_librarys_signal_is_not_hidden():
    import signal
    assert signal.SIGINT and not hasattr(signal, 'FORMAT')

SAMPLES = dict(native={'app/main.jsonl': frames(text('hi 😀'), {'authorId': '1', 'outgoing': {}} | text('a\nb'), {'stickerMessage': {}}, {'updateMessage': {'groupCall': {}}}, text('x', longText={})).encode()},
               lines={'Ada/data.json': (line('hi 😀', 'Me') + line('yes', quote='\n\n> hi\n\n') + line('', sticker={'id': '1'}) + line('no')).encode()}, text={'Ada/chat.md': MD.encode()})

@pytest.mark.parametrize('shape', SAMPLES)
def test_damaged_files_end_in_messages_or_one_sentence(shape):
    read, refused, unknown = survives(reader, SAMPLES[shape], 300)
    assert read > 150
