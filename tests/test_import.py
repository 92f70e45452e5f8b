"From exports to a file: who is me, merging, privacy, the account, and the command."
import json, random, re, socket, subprocess, sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tinychat.data import Message, load_data, read_chatml
from tinychat.messengers import (Talk, best_gap, find_me, import_exports, import_file, in_a_row, merge, read_exports, read_messages, recognise, typical)
from mutations import mutated
from tinychat.messengers.core import ChatLog, Export, all_files, read_group

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
    assert sorted(done.report) == sorted(KEYS) and all(sorted(s) == sorted([*KEYS[:-1], 'path', 'format']) for s in done.report['sources'])
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
    with pytest.raises(ValueError, match=r"Nobody is called 'bo' here. Senders: "): import_exports(one, me=['bo'])
    assert import_exports(one, me=['Bo']).report['mine'] == 1
    # one person under two names
    assert import_exports(exports, me=['Bo', 'Cy']).report['mine'] == 2

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
    talks, _ = merge([Export('a', 'a', [ChatLog('x', [Message('ada', '2', now), Message('bo', '3', (now + timedelta(hours=1)).astimezone(timezone.utc)), Message('bo', '1', None)])])], {'bo'})
    assert [m.text for m in talks[0].messages] == ['1', '2', '3']

def test_gap_is_bounded_and_between_the_heaps():
    assert best_gap([.01]*500) == 60. and 15 <= best_gap([.5]*500 + [1.]*500) <= 360
    assert 15 < best_gap([1.]*900 + [2.]*900 + [600.]*100) < 360

def test_nothing_of_anybody_in_errors(exports, tmp_path):
    for bad in (dict(me=['Nobody']), dict(since='never'), dict(gap_minutes=-1)):
        with pytest.raises(ValueError) as e: import_file([exports], tmp_path/'x.txt', **bad)
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

def command(*args): return subprocess.run([sys.executable, '-c', 'import sys; from tinychat.commands import tinychat_import; sys.exit(tinychat_import())', *map(str, args)], capture_output=True, text=True)

def test_command(exports, tmp_path):
    done = command(exports, '--out', 'chat.txt', '--report', 'r.json')
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path/'r.json').read_text())
    adds_up(report)
    assert 'Three conversations' in done.stdout and '3 of them yours' in done.stdout and len(read_chatml('chat.txt')) == 2
    first = (tmp_path/'chat.txt').read_bytes()
    assert command(exports/'WhatsApp Chat with Cy.txt', '--me', 'Cy', '--me', 'Nobody', '--out', 'chat.txt').returncode == 1
    assert (tmp_path/'chat.txt').read_bytes() == first
    assert command(exports, '--no_redact', '--out', 'chat.txt', '--gap_minutes', 5, '--since', '2025-12-31T19:01').returncode == 0
    assert (tmp_path/'chat.old1.txt').read_bytes() == first and 'ada@example.com' in (tmp_path/'chat.txt').read_text()
    for bad in (['nowhere'], [], [exports, '--redact', '--no_redact'], [exports, '--since', 'x'], [exports, '--out', tmp_path]):
        done = command(*bad)
        assert done.returncode == 1 and 'Traceback' not in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr

def test_words_and_rows():
    from collections import Counter
    assert typical(Counter(), Counter()) == []
    assert in_a_row([Talk([], [])]) == (Counter(), Counter())

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
