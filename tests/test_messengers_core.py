"What all readers share: JSON read piece by piece, names that tell people apart, the beginning of a file."
import csv, io, json, os, random, tarfile, zipfile

import pytest
from mutations import mutated
from hypothesis import given, settings, strategies as st

from tinychat.messengers import core, read_messages
from tinychat.messengers.core import (DAMAGE_ERRORS, Damaged, File, JsonStream, all_files, count_steps, csv_rows, distinct_names, find_files, first_value, head_text,
                                      json_lines, load_json, name_or_key, nested, page_elements, parent_folder, zip_files)

class Memory(File):
    "A file that lies in memory."
    def __init__(self, data):
        super().__init__('x', 'x')
        self.data = data
    def open(self): return io.BytesIO(self.data)

def stream(text, step, codec='utf-8'): return JsonStream(file := Memory(text.encode(codec)), file.open(), step)

values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                      lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=20)

@settings(max_examples=200, deadline=None)
@given(value=values, step=st.integers(1, 9), indent=st.none() | st.integers(0, 3), ascii=st.booleans())
def test_any_json_read_at_any_step_is_what_python_reads(value, step, indent, ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    try: text.encode()
    except UnicodeEncodeError: return # half a character
    s = stream(text, step)
    assert s.value() == json.loads(text) and s.peek() == ''
    if isinstance(value, list): assert list(stream(text, step).values()) == json.loads(text)
    if isinstance(value, dict):
        s = stream(text, step)
        assert {k: s.value() for k in s.keys()} == json.loads(text)

@pytest.mark.parametrize('codec', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_json_in_any_unicode(codec): assert list(stream('["grüße", "🐟"]', 3, codec).values()) == ['grüße', '🐟']

def test_damaged_json_is_refused_as_python_refuses_it():
    whole, rng = json.dumps([dict(a=1.5, b='x"y', c=[None, True]), 'z', -3e9]), random.Random(0)
    for _ in range(500):
        text = list(whole)
        at = rng.randrange(len(text))
        if rng.random() < .5: del text[at:]
        else: text[at] = rng.choice('[]{}:,"x0 ')
        text = ''.join(text)
        try: expected = json.loads(text)
        except ValueError: expected = Damaged
        s = stream(text, rng.randrange(1, 9))
        try:
            found = s.value()
            if s.peek(): found = Damaged
        except Damaged: found = Damaged
        assert found == expected, text

@settings(deadline=None)
@given(names=st.dictionaries(st.sampled_from('123456789'), st.sampled_from(['sam', 'sam (1)', 'sam (1) (2)', 'ada', '2'])))
def test_names_are_distinct(names):
    out = distinct_names(names)
    assert out.keys() == names.keys() and len(set(out.values())) == len(out)
    assert all(out[i].startswith(name) for i, name in names.items())

def test_a_name_that_is_not_clear_becomes_its_key():
    assert name_or_key(['+1', '+2'], {'+1': '+2'}) == {'+1': '+1', '+2': '+2'} # somebody is called like another one's number
    assert name_or_key(['+1', '+2'], {'+1': 'Ada', '+2': 'Me'}) == {'+1': 'Ada', '+2': '+2'}

def test_a_look_into_anything():
    assert nested(dict(a=[1]), 'a', 'b') is None and nested(dict(a=dict(b=0)), 'a', 'b') == 0
    assert first_value([1], 'a') is None and first_value(dict(a=None, b=0), 'a', 'b', default='') == 0

def test_the_beginning_of_a_file_never_fails():
    for data in (b'', b'\xff', b'\xff\xfe', b'\xff\xfea', '🐟'.encode()[:3], b'\xef\xbb', bytes(range(256))):
        assert isinstance(head_text(Memory(data)), str)

def test_folders_end_at_the_top(): assert (parent_folder('a/b', 2), parent_folder('a', 5), parent_folder('')) == ('', '', '')

@given(rows=st.lists(st.lists(st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), min_size=1), min_size=1)), delimiter=st.sampled_from(',;\t'))
def test_a_table_comes_back_as_it_was_written(rows, delimiter):
    csv.writer(out := io.StringIO(newline=''), delimiter=delimiter).writerows(rows)
    assert list(csv_rows(io.StringIO(out.getvalue(), newline=''), delimiter)) == rows

def test_a_cell_may_be_a_novel_and_pythons_limit_stays():
    before = csv.field_size_limit()
    assert list(csv_rows(io.StringIO('x'*(before + 1)))) == [['x'*(before + 1)]] and csv.field_size_limit() == before
    with pytest.raises(Damaged, match='near line 2'): list(csv_rows(io.StringIO('a\n"b')))
    assert csv.field_size_limit() == before

@pytest.mark.parametrize('codec', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_a_damaged_line_costs_that_line(codec):
    assert list(json_lines(Memory('1\n\n{"a": "\u2028\x0b"}\r\n{"b\n[]'.encode(codec)))) == [1, None, None, []]
    assert list(json_lines(Memory('1\n\n{"a": "\u2028"}\r\n{"b\n[]'.encode(codec)))) == [1, {'a': '\u2028'}, None, []]

@given(st.lists(st.integers()))
def test_every_step_is_forward_or_back_or_none(times):
    forward, back = count_steps(times)
    assert count_steps(times[::-1]) == (back, forward) and forward + back == sum(a != b for a, b in zip(times, times[1:]))

# Made to fill a memory

def bomb(path, *sizes, fill=b' ', method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, 'w', method) as z:
        for n, size in enumerate(sizes):
            with z.open(f'_chat{n}.txt', 'w') as f:
                for _ in range(size//2**20): f.write(fill*(2**20//len(fill)))
    return path

MB = 2**20

@pytest.fixture
def small(monkeypatch): monkeypatch.setattr(core, 'SMALL', 2*MB)

def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = bomb(tmp_path/'b.zip', 80*MB)
    monkeypatch.setattr(zipfile.ZipFile, 'open', lambda *_, **__: pytest.fail('it was opened'))
    with pytest.raises(ValueError, match=r'b.zip is not unpacked: 0.\d MB in it would become 84 MB, as in a zip bomb. If you trust'): read_messages(path)

def test_many_small_files_are_a_bomb_too(tmp_path, small):
    with pytest.raises(ValueError, match='would become 4 MB'): zip_files(bomb(tmp_path/'b.zip', *[MB]*4))

def test_a_bomb_hides_behind_nothing_large(tmp_path, small):
    path = bomb(tmp_path/'b.zip', 3*MB)
    with zipfile.ZipFile(path, 'a') as z: z.writestr('photo.jpg', random.Random(0).randbytes(MB))
    with pytest.raises(ValueError, match='would become 3 MB'): zip_files(path)

def test_what_packs_well_but_is_small_or_is_large_but_packs_badly_is_read(tmp_path, small):
    assert len(zip_files(bomb(tmp_path/'small.zip', 2*MB))) == 1
    noise = random.Random(0).randbytes(MB)
    assert len(zip_files(bomb(tmp_path/'large.zip', 3*MB, fill=noise, method=zipfile.ZIP_STORED))) == 1

def test_the_others_in_a_folder_are_read_all_the_same(tmp_path, small):
    bomb(tmp_path/'b.zip', 3*MB)
    (tmp_path/'a.txt').write_text('hi')
    assert [(f.name, bool(f.trouble)) for f in all_files(tmp_path)] == [('a.txt', False), ('b.zip', True)]

@pytest.mark.parametrize('read, most, text, says', [
    (File.bytes, 'MOST_BYTES', 'x'*101, 'larger than'), (load_json, 'MOST_VALUES', '[' + '[],'*50 + '1]', 'million values'),
    (lambda f: list(json_lines(f)), 'MOST_CHARS', '{"a": "' + 'x'*100 + '"}', 'a line in it is longer'),
    (lambda f: list(csv_rows(io.StringIO(f.open().read().decode()))), 'MOST_CHARS', 'a,b\n' + 'x'*101, 'a line in it is longer'),
    (lambda f: JsonStream(f, f.open(), 10).value(), 'MOST_CHARS', '"' + 'x'*100, 'endless')])
def test_nothing_endless_is_held_in_memory(monkeypatch, read, most, text, says):
    monkeypatch.setattr(core, most, 100)
    with pytest.raises(Damaged, match=says): read(Memory(text.encode()))

# Archives of every kind, and in one another

def tar(path, files, mode='w:gz'):
    "A tar of name -> bytes, or -> `TarInfo` for what is no file."
    with tarfile.open(path, mode) as t:
        for name, data in files.items():
            info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
            if info is not data: info.size = len(data)
            t.addfile(info, None if info is data else io.BytesIO(data))
    return path

def special(name, kind, target=''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info

def pack(path, files):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items(): z.writestr(name, data)
    return path

def contents(path): return {f.name: f.bytes() for f in all_files(path) if not f.trouble}

CHAT = {'chats/a.txt': b'hello', 'chats/b.json': b'[1]'*1000, '__MACOSX/._a': b''}
REAL = {name: data for name, data in CHAT.items() if 'MACOSX' not in name}

@pytest.mark.parametrize('name, mode', [('a.tar', 'w:'), ('takeout-001.tgz', 'w:gz'), ('a.tar.gz', 'w:gz'), ('no_ending', 'w:gz')])
def test_a_tar_is_read_like_a_folder(tmp_path, name, mode):
    path = tar(tmp_path/name, CHAT, mode)
    assert contents(path) == REAL and [f.base for f in find_files(path)] == ['a.txt', 'b.json']
    assert contents(tmp_path) == {f'{name}/{n}': data for n, data in REAL.items()}
    with all_files(path)[0].on_disk() as copy: assert copy.read_bytes() == b'hello'

def test_archives_in_archives(tmp_path):
    inner = pack(tmp_path/'WhatsApp Chat with Bo.zip', CHAT).read_bytes()
    middle = tar(tmp_path/'m.tgz', {'x/WhatsApp Chat with Bo.zip': inner, 'c.txt': b'c'}).read_bytes()
    outer = pack(tmp_path/'outer.zip', {'m.tgz': middle})
    assert contents(outer) == {'m.tgz/c.txt': b'c'} | {f'm.tgz/x/WhatsApp Chat with Bo.zip/{n}': data for n, data in REAL.items()}
    deep = pack(tmp_path/'deep.zip', {'outer.zip': outer.read_bytes()})
    assert {f.name: f.trouble for f in all_files(deep)} == {'outer.zip/m.tgz/c.txt': '', 'outer.zip/m.tgz/x/WhatsApp Chat with Bo.zip': 'in more than 3 archives'}

def test_what_is_in_an_archive_leads_nowhere(tmp_path):
    (tmp_path/'secret').write_text('secret')
    odd = {'link': special('link', tarfile.SYMTYPE, str(tmp_path/'secret')), 'hard': special('hard', tarfile.LNKTYPE, 'a.txt'), 'pipe': special('pipe', tarfile.FIFOTYPE),
           'null': special('null', tarfile.CHRTYPE), 'd': special('d', tarfile.DIRTYPE), '../up.txt': b'up', '/abs.txt': b'abs', 'a.txt': b'a'}
    (tmp_path/'in').mkdir()
    files = all_files(tar(tmp_path/'in'/'odd.tgz', odd))
    assert {f.name: f.bytes() for f in files if not f.trouble} == {'../up.txt': b'up', '/abs.txt': b'abs', 'a.txt': b'a'}
    bad = [f for f in files if f.trouble]
    assert sorted(f.name for f in bad) == ['hard', 'link', 'null', 'pipe'] and not any(f.head for f in bad)
    for f in bad:
        with pytest.raises(ValueError, match='not followed'): f.open()
    assert sorted(p.name for p in tmp_path.rglob('*')) == ['in', 'odd.tgz', 'secret']

def test_a_tar_that_grows_beyond_measure(tmp_path, small):
    path = tar(tmp_path/'b.tgz', {'chat.txt': bytes(4*MB)})
    with pytest.raises(ValueError, match='far too much'): all_files(path)
    sparse = tarfile.TarInfo('s')
    sparse.pax_headers = {'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 's', 'GNU.sparse.realsize': str(10**12)}
    sparse.size = 512
    with tarfile.open(tmp_path/'s.tar', 'w:', format=tarfile.PAX_FORMAT) as t: t.addfile(sparse, io.BytesIO(b'1\n0\n512\n'.ljust(512, b'\0')))
    with pytest.raises(ValueError, match='as in a zip bomb'): all_files(tmp_path/'s.tar')

def test_a_bomb_in_the_second_layer(tmp_path, small):
    one = pack(tmp_path/'one', {'a.txt': bytes(MB + MB//2)}).read_bytes() # small enough, each of them
    outer = pack(tmp_path/'outer.zip', {f'{n}.zip': one for n in range(5)})
    troubles = [f.trouble for f in all_files(outer)]
    assert troubles[0] == '' and len(troubles) == 5 and all(t.startswith('an archive that unpacks to far too much') for t in troubles[1:])

def test_too_many_files_and_endless_names(tmp_path, monkeypatch):
    monkeypatch.setattr(core, 'MOST_FILES', 10)
    for path in (tar(tmp_path/'t.tar', {str(n): b'' for n in range(20)}, 'w:'), pack(tmp_path/'z.zip', {str(n): b'' for n in range(20)})):
        with pytest.raises(ValueError, match='more than 10 files'): all_files(path)
    name = special('././@LongLink', tarfile.GNUTYPE_LONGNAME)
    name.size = 2**25
    (tmp_path/'l.tar').write_bytes(name.tobuf(tarfile.GNU_FORMAT) + bytes(2**25 + 1024))
    with pytest.raises(ValueError, match='a name in it is endless'): all_files(tmp_path/'l.tar')

def test_a_damaged_tar_does_not_end_early_in_silence(tmp_path):
    data = bytearray(tar(tmp_path/'t.tar', {'a.txt': b'a', 'b.txt': b'b'}, 'w:').read_bytes())
    data[1024:1030] = b'xxxxxx' # where b.txt begins
    (tmp_path/'t.tar').write_bytes(data)
    with pytest.raises(ValueError, match='t.tar is a damaged tar'): all_files(tmp_path/'t.tar')
    assert [(f.name, f.trouble) for f in all_files(tmp_path)] == [('t.tar', 'an empty or damaged tar')]

def test_damaged_archives_are_read_or_refused(tmp_path):
    rng, inner = random.Random(1), pack(tmp_path/'i.zip', REAL).read_bytes()
    kinds = [pack(tmp_path/'z.zip', {**REAL, 'i.zip': inner}).read_bytes(), tar(tmp_path/'t.tar', {**REAL, 'i.zip': inner}, 'w:').read_bytes(), tar(tmp_path/'t.tgz', {**REAL, 'i.zip': inner}).read_bytes()]
    read, refused = 0, 0
    for n in range(150):
        path = tmp_path/f'{n}{(".zip", ".tar", ".tgz")[n % 3]}'
        path.write_bytes(mutated(kinds[n % 3], rng))
        try:
            for f in all_files(path):
                try: f.bytes(); read += 1
                except (OSError, *DAMAGE_ERRORS): refused += 1
        except ValueError as e: assert '\n' not in str(e); refused += 1
        path.unlink()
    assert read > 50 and refused > 30

# Pages

def page(text, codec='utf-8'): return page_elements(Memory(text.encode(codec)), lambda e: 'm' in e.classes)

@pytest.mark.parametrize('codec', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_a_page_says_what_was_typed(codec):
    typed = ['a  b', ' grüße 🐟 &', '<br>\n<3', 'x'*100_000, 'two\n\nlines', '']
    inside = lambda t: ''.join('<br>' if c == '\n' else f'&#{ord(c)};' if c in '<>&' else c for c in t)
    text = '<html><body>' + ''.join(f'<div class="x m"><b>{inside(t)}</b></div>' for t in typed) + '</body></html>'
    assert [e.text() for e in page(text, codec)] == typed
    pretty = text.replace('<b>', '\n  <b>').replace('</b>', '</b>\n')
    assert [e.text() for e in page(pretty, codec)] == typed

def test_elements_are_found_and_left_out():
    e, = page('<p class="m">a<i class="x">b<u class="y">c</u></i><img class="z">d</p>')
    assert (e.text(), e.text(skip={'y'}), e.text(skip={'x'})) == ('abcd', 'abd', 'ad') and e.first('y', 'z').tag == 'u' and e.first('q') is None

@pytest.mark.parametrize('text', ['<html><p class="m">a</p>', '<html><p class="m">a</p></html', '<html><script><p class="m">a</p></html>', '<html><!-- <p class="m">a</p></html>'])
def test_a_page_that_was_cut_short(text):
    with pytest.raises(Damaged, match='cut short'): list(page(text))

@pytest.mark.parametrize('text', ['<p class="m">' + 'x'*2**21, '<p class="m">' + '<b>'*200, '<p class="m">' + '<br>'*2**21, '<![odd[ x ]]><p class="m">a</p>', '<a '*300_000, '<!--'*300_000, '&'*2**21 + '<'])
def test_no_page_is_endless(text):
    with pytest.raises(Damaged): list(page(text))
