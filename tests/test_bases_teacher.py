"A network with other tokens, and what it writes."
import random

import pytest
import torch

from tinychat.bases import open_base
from tinychat.bases.teacher import goes_round, in_other_tokens, old_tokens, sound_talks, take_openings, with_vocabulary, write_texts
from tinychat.data import Block, encode_conversation, read_chatml
from tinychat.gpt import GPT, GPTConfig, generate
from tinychat.tokenizer import Tokenizer

@pytest.fixture(scope='module')
def tok(sample): return Tokenizer.train([b.text for c in read_chatml(sample) for b in c] + ['assistant', 'user']*1000, 320)

@pytest.fixture(scope='module')
def network(tok):
    torch.manual_seed(0)
    return GPT(GPTConfig(tok.vocab_size, n_layer=2, n_head=4, n_kv_head=2, n_embd=32, context=96, qk_norm=False)).eval()

def test_every_token_is_said_in_others_byte_by_byte_the_same(tok):
    _, tiny = open_base('tiny')
    for old, new in ((tiny, tok), (tok, tiny)):
        for i in range(new.vocab_size):
            parts = old_tokens(old, new, i)
            assert parts and b''.join(map(old.token_bytes, parts)) == new.token_bytes(i)
        assert old_tokens(old, new, new.im_end) == [old.im_end]

def test_only_the_rows_change(tok, network):
    _, tiny = open_base('tiny')
    other = with_vocabulary(network, tok, tiny, context=64, dropout=.1)
    assert (other.config.vocab_size, other.config.context, other.config.dropout, network.config.vocab_size) == (8192, 64, .1, 320)
    for name, p in network.named_parameters():
        if name != 'embed_tokens.weight': assert torch.equal(other.get_parameter(name), p)
    word = next(i for i in range(8192) if len(old_tokens(tok, tiny, i)) == 3)
    assert torch.allclose(other.embed_tokens.weight[word], network.embed_tokens.weight[old_tokens(tok, tiny, word)].mean(0))

def test_side_by_side_as_alone_plain_and_fast(tok, network):
    from tinychat.fast.cache import StaticCache
    from tinychat.fast.cpu import hidden
    openings = [tok.encode('hi'), tok.encode('a longer beginning'), [tok.end_of_text]]
    alone = [[*o, *generate(network, o, 40 - len(o), temperature=0)] for o in openings]
    assert write_texts(network, openings, 40, temperature=0).tolist() == alone
    assert write_texts(network, openings, 40, hidden, StaticCache(network, 3, 40), temperature=0).tolist() == alone
    drawn = [write_texts(network, openings, 40, generator=torch.Generator().manual_seed(n)).tolist() for n in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]

def test_openings_are_whole_messages_from_where_they_are_asked_for(tok):
    def source(text): return torch.tensor([i for _ in range(20) for i in encode_conversation(tok, [Block('user', text), Block('assistant', 'yes')]*2)[0]])
    rows = dict(one=source('one'), two=source('two'), never=source('never'))
    texts = [tok.decode(o) for o in take_openings(rows, dict(one=3, two=1), tok, 200, random.Random(0))]
    assert all(t.startswith('<|endoftext|><|im_start|>user\n') and t.endswith('<|im_end|>\n') and 1 <= t.count('<|im_end|>') <= 3 for t in texts)
    assert not any('never' in t for t in texts) and 20 < sum('two' in t for t in texts) < 90

def test_openings_say_the_same_in_other_tokens(tok):
    _, tiny = open_base('tiny')
    for text in ('hi', 'two\nlines', 'ünï 🙂', '  spaces  ', 'a <| b'):
        opening = encode_conversation(tok, [Block('user', text), Block('assistant', 'yes')])[0]
        assert tiny.decode(in_other_tokens(opening, tok, tiny)) == tok.decode(opening)
        assert in_other_tokens(in_other_tokens(opening, tok, tiny), tiny, tok) == opening

@pytest.mark.parametrize('texts, round_', [(['a', 'b', 'c', 'd'], False), (['a', 'a', 'a', 'b'], False), (['a']*4 + ['b'], True), (['a']*4 + [str(n) for n in range(16)], False),
    (['no ' * 13], True), (['no ' * 12], False), ([' '.join(map(str, range(40)))], False)])
def test_circles(texts, round_): assert goes_round(texts) == round_

def test_what_is_malformed_is_left_out_and_the_rest_kept(tok):
    good = encode_conversation(tok, [Block('user', 'hi'), Block('assistant', 'hey'), Block('user', 'ok?'), Block('assistant', 'yes')])[0]
    bad = [tok.end_of_text, tok.im_start, tok.im_end, tok.im_start, *tok.encode('assistant\n')]
    talk = [[1, 'hi'], [0, 'hey'], [1, 'ok?'], [0, 'yes']]
    width = 2*len(good) + len(bad)
    rows = [good + bad + good, bad + good + good, good + good + bad, [tok.im_end]*width]
    assert sound_talks(torch.tensor(rows), tok) == [talk]*6
    assert sound_talks(torch.tensor([good]), tok, least=5) == []
