"Tables, JSON and ChatML: every cell comes back as it was, and what is another reader's stays there."
import copy, csv, io, json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from mutations import survives
from tinychat.data import Block, to_chatml
from tinychat.messengers import generic as reader
from tinychat.messengers.core import all_files, balanced, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'
UTC = timezone.utc

def read(root, data, name='x.csv'):
    (root/name).write_bytes(data if isinstance(data, bytes) else data.encode('utf-8', 'surrogatepass'))
    groups = reader.find(all_files(root/name))
    return read_group(reader, groups[0]) if groups else None

def said(e): return [(m.sender, m.text) for c in e.chats for m in c.messages]
def times(e): return [m.time for c in e.chats for m in c.messages]

@pytest.mark.parametrize('d', [',', ';', '\t'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_delimiters_line_ends_and_encodings(tmp_path, d, end, encoding):
    rows = [['Time', 'Sender', 'Message'], ['2024-05-01 12:34', 'Ada', f'a{d}b "c"\n\nd'], ['2024-05-01 12:35', 'Dr: Who', ' 👩‍👧\u200e\u202f ﬁ '], ['', 'Ada', "I left. <Media omitted>"]]
    out = io.StringIO()
    csv.writer(out, delimiter=d, lineterminator=end).writerows(rows)
    e = read(tmp_path, out.getvalue().encode(encoding))
    assert said(e) == [(r[1], r[2]) for r in rows[1:]] and e.read == 3 and e.chats[0].messages[2].time is None and e.chats[0].name == 'x'

texts = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'), min_size=1, max_size=20).filter(str.strip) | st.sampled_from(['"', '""', 'a,b', '\n', '\r\nx', 'a\rb', ';', "sep=;", '\ufeff', '=1+1']).filter(str.strip)

@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6), st.sampled_from(',;\t'), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_cell_comes_back(tmp_path, rows, d, quoting):
    out = io.StringIO(newline='')
    csv.writer(out, delimiter=d, quoting=quoting).writerows([('sender', 'text'), *rows])
    assert said(read(tmp_path, out.getvalue())) == rows

@pytest.mark.parametrize('header', ['sender,text', 'Author,Content', 'FROM,Body', 'talker,msg', 'name,message', 'is_from_me,text', 'Is Sender,TEXT', '"sender","text"', '\ufeffsender,text', 'sender_name,message_text'])
def test_headers_that_are_found(tmp_path, header): assert read(tmp_path, f'{header}\n1,hi\n').kept == 1

@pytest.mark.parametrize('header', ['sender,stars', 'text,time', 'name,phone', 'text', 'hello', 'AuthorID,Author,Date,Content,Attachments,Reactions', '"AuthorID","Author","Date","Content","Attachments","Reactions"',
                                    'ID,Timestamp,Contents,Attachments', 'id,recipient,textual', '', '\n\n', 'Dear sender, your text is late'])
def test_headers_that_are_not_ours(tmp_path, header): assert read(tmp_path, f'{header}\n1,hi,2,3,4,5\n') is None

def test_a_bad_row_is_counted_and_costs_no_other(tmp_path):
    e = read(tmp_path, 'sender,text,time\nada,hi, there,1\nada,hi\n,nobody,\nada,,\nada,  ,\n,,\n\nada,ok,1714566896,,\n')
    assert said(e) == [('ada', 'ok')] and e.dropped == dict(malformed=3, empty=3)

def test_quotes_that_do_not_match_up_are_refused(tmp_path):
    for data in ('sender,text\nada,"hi\nbob,ok\n', 'sender,text\nada,"hi" there\n'):
        with pytest.raises(ValueError, match='near line [23]') as e: read(tmp_path, data)
        assert 'hi' not in str(e.value).replace('this', '').split('but', 1)[1]
    assert said(read(tmp_path, 'sender,text\nada,say "hi"\n')) == [('ada', 'say "hi"')]

def test_a_huge_cell(tmp_path): assert len(said(read(tmp_path, f'sender,text\nada,"{"x, " * 200_000}"\n'))[0][1]) == 600_000

def test_latin_is_refused_not_guessed(tmp_path):
    with pytest.raises(ValueError, match='neither UTF-8 nor UTF-16'): read(tmp_path, 'sender,text\nada,grüße\n'.encode('latin-1'))

def test_me(tmp_path):
    e = read(tmp_path, 'sender,text,is_from_me\nada,hi,0\ngrace,yo,1\n,me too,True\nada,hm,false\nbob,?,\n')
    assert said(e) == [('ada', 'hi'), ('grace', 'yo'), ('Me', 'me too'), ('ada', 'hm'), ('bob', '?')] and e.chats[0].me == {'grace', 'Me'} and e.chats[0].group
    e = read(tmp_path, 'from,body,is_sender\nada,hi,0\nada,mine,1\n') # the sender column is the other person
    assert said(e) == [('ada', 'hi'), ('Me', 'mine')] and e.chats[0].me == {'Me'}
    e = read(tmp_path, 'text,is_from_me\nhi,0\nmine,1\n')
    assert said(e) == [('Them', 'hi'), ('Me', 'mine')]
    assert read(tmp_path, 'sender,text\nada,hi\n').chats[0].me == set()

def test_wechat(tmp_path):
    e = read(tmp_path, '\ufeffid,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime\r\n1,1,文本,0,wx_a,wx_a,"吃,了吗",,2024-05-01 12:34:56\r\n2,2,text,1,wx_me,wx_a,吃了,,1714566900\r\n'
             '3,3,图片,0,wx_a,wx_a,x.jpg,,\r\n4,4,系统通知,0,wx_a,wx_a,x,,\r\n5,5,什么,0,wx_a,wx_a,x,,\r\n6,6,动画表情,0,wx_a,r@chatroom,x,,\r\n7,7,文本,0,wx_b,r@chatroom,嗨,,\r\n8,8,语音通话,1,wx_me,wx_a,x,,\r\n')
    assert said(e) == [('wx_a', '吃,了吗'), ('wx_me', '吃了'), ('wx_b', '嗨')] and [c.name for c in e.chats] == ['wx_a', 'r@chatroom'] and e.chats[0].me == {'wx_me'}
    assert e.dropped == dict(media=1, system=1, malformed=1, sticker=1, call=1)

def test_chats_in_a_column(tmp_path):
    e = read(tmp_path, 'CONVERSATION ID,FROM,DATE,CONTENT\nx,Ada,2024-05-01 12:00:00 UTC,a\ny,Bob,2024-05-01 11:00:00 UTC,b\nx,Me,2024-05-01 10:00:00 UTC,c\n')
    assert [(c.name, [m.text for m in c.messages]) for c in e.chats] == [('x', ['c', 'a']), ('y', ['b'])]

@pytest.mark.parametrize('cell, wanted', [
    ('1714566896', datetime(2024, 5, 1, 12, 34, 56, tzinfo=UTC)), ('1714566896789', datetime(2024, 5, 1, 12, 34, 56, 789000, tzinfo=UTC)), ('1714566896.5', datetime(2024, 5, 1, 12, 34, 56, 500000, tzinfo=UTC)),
    ('1714566896789012', datetime(2024, 5, 1, 12, 34, 56, 789012, tzinfo=UTC)), ('2024-05-01T12:34:56.789Z', datetime(2024, 5, 1, 12, 34, 56, 789000, tzinfo=UTC)), ('4102444800', datetime(2100, 1, 1, tzinfo=UTC)),
    ('2024-05-01 12:34:56+02', datetime(2024, 5, 1, 10, 34, 56, tzinfo=UTC)), ('2024-05-01T12:34:56.123456789-03:30', datetime(2024, 5, 1, 16, 4, 56, 123456, tzinfo=UTC)), ('Wed, 1 May 2024 14:34:56 +0200', datetime(2024, 5, 1, 12, 34, 56, tzinfo=UTC)),
    ('2024-05-01', datetime(2024, 5, 1)), ('2024/5/1 9:05', datetime(2024, 5, 1, 9, 5)), ('31.12.2023, 23:59', datetime(2023, 12, 31, 23, 59)), ('31-12-23 23:59', datetime(2023, 12, 31, 23, 59)), ('12/31/23, 11:59\u202fPM', datetime(2023, 12, 31, 23, 59)),
    ('May 17, 2022  5:29:42 PM', datetime(2022, 5, 17, 17, 29, 42)), ('17 May 2022 at 17:29', datetime(2022, 5, 17, 17, 29)), ('Tue May 17 17:29:42 2022', datetime(2022, 5, 17, 17, 29, 42)), ('01-Jan-20 12:00 AM', datetime(2020, 1, 1)), ('2024-05-01 12:00 p. m.', datetime(2024, 5, 1, 12)),
    ('20240501', datetime(2024, 5, 1)), ('2024年5月1日 12:34', datetime(2024, 5, 1, 12, 34)),
    ('', None), ('null', None), ('NaN', None), ('inf', None), ('1e999', None), ('9' * 50, None), ('0', None), ('-1', None), ('12', None), ('2024-02-30', None), ('99/99/9999', None), ('2024-05-01 24:61', None), ('May', None), ('0000-00-00 00:00:00', None), ('9999-12-31T23:59:59-12:00', None)])
def test_times(tmp_path, cell, wanted):
    e = read(tmp_path, f'sender,text,time\nada,hi,"{cell}"\n')
    assert times(e) == [wanted] and (wanted is None or times(e)[0].tzinfo == wanted.tzinfo)

def test_the_order_of_day_and_month_is_the_columns(tmp_path):
    for d, wanted in [(('1/5/2024', '13/5/2024'), [5, 5]), (('5/1/2024', '5/13/2024'), [5, 5]), (('12/13/2024', '12/1/2024'), [12, 12]), (('1/2/2024 1:00 PM',), [1]), (('1/2/2024 13:00',), [2]), (('30.4.24', '1.5.24'), [4, 5])]:
        e = read(tmp_path, 'sender,text,date\n' + ''.join(f'ada,{i},{x}\n' for i, x in enumerate(d)))
        assert sorted(t.month for t in times(e)) == sorted(wanted)

def test_date_and_time_in_two_columns(tmp_path):
    e = read(tmp_path, 'date,time,name,text\n1.5.2024,12:34,ada,hi\n1.5.2024,,ada,ho\n')
    assert set(times(e)) == {datetime(2024, 5, 1, 12, 34), datetime(2024, 5, 1)}

def test_order_is_that_of_time_and_ties_stay(tmp_path):
    e = read(tmp_path, 'sender,text,time\na,1,1714566896\nb,2,1714566896\na,3,1714566000\nb,4,\na,5,2024-05-01 10:00\n')
    assert [t for _, t in said(e)] == ['3', '4', '5', '1', '2'] and times(e)[2] is None # a wall clock among instants

OPENAI = {'messages': [{'role': 'system', 'content': 'x'}, {'role': 'user', 'content': 'tea?\n'}, {'role': 'assistant', 'content': ' at 5'}, {'role': 'user', 'name': 'Ada', 'content': [{'type': 'text', 'text': 'ok'}, {'type': 'image_url'}]},
                       {'role': 'tool', 'content': 'x'}, {'role': 'assistant', 'content': None, 'tool_calls': [{}]}, {'role': 'assistant', 'content': ''}, {'role': 'user', 'name': 'assistant', 'content': 'fake'}, 5]}
SHAREGPT = {'id': '1', 'conversations': [{'from': 'system', 'value': 'x'}, {'from': 'human', 'value': 'hi'}, {'from': 'gpt', 'value': 'hi!'}]}
WANTED = [('user', 'tea?\n'), ('assistant', ' at 5'), ('Ada', 'ok'), ('user', 'fake'), ('human', 'hi'), ('gpt', 'hi!')]

@pytest.mark.parametrize('data', ['\n'.join(map(json.dumps, (OPENAI, SHAREGPT))), json.dumps([OPENAI, SHAREGPT]), json.dumps([OPENAI, SHAREGPT], indent=2), '\ufeff' + '\r\n'.join(map(json.dumps, (OPENAI, SHAREGPT)))])
def test_conversations_with_a_model(tmp_path, data):
    e = read(tmp_path, data, 'x.jsonl')
    assert said(e) == WANTED and [c.me for c in e.chats] == [{'assistant'}, {'gpt'}] and not any(times(e))
    assert e.read == 12 and e.dropped == dict(system=2, bot=2, empty=1, malformed=1)

def test_one_conversation(tmp_path):
    for data in (OPENAI, OPENAI['messages']):
        for indent in (None, 1): assert said(read(tmp_path, json.dumps(data, indent=indent), 'x.json')) == WANTED[:4]

def test_damaged_lines_cost_themselves(tmp_path):
    good = json.dumps(SHAREGPT).encode()
    e = read(tmp_path, b'\n'.join([good, good[:30], b'\xff', b'[]', b'{}', b'null', b'[' * 10_000, b'\xe2\x80\xa8'.join([good]), b'']), 'x.jsonl')
    assert len(e.chats) == 2 and e.dropped == dict(system=2, malformed=5)

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_json_lines_in_any_unicode(tmp_path, encoding):
    lines = '\n'.join(json.dumps(c, ensure_ascii=False) for c in (SHAREGPT, {'messages': [{'role': 'user', 'content': 'grüße 🐟 \u0a00\u2028'}]}))
    (tmp_path/'x.jsonl').write_bytes(lines.encode(encoding))
    [group] = reader.find(all_files(tmp_path))
    export = read_group(reader, group)
    assert len(export.chats) == 2 and export.chats[1].messages[0].text == 'grüße 🐟 \u0a00\u2028' and 'malformed' not in export.dropped

def test_lists_of_objects(tmp_path):
    rows = [{'from': 'Ada', 'text': 'hi\u2028', 'timestamp': 1714566896000}, {'from': 5, 'text': 'yo', 'timestamp': '2024-05-01T12:00:00Z'}, {'from': None, 'text': 'x'}, {'from': 'Ada', 'text': None}, {'from': 'Ada', 'text': ['x']}, 'x', {}, {'from': 'Ada', 'text': 'end', 'timestamp': float('nan')}]
    for data in (json.dumps(rows), json.dumps(rows, indent=1, ensure_ascii=False), '\n'.join(map(json.dumps, rows))):
        e = read(tmp_path, data, 'x.json')
        assert said(e) == [('5', 'yo'), ('Ada', 'end'), ('Ada', 'hi\u2028')] and e.read == 8 and e.dropped == dict(malformed=3, empty=2)

def test_first_object_longer_than_a_look(tmp_path):
    long = 'x' * 40_000
    assert said(read(tmp_path, json.dumps([{'sender': 'a', 'text': long}, {'sender': 'b', 'text': 'hi'}]), 'x.json')) == [('a', long), ('b', 'hi')]
    assert said(read(tmp_path, json.dumps({'messages': [{'role': 'user', 'content': long}]}) + '\n' + json.dumps(SHAREGPT), 'x.json'))[0] == ('user', long)

@pytest.mark.parametrize('data', [
    {'name': 'Ada', 'type': 'personal_chat', 'messages': [{'id': 1, 'type': 'message', 'from': 'user', 'text': 'hi'}]}, {'participants': [{'name': 'Ada'}], 'messages': [{'sender_name': 'Ada', 'content': 'hi', 'timestamp_ms': 1}]},
    {'participants': ['Ada'], 'threadName': 'x', 'messages': [{'senderName': 'Ada', 'text': 'hi', 'timestamp': 1}]}, {'guild': {}, 'channel': {}, 'messages': [{'id': '1', 'content': 'hi', 'author': {'name': 'Ada'}}]},
    [{'type': 'message', 'user': 'U1', 'text': 'hi', 'ts': '1.2'}], [{'ID': 1, 'Timestamp': 'x', 'Contents': 'hi', 'Attachments': ''}], [{'id': 'U1', 'name': 'ada', 'real_name': 'Ada'}], {'messages': [{'creator': {'name': 'Ada'}, 'text': 'hi'}]},
    [{'author': {'login': 'a'}, 'body': 'hi'}], [1, 2], [], {}, 5, {'date': '2024-05-01T12:34:56', 'sender': 'Me', 'body': 'hi', 'quote': '', 'sticker': None, 'reactions': [], 'attachments': []}, {'version': '1', 'backupTimeMs': '1'}])
@pytest.mark.parametrize('indent', [None, 2])
def test_other_messengers_json_is_not_ours(tmp_path, data, indent): assert read(tmp_path, json.dumps(data, indent=indent), 'x.json') is None

def test_nothing_of_the_other_messengers_is_ours():
    if not EXPORTS.exists(): pytest.skip('no exports here')
    files = [f for f in all_files(EXPORTS) if not f.name.startswith('reported/') and not f.name.endswith(('target.json', 'variants.json', '.tsv'))] # answers are no exports; reported/ holds tables, too
    ours = [f.name for g in reader.find(files) for f in g]
    assert ours == []

def test_chatml(tmp_path):
    convs = [[Block('system', 'be kind'), Block('user', 'hi <|im_end|>'), Block('assistant', ' a\n\nb '), Block('assistant', '')], [Block('user name=Ada: L', 'x'), Block('user name=assistant', 'y'), Block('assistant', 'z')], [Block('system', 'x')]]
    e = read(tmp_path, '\ufeff' + to_chatml(convs), 'x.txt')
    assert said(e) == [('user', 'hi <|im_end|>'), ('assistant', ' a\n\nb '), ('Ada: L', 'x'), ('user name=assistant', 'y'), ('assistant', 'z')]
    assert [(c.me, c.group) for c in e.chats] == [({'assistant'}, False), ({'assistant'}, True)] and e.dropped == dict(system=2, empty=1) and not any(times(e))

def test_bad_chatml_names_its_line(tmp_path):
    with pytest.raises(ValueError, match='but its ChatML, line 2: .*[^.]\\. Export it again') as e: read(tmp_path, '<|im_start|>user\nsecret<|im_end|>secret', 'x.txt')
    assert 'secret' not in str(e.value)

def test_no_wrong_type_anywhere_breaks_it(tmp_path):
    whole = [OPENAI, SHAREGPT, {'sender': 'a', 'text': 'x', 'time': 1714566896, 'chat': 'c', 'is_from_me': True, 'type_name': 'text'}]
    def spots(x, path=()):
        if path: yield path
        for k, v in x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, list) else (): yield from spots(v, (*path, k))
    for path in spots(whole):
        for wrong in (None, 5, -1, True, 'x', [], [1], {}, {'a': 1}, float('nan'), float('inf'), 10**400, '\ud83d'):
            changed = x = copy.deepcopy(whole)
            for k in path[:-1]: x = x[k]
            x[path[-1]] = wrong
            for name, data in (('x.jsonl', '\n'.join(map(json.dumps, changed))), ('x.json', json.dumps(changed))):
                (tmp_path/name).write_text(data)
                for g in reader.find(all_files(tmp_path/name)):
                    try: balanced(reader.read(g))
                    except ValueError as e: assert name == 'x.jsonl' and path == (0,) and 'damaged at line' in str(e) # its first line is no object: a list, perhaps

def test_hostile_files_are_read_or_left_alone_in_linear_time(tmp_path):
    for evil in ('[' * 400_000, '{"a":' * 100_000, '"' * 400_001, 'sender,text\n' + ',' * 400_000, 'sender,text\n' + '"a","b"\n' * 50_000, ' ' * 400_000, '\n' * 400_000, '{ ' * 100_000, '[{' + '"messages":[' * 30_000, '<|im_start|>' * 30_000,
                 'sender,text,time\n' + 'a,b,' + '1:' * 100_000 + '\n', '[{"sender": "a", "text": "b", "time": ' + '9' * 5000 + '}]'):
        try: read(tmp_path, evil)
        except ValueError as e: assert '\n' not in str(e)

SAMPLES = {'sheet.csv': 'Date;From;Message;is_from_me\r\n01.05.2024 12:34;Ada;"two\nlines ""q"" 😀";0\r\n02.05.2024 12:35;Grace; ok ;1\r\n03.05.2024 12:36;Ada;hm;0\r\n',
           'chats.jsonl': '\n'.join(map(json.dumps, (OPENAI, SHAREGPT, OPENAI))), 'rows.json': json.dumps([{'sender': 'Ada', 'text': 'hi 😀', 'time': '2024-05-01T12:34:56Z'}, {'sender': 'Grace', 'text': 'yo', 'time': 1714566896}], ensure_ascii=False),
           'me.txt': to_chatml([[Block('user', 'hi'), Block('assistant', 'yo 😀\n')], [Block('user name=Ada', 'a'), Block('assistant', 'b')]])}

@pytest.mark.parametrize('name', SAMPLES)
def test_damaged_files_end_in_messages_or_one_sentence(name):
    read, refused, unknown = survives(reader, {name: SAMPLES[name].encode()}, 300)
    assert read + refused + unknown == 300 and read

def test_a_german_table_with_semicolons(tmp_path):
    (tmp_path/'t.csv').write_text('Datum;Name;Nachricht\n01.02.2024 10:00;Ada;"hallo; na?"\n31.01.2024 10:01;Bo;ja\n')
    (export,) = [read_group(reader, g) for g in reader.find(all_files(tmp_path/'t.csv'))]
    assert [(m.sender, m.text, str(m.time)) for m in export.chats[0].messages] == [('Bo', 'ja', '2024-01-31 10:01:00'), ('Ada', 'hallo; na?', '2024-02-01 10:00:00')]

# Which way a message went

def chats(e): return [(c.name, [(m.sender, m.text) for m in c.messages]) for c in e.chats]
TWO = [('Zoe', [('Zoe', 'hello'), ('Me', 'hi zoe')]), ('Kim', [('Kim', 'yo'), ('Me', 'yo kim')])]

@pytest.mark.parametrize('column, received, sent', [
    ('Type', 'Received', 'Sent'), ('Direction', 'Incoming', 'Outgoing'), ('direction', 'in', 'out'), ('TYPE', '1', '2'), ('type', '1.0', '2.0'), ('Folder', 'Inbox', 'Sent'), ('message_type', 'INBOX', 'SENT'), ('Direction', 'SMS received', 'SMS sent'),
    ('from_me', '0', '1'), ('is_sent', 'false', 'true'), ('Is Outgoing', 'No', 'Yes'), ('is_incoming', '1', '0'), ('IsSent', 'received', 'sent'), ('Status', 'Received', 'Sent'), ('Sent or Received', 'R', 'S'), ('direction', 'MT', 'MO'), ('type', 'From', 'To'), ('Richtung', 'Eingehend', 'Ausgehend'), ('Typ', 'Empfangen', 'Gesendet'), ('Ordner', 'Posteingang', 'Postausgang'), ('Von mir', 'x', 'y'),
    ('Tipo', 'Recibido', 'Enviado'), ('Dirección', 'Entrante', 'Saliente'), ('Tipo', 'Recebida', 'Enviada'), ('Direzione', 'In arrivo', 'In uscita'), ('Sens', 'Reçu', 'Envoyé'), ('Richting', 'Ontvangen', 'Verzonden'), ('Направление', 'Входящее', 'Исходящее'), ('方向', '收到', '发送'), ('送受信', '受信', '送信')])
def test_a_direction_decides(tmp_path, column, received, sent):
    table = f'Date,{column},Name,Number,Message\n2024-03-05 21:10:00,{received},Zoe,+1555,hello\n2024-03-05 21:11:00,{sent},Zoe,+1555,hi zoe\n2024-03-05 21:12:00,{received},Kim,+1556,yo\n2024-03-05 21:13:00,{sent},Kim,+1556,yo kim\n'
    e = read(tmp_path, table)
    if column == 'Von mir': assert [c.me for c in e.chats] == [set()] # neither the column nor its words are known: nothing is guessed
    else: assert chats(e) == TWO and [c.me for c in e.chats] == [{'Me'}]*2 and all(times(e)) and not e.dropped

def test_rows_that_go_out_without_a_sender_are_mine(tmp_path):
    e = read(tmp_path, 'Type;Number;Text;Date\nReceived;+1555;hello;2024-03-05 21:10\nSent;;hi;2024-03-05 21:11\nSent;+1556;alone;2024-03-05 21:12\n')
    assert chats(e) == [('+1555', [('+1555', 'hello')]), ('x', [('Me', 'hi')]), ('+1556', [('Me', 'alone')])] # who wrote only to Kim is not Kim
    e = read(tmp_path, 'direction,from,to,text\nincoming,+1555,+1999,hello\noutgoing,+1999,+1555,hi\noutgoing,+1999,+1556,yo\n')
    assert chats(e) == [('+1555', [('+1555', 'hello'), ('+1999', 'hi')]), ('+1556', [('+1999', 'yo')])] and {s for c in e.chats for s in c.me} == {'+1999'}

def test_other_columns_called_type_say_nothing(tmp_path):
    for kinds in ('SMS MMS SMS', '1 1 1', 'S M S', '2 3 2', 'text image text', 'public private public'):
        e = read(tmp_path, 'type,sender,text\n' + ''.join(f'{k},{s},hi\n' for k, s in zip(kinds.split(), ('ada', 'bo', 'ada'))))
        assert said(e) == [('ada', 'hi'), ('bo', 'hi'), ('ada', 'hi')] and e.chats[0].me == set(), kinds

def test_drafts_notices_and_rows_of_nobody(tmp_path):
    e = read(tmp_path, 'type,address,body\n' + ''.join(f'{k},+1555,x{k}\n' for k in '1212121212123456') + '9,+1555,whose?\n')
    assert e.dropped == dict(unsent=4, malformed=1) and e.kept == 12 and e.notes == ['1 of 17 rows say in no column that is known who wrote them, and are left out.']

IMAZING = 'Chat Session,Message Date,Delivered Date,Read Date,Edited Date,Deleted Date,Service,Type,Sender ID,Sender Name,Status,Replying to,Subject,Text,Reactions,Attachment,Attachment type\n'

def test_imazing_messages(tmp_path):
    rows = ['Zoe,2024-03-05 21:10:00,,,,,iMessage,Incoming,+13105550101,Zoe Fox,Read,,,hello,Loved by me,,', 'Zoe,2024-03-05 21:11:00,,,,,iMessage,Outgoing,,,Delivered,hello,,hi zoe,,,', 'Zoe,2024-03-05 21:12:00,,,,,iMessage,Notification,,,,,,"Zoe named the conversation ""X""",,,',
            'Zoe,2024-03-05 21:13:00,,,,,iMessage,Outgoing,,,Read,,,,,IMG_1.HEIC,Image', 'Zoe,2024-03-05 21:14:00,,,,2024-03-06 08:00:00,iMessage,Incoming,+13105550101,Zoe Fox,Read,,,gone,,,', 'Zoe,2024-03-05 21:15:00,,,,,SMS,Incoming,+13105550101,,Read,,,from the number,,clip.mov,Video',
            'Trip,2024-03-05 21:16:00,,,,,iMessage,Incoming,+14085550102,Kim,Read,,,who is in?,,,', 'Trip,2024-03-05 21:17:00,,,,,iMessage,Outgoing,,,Read,,,me,,,', 'Trip,2024-03-05 21:18:00,,,,,iMessage,Incoming,,,Read,,,me too,,,']
    e = read(tmp_path, IMAZING + '\n'.join(rows))
    assert chats(e) == [('Zoe', [('Zoe Fox', 'hello'), ('Me', 'hi zoe'), ('+13105550101', 'from the number')]), ('Trip', [('Kim', 'who is in?'), ('Me', 'me'), ('', 'me too')])]
    assert e.read == 9 and e.dropped == dict(system=1, media=1, deleted=1) and all(times(e)) and 'one message does not say who sent it' in e.notes[0]

def test_imazing_whatsapp(tmp_path):
    rows = ['Kim,2024-03-05 21:09:00,,Notification,,,,,,Messages and calls are end-to-end encrypted,,,,', 'Kim,2024-03-05 21:10:00,2024-03-05 21:10:00,Outgoing,,,Read,,,"hola, kim",,,,', 'Kim,2024-03-05 21:11:00,,Incoming,34600000000@s.whatsapp.net,Kim,,,,sí,,,,',
            'Kim,2024-03-05 21:12:00,,Incoming,34600000000@s.whatsapp.net,Kim,,,,,,a.opus,Audio,0:07', 'Kim,2024-03-05 21:13:00,,Outgoing,,,Read,Forwarded,,a chain letter,,,,']
    e = read(tmp_path, 'Chat Session,Message Date,Sent Date,Type,Sender ID,Sender Name,Status,Forwarded,Replying to,Text,Reactions,Attachment,Attachment type,Attachment info\n' + '\n'.join(rows))
    assert chats(e) == [('Kim', [('Me', 'hola, kim'), ('Kim', 'sí')])] and e.dropped == dict(system=1, media=1, forwarded=1)

def test_a_name_that_is_not_known_of_several_is_nobodys(tmp_path):
    e = read(tmp_path, 'chat,is_from_me,sender,text\na,0,Ada,x\na,0,,y\na,1,,z\nb,0,,w\n')
    assert chats(e) == [('a', [('Ada', 'x'), ('', 'y'), ('Me', 'z')]), ('b', [('b', 'w')])] and len(e.notes) == 1

# Messages inside objects

A, B = {'sender': 'Zoe', 'text': 'hello', 'timestamp': '2024-03-05T21:10:00Z'}, {'sender': 'Ann', 'text': 'hi', 'timestamp': '2024-03-05T21:11:00Z'}

@pytest.mark.parametrize('indent', [None, 1])
@pytest.mark.parametrize('data, names', [
    ({'chat': 'x1', 'messages': [A, B]}, ['x1']), ({'messages': [A, B]}, ['x']), ({'version': 2, 'owner': {'id': 5}, 'tags': ['a'], 'data': {'rows': [A, B]}}, ['x']), ({'export': {'chats': [{'title': 'one', 'history': {'messages': [A, B]}}]}}, ['one']), ([{'name': 'n', 'messages': [A, B]}], ['n']),
    ({'Zoe': [A, B]}, ['Zoe']), ({'messages': {'m1': A, 'm2': B}}, ['x']), ({'users': [{'name': 'Zoe', 'id': 1}, {'name': 'Ann', 'id': 2}], 'messages': [A, B]}, ['x']), ({'a': {'b': {'c': {'d': {'e': [A, B]}}}}}, ['e'])])
def test_wrapped_lists(tmp_path, data, names, indent):
    e = read(tmp_path, json.dumps(data, indent=indent), 'x.json')
    assert chats(e) == [(n, [('Zoe', 'hello'), ('Ann', 'hi')]) for n in names] and e.read == 2 and all(times(e))

def test_wrapped_chats_keep_apart_and_count_all(tmp_path):
    e = read(tmp_path, json.dumps({'chats': [{'name': 'a', 'messages': [A, 5, {'sender': 'Zoe'}, B]}, {'name': 'b', 'messages': [B]}, {'name': 'c', 'messages': []}]}), 'x.json')
    assert [(c.name, len(c.messages)) for c in e.chats] == [('a', 2), ('b', 1)] and e.read == 5 and e.dropped == dict(malformed=1, empty=1)
    e = read(tmp_path, '\n'.join(json.dumps({'with': n, 'messages': [A, B]}) for n in 'pq'), 'x.jsonl')
    assert [c.name for c in e.chats] == ['p', 'q']
    e = read(tmp_path, json.dumps({'data': [{'messages': OPENAI['messages']}, SHAREGPT]}, indent=1), 'x.json')
    assert said(e) == WANTED

def test_wrapped_directions(tmp_path):
    rows = [{'direction': d, 'contact': 'Zoe', 'body': t, 'date': 1714566896000 + n} for n, (d, t) in enumerate([('incoming', 'a'), ('outgoing', 'b'), ('incoming', 'c')])]
    assert chats(read(tmp_path, json.dumps({'sms': rows}, indent=1), 'x.json')) == [('Zoe', [('Zoe', 'a'), ('Me', 'b'), ('Zoe', 'c')])]

@pytest.mark.parametrize('data', [{'messages': []}, {'items': [{'title': 'x', 'text': 'y'}]}, {'message': 'ok', 'data': {'count': 3}}, {'a': [{'text': 5, 'sender': []}]}, {'x': {'y': [[1, 2], [3]]}}])
def test_wrapped_lists_of_other_things(tmp_path, data):
    for indent in (None, 1): assert read(tmp_path, json.dumps(data, indent=indent), 'x.json') is None

# Dates in other languages, and what the account says

@pytest.mark.parametrize('cell, wanted', [('5. März 2024 21:10', (3, 5, 21)), ('5 mars 2024 21:10', (3, 5, 21)), ('05 févr. 2024, 21:10', (2, 5, 21)), ('5 de mayo de 2024 21:10', (5, 5, 21)), ('mar, 6 feb 2024 21:10', (2, 6, 21)), ('6 lut 2024 21:10', (2, 6, 21)), ('5 marraskuuta 2024 21:10', (11, 5, 21)),
    ('3 мар. 2024 г. 21:10', (3, 3, 21)), ('2024年3月5日 下午9:10', (3, 5, 21)), ('2024/03/05 上午9:10', (3, 5, 9)), ('2024. 3. 5. 오후 9:10', (3, 5, 21)), ('25/3/2024 9:10 μ.μ.', (3, 25, 21)), ('2024-03-05 21:10 GMT+1', (3, 5, 20)), ('5 lip 2024 21:10', None), ('2024年3月5日 21時10分', None), ('13 Smarch 2024 21:10', None)])
def test_dates_in_other_languages(tmp_path, cell, wanted):
    e = read(tmp_path, f'sender,text,time\nada,hi,"{cell}"\nbo,yo,2024-12-31\n')
    time = next(m.time for m in e.chats[0].messages if m.text == 'hi')
    assert (time and (time.month, time.day, time.hour)) == wanted or (time is None and 'GMT' in cell)
    assert bool(e.notes) == (wanted is None)

def test_the_account_names_what_was_not_certain(tmp_path):
    e = read(tmp_path, 'sender,text,date\nada,a,1/2/2024 10:00\nbo,b,2/2/2024 10:00\nada,c,\n')
    assert len(e.notes) == 1 and 'Days and months could be swapped' in e.notes[0]
    assert read(tmp_path, 'sender,text,date\nada,a,1.2.2024 10:00 AM\n').notes == [] # with dots, the day is first
    e = read(tmp_path, 'sender,text,date\nada,a,31/1/2024 10:00\nbo,b,soon\nada,c,\n')
    assert len(e.notes) == 1 and e.notes[0].startswith('1 of 2 times could not be read')
    assert read(tmp_path, 'sender,text,date\nada,a,31/1/2024 10:00\n').notes == [] and read(tmp_path, 'sender,text\nada,a\n').notes == []

WRAPPED = json.dumps({'chat': 'x', 'messages': [A, B, {'sender': 'Zoe', 'text': 'bye 😀'}]}, indent=1)
PHONE = 'Date,Type,Name,Number,Message\n2024-03-05 21:10:00,Received,Zoe,+1555,"hel\nlo"\n2024-03-05 21:11:00,Sent,Zoe,+1555,hi zoe 😀\n2024-03-05 21:12:00,Received,Kim,+1556,yo\n'

@pytest.mark.parametrize('name, data', [('x.json', WRAPPED), ('x.csv', PHONE), ('i.csv', IMAZING + 'Zoe,2024-03-05 21:10:00,,,,,iMessage,Incoming,+1310,Zoe,Read,,,hello,,,\nZoe,2024-03-05 21:11:00,,,,,iMessage,Outgoing,,,Read,,,hi,,,\n')])
def test_damaged_tables_and_wrapped_lists(name, data):
    read, refused, unknown = survives(reader, {name: data.encode()}, 120)
    assert read + refused + unknown == 120 and read

def test_a_column_of_times_by_what_is_in_it(tmp_path):
    e = read(tmp_path, 'Sender,Moment,Text\nada,05.03.2024 21:10,hi\nbo,05.03.2024 21:11,yo\n')
    assert times(e) == [datetime(2024, 3, 5, 21, 10), datetime(2024, 3, 5, 21, 11)] and e.notes == []
    e = read(tmp_path, 'Absendername,Typ,Text,Zeitpunkt\nZed,Eingehend,hallo,05.03.2024 21:10\nKim,Eingehend,hi,13.03.2024 21:11\n,Ausgehend,meins,14.03.2024 21:12\n')
    assert said(e) == [('Zed', 'hallo'), ('Kim', 'hi'), ('Me', 'meins')] and times(e)[0] == datetime(2024, 3, 5, 21, 10)
    e = read(tmp_path, 'sender,edited,posted,text\nada,3/15/2024 9:12 PM,3/15/2024 9:10 PM,hi\nbo,,3/15/2024 9:11 PM,yo\n')
    assert times(e) == [datetime(2024, 3, 15, 21, 10), datetime(2024, 3, 15, 21, 11)]
    e = read(tmp_path, 'sender,seen,text\nada,10:20,hi\nbo,chapter 1:2,yo\n')
    assert times(e) == [None, None] and 'No column is known as that of the times' in e.notes[0] # a clock alone is no time

def test_columns_that_are_missed(tmp_path):
    e = read(tmp_path, 'Xyz,Typ,Text,date\nZed,Eingehend,hallo,05.03.2024 21:10\nKim,Eingehend,hi,13.03.2024 21:11\n,Ausgehend,meins,14.03.2024 21:12\n')
    assert [s for s, _ in said(e)] == ['Them', 'Them', 'Me'] and e.notes == ['No column is known as that of the names, so all others are one person. A column is, if it is called sender.']
    assert read(tmp_path, 'sender,text\nada,a\n').notes == [] # nothing is left that could be it

def test_whom_it_was_sent_to_may_be_empty_where_it_came_in(tmp_path):
    e = read(tmp_path, 'Direction,From,To,Text,Time\nIncoming,+1555,,hello,2024-03-05 21:10\nOutgoing,+1999,+1555,hi,2024-03-05 21:11\n')
    assert chats(e) == [('+1555', [('+1555', 'hello'), ('+1999', 'hi')])]
