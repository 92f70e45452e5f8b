"From exports to a file: who is me, merging, privacy, the account, and the command."
import json, os, random, re, socket, subprocess, sys, warnings, zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tinychat.commands import tinychat_import
from tinychat.data import Message, read_chatml
from tinychat.fast.corpus import load_data
from tinychat.messengers import (ImportOptions, MergedChat, best_gap, counted, describe_import, describe_size, list_senders, find_me, import_exports, import_file, match_names, merge_exports, message_runs, read_exports, read_messages, recognise, typical_words)
from mutations import mutated
from tinychat.messengers.core import ChatLog, Export, all_files, read_group
from tinychat.files import write_atomic

KEYS = 'read kept mine dropped duplicates redacted people conversations first last sources'.split()

def whatsapp(path, lines, day='31/12/25'):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{day}, {t} - {who}: {text}\n' if who else f'{day}, {t} - {text}\n' for t, who, text in lines), encoding='utf-8')
    return path

TALK = [('19:00', '', 'Messages and calls are end-to-end encrypted.'), ('19:00', 'Ada Lee', 'dinner?'), ('19:01', 'Bo', 'yes'), ('19:01', 'Bo', 'where'),
        ('19:02', 'Ada Lee', 'at mine: +1 212 555 0123, ada@example.com')]
OTHER = [('20:00', 'Cy', 'hey'), ('20:01', 'Bo', 'hey 🐟'), ('23:30', 'Cy', 'asleep?')]

@pytest.fixture
def exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whatsapp(tmp_path/'in'/'WhatsApp Chat with Ada Lee.txt', TALK)
    whatsapp(tmp_path/'in'/'WhatsApp Chat with Cy.txt', OTHER)
    return tmp_path/'in'

def adds_up(report):
    for each in (report, *report['sources']):
        assert each['read'] == each['kept'] + sum(each['dropped'].values())
        assert sum(each['dropped'].values()) >= each['duplicates'] >= 0
    for key in ('read', 'kept', 'mine', 'duplicates'): assert report[key] == sum(s[key] for s in report['sources'])

def test_the_one_name_in_every_chat_is_me(exports):
    done = import_exports(exports)
    adds_up(done.report)
    assert sorted(done.report) == sorted([*KEYS, 'left_alone']) and all(sorted(s) == sorted([*KEYS[:-1], 'path', 'format']) for s in done.report['sources'])
    assert (done.report['read'], done.report['mine'], done.report['people'], done.report['conversations']) == (8, 3, 2, 2)
    assert done.report['dropped'] == {'system': 1, 'one_sided': 1}
    assert [[b.role for b in c] for c in done.convs] == [['user', 'assistant', 'assistant', 'user'], ['user', 'assistant']]
    assert done.convs[1][1].text == 'hey 🐟'
    assert (done.report['first'][:16], done.report['last'][:16]) == ('2025-12-31T19:00', '2025-12-31T20:01')

def test_private_things_are_replaced_and_counted(exports):
    done = import_exports(exports)
    text = done.convs[0][-1].text
    assert '555' not in text and 'example.com' not in text and text.startswith('at mine: ')
    assert sum(done.report['redacted'].values()) == 2
    assert import_exports(exports, redact=False).convs[0][-1].text == 'at mine: +1 212 555 0123, ada@example.com'

def test_who_is_me(exports):
    one = whatsapp(exports.parent/'one'/'chat.txt', OTHER) # this name does not say whose chat it is
    with pytest.raises(ValueError, match=r'--me NAME. Senders: Cy \(2\), Bo \(1\)'): import_exports(one)
    with pytest.raises(ValueError, match=r"Nobody is called 'zed' here. Senders: "): import_exports(one, me=['zed'])
    assert import_exports(one, me=['Bo']).report['mine'] == 1
    # one person under two names
    assert import_exports(exports, me=['Bo', 'Cy']).report['mine'] == 2

def test_a_part_of_a_name_is_enough_if_it_is_one_persons():
    senders = Counter({'Mia Lund': 3, 'Ada Lee': 2, 'Ada Lovelace': 1, '+1 212 555 0123': 1})
    assert match_names(['mia'], senders) == match_names(['Lund, Mia'.replace(',', '')], senders) == {'Mia Lund'}
    with pytest.raises(ValueError, match="'Ada' may be several people here"): match_names(['Ada'], senders)
    for nobody in ('', ' ', 'M', '212', 'Mia Lee'):
        with pytest.raises(ValueError, match='Nobody is called'): match_names([nobody], senders)

def test_an_error_stays_short_however_many_people_there_are():
    assert len(list_senders(Counter({f'{n} {"x"*300}': n for n in range(1, 500)}))) < 600

def test_one_is_not_many(tmp_path):
    assert [counted(n, 'message') for n in (0, 1, 1200)] == ['0 messages', '1 message', '1,200 messages']
    jsonl(tmp_path/'one.jsonl', [('user', 'hi'), ('assistant', 'hi')])
    said = describe_import(import_exports(tmp_path/'one.jsonl', gap_minutes=1))
    assert 'with 1 other, in 1 conversation (a silence of 1 minute ends one), without times.' in said
    assert said.count('<|im_start|>') == 2, 'the one example, once'

def test_the_same_example_is_shown_once(tmp_path):
    jsonl(tmp_path/'same.jsonl', *[[('user', 'hi'), ('assistant', 'hi')]]*5)
    assert describe_import(import_exports(tmp_path/'same.jsonl')).count('<|im_start|>') == 2

@pytest.mark.parametrize('mine, said', [(1, 'too few to learn from'), (99, 'too few to learn from'), (100, 'echoes'), (999, 'echoes'), (1000, 'sound like you')])
def test_what_so_many_messages_make(mine, said): assert said in describe_size(mine)

def test_the_same_export_twice_changes_nothing(exports):
    once, twice = import_exports(exports), import_exports(exports, exports)
    assert once.convs == twice.convs
    adds_up(twice.report)
    assert twice.report['duplicates'] == twice.report['dropped']['duplicate'] == once.report['kept'] + once.report['dropped']['one_sided']

def test_overlapping_exports(exports, tmp_path):
    whatsapp(tmp_path/'later'/'WhatsApp Chat with Ada Lee.txt', [*TALK[3:], ('19:03', 'Bo', 'ok'), ('19:03', 'Bo', 'ok')])
    done = import_exports(exports, tmp_path/'later', me=['Bo'])
    assert [b.text for b in done.convs[0]].count('ok') == 2 and len(done.convs[0]) == 6
    assert done.report['duplicates'] == 2
    adds_up(done.report)

def test_groups_keep_who_spoke_under_numbers(tmp_path):
    path = whatsapp(tmp_path/'WhatsApp Chat with Trip.txt', [('10:00', 'Ada Lee', 'when?'), ('10:01', 'Cy', 'noon'), ('10:02', 'Bo', 'ok'), ('10:03', 'Ada Lee', 'see you, Cy')])
    roles = [b.role for b in import_exports(path, me=['Bo']).convs[0]]
    assert roles == ['user name=Person1', 'user name=Person2', 'assistant', 'user name=Person1']

def test_times_with_and_without_zone_are_put_in_order():
    now = datetime(2026, 1, 1, 12)
    chats, _ = merge_exports([Export('a', 'a', [ChatLog('x', [Message('ada', '2', now), Message('bo', '3', (now + timedelta(hours=1)).astimezone(timezone.utc)), Message('bo', '1', None)])])])
    assert [m.text for m in chats[0].messages] == ['2', '3', '1'] and all(m.time is None or m.time.tzinfo for m in chats[0].messages)

def test_the_gap_lies_between_the_two_kinds_of_silence():
    assert best_gap([.01]*500) == 60. and 15 <= best_gap([.5]*500 + [1.]*500) <= 360
    assert 15 < best_gap([1.]*900 + [2.]*900 + [600.]*100) < 360

def test_errors_quote_nobody(exports, tmp_path):
    for bad in (dict(me=['Nobody']), dict(since='never'), dict(gap_minutes=-1)):
        with pytest.raises(ValueError) as e: import_file([exports], tmp_path/'x.txt', bad.pop('me', ()), ImportOptions(**bad))
        assert not re.search('dinner|asleep|where|555', str(e.value)) and '\n' not in str(e.value)
    assert not (tmp_path/'x.txt').exists()
    (tmp_path/'notes.txt').write_text('my secret diary\nand more of it\n')
    with pytest.raises(ValueError, match='holds nothing that tinychat can read') as e: import_exports(tmp_path/'notes.txt')
    assert 'diary' not in str(e.value)

def test_no_network(exports, monkeypatch):
    def refuse(*args, **kwargs): raise AssertionError('the network was asked')
    for name in ('socket', 'create_connection', 'getaddrinfo'): monkeypatch.setattr(socket, name, refuse)
    assert import_exports(exports).report['kept'] == 6

def test_files_nobody_knows_are_left_alone(exports):
    (exports/'photo.jpg').write_bytes(b'\xff\xd8\xff\xe0' + bytes(range(256))*9)
    (exports/'readme.txt').write_text('nothing')
    known, left = recognise(all_files(exports))
    assert len(known) == 2 and sorted(f.base for f in left) == ['photo.jpg', 'readme.txt']
    assert [m.text for m in read_messages(exports)][0] == 'dinner?'

@pytest.fixture
def command(monkeypatch, capsys):
    "What is typed: its exit status, and what it prints."
    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['tinychat-import', *map(str, args)])
        capsys.readouterr()
        code = tinychat_import()
        return subprocess.CompletedProcess(args, code or 0, *capsys.readouterr())
    return run

def test_command(exports, tmp_path, command):
    done = command(exports, '--out', 'chat.txt', '--report', 'r.json')
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path/'r.json').read_text())
    adds_up(report)
    assert '3 messages of yours: too few' in done.stdout and '3 of them yours' in done.stdout and len(read_chatml('chat.txt')) == 2
    first = (tmp_path/'chat.txt').read_bytes()
    assert command(exports/'WhatsApp Chat with Cy.txt', '--me', 'Cy', '--me', 'Nobody', '--out', 'chat.txt').returncode == 1
    assert (tmp_path/'chat.txt').read_bytes() == first
    assert command(exports, '--no_redact', '--out', 'chat.txt', '--gap_minutes', 5, '--since', '2025-12-31T19:01').returncode == 0
    assert (tmp_path/'chat.old1.txt').read_bytes() == first and 'ada@example.com' in (tmp_path/'chat.txt').read_text()
    assert command(exports, '--since', '', '--before', '', '--without', '', '--out', 'chat.txt').returncode == 0 # what lifts a limit can be typed

@pytest.mark.parametrize('bad', [['nowhere'], [], ['.', '--me', ''], ['.', '--before', 'x'], ['.', '--since', 'x'], ['.', '--out', '..']])
def test_what_is_typed_wrong_is_one_line(exports, bad, monkeypatch, capsys):
    monkeypatch.chdir(exports)
    monkeypatch.setattr(sys, 'argv', ['tinychat-import', *bad])
    assert tinychat_import() == 1
    err = capsys.readouterr().err
    assert 'Traceback' not in err and len(err.strip().splitlines()) == 1, err

def test_nothing_in_nothing_out():
    assert typical_words(Counter(), Counter()) == []
    assert message_runs([MergedChat([], [])]) == (Counter(), Counter())

# Damage

SEVERAL = {
    'WhatsApp Chat with Ada Lee.txt': ''.join(f'31/12/25, {t} - {who}: {text}\n' if who else f'31/12/25, {t} - {text}\n' for t, who, text in TALK),
    'result.json': json.dumps(dict(name='Cy', type='personal_chat', id=7, messages=[
        dict(id=n, type='message', date=f'2025-12-31T20:0{n}:00', date_unixtime=str(1767211200 + 60*n), **{'from': who, 'from_id': f'user{len(who)}'}, text=text, text_entities=[dict(type='plain', text=text)])
        for n, (who, text) in enumerate((('Cy', 'fish?'), ('Bo', 'always 🐟'), ('Bo', 'or soup'), ('Cy', 'soup')))])),
    'sms.xml': "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<smses count=\"2\">\n" + ''.join(
        f'  <sms protocol="0" address="+15550100" date="17672112{n}0000" type="{kind}" body="{text}" read="1" status="-1" contact_name="Di" />\n' for n, kind, text in ((0, 1, 'here?'), (1, 2, 'there &#55357;&#56898;'))) + '</smses>\n',
    'chat.csv': 'sender,text,time\nBo,"one, two",2025-12-31 10:00\nEd,"three\nfour",2025-12-31 10:01\n'}

def imports(folder, times, seed=0):
    "Import the exports above `times` times, one of them damaged each time: (imports, refusals)."
    rng, done = random.Random(seed), [0, 0]
    for n in range(times):
        hit = rng.choice(sorted(SEVERAL))
        for name, text in SEVERAL.items():
            (folder/name).parent.mkdir(parents=True, exist_ok=True)
            (folder/name).write_bytes(mutated(text.encode(), rng) if name == hit else text.encode())
        try: adds_up(import_exports(folder, me=['Bo']).report); done[0] += 1
        except ValueError as e:
            done[1] += 1
            assert '\n' not in str(e) and not re.search('dinner|fish|soup|three', str(e)), e
    return tuple(done)

def test_damaged_exports_are_imported_or_refused(tmp_path):
    read, refused = imports(tmp_path/'in', 150)
    assert read > 50 and refused > 10

@pytest.mark.parametrize('error', [ValueError('could not read: fish'), KeyError('fish'), RecursionError('fish')])
def test_what_a_reader_stumbles_over_is_not_quoted(tmp_path, error):
    class Reader:
        FORMAT = 'Example'
        @staticmethod
        def read(files): raise error
    for name in 'ab': (tmp_path/name).write_text('fish')
    with pytest.raises(ValueError, match=r'a \(with 1 more\) looks like an export of Example, but it is damaged. Export it again') as e: read_group(Reader, all_files(tmp_path))
    assert 'fish' not in str(e.value)

# Who is me, once more

def chats(folder, **files):
    for name, lines in files.items(): whatsapp(folder/f'{name.replace("_", " ")}.txt', [(f'10:{n:02}', who, text) for n, (who, text) in enumerate(lines)])
    return folder

def test_a_friend_is_not_me_because_i_was_silent(tmp_path):
    folder = chats(tmp_path/'in', WhatsApp_Chat_with_Bo=[('Alex', 'hello'), ('Bo', 'hi')], WhatsApp_Chat_with_Chess=[('Cy', 'chess?'), ('Bo', 'yes')], WhatsApp_Chat_with_Run=[('Dee', 'run?'), ('Bo', 'no')])
    for me in (['Alex'], []):
        done = import_exports(folder, me=me)
        assert (done.report['mine'], done.report['dropped']) == (1, {'one_sided': 4}) and done.convs[0][0] == ('assistant', 'hello')
        assert 'You are Alex in WhatsApp' in describe_import(done)

def test_my_name_elsewhere_is_not_my_name_here(tmp_path):
    folder = chats(tmp_path/'in', WhatsApp_Chat_with_All=[('Alexander M', 'me here'), ('Alex', 'a friend'), ('Cy', 'yes')])
    (folder/'chat.jsonl').write_text(json.dumps(dict(messages=[dict(role='user', content='q'), dict(role='assistant', content='a')])) + '\n')
    (folder/'sent.csv').write_text('chat,sender,text,is_sender\nx,Alex,mine,1\nx,Bo,theirs,0\n')
    done = import_exports(folder, me=['Alexander M'])
    roles = {b.text: b.role.split()[0] for c in done.convs for b in c}
    assert roles == {'me here': 'assistant', 'a friend': 'user', 'yes': 'user', 'q': 'user', 'a': 'assistant', 'mine': 'assistant', 'theirs': 'user'}

def test_an_export_in_which_i_am_silent_stops_nothing(exports):
    (exports/'sms.xml').write_text(SEVERAL['sms.xml'].replace('type="2"', 'type="1"'))
    done = import_exports(exports)
    assert done.report['kept'] == 6 and [s['kept'] for s in done.report['sources'] if 'SMS' in s['format']] == [0]

def test_old_and_new_exports_of_one_chat(tmp_path):
    (tmp_path/'in').mkdir()
    (tmp_path/'in'/'a.csv').write_text('sender,text,timestamp\nAda,hi,2024-01-01 10:00\nBo,yo,2024-01-01 10:01\n')
    (tmp_path/'in'/'b.csv').write_text('sender,text,timestamp\nAda,hi2,2024-01-03T10:02:00Z\nBo,yo2,2024-01-03T10:03:00Z\n')
    assert [b.text for c in import_exports(tmp_path/'in', me=['Bo']).convs for b in c] == ['hi', 'yo', 'hi2', 'yo2']

def test_two_people_of_one_name_have_two_chats(tmp_path):
    message = lambda n, who, id, text: dict(id=n, type='message', date=f'2025-12-31T20:0{n}:00', date_unixtime=str(1767211200 + 60*n), **{'from': who, 'from_id': f'user{id}'}, text=text, text_entities=[])
    chat = lambda id, n: dict(name='Alex', type='personal_chat', id=id, messages=[message(n, 'Alex', id, f'{id} here'), message(n + 2, 'Bo', 1, f'hi {id}')])
    (tmp_path/'result.json').write_text(json.dumps(dict(personal_information=dict(user_id=1, first_name='Bo'), chats=dict(list=[chat(2, 0), chat(3, 1)]))))
    assert [[b.text for b in c] for c in import_exports(tmp_path/'result.json').convs] == [['2 here', 'hi 2'], ['3 here', 'hi 3']]

def test_a_group_stays_a_group(tmp_path):
    lines = [('10:00', 'Cy', 'a'), ('10:01', 'Bo', 'b'), ('15:00', 'Dee', 'c'), ('15:01', 'Bo', 'd')]
    convs = import_exports(whatsapp(tmp_path/'WhatsApp Chat with Trip.txt', lines), me=['Bo']).convs
    assert [[b.role for b in c] for c in convs] == [['user name=Person1', 'assistant'], ['user name=Person2', 'assistant']]

@pytest.mark.parametrize('name', ['bo', ' BO ', '\u202aBo\u202c', 'B\uff4f'])
def test_my_name_is_compared_as_people_compare_names(exports, name): assert import_exports(exports, me=[name]).report['mine'] == 3

def test_a_number_with_marks_and_other_spaces(tmp_path):
    path = whatsapp(tmp_path/'x.txt', [('10:00', '\u202a+41\xa079\xa0123\xa045\xa067\u202c', 'hi'), ('10:01', 'Bo', 'hey')])
    for me in ('+41791234567', '+41 79 123 45 67'): assert import_exports(path, me=[me]).report['mine'] == 1

def test_a_report_replaces_nothing_but_a_report(exports, tmp_path):
    out, report, notes = tmp_path/'o.txt', tmp_path/'r.json', tmp_path/'notes.txt'
    notes.write_text('precious')
    for n in range(2): import_file([exports], out, report=report) # its own, again
    before = out.read_bytes()
    for bad in (notes, out, exports/'WhatsApp Chat with Cy.txt'):
        kept = bad.read_bytes()
        with pytest.raises(ValueError, match='would be lost. Give another file with --report'): import_file([exports, exports/'WhatsApp Chat with Cy.txt'], out, report=bad)
        assert bad.read_bytes() == kept
    with pytest.raises(ValueError, match='would be lost'): import_file([exports], tmp_path/'new.txt', report=tmp_path/'new.txt')
    with pytest.raises(OSError): import_file([exports], tmp_path/'new.txt', report='/proc/x')
    assert out.read_bytes() == before and not (tmp_path/'new.txt').exists()

def test_files_not_recognised_are_named(exports, tmp_path, capsys):
    (exports/'strange.bin').write_bytes(bytes(range(256)))
    import_file([exports], tmp_path/'o.txt')
    shown = capsys.readouterr().out
    assert re.search(r'Replaced: 1 phone. ...at mine: <phone 1>, <e-?mail 1>', shown) and '555' not in shown
    assert 'Left alone: strange.bin: nothing that is known; a table (CSV)' in shown

def test_odd_paths(tmp_path):
    (tmp_path/'empty.txt').write_text('')
    with pytest.raises(ValueError, match='empty.txt is empty'): import_exports(tmp_path/'empty.txt')
    with pytest.raises(ValueError, match='A path is empty'): import_exports('')
    if hasattr(os, 'mkfifo'):
        os.mkfifo(tmp_path/'pipe')
        with pytest.raises(ValueError, match='neither a file nor a folder'): import_exports(tmp_path/'pipe')
    for since in ('0001-01-01', '9999-12-31T23:59:59+00:00', 'x'):
        try: import_file([tmp_path/'empty.txt'], tmp_path/'o.txt', options=ImportOptions(since=since))
        except ValueError as e: assert '--since' in str(e) or 'empty' in str(e)
    with pytest.raises(ValueError, match='gap_minutes must be at least 0, not inf'): import_file(['x'], options=ImportOptions(gap_minutes=float('inf')))

@pytest.mark.parametrize('name', ["Sean O'Brien", 'Sean O’Brien', "Maria D'Angelo", "Jean-Luc O'Neil"])
def test_names_with_an_apostrophe(tmp_path, name):
    path = whatsapp(tmp_path/'x.txt', [('10:00', 'Alex', f'call {name} now'), ('10:01', name, 'here')])
    text = import_exports(path, me=['Alex']).convs[0][0].text
    assert text.startswith('call <') and text.endswith('> now')

def test_with_and_without_seconds(tmp_path):
    for name, seconds in (('android', ''), ('iphone', ':17')):
        (tmp_path/name).mkdir()
        (tmp_path/name/'WhatsApp Chat with Bo.txt').write_text(''.join(f'[31/12/25, 10:0{n}{seconds}] {who}: {text}\n' for n, (who, text) in enumerate((('Al', 'hi'), ('Bo', 'ok'), ('Bo', 'ok')))))
    report = import_exports(tmp_path/'android', tmp_path/'iphone', me=['Al']).report
    assert (report['read'], report['kept'], report['duplicates']) == (6, 3, 3)

def jsonl(path, *convs): path.write_text(''.join(json.dumps({'messages': [{'role': r, 'content': t} for r, t in c]}) + '\n' for c in convs))

def test_conversations_without_times_stay_apart(tmp_path):
    one, two, three = ([('user', 'hi'), ('assistant', f'number {n}')] for n in range(3))
    jsonl(tmp_path/'a.jsonl', one, two, one)
    jsonl(tmp_path/'b.jsonl', two, three)
    done = import_exports(tmp_path/'a.jsonl', tmp_path/'b.jsonl')
    assert sorted(c[1].text for c in done.convs) == ['number 0', 'number 0', 'number 1', 'number 2'] and done.report['duplicates'] == 2

def chat_file(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{l}\n' for l in lines), encoding='utf-8')

def test_a_group_in_which_only_one_spoke_is_no_private_chat(tmp_path):
    chat_file(tmp_path/'WhatsApp Chat with Ada.txt', '01/02/2021, 10:00 - Ada: did you see', '01/02/2021, 10:01 - Grace: yes', '13/02/2021, 10:03 - Ada: lol')
    family = ['01/02/2021, 10:00 - Ada: dinner', '01/02/2021, 10:01 - Grace: yes', '13/02/2021, 10:02 - Ada: now']
    chat_file(tmp_path/'WhatsApp Chat with Family.txt', *family)
    chat_file(tmp_path/'WhatsApp Chat with Family (1).txt', *family, '14/02/2021, 10:02 - Bob: me too', '14/02/2021, 10:03 - Grace: good')
    done = import_exports(tmp_path, me=['Grace'])
    assert sorted(len(c.messages) for c in done.chats) == [3, 5] and done.report['duplicates'] == 3

def test_the_hour_that_comes_twice(tmp_path):
    chat_file(tmp_path/'WhatsApp Chat with Ada.txt', '29/10/2022, 02:50 - Grace: m0', '30/10/2022, 02:50 - Ada: m1', '30/10/2022, 02:58 - Grace: m2', '30/10/2022, 02:02 - Ada: m3', '30/10/2022, 02:05 - Grace: m4')
    assert [m.text for m in import_exports(tmp_path).chats[0].messages] == ['m0', 'm1', 'm2', 'm3', 'm4']

def test_a_travelled_phone(tmp_path):
    for hour, name in ((15, 'here'), (9, 'there')):
        chat_file(tmp_path/name/'WhatsApp Chat with Ada.txt', *(f'{day:02}/10/2022, {hour}:0{day % 10} - {who}: day {day} {who}' for day in range(10, 19) for who in ('Ada', 'Grace')))
    done = import_exports(tmp_path)
    assert done.report['kept'] == done.report['duplicates'] == 18

def test_what_was_written_is_not_read_again(exports, tmp_path, capsys):
    out = exports/'o.txt'
    first = import_file([exports], out)
    assert import_file([exports], out).convs == first.convs and 'o.txt: what tinychat wrote' in capsys.readouterr().out
    with pytest.raises(ValueError, match='what to read, and where to write'): import_file([exports, out], out)
    import_file([exports], out, options=ImportOptions(since='2025-12-01'))
    assert import_file([exports], out).convs == first.convs

def test_two_files_of_one_name_in_a_zip(tmp_path):
    chats = [f'01/02/2021, 10:0{n} - Ada: a{n}\n01/02/2021, 10:0{n} - Grace: b{n}\n' for n in range(2)]
    with zipfile.ZipFile(tmp_path/'z.zip', 'w') as z, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for chat in chats: z.writestr('_chat.txt', chat)
    assert import_exports(tmp_path/'z.zip', me=['Grace']).report['kept'] == 4

def test_a_full_disk_leaves_all_as_it_was(exports, tmp_path, monkeypatch):
    out, report = tmp_path/'o.txt', tmp_path/'r.json'
    import_file([exports], out, report=report)
    before = out.read_bytes(), report.read_bytes()
    def full(path, data):
        if Path(path) == stop: raise OSError(28, 'No space left on device', str(path))
        write_atomic(path, data)
    monkeypatch.setattr('tinychat.messengers.write_atomic', full)
    for stop in (out, report):
        with pytest.raises(OSError): import_file([exports], out, options=ImportOptions(redact=False), report=report)
        assert (out.read_bytes(), report.read_bytes()) == before and not list(tmp_path.glob('*.old*'))
        with pytest.raises(OSError): import_file([exports], tmp_path/'new.txt', report=report) if stop == report else full(stop, b'')
        assert not (tmp_path/'new.txt').exists()

@pytest.mark.skipif(sys.platform == 'win32', reason='links need rights')
def test_a_link_to_the_file_stays_a_link(exports, tmp_path, monkeypatch):
    (tmp_path/'disk').mkdir()
    real, out = tmp_path/'disk'/'real.txt', tmp_path/'o.txt'
    real.write_text('an evening of work')
    out.symlink_to(real)
    import_file([exports], out)
    assert out.is_symlink() and real.read_bytes() == out.read_bytes() and (tmp_path/'disk'/'real.old1.txt').read_text() == 'an evening of work'
    before = real.read_bytes()
    def full(path, data): raise OSError(28, 'No space left on device', str(path))
    monkeypatch.setattr('tinychat.messengers.write_atomic', full)
    with pytest.raises(OSError): import_file([exports], out, options=ImportOptions(redact=False))
    assert out.is_symlink() and real.read_bytes() == before

@pytest.mark.skipif(sys.platform == 'win32', reason='a fifo')
def test_out_is_an_ordinary_file(exports, tmp_path):
    os.mkfifo(tmp_path/'pipe')
    with pytest.raises(ValueError, match='no ordinary file'): import_file([exports], tmp_path/'pipe')

def test_what_could_not_be_opened_says_why(exports, tmp_path):
    with zipfile.ZipFile(tmp_path/'z.zip', 'w') as z: z.writestr('_chat.txt', '01/02/2021, 10:00 - Ada: hi\n')
    data = (tmp_path/'z.zip').read_bytes()
    (tmp_path/'locked.zip').write_bytes(data.replace(b'PK\x03\x04\x14\x00\x00\x00', b'PK\x03\x04\x14\x00\x01\x00').replace(b'PK\x01\x02\x14\x03\x14\x00\x00\x00', b'PK\x01\x02\x14\x03\x14\x00\x01\x00'))
    with pytest.raises(ValueError, match='_chat.txt: locked with a password.'): import_exports(tmp_path/'locked.zip')
    (tmp_path/'broken.zip').write_bytes(data.replace(b'Ada: hi', b'Ada: ho'))
    with pytest.raises(ValueError, match='_chat.txt: damaged in the zip.'): import_exports(tmp_path/'broken.zip')
    with zipfile.ZipFile(exports/'empty.zip', 'w'): pass
    assert any(f.trouble == 'an empty or damaged zip' for f in import_exports(exports).unknown)

def test_nothing_from_a_name_reaches_the_terminal_as_code(tmp_path, command):
    names = ('Bob\nLINE2\x1b[31m', 'Ada')
    (tmp_path/'t.json').write_text(json.dumps(dict(name='x', type='private_group', id=1, messages=[dict(id=n, type='message', date=f'2025-12-31T20:0{n}:00', date_unixtime=str(1767211200 + 60*n), text='\x1b[2Jhi', from_id=f'user{n}', **{'from': who}) for n, who in enumerate(names)])))
    asked = command(tmp_path/'t.json', '--out', tmp_path/'o.txt')
    assert asked.returncode == 1 and asked.stderr.count('\n') == 1 and '\x1b' not in asked.stderr and 'LINE2' in asked.stderr
    done = command(tmp_path/'t.json', '--out', tmp_path/'o.txt', '--me', 'Ada')
    assert done.returncode == 0 and '\x1b' not in done.stdout and '\x1b' not in (tmp_path/'o.txt').read_text()

def test_a_console_without_emoji(tmp_path):
    chat_file(tmp_path/'WhatsApp Chat with Zoë.txt', '01/02/2021, 10:00 - Zoë: 🎉', '01/02/2021, 10:01 - Grace: yes')
    done = subprocess.run([sys.executable, '-c', 'import sys; from tinychat.commands import *; sys.exit(tinychat_import())', str(tmp_path), '--out', str(tmp_path/'o.txt')], capture_output=True, env={**os.environ, 'PYTHONIOENCODING': 'cp1252'})
    assert done.returncode == 0 and b'Written to' in done.stdout and not done.stderr

def test_only_what_is_kept_is_counted_as_replaced(tmp_path):
    (tmp_path/'c.csv').write_text('conversation_id,timestamp,sender,text,is_from_me\n1,2021-02-01T10:00:00Z,Bank,your code is 482913,0\n2,2021-02-01T10:00:00Z,Ada,hi,0\n2,2021-02-01T10:01:00Z,Me,hey,1\n')
    report = import_exports(tmp_path/'c.csv').report
    assert report['kept'] == 2 and not report['redacted']

def test_nobody_to_reply_to_is_an_error(tmp_path):
    folder = tmp_path/'messages'/'c1'
    folder.mkdir(parents=True)
    (folder/'messages.csv').write_text('ID,Timestamp,Contents,Attachments\n1,2021-02-01 10:00:00,hi,\n')
    with pytest.raises(ValueError, match='Nobody else'): import_exports(tmp_path, me=['Me'])

def as_texts(done): return sorted([f"{'me' if b.role == 'assistant' else 'other'}: {b.text}" for b in c] for c in done.convs)

def test_a_namesake_where_i_am_silent_is_not_me(tmp_path):
    "Telegram: Alex has an account; another Alex writes in a group where the first does not."
    say = lambda n, id, name, text: dict(id=n, type='message', date=f'2025-12-31T20:0{n}:00', date_unixtime=str(1767211200 + 60*n), text=text, from_id=id, **{'from': name})
    dm = dict(name='Bob', type='personal_chat', id=5, messages=[say(1, 'user5', 'Bob', 'hi'), say(2, 'user1', 'Alex', 'hey')])
    group = dict(name='Chess club', type='private_group', id=6, messages=[say(3, 'user5', 'Bob', 'e4'), say(4, 'user9', 'Alex', 'e5')])
    (tmp_path/'result.json').write_text(json.dumps(dict(personal_information=dict(user_id=1, first_name='Alex'), chats=dict(list=[dm, group]))))
    done = import_exports(tmp_path)
    assert as_texts(done) == [['other: hi', 'me: hey']] and done.report['dropped'] == {'one_sided': 2}

def test_a_namesake_in_a_space_is_not_me(tmp_path):
    groups, user = tmp_path/'Takeout'/'Google Chat'/'Groups', tmp_path/'Takeout'/'Google Chat'/'Users'/'User 1'
    user.mkdir(parents=True)
    (user/'user_info.json').write_text(json.dumps(dict(user=dict(name='Alex', email='me@x.y', user_type='Human'), membership_info=[])))
    def chat(name, *said):
        (groups/name).mkdir(parents=True)
        (groups/name/'messages.json').write_text(json.dumps(dict(messages=[dict(creator=dict(name=who, email=mail, user_type='Human'), created_date=f'Monday, March 2, 2026 at 6:0{n}:00 PM UTC', text=text, topic_id='t', message_id=f'{n}')
                                                                           for n, (who, mail, text) in enumerate(said)])))
    chat('DM abc', ('Bob', 'b@x.y', 'hi'), ('Alex', 'me@x.y', 'hey'))
    chat('Space def', ('Bob', 'b@x.y', 'e4'), ('Alex', 'other@x.y', 'e5'))
    chat('Space ghi', ('Bob', 'b@x.y', 'hi'), ('Alex', 'me@x.y', 'yes')) # only Bob, but not between the two
    done = import_exports(tmp_path)
    assert as_texts(done) == [['other: hi', 'me: hey'], ['other: hi', 'me: yes']] and len(done.chats) == 3

def test_channels_of_one_name_are_kept_apart(tmp_path):
    for n, guild in enumerate(('Compilers', 'Knitting')):
        author = lambda who: dict(id='1' if who == 'me' else f'9{n}', name=who, discriminator='0000', nickname=who, isBot=False)
        messages = [dict(id=str(i), type='Default', timestamp=f'2025-12-31T20:0{i}:0{n}+00:00', content=text, author=author(who), attachments=[], embeds=[], stickers=[], reactions=[], mentions=[]) for i, (who, text) in enumerate((('ada' if n else 'bob', guild), ('me', 'yes')))]
        (tmp_path/f'{guild} - general.json').write_text(json.dumps(dict(guild=dict(id=str(n), name=guild), channel=dict(id=f'12345{n}', type='GuildTextChat', name='general'), messages=messages, messageCount=2)))
    done = import_exports(tmp_path, me=['me'])
    assert as_texts(done) == [['other: Compilers', 'me: yes'], ['other: Knitting', 'me: yes']] and done.report['duplicates'] == 0

def test_people_who_left_are_not_one_person(tmp_path):
    for n in (111, 222):
        folder = tmp_path/'your_facebook_activity'/'messages'/'inbox'/f'facebookuser_{n}'
        folder.mkdir(parents=True)
        rows = [dict(sender_name=who, timestamp_ms=1767211200000 + 60_000*i, content=text, is_geoblocked_for_viewer=False) for i, (who, text) in enumerate((('Facebook user', f'from {n}'), ('Grace', 'ok')))]
        (folder/'message_1.json').write_text(json.dumps(dict(participants=[dict(name='Facebook user'), dict(name='Grace')], messages=rows[::-1], title='Facebook user', is_still_participant=True, thread_path=f'inbox/facebookuser_{n}', magic_words=[])))
    assert as_texts(import_exports(tmp_path, me=['Grace'])) == [['other: from 111', 'me: ok'], ['other: from 222', 'me: ok']]

def test_words_before_a_map_are_words(tmp_path):
    place = 'https://maps.google.com/?q=47.37,8.54'
    chat_file(tmp_path/'WhatsApp Chat with Ada.txt', f'01/02/2021, 10:00 - Ada: Meet me at the pub by the river: {place}', f'01/02/2021, 10:01 - Grace: location: {place}', '13/02/2021, 10:01 - Grace: ok')
    export, = read_exports(tmp_path)
    assert export.dropped == {'contact': 1} and export.chats[0].messages[0].text.startswith('Meet me at')

def test_groups_of_one_name_in_signal(tmp_path):
    from test_messengers_signal import frames, text
    for n, keys in enumerate(((None, None), ('a2V5', 'b2V5'))):
        groups = [{'recipient': {'id': id, 'group': {'snapshot': {'title': {'title': 'Family'}}} | ({'masterKey': key} if key else {})}} for id, key in zip(('8', '9'), keys)]
        chats = [{'id': id, 'recipientId': id} for id in ('8', '9')]
        items = [{'chatId': chat, 'dateSent': str(1780000000000 + 60_000*i)} | ({'authorId': '1', 'outgoing': {}} if mine else {}) | text(words)
                 for i, (chat, mine, words) in enumerate((('8', 0, 'soup?'), ('9', 0, 'tea?'), ('8', 1, 'yes'), ('9', 1, 'no')))]
        (tmp_path/str(n)).mkdir()
        (tmp_path/str(n)/'main.jsonl').write_text(frames(*items, chats=chats, more=groups))
        done = import_exports(tmp_path/str(n))
        assert as_texts(done) == [['other: soup?', 'me: yes'], ['other: tea?', 'me: no']]
        assert bool(keys[0]) == (len({c.id for e in read_exports(tmp_path/str(n)) for c in e.chats} & set(keys)) == 2)

def test_groups_of_one_name_in_imessage(tmp_path):
    from test_messengers_imessage import make
    rows = [(chat, dict(text=words, **(dict(is_from_me=1) if mine else dict(handle_id=1)))) for chat, mine, words in ((3, 0, 'soup?'), (4, 0, 'tea?'), (3, 1, 'yes'), (4, 1, 'no'))]
    make(tmp_path/'chat.db', *rows, more="INSERT INTO chat VALUES (4, 'chat1816', 'Engines', 43)")
    assert as_texts(import_exports(tmp_path)) == [['other: soup?', 'me: yes'], ['other: tea?', 'me: no']]

def test_an_export_in_which_nobody_wrote_names_nobody(tmp_path):
    whatsapp(tmp_path/'chat.txt', [('10:00', 'Ada', '<Media omitted>'), ('10:01', 'Bo', '<Media omitted>')])
    with pytest.raises(ValueError, match=r'of 2 records none is left\. The records are: 2 pictures') as e: import_exports(tmp_path)
    assert 'You are' not in str(e.value) and str(e.value).endswith('a reply needs something to reply to.')

def test_names_are_remembered_and_people_left_out(tmp_path, capsys):
    (tmp_path/'in').mkdir()
    chat_file(tmp_path/'in'/'a.txt', '01/02/2021, 10:00 - Ada: hi', '01/02/2021, 10:01 - Grace: yes')
    chat_file(tmp_path/'in'/'b.txt', '01/02/2021, 10:00 - Eve: my secret', '01/02/2021, 10:01 - Grace: oh no')
    out, memory = tmp_path/'o.txt', tmp_path/'o.import.json'
    import_file([tmp_path/'in'], out, ['Grace'], ImportOptions(without=['Eve']))
    assert 'secret' not in out.read_text() and memory.stat().st_mode & 0o777 == 0o600
    assert f'Remembered in {memory}: you are Grace; without Eve' in capsys.readouterr().out
    done = import_file([tmp_path/'in'], out) # from then on
    assert 'secret' not in out.read_text() and done.report['dropped'] == {'left_out': 1, 'one_sided': 1}
    import_file([tmp_path/'in'/'a.txt'], out, ['Ada']) # what is said now replaces what meant somebody here
    assert {k: v for k, v in json.loads(memory.read_text()).items() if k != 'written'} == {'me': ['Ada'], 'without': ['Eve']}
    for text in ('[1', '{"me": 3}', '[]', '{"me": [3]}'):
        memory.write_text(text)
        assert import_file([tmp_path/'in'/'a.txt'], out, ['Ada']).me == {'WhatsApp': {'Ada'}}
    with pytest.raises(ValueError, match="Nobody is called 'Zoe'"): import_exports(tmp_path/'in', me=['Grace'], without=['Zoe'])

def test_before_and_since(tmp_path):
    chat_file(tmp_path/'a.txt', *(f'0{n}/02/2021, 1{n}:00 - {"Ada" if n % 2 else "Grace"}: m{n}' for n in range(1, 7)))
    done = import_exports(tmp_path/'a.txt', me=['Grace'], since='2021-02-02', before='2021-02-05', gap_minutes=99999)
    assert [b.text for c in done.convs for b in c] == ['m2', 'm3', 'm4'] and done.report['dropped'] == {'too_old': 1, 'too_new': 2}
    for bad in (dict(since='soon'), dict(before='31.12.2020'), dict(before=7)):
        with pytest.raises(ValueError, match='must be a date like'): import_exports(tmp_path/'a.txt', **bad)

def test_what_looks_odd_is_said(tmp_path):
    chat_file(tmp_path/'a.txt', '01/02/1999, 10:00 - Zoë: hi', '01/02/2021, 10:01 - Grace: yes', '01/02/2021, 10:02 - zoe: ho')
    done = import_exports(tmp_path/'a.txt', me=['Grace'])
    said = describe_import(done, 0)
    assert said.count('Look at this: ') >= 2 and 'older than 2005' in said and "'Zoë' and 'zoe' may be one person" in said

def test_every_file_has_its_reason(tmp_path):
    chat_file(tmp_path/'a.txt', '01/02/2021, 10:00 - Ada: hi', '01/02/2021, 10:01 - Grace: yes')
    for name in ('b.jpg', 'c.jpg', 'msgstore.db.crypt15', 'notes.pdf'): (tmp_path/name).write_bytes(b'?')
    done = import_exports(tmp_path, me=['Grace'])
    reasons = {os.path.basename(f['path']): f['reason'] for f in done.report['left_alone']}
    assert len(reasons) == 4 and reasons['b.jpg'] == 'a photo' and 'Export chat' in reasons['msgstore.db.crypt15']
    said = describe_import(done, 0)
    assert said.index('crypt15') < said.index('a PDF') < said.index('2 photos')
    with pytest.raises(ValueError) as e: import_exports(tmp_path/'notes.pdf')
    assert 'a PDF; export the chat as text' in str(e.value) and len(str(e.value)) < 350

def test_what_nobody_types(tmp_path):
    jsonl(tmp_path/'a.jsonl', [('user', 'hi\0 there\x07'), ('assistant', 'hey'), ('user', 'x'*100_001), ('assistant', 'wow'), ('user', 'y'*100_000)])
    done = import_exports(tmp_path/'a.jsonl')
    assert [b.text for b in done.convs[0]] == ['hi there', 'hey', 'wow', 'y'*100_000] and done.report['dropped'] == {'too_long': 1}

def test_one_chat_with_an_id_and_without(tmp_path):
    "Telegram's pages give no id, its JSON does."
    from tinychat.messengers import merge_exports, UNIQUE_ME
    talk = [Message('Ann', 'hi', datetime(2024, 1, 1, 10)), Message(UNIQUE_ME, 'hey', datetime(2024, 1, 1, 10, 1))]
    one, two = (Export('X', f'{id}.json', [ChatLog('Ann', list(talk), id=id)]) for id in ('7', ''))
    for both in ([one, two], [two, one]):
        chats, twice = merge_exports(both)
        assert [len(c.messages) for c in chats] == [2] and sum(twice.values()) == 2
    other = Export('X', 'b.json', [ChatLog('Ann', list(talk), id='8')]) # two people of one name: not known whose it is
    assert len(merge_exports([one, other, two])[0]) == 3
