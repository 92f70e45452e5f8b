"Importing again into the same file: what is added, what stays, and what somebody did to the file meanwhile."
import json, random
from datetime import datetime, timedelta

import pytest

from tinychat.data import Block, read_chatml, to_chatml
from tinychat.messengers import ImportOptions, import_file, recall
from tinychat.messengers.again import DAY, Note, mark_of, groups_of, join, pairs_alike, read_note

def chat(path, *messages):
    "A chat of WhatsApp; a message is (day of May 2025, minute of the day, who, text)."
    lines = [f'{day:02}/05/2025, {minute//60:02}:{minute%60:02} - {who}: {text}\n' for day, minute, who, text in messages]
    path.write_text(''.join(lines), encoding='utf-8')
    return path

HI = [(17, 600, 'Ann', 'hi'), (17, 601, 'Bo', 'hey'), (17, 602, 'Ann', 'lunch?')]
WALK = [(18, 600, 'Ann', 'a walk?'), (18, 601, 'Bo', 'in the rain?')]
FILM = [(19, 1200, 'Ann', 'a film?'), (19, 1201, 'Bo', 'which one')]
EVE = [(18, 700, 'Eve', 'a secret'), (18, 701, 'Bo', 'whose')]

@pytest.fixture
def put(tmp_path):
    "Import into one file; gives what is in it afterwards, as text."
    def into(*messages, me=('Bo',), out=tmp_path/'me.txt', fresh=False, **options):
        path = chat(tmp_path/'chat.txt', *messages)
        into.done = import_file([path], out, me, ImportOptions(**options), fresh=fresh)
        assert to_chatml(read_chatml(out)) == to_chatml(into.done.convs)
        return [[b.text for b in c] for c in into.done.convs]
    into.out = tmp_path/'me.txt'
    return into

def texts(*talks): return [[m[3] for m in talk] for talk in talks]

def test_what_is_new_is_added_in_its_place(put, capsys):
    assert put(*HI, *FILM) == texts(HI, FILM)
    assert put(*WALK) == texts(HI, WALK, FILM)
    assert '2 messages added to what earlier imports wrote. Kept, though not in these exports: 2 conversations. The file now holds ' in capsys.readouterr().out
    assert {k: put.done.report[k] for k in ('added', 'stay', 'by_hand')} == dict(added=2, stay=2, by_hand=0) and put.done.mine == 3
    assert put(*HI, *WALK, *FILM) == texts(HI, WALK, FILM) and '0 messages added' in capsys.readouterr().out

def test_a_conversation_that_went_on_is_longer_now(put):
    put(*HI)
    more = [*HI, (17, 603, 'Bo', 'where'), (17, 604, 'Ann', 'at mine')]
    assert put(*more) == texts(more) and put.done.report['added'] == 2
    assert put(*HI) == texts(more) and put.done.report['added'] == 0 # an older export takes nothing away

def test_what_was_said_twice_is_there_twice(put):
    again = [(n, 600 + k, who, text) for n in (3, 9, 27) for k, (who, text) in enumerate([('Ann', 'ok?'), ('Bo', 'ok')])]
    assert put(*again[:4]) == [['ok?', 'ok']]*2
    assert put(*again[4:]) == [['ok?', 'ok']]*3
    assert put(*again) == [['ok?', 'ok']]*3

def test_what_was_edited_and_deleted_stays_so(put, capsys):
    put(*HI, *WALK, *FILM)
    hi, walk, film = read_chatml(put.out)
    hi[1] = Block('assistant', 'hello there')
    mine = [hi, film, [Block('user', 'by hand'), Block('assistant', 'too')]]
    put.out.write_text(to_chatml(mine))
    for _ in range(2):
        assert put(*HI, *WALK, *FILM) == [[b.text for b in c] for c in mine]
        assert 'Left as you edited or deleted them: 2 conversations.' in capsys.readouterr().out
    grown = [*HI, (17, 603, 'Bo', 'where'), (17, 604, 'Ann', 'at mine')]
    assert put(*grown) == [[b.text for b in c] for c in mine] # what was edited stays, although it went on
    assert put(*HI, *WALK, *FILM, fresh=True) == texts(HI, WALK, FILM)

def test_what_is_written_by_hand_takes_nothing_away(put):
    put(*HI, *FILM)
    hand = [Block('user', 'a walk?'), Block('assistant', 'in the rain?')]
    for place in (0, 1, 2):
        convs = [c for c in read_chatml(put.out) if c != hand]
        put.out.write_text(to_chatml([*convs[:place], hand, *convs[place:]]))
        assert put(*WALK).count(['a walk?', 'in the rain?']) == 2
        put.out.write_text(to_chatml(convs))
        put(*HI, *FILM, fresh=True)

def test_a_word_replaced_everywhere_stays_replaced(put):
    days = [[(d, 600 + k, 'Ann' if k % 2 else 'Bo', f'{d} {k} dear' if k == 3 else f'{d} {k}') for k in range(6)] for d in range(2, 28)]
    whole = put(*sum(days, []))
    put.out.write_text(put.out.read_text().replace('dear', 'boss'))
    once = [[t.replace('dear', 'boss') for t in c] for c in whole]
    new = [(29, 600 + k, who, t) for k, (_, _, who, t) in enumerate(WALK)]
    assert put(*sum(days, []), *new) == once + texts(new)

def test_who_is_left_out_is_forgotten_although_the_export_is_gone(put, capsys):
    put(*HI, me=['Bo'])
    assert len(put(*EVE)) == 2
    with pytest.raises(ValueError, match="Nobody is called 'Zoe'"): put(*WALK, without=['Zoe'])
    assert put(*WALK, without=['EVE']) == texts(HI, WALK)
    assert 'What you leave out is still in what is kept of before. To forget it, delete: ' in capsys.readouterr().out
    assert put(*WALK, *FILM) == texts(HI, WALK, FILM)
    assert 'secret' not in put.out.read_text() and recall(put.out)['without'] == ['EVE']

def test_a_part_of_a_name_is_remembered_whole(put):
    put(*((d, m, who.replace('Eve', 'Eve Long'), t) for d, m, who, t in EVE), *((20, m, 'Ann', t) for m, t in ((1, 'hi'),)), (20, 2, 'Bo', 'hey'))
    assert put(*HI, (17, 900, 'Eve Long', 'me!'), without=['eve']) == [['hi', 'hey', 'lunch?'], ['hi', 'hey']]
    assert recall(put.out)['without'] == ['Eve Long']

def test_a_time_that_is_left_out_stays_left_out(put, capsys):
    put(*HI, *WALK, *FILM)
    assert put(*FILM, since='2025-05-18') == texts(WALK, FILM)
    assert 'nothing older than 2025-05-18' in capsys.readouterr().out
    assert put(*HI, *WALK) == texts(WALK, FILM) # remembered
    late = [(28, 600, 'Ann', 'late?'), (28, 601, 'Bo', 'yes, late')]
    assert put(*late) == texts(WALK, FILM, late)
    said = capsys.readouterr().out
    assert 'is now in' in said and 'To forget it' not in said # nothing was forgotten by this import
    assert put(*HI, *WALK, before='2025-05-19') == texts(WALK)
    assert put(*HI, *FILM, since='2025-05-01', before='2025-06-01') == texts(HI, WALK, FILM) # said anew

def test_who_i_am_can_be_put_right(put):
    put(*HI, *WALK, me=['Ann'])
    assert put(*HI, *WALK, me=['Bo']) == texts(HI, WALK)
    assert [b.role for b in read_chatml(put.out)[0]] == ['user', 'assistant', 'user']

def test_other_options_write_the_same_conversations_anew(put):
    number = [(17, 600, 'Ann', 'call +1 212 555 0123'), (17, 601, 'Bo', 'now')]
    assert '555' not in put(*number)[0][0]
    assert put(*number, redact=False) == texts(number)
    apart = [*HI, (17, 640, 'Ann', 'well?'), (17, 641, 'Bo', 'yes')]
    whole = put(*apart, gap_minutes=60, fresh=True)
    assert len(whole) == 1 and put(*apart, gap_minutes=15) == [['hi', 'hey', 'lunch?'], ['well?', 'yes']]
    assert put(*apart, gap_minutes=60) == whole

def test_a_phone_in_another_time_zone(put):
    days = [[(d, 600 + k, 'Ann' if k % 2 else 'Bo', f'{d} {k}') for k in range(6)] for d in (3, 5, 7)]
    put(*HI, *WALK, *sum(days, []))
    later = [(d, m + 180, who, t) for d, m, who, t in sum(days, []) + HI + WALK + FILM]
    assert sorted(put(*later)) == sorted(texts(*days, HI, WALK, FILM)) and put.done.report['added'] == 2

def test_the_same_few_words_a_few_hours_later_are_said_again(put):
    put(*WALK)
    assert put(*((d, m + 120, who, t) for d, m, who, t in WALK)) == texts(WALK, WALK)

def test_a_file_that_cannot_be_read(put):
    put(*HI)
    put.out.write_text('<|im_start|>user\nhi')
    before = put.out.read_bytes()
    with pytest.raises(ValueError, match='--fresh') as e: put(*WALK)
    assert '\n' not in str(e.value) and put.out.read_bytes() == before
    assert put(*WALK, fresh=True) == texts(WALK) and put.out.with_name('me.old1.txt').read_bytes() == before
    put.out.write_text(' \n') # emptied by hand: a new beginning
    assert put(*HI) == texts(HI)

@pytest.mark.parametrize('damage', ['', '[]', '{"written": ["x"]}', '{"written": ["a b c"]}', '{"written": 3}', '{"written": [3]}', '{"written": ["a 1 2 3", "b"]}'])
def test_notes_that_are_damaged_are_as_none(put, damage):
    put(*HI)
    put.out.with_name('me.import.json').write_text(damage)
    assert put(*WALK) == texts(WALK) and put.out.with_name('me.old1.txt').exists()

def test_notes_are_private(put):
    put(*HI, *EVE)
    file = put.out.with_name('me.import.json')
    noted = json.loads(file.read_text())['written']
    assert file.stat().st_mode & 0o777 == 0o600 and len(noted) == 2
    assert not any(word in line for line in noted for word in ('hi', 'Ann', 'ann', 'Eve', 'eve', 'secret'))
    for note in map(read_note, noted): assert read_note(str(note)) == note and note.end - note.start in (60, 120)

def test_any_order_of_exports_ends_in_the_same_file(tmp_path, capsys):
    "Exports that begin and end anywhere between conversations, of two people, in any order."
    start = datetime(2024, 1, 1)
    for seed in range(8):
        rng, out, whole, talks = random.Random(seed), tmp_path/f'{seed}.txt', tmp_path/f'{seed}.whole.txt', {'Ann': [], 'Eve': []}
        for n in range(40):
            who, at = rng.choice(['Ann', 'Eve']), start + timedelta(hours=9*n)
            said = [(who if k % 2 else 'Bo', rng.choice(['ok', 'yes', 'no', 'haha', f'number {n}'])) for k in range(rng.randint(2, 7))]
            talks[who].append([f'{at + timedelta(minutes=k):%d/%m/%Y, %H:%M} - {s}: {text}\n' for k, (s, text) in enumerate(said)])
        def export(who, parts):
            path = tmp_path/f'WhatsApp Chat with {who}.txt'
            path.write_text(''.join(line for talk in parts for line in talk))
            return path
        pieces = [(who, parts[a:b]) for who, parts in talks.items() for a, b in [sorted((rng.randrange(len(parts)), rng.randint(1, len(parts)))) for _ in range(3)] + [(0, 8), (6, 99)] if parts[a:b]]
        rng.shuffle(pieces)
        for piece in pieces: done = import_file([export(*piece)], out, ['Bo'], ImportOptions(gap_minutes=60))
        import_file([export(*x) for x in talks.items()], whole, ['Bo'], ImportOptions(gap_minutes=60))
        assert out.read_bytes() == whole.read_bytes() and done.mine == out.read_text().count('<|im_start|>assistant')

def test_groups():
    assert groups_of([]) == []
    rng = random.Random(0)
    for _ in range(50):
        links = [(rng.randrange(9), rng.randrange(9)) for _ in range(rng.randrange(12))]
        groups = groups_of(links)
        for i, j in links: assert [(i in a, j in b) for a, b in groups].count((True, True)) == 1
        assert sum(len(a) + len(b) for a, b in groups) == len({(0, i) for i, _ in links} | {(1, j) for _, j in links})

def test_many_conversations_take_seconds_not_hours():
    "Short, common talks share their neighbours with thousands of others; only their days tell them apart."
    conv = [Block('user', 'ok?'), Block('assistant', 'ok')]
    notes = [Note(mark_of(to_chatml([conv])), 10**9 + n*DAY//4, 10**9 + n*DAY//4 + 60, ('a',)) for n in range(4000)]
    found = join([conv]*3000, notes[:3000], [conv]*2000, notes[2000:])
    assert len(found.convs) == 4000 and found.added == 2000
    assert len({*pairs_alike([*zip([conv]*3000, notes)], [*zip([conv]*10, notes)])}) == 10
    endless = Note('x', 1, 10**18, ())
    assert len(join([conv], [endless], [conv], [endless]).convs) == 1

def test_what_is_removed_is_counted_and_all_copies_are_named(put, capsys):
    put(*HI, *EVE, *FILM)
    put(*HI, *EVE, *FILM, *WALK) # the first copy
    capsys.readouterr()
    put(*HI, *EVE, *FILM, *WALK, without=['Eve'])
    said = capsys.readouterr().out
    assert '0 messages added to what earlier imports wrote, 2 removed.' in said and f'The file now holds {sum(map(len, (HI, WALK, FILM)))} messages.' in said
    assert 'To forget it, delete: ' in said and said.count('me.old1.txt') == 1 and said.count('me.old2.txt') == 2

def test_what_was_edited_is_not_said_to_be_missing(put, capsys):
    put(*HI, *WALK)
    put.out.write_text(put.out.read_text().replace('hey', 'hello'))
    put(*HI, *WALK)
    said = capsys.readouterr().out
    assert 'Left as you edited or deleted them: 1 conversation.' in said and 'Kept, though' not in said

def test_a_limit_is_lifted_by_giving_it_empty(put):
    put(*HI, *EVE, *FILM, since='2025-05-18', without=['Eve'])
    assert put(*HI, *EVE, *FILM) == texts(FILM)
    assert put(*HI, *EVE, *FILM, since='') == texts(HI, FILM) and 'since' not in recall(put.out)
    assert put(*HI, *EVE, *FILM, without=['']) == texts(HI, [*EVE, *FILM][:2], FILM) and 'without' not in recall(put.out)

def test_who_was_taken_for_another_is_told_of_fresh(put, capsys):
    put(*HI, *FILM, me=['Ann'])
    put(*WALK, me=['Bo'])
    assert 'until now you were Ann, and what was written then stays as it is; if that was wrong, say --fresh' in capsys.readouterr().out
    put(*HI, *FILM, *WALK, *EVE, me=['bo'])
    assert 'until now' not in capsys.readouterr().out
