"What all readers share: JSON read piece by piece, names that tell people apart, the beginning of a file."
import csv, io, json, random

import pytest
from hypothesis import given, settings, strategies as st

from tinychat.messengers.core import (Damaged, File, JsonStream, count_steps, csv_rows, distinct_names, first_value, head_text, json_lines, name_or_key,
                                      nested, parent_folder)

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
    assert list(csv_rows(['x'*(before + 1)])) == [['x'*(before + 1)]] and csv.field_size_limit() == before
    with pytest.raises(Damaged, match='near line 2'): list(csv_rows(['a\n', '"b']))
    assert csv.field_size_limit() == before

@pytest.mark.parametrize('codec', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_a_damaged_line_costs_that_line(codec):
    assert list(json_lines(Memory('1\n\n{"a": "\u2028\x0b"}\r\n{"b\n[]'.encode(codec)))) == [1, None, None, []]
    assert list(json_lines(Memory('1\n\n{"a": "\u2028"}\r\n{"b\n[]'.encode(codec)))) == [1, {'a': '\u2028'}, None, []]

@given(st.lists(st.integers()))
def test_every_step_is_forward_or_back_or_none(times):
    forward, back = count_steps(times)
    assert count_steps(times[::-1]) == (back, forward) and forward + back == sum(a != b for a, b in zip(times, times[1:]))
