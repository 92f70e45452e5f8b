"Backups of text messages: emoji in halves, parts, groups, and files too large for memory."
import io, json, zipfile
from datetime import datetime, timezone
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from mutations import survives
from tinychat.messengers import sms
from tinychat.messengers.core import all_files, find_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'

def one(body='hi', type='1', address='+15550100', name='Ada', date='1767258000000', raw=None):
    return f'<sms protocol="0" address={quoteattr(address)} date="{date}" type="{type}" subject="null" body={raw or quoteattr(body)} contact_name={quoteattr(name)} />\n'

def many(parts, box='1', address='+15550100', name='Ada', addrs='', more=''):
    return f'<mms date="1767258000000" msg_box="{box}" address="{address}" contact_name={quoteattr(name)} {more}><parts>{parts}</parts><addrs>{addrs}</addrs></mms>\n'

def part(text, ct='text/plain', seq=0): return f'<part seq="{seq}" ct="{ct}" text={quoteattr(text)} data="AAAA" />'

def addr(address, type): return f'<addr address="{address}" type="{type}" charset="106" />'

def load(tmp_path, *records, head="<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n", raw=None):
    data = raw if raw is not None else (head + '<smses count="1">\n' + ''.join(records) + '</smses>\n').encode()
    (tmp_path/'sms.xml').write_bytes(data)
    [group] = sms.find(all_files(tmp_path))
    return read_group(sms, group)

def texts(export): return [m.text for c in export.chats for m in c.messages]

def test_sent_is_me(tmp_path):
    export = load(tmp_path, one('hey'), one('ho', type='2'))
    [chat] = export.chats
    assert (chat.name, chat.me, chat.group) == ('Ada', {'Me'}, False)
    assert [(m.sender, m.text) for m in chat.messages] == [('Ada', 'hey'), ('Me', 'ho')]
    assert chat.messages[0].time == datetime(2026, 1, 1, 9, tzinfo=timezone.utc)

@pytest.mark.parametrize('raw, text', [
    ('"&#55357;&#56832;"', '😀'), ('"a&#xD83D;&#xDE00;b"', 'a😀b'), ('"&#xd83d;&#xde00;&#55357;&#56833;"', '😀😁'), ('"&#128512;"', '😀'),
    ('"&#55357;"', '\ufffd'), ('"&#56832;&#55357;"', '\ufffd\ufffd'), ('"&#55357;x&#56832;"', '\ufffdx\ufffd'),
    ('"&#8;&#0;&#31;"', '\x08\x00\x1f'), ('"\x08\x0b"', '\x08\x0b'), ('"&#9;&#10;&#13;"', '\t\n\r'), ('"&#65535;&#1114112;"', '\ufffd\ufffd'),
    ('"one\ntwo\r\n three\n"', 'one\ntwo\n three\n'), ('"a\tb"', 'a\tb'), ('"&amp;#55357;&amp;#56832;"', '&#55357;&#56832;'),
    ("'say \"hi\"\nnow'", 'say "hi"\nnow'), ('"so?\n> yes\n/>\nx=\'1\'"', "so?\n> yes\n/>\nx='1'"), ("'\"tea?\"\n>'", '"tea?"\n>'), ('"👩\u200d🚀 \u202f\u200e  x "', '👩\u200d🚀 \u202f\u200e  x '), ('"&lt;smses&gt;&quot; body=&apos;"', '<smses>" body=\''),
    ('" "', ' '), ('"null and void"', 'null and void'), ('"Loved “hi”"', 'Loved “hi”'), ('"&#x00a9;&#00128512;"', '©😀')])
def test_not_one_character_changes(tmp_path, raw, text):
    assert texts(load(tmp_path, one(raw=raw))) == [text]

def test_pieces_may_be_cut_anywhere():
    data = ('<smses>\n' + one(raw='"&#55357;&#56832;&#xD83D;&#xDE00;\n&#55357;&#56832;\nyes=\'no\'\n"') + one(raw='"\n\nline\n=\n/\n&#55357;&#10;\n"') + '</smses>').encode()
    whole = sms.mend_xml(data)
    assert '😀'.encode() not in whole and whole.count(b'&#128512;') == 3
    for size in range(1, len(data) + 1): assert b''.join(sms.mended_pieces(io.BytesIO(data), size)) == whole, size

def test_comments_may_hold_anything_and_be_cut_anywhere():
    data = ("<?xml version='1.0' ?>\n<!--- Ada's -\n>\"<?phone -->\r\n<?it it's?>\n<smses\n\tcount='1'\n>" + one(raw='"<!-- it\'s\r\n--> <?\n?>"'.replace('<', '&lt;')) + '</smses>').encode()
    whole = sms.mend_xml(data)
    for size in range(1, len(data) + 1): assert b''.join(sms.mended_pieces(io.BytesIO(data), size)) == whole, size
    [record] = sms.backup_records(io.BytesIO(data))
    assert sms.record_body(record) == "<!-- it's\n--> <?\n?>"

def test_a_long_run_of_emoji_and_breaks():
    data = b'<smses>' + one(raw='"' + '&#55357;&#56832;\n' * 5000 + '"').encode() + b'</smses>'
    [record] = sms.backup_records(io.BytesIO(data))
    assert sms.record_body(record) == '😀\n' * 5000
    for size in (64, 1000, 4096):
        assert b''.join(sms.mended_pieces(io.BytesIO(data), size)) == sms.mend_xml(data)

def test_null_and_unknown(tmp_path):
    export = load(tmp_path, one('null'), one('', address='28777', name='(Unknown)'), one('code', address='28777', name='(Unknown)'), one('x', address='null', name='null'))
    assert export.dropped == {'empty': 2}
    assert [(c.name, [m.sender for m in c.messages]) for c in export.chats] == [('28777', ['28777']), ('', [''])]

def test_drafts_and_what_was_never_sent(tmp_path):
    export = load(tmp_path, *(one(type=t) for t in '123456'), one(type='7'), one(type='null'), many(part('draft'), box='3'))
    assert (export.read, export.kept, export.dropped) == (9, 2, {'unsent': 5, 'malformed': 2})

def test_parts_in_order_and_only_plain_text(tmp_path):
    smil = part('<smil><region id="Text"/></smil>', 'application/smil', -1)
    export = load(tmp_path, many(smil + part('two', seq=2) + part('one', 'text/plain; charset=utf-8', 1) + part('null', 'image/jpeg')), many(smil + part('null', 'image/jpeg')),
                  many(part('null', 'text/x-vCard')), many(smil), many('', more='m_type="130"'), many(part('null')))
    assert texts(export) == ['one\ntwo']
    assert export.dropped == {'media': 2, 'contact': 1, 'empty': 2}

def test_groups(tmp_path):
    from_grace = addr('+15550111', 137) + addr('+15550100', 151) + addr('+15550199', 151)
    export = load(tmp_path, many(part('a'), address='+15550100~+15550111', name='Ada, Grace', addrs=from_grace),
                  many(part('b'), box='2', address='+15550111~+15550100', name='Grace, Ada', addrs=addr('insert-address-token', 137)),
                  many(part('c'), address='+15550100~+15550111', name='Ada, Grace'))
    [chat] = export.chats
    assert chat.group and [(m.sender, m.text) for m in chat.messages] == [('Grace', 'a'), ('Me', 'b'), ('', 'c')]

def test_the_owner_among_the_others(tmp_path):
    mine, everyone = addr('+15550199', 137), '+15550100~+15550199~+15550111'
    export = load(tmp_path, many(part('a'), box='2', address=everyone, name='Ada, Me, Grace', addrs=mine), many(part('b'), address=everyone, name='Ada, Me, Grace', addrs=addr('+15550111', 137)),
                  many(part('c'), address=everyone, name='Ada, Me, Grace', addrs=mine), many(part('d'), address='+15550100~+15550199', name='Ada, Me', addrs=addr('+15550100', 137)), one('e'))
    assert [(c.name, c.group, [(m.sender, m.text) for m in c.messages]) for c in export.chats] == [('Ada, Grace', True, [('Me', 'a'), ('Grace', 'b'), ('Me', 'c')]), ('Ada', False, [('Ada', 'd'), ('Ada', 'e')])]

def test_names_with_commas_are_not_guessed(tmp_path):
    export = load(tmp_path, many(part('a'), address='1~2', name='Lovelace, Ada, Grace', addrs=addr('2', 137)), one(address='2', name='Grace'))
    assert [c.name for c in export.chats] == ['1, Grace', 'Grace']
    assert export.chats[0].messages[0].sender == 'Grace' # known from later

def test_one_number_in_many_spellings(tmp_path):
    export = load(tmp_path, one('1', address='+1 (555) 010-0123'), one('2', address='15550100123', name='(Unknown)'), one('3', address='555-010-0123'), one('4', address='555 010 0199'))
    assert [[m.text for m in c.messages] for c in export.chats] == [['1', '2', '3'], ['4']]
    assert {m.sender for m in export.chats[0].messages} == {'Ada'}

def test_two_people_of_one_name(tmp_path):
    export = load(tmp_path, one('1', address='+15550100'), one('2', address='+15550222'),
                  many(part('3'), address='+15550100~+15550222', name='Ada, Ada', addrs=addr('+15550222', 137)), one('4', address='+15550333', name='Me'))
    assert [(c.name, c.messages[0].sender) for c in export.chats] == [('Ada', 'Ada'), ('Ada', 'Ada'), ('+15550100, +15550222', '+15550222'), ('+15550333', '+15550333')]

def test_order_of_time(tmp_path):
    export = load(tmp_path, one('c', date='3000'), one('d', date='null'), one('a', date='1000'), one('b', date='1000'), one('e', date='4102444800000'))
    assert texts(export) == ['a', 'b', 'c', 'd', 'e']
    assert [m.time and m.time.year for m in export.chats[0].messages] == [1970, 1970, 1970, None, 2100]

@pytest.mark.parametrize('date', ['0', '-1', 'NaN', '1e12', '9' * 30, '', 'null', '１２３'])
def test_no_time_is_none(tmp_path, date):
    [chat] = load(tmp_path, one(date=date)).chats
    assert chat.messages[0].time is None

def test_signal_and_silence(tmp_path):
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<!-- File Created By Signal -->\n'
    record = '  <sms protocol="0" address="+15550100" contact_name="null" date="1767258000000" readable_date="null" type="{}" subject="null" body="{}" toa="null" sc_toa="null" service_center="null" read="1" status="-1" locked="0" />\n'
    export = load(tmp_path, record.format(1, 'hi &#55357;&#56832;'), record.format(2, 'ho'), head=head)
    assert [(m.sender, m.text) for m in export.chats[0].messages] == [('+15550100', 'hi 😀'), ('Me', 'ho')]
    group = '<sms address="+15550100" thread_address="__textsecure_group__!ab" date="1" type="1" body="x" />'
    [chat] = load(tmp_path, group).chats
    assert chat.group and chat.messages[0].sender == '+15550100'

def test_found_by_content(tmp_path):
    for name, text in dict(calls='<?xml version="1.0"?><calls count="1"><call/></calls>', html='<html><!-- <smses > --></html>', txt='about <smses count="1">').items():
        (tmp_path/f'sms.{name}').write_text(text)
    for n, start in enumerate(('', '\ufeff', '\r\n', '<!--a-->\n<?b?>', '<!DOCTYPE smses>\n<!--x-->')): (tmp_path/f'{n}.dat').write_text(start + '<smses>\r\n' + one() + '</smses>', encoding='utf-8')
    groups = sms.find(all_files(tmp_path))
    assert [[f.name for f in g] for g in groups] == [[f'{n}.dat'] for n in range(5)]
    for g in groups: assert texts(read_group(sms, g)) == ['hi']

def test_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path/'sms.zip', 'w') as z: z.writestr('sms.xml', '<smses>' + one(raw='"&#55357;&#56832;"') + '</smses>')
    [group] = sms.find(find_files(tmp_path/'sms.zip'))
    assert texts(read_group(sms, group)) == ['😀']

@pytest.mark.parametrize('raw', [b'<smses>', b'<smses><sms', b'<smses>' + one().encode()[:-9], b'<smses></smses><x/>', b'<smses>\xff</smses>', b'<smses></sms>',
                                 b'<!DOCTYPE x>\n<smses><sms body="&nothing;"/></smses>'])
def test_damaged(tmp_path, raw):
    with pytest.raises(ValueError, match='damaged or cut short at line'): load(tmp_path, raw=raw)

def test_entities_are_refused(tmp_path):
    (tmp_path/'sms.xml').write_text('<!DOCTYPE smses [<!ENTITY a "aaaa">]><smses><sms type="1" body="&a;"/></smses>')
    with pytest.raises(ValueError, match='entities'): sms.read(find_files(tmp_path/'sms.xml'))

def test_odd_records(tmp_path):
    export = load(tmp_path, '<sms />', '<mms />', '<rcs body="hi" type="1" />', '<mms msg_box="1"><parts><part /><part seq="x" ct="text/plain" text="ok" /></parts><addrs><addr /></addrs></mms>', '<sms><sms type="1" body="x"/></sms>', 'stray words')
    assert (export.read, texts(export), export.dropped) == (5, ['ok'], {'malformed': 4})
    assert load(tmp_path).chats == []

def test_pictures_take_no_memory(tmp_path):
    tracemalloc = pytest.importorskip('tracemalloc')
    picture = 'A' * 2_000_000
    with open(tmp_path/'sms.xml', 'w') as f: f.write('<smses>' + ''.join(many(f'<part ct="image/png" data="{picture}"/>' + part('look')) for _ in range(10)) + '</smses>')
    files = find_files(tmp_path/'sms.xml')
    tracemalloc.start()
    try:
        export = sms.read(files)
        peak = tracemalloc.get_traced_memory()[1]
    finally: tracemalloc.stop()
    assert export.kept == 10 and peak < 16e6

@pytest.mark.skipif(not EXPORTS.is_dir(), reason='no shared exports here')
def test_real_file():
    [group] = sms.find(all_files(EXPORTS/'sms_backup_restore'))
    export = read_group(sms, group)
    assert (export.read, export.kept, export.dropped) == (15, 14, {'media': 1}) # smses count="15"
    assert {c.name: len(c.messages) for c in export.chats} == {'7535': 3, 'Jane Smith': 3, 'Ted Turner': 6, 'lamer000@aol.com': 1, 'Ted Turner, Nancy Edgar, Antonio Scott, Max Hall': 1}
    assert export.chats[-1].messages[0].sender == 'Antonio Scott'

SAMPLE = ('<?xml version="1.0" encoding="UTF-8"?>\n<smses count="5">\n' + one('are you coming?\nat 8 😀') + one(raw='"yes &#55357;&#56832; &amp; you?"', type='2') + one(type='3') +
          many(part('<smil/>', 'application/smil', -1) + '\n' + part('look'), address='+15550100~+15550111', name='Ada, Grace', addrs=addr('+15550111', 137)) + many(part('null', 'image/png')) + '</smses>\n').encode()

def test_damaged_files_are_read_or_refused():
    read, refused, unknown = survives(sms, {'sms.xml': SAMPLE}, 300)
    assert read + refused + unknown >= 300 and read > 30

# Who is me: from what was sent, and never from a list that may hold others

def test_recipients_are_not_the_owner(tmp_path):
    both, names = '+13105550101~+14085550102', 'Ann, Bo'
    export = load(tmp_path, one('hi', address='+13105550101', name='Ann'), many(part('lunch?'), address=both, name=names, addrs=addr('+13105550101', 137) + addr('+14085550102', 151)),
                  many(part('yes'), box='2', address=both, name=names, addrs=addr('+13105550101', 137) + addr('+14085550102', 137)), many(part('you?'), box='2', address='+13105550101', name='Ann', addrs=addr('+13105550101', 137)))
    assert [(c.name, [(m.sender, m.text) for m in c.messages]) for c in export.chats] == [('Ann', [('Ann', 'hi'), ('Me', 'you?')]), ('Ann, Bo', [('Ann', 'lunch?'), ('Me', 'yes')])]

def test_nobody_in_a_chat_of_two_is_the_owner(tmp_path):
    turned = addr('+13105550101', 137) + addr('+15550009999', 151) # an app that writes From and To the wrong way round
    export = load(tmp_path, many(part('a'), box='2', address='+13105550101~+14085550102', name='Ann, Bo', addrs=turned), one('b', address='310 555 0101', name='Ann'))
    assert {m.text: m.sender for c in export.chats for m in c.messages} == {'a': 'Me', 'b': 'Ann'}

def test_the_token_is_the_sender(tmp_path):
    token = addr('insert-address-token', 137)
    export = load(tmp_path, many(part('a'), box='2', address='+13105550101~+14085550102', name='Ann, Bo', addrs=token + addr('+13105550101', 137) + addr('+14085550102', 151)),
                  many(part('b'), address='+13105550101~+14085550102', name='Ann, Bo', addrs=addr('+13105550101', 137)))
    assert who_said(export) == [('Ann, Bo', True, [('Me', 'a'), ('Ann', 'b')])]

def test_one_who_received_is_not_the_owner_if_others_did_too(tmp_path):
    def group(text, first, second, box='2'): return many(part(text), box=box, address=f'{first}~{second}', name='X, Y', addrs=addr(first, 137))
    export = load(tmp_path, group('a', '+13105550101', '+14085550102'), group('b', '+14085550102', '+16505550103'), group('c', '+13105550101', '+14085550102', '1'))
    assert [m.sender for c in export.chats for m in c.messages] == ['Me', 'X', 'Me']

def test_two_senders_are_none_and_the_account_says_so(tmp_path):
    export = load(tmp_path, many(part('who?'), address='+13105550101~+14085550102', name='Ann, Bo', addrs=addr('+13105550101', 137) + addr('+14085550102', 137)), one('x'))
    assert [m.sender for m in export.chats[0].messages] == [''] and export.chats[0].group
    assert len(export.notes) == 1 and 'one message does not say who sent it' in export.notes[0] and load(tmp_path, one('x')).notes == []

# JSON of other apps

def sms_json(body='hi', type=1, address='+13105550101', date=1767258000000, **more):
    return {'subscriptionId': 1, 'address': address, 'body': body, 'date': date, 'dateSent': 0, 'locked': 0, 'protocol': None, 'read': 1, 'status': -1, 'type': type, 'serviceCenter': None, 'backupType': 'sms'} | more

def mms_json(text, box=1, people=(('+13105550101', 137), ('+15550009999', 151)), date=1767258060, **more):
    parts = [{'ct': 'application/smil', 'seq': -1, 'text': '<smil/>', 'data': None}, {'ct': 'text/plain', 'seq': 0, 'text': text, 'data': None}, {'ct': 'image/jpeg', 'seq': 0, 'text': None, 'data': '/9j/4AAQ'}]
    return {'creator': 'x', 'ct_t': 'application/vnd.wap.multipart.related', 'date': date, 'date_sent': date, 'm_type': 132, 'msg_box': box, 'sub': None, 'addresses': [{'address': a, 'type': t, 'charset': 106} for a, t in people], 'parts': parts, 'backupType': 'mms'} | more

def load_json(tmp_path, data, name='x.json'):
    (tmp_path/name).write_bytes(data if isinstance(data, bytes) else data.encode())
    [group] = sms.find(all_files(tmp_path/name))
    return read_group(sms, group)

def lines(*records): return '\n'.join(map(json.dumps, records))
def who_said(export): return [(c.name, c.group, [(m.sender, m.text) for m in c.messages]) for c in export.chats]

@pytest.mark.parametrize('indent', [None, 1])
def test_fossify(tmp_path, indent):
    records = [sms_json('hé 😀\n'), sms_json('null', 2, date=1767258001000), mms_json('look'), sms_json('later', 3), mms_json(None), mms_json('all?', people=(('+13105550101', 137), ('+14085550102', 151), ('+15550009999', 151)), date=1767258100),
               mms_json('sure', 2, (('insert-address-token', 137), ('+13105550101', 151), ('+14085550102', 151)), 1767258200)]
    export = load_json(tmp_path, json.dumps(records, indent=indent, ensure_ascii=False))
    assert export.format == 'Fossify Messages' and export.read == 7 and export.dropped == {'unsent': 1, 'media': 1} and export.notes == []
    assert who_said(export) == [('+13105550101', False, [('+13105550101', 'hé 😀\n'), ('Me', 'null'), ('+13105550101', 'look')]), ('+13105550101, +14085550102', True, [('+13105550101', 'all?'), ('Me', 'sure')])]
    assert export.chats[0].messages[2].time == datetime(2026, 1, 1, 9, 1, tzinfo=timezone.utc)

def test_simple_sms_messenger(tmp_path):
    chats = [{'sms': [sms_json('a'), sms_json('b', 2)], 'mms': []}, {'sms': [sms_json('c', address='BANK')], 'mms': [mms_json('d')]}]
    export = load_json(tmp_path, json.dumps(chats))
    assert who_said(export) == [('+13105550101', False, [('+13105550101', 'a'), ('Me', 'b'), ('+13105550101', 'd')]), ('BANK', False, [('BANK', 'c')])]

def smsie(body, type='1', thread='4', address='+13105550101', name='Zoe', date='1767258000000'):
    return {'_id': '1', 'thread_id': thread, 'address': address, 'person': None, 'date': date, 'date_sent': '0', 'protocol': '0', 'read': '1', 'status': '-1', 'type': type, 'body': body, '__display_name': name}

def smsie_mms(text, sender, others, box='1', thread='5', date='1767258300', mark='__'):
    def person(a, t): return {'address': a, 'charset': '106', 'type': t} | ({f'{mark}display_name': 'Zoe'} if a == '+13105550101' else {})
    return {'_id': '9', 'thread_id': thread, 'date': date, 'date_sent': '0', 'msg_box': box, 'm_type': '132', f'{mark}sender_address': person(sender, '137'), f'{mark}recipient_addresses': [person(a, '151') for a in others], f'{mark}parts': [{'seq': '0', 'ct': 'text/plain', 'text': text}]}

def test_sms_import_export(tmp_path):
    records = [smsie('hi'), smsie('hey', '2', date='1767258001000'), smsie_mms('pic', '+13105550101', ['+15550009999'], thread='4'), smsie_mms('all?', '+13105550101', ['+14085550102', '+15550009999']),
               smsie_mms('me too', 'insert-address-token', ['+13105550101', '+14085550102'], '2', date='1767258400'), smsie_mms('who', '', ['+14085550102', '+15550009999'], date='1767258500')]
    export = load_json(tmp_path, lines(*records) + '\n{"cut', 'messages.ndjson')
    assert who_said(export) == [('Zoe', False, [('Zoe', 'hi'), ('Me', 'hey'), ('Zoe', 'pic')]), ('Zoe, +14085550102', True, [('Zoe', 'all?'), ('Me', 'me too'), ('', 'who')])]
    assert export.format == 'SMS Import / Export' and export.dropped == {'malformed': 1} and len(export.notes) == 1
    old = load_json(tmp_path, json.dumps([smsie('hi'), smsie_mms('old', '+13105550101', ['+15550009999'], mark='')]))
    assert texts(old) == ['hi', 'old'] and {m.sender for c in old.chats for m in c.messages} == {'Zoe'}

def test_what_is_no_backup_of_texts(tmp_path):
    calls = {'_id': '1', 'number': '+13105550101', 'date': '1767258000000', 'duration': '5', 'type': '2'}
    for n, data in enumerate((json.dumps([calls]), json.dumps([{'address': 'x', 'body': 'y', 'date': 1, 'type': 'letter'}]), '[]', '{}', '{"sms": []}', json.dumps({'messages': [{'sender': 'a', 'text': 'type: address, body'}]}))):
        (tmp_path/f'{n}.json').write_text(data)
    assert sms.find(all_files(tmp_path)) == []

@pytest.mark.parametrize('data', ['[{"address": "1", "body": "x", "date": 1, "type": 1, "dateSent": 0}', '[{"address": "1", "body": "x", "date": 1, "type": 1, "dateSent": 0}, 5]', '[{"address": "1", "body": "x", "date": 1, "type": 1, "dateSent": 0} x]'])
def test_json_cut_short(tmp_path, data):
    with pytest.raises(ValueError, match='JSON is damaged or cut short'): load_json(tmp_path, data)

def test_no_wrong_type_in_json_breaks_it(tmp_path):
    for record in (smsie('hi'), smsie_mms('x', '1', ['2'])):
        for key in record:
            for wrong in (None, 5, True, 'x', [], [1], {}, {'a': [1]}, 1e300, 10**30):
                (tmp_path/'x.ndjson').write_text(lines(smsie('first'), record | {key: wrong}))
                for group in sms.find(all_files(tmp_path/'x.ndjson')): read_group(sms, group)

@pytest.mark.parametrize('name, data', [('x.json', json.dumps([sms_json('hi 😀'), mms_json('a'), sms_json('b', 2)], indent=1)), ('x.ndjson', lines(smsie('hi'), smsie_mms('x', '1', ['2', '3']), smsie('yo', '2')))])
def test_damaged_json_is_read_or_refused(name, data):
    read, refused, unknown = survives(sms, {name: data.encode()}, 150)
    assert read + refused + unknown == 150 and read > 20

def test_the_names_of_todays_fossify(tmp_path):
    "It writes msg_box as messageBox, ct as contentType; a file of MMS only is known, too."
    sms = dict(address='+15550100', body='hi', date=1695679571000, type=1, backupType='sms')
    mms = dict(contentType='application/vnd.wap.multipart.related', date=1695679573, messageType=128, messageBox=2, backupType='mms',
               addresses=[dict(address='insert-address-token', type=137), dict(address='+15550100', type=151)],
               parts=[dict(contentType='text/plain', sequenceOrder=1, name='t.txt', text='mine', data='mine'), dict(contentType='image/jpeg', sequenceOrder=0, data='AAAA')])
    e = load_json(tmp_path, json.dumps([sms, mms]), 'both.json')
    assert texts(e) == ['hi', 'mine'] and [m.sender for m in e.chats[0].messages] == ['+15550100', 'Me'] and not e.dropped
    e = load_json(tmp_path, json.dumps([mms]), 'mms.json')
    assert texts(e) == ['mine'] and e.chats[0].messages[0].time == datetime(2023, 9, 25, 22, 6, 13, tzinfo=timezone.utc)

def test_super_backup(tmp_path):
    e = load(tmp_path, raw=b'<?xml version="1.0" encoding="UTF-8"?><allsms count="2"><sms address="+15550100" time="Sep 25, 2023" date="1695679571000" type="1" body="hi" read="1" name="Ann" />'
                           b'<sms address="+15550100" time="Sep 25, 2023" date="1695679572000" type="2" body="mine" read="1" name="Ann" /></allsms>')
    assert [(c.name, [(m.sender, m.text) for m in c.messages]) for c in e.chats] == [('Ann', [('Ann', 'hi'), ('Me', 'mine')])]
