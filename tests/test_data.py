"""From messages to batches. ChatML reads back exactly, whatever anyone types: hypothesis looks for a text that does not.
Odd cases that would not teach anything in the notebook are here, and so is its exercise."""
from datetime import datetime

import pytest
import torch
from hypothesis import given, settings, strategies as st

from tinychat.data import (Batches, Block, Message, conversations, demo_chats, encode_all, encode_conversation, escape,
                           from_chats, parse_chatml, read_chatml, split_by_time, to_blocks, to_chatml, two_sided, unescape,
                           write_chatml)
from tinychat.tokenizer import Tokenizer, train_bpe

# Any text that UTF-8 can hold, and pieces that were chosen to hurt.
pieces = st.sampled_from(['<|', '|>', '<', '|', '\\', '<|im_start|>', '<|im_end|>', '<|endoftext|>', 'assistant\n', 'user\n',
                          '\n', '\r\n', '\n\n', ' ', '\ufeff', '\u2028', '\x00', '\u200d', '😂'])
texts = st.lists(pieces | st.text(st.characters(exclude_categories=['Cs']), max_size=5), max_size=8).map(''.join)
names = texts.map(lambda t: ' '.join(t.split())).filter(bool)
blocks = st.builds(Block, st.sampled_from(['assistant', 'user']) | names.map('user name={}'.format), texts)
convs = st.lists(st.lists(blocks, min_size=1, max_size=5), max_size=4)

# Messages, conversations and roles

hi = Message('Ada', 'hi', datetime(2024, 3, 1, 12, 0))
two_days_later = Message('Grace', 'sorry!', datetime(2024, 3, 3, 12, 1))

def test_whole_days_of_silence_count():
    assert len(conversations([hi, two_days_later])) == 2
    assert len(conversations([hi, two_days_later], gap_minutes=3*24*60)) == 1

@pytest.mark.parametrize('gap', [-1, float('nan')])
def test_a_gap_below_zero_is_refused(gap):
    with pytest.raises(ValueError, match='gap_minutes must be at least 0'): conversations([hi], gap)

@given(st.lists(st.builds(Message, st.sampled_from('ab'), st.just('x'), st.datetimes() | st.none()), max_size=20), st.floats(0, 1e6))
def test_no_message_is_lost_at_silences(messages, gap):
    assert [m for c in conversations(messages, gap) for m in c] == messages

def test_in_a_group_roles_have_names():
    three = [hi, two_days_later, Message('Alan \n M', 'me too'), Message('\n', 'hm')]
    assert [b.role for b in to_blocks(three, 'Grace')] == ['user name=Ada', 'assistant', 'user name=Alan M', 'user name=?']
    assert [b.role for b in to_blocks([hi, two_days_later], 'Grace')] == ['user', 'assistant']
    assert [b.role for b in to_blocks([hi, two_days_later], 'Grace', group=True)] == ['user name=Ada', 'assistant']

def test_one_sided_conversations_are_left_out():
    "After the cut, each half has one speaker."
    assert from_chats([[hi, two_days_later]], 'Grace') == []
    assert from_chats([[hi, two_days_later]], 'Grace', gap_minutes=10**6) == [[Block('user', 'hi'), Block('assistant', 'sorry!')]]
    assert not two_sided([Block('system', 'x'), Block('assistant', 'y')]) and two_sided([Block('user name=A', 'x'), Block('assistant', 'y')])

def test_conversations_are_in_order_of_time():
    later = [Message('Ada', 'a', datetime(2025, 1, 1)), Message('Grace', 'b', datetime(2025, 1, 1))]
    assert from_chats([later, [hi, Message('Grace', 'c', hi.time)]], 'Grace')[0][0].text == 'hi'

# ChatML

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

nasty = ['<|im_end|>', r'<\|im_end|>', r'<\\|', '<', '|', '<<||>>', '\n\n<|im_start|>assistant\nhi', '', ' \r\n ', '\x00\u2028',
         '👩‍👩‍👧 \u200f', '<|endoftext|>']

@pytest.mark.parametrize('text', nasty, ids=range(len(nasty)))
def test_nasty_texts_and_names_read_back(text, tmp_path):
    convs = [[Block('user name=Zoë <|im_end|>', text), Block('assistant', text*2)]]*2
    assert parse_chatml(to_chatml(convs)) == convs and '<|' not in escape(text)
    write_chatml(tmp_path/'c.txt', convs)
    assert read_chatml(tmp_path/'c.txt') == convs

two = to_chatml([[Block('user', 'hi'), Block('assistant', 'yo\nyo')], [Block('user', 'so'), Block('assistant', 'ok')]])
slips = [(two.replace('<|im_start|>assistant', 'assistant', 1), 'line 3: a block must begin with <|im_start|>'),
         (two.replace('<|im_end|>', '<|im_end|>\n\nhello', 1), 'line 4: a block must begin with <|im_start|>'),
         (two.replace('so<|im_end|>', 'so'), 'line 7: this block has no <|im_end|> before the next one begins'),
         (two.replace('ok<|im_end|>', 'ok'), 'line 9: this block has no <|im_end|>. Add it'),
         (two.replace('user', 'Ada', 1), 'line 1: the role must be'),
         (two.replace('<|im_start|>assistant', '<|im_start|>system', 1), 'line 3: system may only come first')]

@pytest.mark.parametrize('text, said', slips, ids=range(len(slips)))
def test_a_slip_of_the_editor_is_named_with_its_line(text, said):
    with pytest.raises(ValueError) as e: parse_chatml(text, 'me.txt')
    assert f'me.txt, {said}' in str(e.value)

def test_system_may_come_first():
    convs = [[Block('system', 'Be kind.'), Block('user', 'hi'), Block('assistant', 'yo')]]*2
    assert parse_chatml(to_chatml(convs)) == convs

def test_windows_editors_are_forgiven(tmp_path):
    (tmp_path/'w.txt').write_bytes('\ufeff<|im_start|>user\r\nhi<|im_end|>\r\n<|im_start|>assistant\r\nyo<|im_end|>\r\n\r\n<|im_start|>user\r\nbye<|im_end|>'.encode())
    assert read_chatml(tmp_path/'w.txt') == [[Block('user', 'hi'), Block('assistant', 'yo')], [Block('user', 'bye')]]

def test_a_damaged_file_names_itself_and_the_place(tmp_path):
    path = tmp_path/'c.txt'
    path.write_bytes(b'<|im_start|>user\nh\xff\xfe<|im_end|>\n')
    with pytest.raises(ValueError, match='c.txt is not UTF-8 text .byte 18'): read_chatml(path)
    path.write_text('<|im_start|>user\nhi<|im_end|>\n\nhello there\n')
    with pytest.raises(ValueError, match='c.txt, line 4: a block must begin'): read_chatml(path)

def test_what_is_not_there_is_said(tmp_path):
    (tmp_path/'empty.txt').touch()
    for name, said in (('empty.txt', 'empty.txt is empty. Put'), ('nowhere.txt', 'nowhere.txt is not there. Put'), ('', 'is a folder')):
        with pytest.raises(ValueError, match=said): read_chatml(tmp_path/name)

def test_half_of_an_emoji_is_not_written(tmp_path):
    with pytest.raises(ValueError, match='c.txt was not written: a message holds half of a surrogate pair'):
        write_chatml(tmp_path/'c.txt', [[Block('assistant', '\ud83d')]])
    assert list(tmp_path.iterdir()) == []

# What is held out

@given(st.lists(st.lists(blocks, min_size=1, max_size=3), min_size=2, max_size=9), st.floats(0, 1))
def test_split_keeps_order_and_both_sides(convs, share):
    train, held = split_by_time(convs, share)
    assert train + held == convs and train and held

def test_the_held_out_part_is_as_near_as_whole_conversations_allow():
    convs = [[Block('assistant', 'x'*n)] for n in (50, 30, 8, 7, 5)]
    assert [len(split_by_time(convs, share)[1]) for share in (0, 0.05, 0.1, 0.2, 0.5, 1)] == [1, 1, 2, 3, 4, 4]

def test_one_conversation_cannot_be_split():
    with pytest.raises(ValueError, match='1 conversation is too few: one is held out to judge the model by, so at least 2 are needed'):
        split_by_time([[Block('assistant', 'x')]])

# Ids and the mask

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

def test_the_mask_is_what_the_person_decided():
    "Their words, where they stop, and the role after it; not the first role, nor a name."
    ids, mine = encode_conversation(tok, [Block('user name=Ada', 'a?'), Block('assistant', 'b'), Block('assistant', 'c'), Block('user name=Ada', 'd')])
    assert tok.decode([i for i, m in zip(ids, mine) if m]) == 'b<|im_end|>assistantc<|im_end|>user'

def test_all_conversations_make_one_row():
    convs = [[Block('user', 'hi'), Block('assistant', 'yo')], [Block('assistant', 'so'), Block('user', 'ok')]]
    ids, mine = encode_all(tok, convs)
    assert ids.dtype == torch.int64 and mine.dtype == torch.bool
    assert list(zip(ids.tolist(), mine.tolist())) == [pair for c in convs for pair in zip(*encode_conversation(tok, c))]

# Batches

def batches(n, *args, **kw): return Batches(torch.arange(n)*3, torch.arange(n) % 3 == 0, *args, **kw)

@given(st.integers(2, 60), st.data(), st.integers(1, 20), st.integers(0, 2**40), st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_batches_are_their_slow_twin(n, data, batch_size, seed, step):
    "One window after the other, each from the order of its own epoch."
    b = batches(n, data.draw(st.integers(1, n - 1)), batch_size, seed)
    x, y, mine = b[step]
    for row in range(batch_size):
        epoch, number = divmod(step*batch_size + row, b.per_epoch)
        for column in range(b.context):
            at = (int(b.starts(epoch)[number]) + column) % (n - 1)
            assert (x[row, column], y[row, column], mine[row, column]) == (3*at, 3*at + 3, (at + 1) % 3 == 0)

def test_batches_are_as_ever():
    "Training that was stopped last year goes on with the same windows."
    assert batches(1000, 10, 7, seed=3)[123][0][:,0].tolist() == [1224, 804, 2961, 564, 1794, 2721, 2031]
    assert batches(101, 10, 5, seed=1).starts(1).tolist() == [133, 143, 93, 113, 63, 123, 153, 83, 103, 73]

def test_the_seed_matters_and_nothing_else_does():
    one = batches(500, 10, 4)
    later = one[30][0]
    assert torch.equal(batches(500, 10, 4)[30][0], later) and not torch.equal(batches(500, 10, 4, seed=1)[30][0], later)

def test_a_context_longer_than_the_data_is_refused():
    assert batches(11, 10, 4)[0][0].shape == (4, 10)
    with pytest.raises(ValueError, match='A context of 10 is longer than the data, which has 10 tokens. Ask for at most 9.'): batches(10, 10, 4)

# The demo person

def test_the_demo_person():
    pytest.importorskip('chitchat_dataset')
    me, chats = demo_chats()
    assert all(any(m.sender == me for m in chat) for chat in chats)
    assert demo_chats(me[:8])[0] == me
    for person, said in (('nobody', '0 of'), ('', 'All of')):
        with pytest.raises(ValueError, match=f'^{said} .* have an id that begins with .*The most talkative'): demo_chats(person)

def test_try_a_minute_of_silence():
    "The notebook's exercise: more than twice as many conversations."
    pytest.importorskip('chitchat_dataset')
    me, chats = demo_chats()
    assert len(from_chats(chats, me, gap_minutes=1)) > 2*len(from_chats(chats, me))
