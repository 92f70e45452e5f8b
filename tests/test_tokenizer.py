"Text becomes ids and comes back whole, whatever it holds; and what the tokenizer's notebook promises its reader."
import json, os
from pathlib import Path
import pytest
from hypothesis import given, settings, strategies as st

from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import (END_OF_TEXT, IM_END, IM_START, MAX_PIECE_CHARS, SPECIAL, Tokenizer, byte_alphabet,
                                merge, pair_counts, train_bpe, train_bpe_fast)

CHAT = ['haha yes', 'are you coming?', 'yes!! so late', 'haha no', "I'm sooo late 😂"]
tok = Tokenizer.train(CHAT, 280)

# Learning

@given(st.lists(st.text('ab c', max_size=12), max_size=6), st.integers(256, 290))
def test_the_fast_trainer_learns_what_the_plain_one_learns(texts, size):
    assert train_bpe_fast(texts, size) == train_bpe(texts, size)

@given(st.lists(st.integers(0, 3), max_size=20))
def test_a_merge_takes_away_the_pairs_it_replaces(ids):
    for pair in pair_counts(ids):
        merged = merge(ids, pair, 9)
        assert pair not in pair_counts(merged) and len(ids) - len(merged) == merged.count(9) > 0

@pytest.mark.parametrize('size, message', [
    (100, 'needs 256 bytes and 3 special tokens: at least 259, not 100'), (258, 'at least 259, not 258'),
    (4096, 'A vocabulary of 4,096 is larger than this text supports: it holds [0-9]+ different tokens. Ask for at most'),
    (10**11, 'A vocabulary of 100,000,000,000 is larger than this text supports')])
def test_a_size_that_cannot_be_is_refused(size, message):
    with pytest.raises(ValueError, match=message): Tokenizer.train(CHAT, size)

def test_the_size_that_is_offered_instead_can_be_had():
    with pytest.raises(ValueError) as e: Tokenizer.train(CHAT, 4096)
    largest = int(str(e.value).split('it holds ')[1].split()[0])
    assert Tokenizer.train(CHAT, largest).vocab_size == largest
    with pytest.raises(ValueError, match=f'it holds {largest} '): Tokenizer.train(CHAT, largest + 1)

# There and back

anything = st.text(st.characters(exclude_categories=['Cs']), max_size=30) | st.sampled_from([*SPECIAL, '\x00\ufeff\u200e', '\r\n\n\t '])

@given(st.lists(anything, max_size=4).map(''.join))
@settings(max_examples=300)
def test_any_text_comes_back(text):
    ids = tok.encode(text)
    assert tok.decode(ids) == ''.join(tok.decode_stream(ids)) == text and not set(ids) & set(tok.special.values())

@pytest.mark.parametrize('giant', [' '*1_000_001, 'x'*700_000, '\n'*600_001])
def test_a_giant_is_taken_in_parts(giant):
    assert tok.decode(tok.encode(giant)) == giant
    assert len(train_bpe_fast([giant], 260)) == 260
    first, rest = giant[:MAX_PIECE_CHARS], giant[MAX_PIECE_CHARS:]
    assert tok.encode(giant) == tok.encode(first) + tok.encode(rest)

@pytest.mark.parametrize('use', [tok.encode, lambda t: Tokenizer.train([t], 300), lambda t: train_bpe_fast([t], 300)])
def test_half_an_emoji_is_refused_and_not_printed(use):
    with pytest.raises(ValueError, match='Character 11 of a message is half of a surrogate pair .U.D83D.') as e: use('so funny! \ud83d')
    assert 'funny' not in str(e.value) and '\n' not in str(e.value)

def test_a_cut_emoji_stays_broken():
    ids = tok.encode('ok 😂')
    assert [*tok.decode_stream(ids)][-1] == '😂' and [*tok.decode_stream(ids[:-1])][-1] == '�' == tok.decode(ids[:-1])[-1]

def test_an_id_that_no_token_has_stands_for_nothing():
    assert tok.token_bytes(10**6) == b'' and tok.decode([104, 10**6, 105]) == 'hi'

def test_special_tokens_come_after_all_others():
    assert [tok.special[s] for s in SPECIAL] == [tok.end_of_text, tok.im_start, tok.im_end] == [277, 278, 279]
    assert tok.decode([tok.end_of_text, tok.im_start, tok.im_end]) == END_OF_TEXT + IM_START + IM_END

# Bytes that show

def test_each_byte_has_a_visible_character_of_its_own():
    shown = byte_alphabet()
    itself = [*range(ord('!'), ord('~')+1), *range(ord('¡'), ord('¬')+1), *range(ord('®'), ord('ÿ')+1)] # as GPT-2 lists them
    assert [b for b in shown if shown[b] == chr(b)] == itself and len(set(shown.values())) == len(shown) == 256
    assert [shown[b] for b in range(256) if b not in itself] == [chr(256+i) for i in range(256 - len(itself))]
    assert shown[ord(' ')] == 'Ġ' and shown[ord('\n')] == 'Ċ'

def test_what_was_described_is_made_again():
    again = Tokenizer.from_dict(json.loads(json.dumps(tok.to_dict())))
    assert again.to_dict() == tok.to_dict()
    for text in CHAT: assert again.encode(text) == tok.encode(text)

# The tokenizers people know

def test_a_published_vocabulary_keeps_its_ids_and_gets_ours():
    cl100k = Tokenizer.from_tiktoken('cl100k_base')
    assert cl100k.encode('haha yes 😂') == cl100k.bpe.encode('haha yes 😂', disallowed_special=()) == [71, 13856, 10035, 27623, 224]
    assert (cl100k.end_of_text, cl100k.im_start, cl100k.im_end, cl100k.vocab_size) == (100257, 100277, 100278, 100279)
    assert cl100k.token_bytes(100256) == b'' # a hole in it
    with pytest.raises(ValueError, match="knows no 'cl1000k'. It knows: .*cl100k_base"): Tokenizer.from_tiktoken('cl1000k')

# What the notebook says

def test_the_model_beside_its_embedding_is_as_large_as_the_notebook_says():
    model = GPT(GPTConfig(vocab_size=512))
    rest = sum(p.numel() for p in model.parameters()) - 512*256
    assert round(rest/1e6, 1) == 3.2 and round(100_279*256/(100_279*256 + rest), 1) == 0.9

def test_try_your_own_tokenizer_needs_fewer_tokens_than_a_friends():
    sent = {}
    for c in sorted(pytest.importorskip('chitchat_dataset').Dataset().values(), key=lambda c: c['start']):
        for m in (m for turn in c['messages'] for m in turn): sent.setdefault(m['sender'], []).append(m['text'])
    people = sorted(sent, key=lambda p: -len(sent[p]))[:12]
    toks = {p: Tokenizer.train(sent[p][:500], 1024) for p in people}
    def n_tokens(whose, p): return sum(len(toks[whose].encode(t)) for t in sent[p][500:1000])
    fewer = [n_tokens(p, p) < n_tokens(friend, p) for p in people for friend in people if friend != p]
    assert sum(fewer)/len(fewer) > 0.95
