"ChatML reads back exactly, whatever anyone types: hypothesis looks for a text that does not."
import pytest
from hypothesis import given, settings, strategies as st

from tinychat.data import Block, Message, conversations, encode_conversation, escape, parse_chatml, read_chatml, split_by_time, to_chatml, unescape, write_chatml
from tinychat.tokenizer import Tokenizer, train_bpe

# Any text that UTF-8 can hold, and pieces that were chosen to hurt.
pieces = st.sampled_from(['<|', '|>', '<', '|', '\\', '<|im_start|>', '<|im_end|>', '<|endoftext|>', 'assistant\n', 'user\n', '\n', '\r\n', '\n\n', ' ', '\ufeff', '\u2028', '\x00', '\u200d', '😂'])
texts = st.lists(pieces | st.text(st.characters(exclude_categories=['Cs']), max_size=5), max_size=8).map(''.join)
names = texts.map(lambda t: ' '.join(t.split())).filter(bool)
blocks = st.builds(Block, st.sampled_from(['assistant', 'user']) | names.map('user name={}'.format), texts)
convs = st.lists(st.lists(blocks, min_size=1, max_size=5), max_size=4)

@given(texts)
def test_escape_is_undone_and_hides_every_mark(text):
    assert unescape(escape(text)) == text and '<|' not in escape(text)

@given(convs)
@settings(max_examples=500)
def test_chatml_reads_back(convs): assert parse_chatml(to_chatml(convs)) == convs

@given(convs.filter(bool))
@settings(max_examples=50)
def test_file_reads_back(tmp_path_factory, convs):
    path = tmp_path_factory.mktemp('chatml')/'chat.txt'
    write_chatml(path, convs)
    assert read_chatml(path) == convs

@given(st.text(max_size=60) | texts | convs.map(to_chatml).flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[:n])))
@settings(max_examples=500)
def test_anything_else_is_read_or_refused_in_one_line(text):
    try: parse_chatml(text)
    except ValueError as e: assert 'line' in str(e) and '\n' not in str(e)

tok = Tokenizer(train_bpe(['hello there, hello you'], 270))

@given(texts)
def test_tokens_read_back_and_are_never_special(text):
    ids = tok.encode(text)
    assert tok.decode(ids) == text and not set(ids) & set(tok.special.values())
    assert ''.join(tok.decode_stream(ids)) == text

@given(convs.filter(bool))
def test_a_conversation_decodes_to_its_chatml(convs):
    ids, mine = encode_conversation(tok, convs[0])
    plain = ''.join(f'<|im_start|>{b.role}\n{b.text}<|im_end|>\n' for b in convs[0])
    assert tok.decode(ids) == '<|endoftext|>' + plain and len(ids) == len(mine)
    assert ids.count(tok.im_start) == ids.count(tok.im_end) == len(convs[0])
    assert sum(m and i == tok.im_end for i, m in zip(ids, mine)) == sum(b.role == 'assistant' for b in convs[0])

@given(st.lists(st.builds(Message, st.sampled_from('ab'), st.just('x'), st.datetimes() | st.none()), max_size=20), st.floats(0, 1e6))
def test_no_message_is_lost_at_silences(messages, gap):
    assert [m for c in conversations(messages, gap) for m in c] == messages

@given(st.lists(st.lists(blocks, min_size=1, max_size=3), min_size=2, max_size=9), st.floats(0, 1))
def test_split_keeps_order_and_both_sides(convs, share):
    train, held = split_by_time(convs, share)
    assert train + held == convs and train and held

def test_windows_editors_are_forgiven(tmp_path):
    (tmp_path/'w.txt').write_bytes('\ufeff<|im_start|>user\r\nhi<|im_end|>\r\n<|im_start|>assistant\r\nyo<|im_end|>\r\n\r\n<|im_start|>user\r\nbye<|im_end|>'.encode())
    assert read_chatml(tmp_path/'w.txt') == [[Block('user', 'hi'), Block('assistant', 'yo')], [Block('user', 'bye')]]

def test_a_damaged_file_names_itself_and_the_place(tmp_path):
    path = tmp_path/'c.txt'
    path.write_bytes(b'<|im_start|>user\nh\xff\xfe<|im_end|>\n')
    with pytest.raises(ValueError, match='c.txt is not UTF-8 text .byte 18'): read_chatml(path)
    path.write_text('<|im_start|>user\nhi<|im_end|>\n\nhello there\n')
    with pytest.raises(ValueError, match='c.txt, line 4: a block must begin'): read_chatml(path)
