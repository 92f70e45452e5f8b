"No more than n tokens of a training message in a row."
import pytest

from tinychat.chat import Chat
from tinychat.checkpoint import BASES, load_base
from tinychat.data import Block, write_chatml
from tinychat.share.guard import Guard
from tinychat.tokenizer import Tokenizer

tok = Tokenizer.train(['the code of the garage is the birthday of my aunt'], 262)
TEXT = 'the code of the garage is the birthday of my aunt'

@pytest.mark.parametrize('n', [1, 3, 8])
def test_the_token_after_n_is_forbidden(n):
    guard, ids = Guard(tok, [TEXT], n), tok.encode(TEXT)
    assert all(not guard(ids[:k]) for k in range(n)) and all(ids[k] in guard(ids[:k]) for k in range(n, len(ids)))

def test_what_is_no_copy_is_free():
    guard = Guard(tok, [TEXT], 3)
    assert not guard(tok.encode('something else altogether')) and not Guard(tok, [], 3)(tok.encode(TEXT)) and not Guard(tok, [TEXT], 500)(tok.encode(TEXT))

@pytest.mark.parametrize('n', [0, -1])
def test_at_least_one(n):
    with pytest.raises(ValueError, match='at least 1 token'): Guard(tok, [TEXT], n)

def test_messages_of_both_sides_are_guarded(tmp_path):
    write_chatml(tmp_path/'me.txt', [[Block('user', 'what was it?'), Block('assistant', TEXT)]])
    guard = Guard.read(tok, tmp_path/'me.txt', 4)
    for text in ('what was it?', TEXT): assert tok.encode(text)[4] in guard(tok.encode(text)[:4])
    with pytest.raises(ValueError, match='is not there'): Guard.read(tok, tmp_path/'none.txt')

def test_a_chat_under_guard_copies_no_more():
    from tinychat.fast import writer_for
    model, its = load_base(BASES/'tiny')
    line = 'haha I know right, it is so good, you should come over and try it some time'
    for make_writer in ({}, dict(make_writer=writer_for)):
        me = Chat(model, its, temperature=0, max_tokens=30, max_messages=1, ban=Guard(its, [line], 3), **make_writer)
        me.talk = [Block('user', 'hey'), Block('assistant', line)]*4
        said = its.encode(me.reply('hey')[0])
        assert all(its.encode(line)[k:k+5] != said[j:j+5] for k in range(len(its.encode(line)) - 4) for j in range(len(said) - 4))
