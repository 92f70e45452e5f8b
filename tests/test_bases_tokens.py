"Tokenizers of others, run by tiktoken: the ids that `tokenizers` gives, for any text; and what is not understood is refused."
import json, random, re, unicodedata
from configparser import ConfigParser
from itertools import product
from pathlib import Path

import pytest
import tokenizers
from packaging.requirements import Requirement
from tokenizers import trainers
from transformers.convert_slow_tokenizer import TikTokenConverter
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from tinychat.bases.tokens import gguf_foreign_tokenizer, hf_foreign_tokenizer
from tinychat.checkpoint import load_tokenizer, save_tokenizer
from tinychat.share.export import hf_tokenizer
from tinychat.tokenizer import Tokenizer, byte_alphabet

LETTER = byte_alphabet()
DROPPED = {4, 6, 19, 20, 22, 29, 192, 193, 241, 242, *range(245, 256)} # bytes that SmolLM2's vocabulary lacks
REGEX = dict(qwen2=PRETOKENIZE_REGEX, llama3=TikTokenConverter(vocab_file=None).pattern)
SHAPES = 'smollm', 'qwen2', 'llama3'
each_shape = pytest.mark.parametrize('shape', SHAPES)

# Odd texts

POOLS = [
    'the and of I you we meet at house running Straße naïve coöperate'.split(), 'привет как дела Ελλάδα שלום العربية हिन्दी ไทย 한국어 日本語 中文字'.split(),
    ["'s", "'S", "'t", "'T", "'ll", "'LL", "'Ll", "'ve", "'VE", "'re", "'Re", "'d", "'D", "'m", "'x", "'", "’s", "'ſ"], ['0', '7', '12', '2024', '3.14', '1,000,000', '٣٤', '½', 'Ⅷ', '²'],
    [' ', '  ', '   ', '\n', '\r\n', '\n\n', '\t', ' \t ', '\u00a0', '\u3000', '\u2028', '\x85', '\x0b\x0c'], ['.', ',', '?!', '...', '--', '@', '#', '\\', '<|im_start|>', '</s>', '$%&', '¿', '。', '_'],
    ['😀', '👩\u200d👧', '👍🏽', '🇩🇪', '❤\ufe0f', '🏴\U000e0067\U000e0062\U000e007f'], ['e\u0301', 'u\u0308', '\u0301', 'Å', '\u212b', 'ﬁ', '\u1100\u1161', 'q\u0323\u0307', '\u0f71\u0f72'],
    [chr(i) for i in (*range(32), 127, 0xad, 0x200b, 0x200e, 0xfeff, 0xfffd, 0xfdd0, 0xffff, 0xe000) if i not in DROPPED] + [f'x{chr(i)}y' for i in (4, 6, 19, 20, 22, 29, 0x40000, 0x10ffff)], ['a'*40, 'ha'*25, '!'*30, ' '*50, '9'*20, 'ZZZzzz', '\n'*9, '😀'*7],
]

def odd_texts(n, seed=0):
    rng = random.Random(seed)
    def word(): return rng.choice(rng.choice(POOLS)) if rng.random() < 0.9 else chr(rng.choice([rng.randrange(0x3000), rng.randrange(0x1f000, 0x20000)]))
    return [''.join(word() + rng.choice(['', '', ' ', ' ', '  ']) for _ in range(rng.randrange(1, 12))) for _ in range(n)]

# Files as others write them

def bytelevel(use_regex): return dict(type='ByteLevel', add_prefix_space=False, trim_offsets=True, use_regex=use_regex)
def sequence(*parts): return dict(type='Sequence', pretokenizers=[*parts])
def cutting(shape):
    if shape == 'gpt2': return bytelevel(True)
    if shape == 'smollm': return sequence(dict(type='Digits', individual_digits=True), bytelevel(True))
    return sequence(dict(type='Split', pattern=dict(Regex=REGEX[shape]), behavior='Isolated', invert=False), bytelevel(False))

def hf_file(shape, vocab, merges, special=(), ignore_merges=False):
    added = [dict(id=i, content=s, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) for s, i in dict(special).items()]
    model = dict(type='BPE', dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=ignore_merges, vocab=vocab, merges=merges)
    return dict(version='1.0', truncation=None, padding=None, added_tokens=added, normalizer=dict(type='NFC') if shape == 'qwen2' else None,
                pre_tokenizer=cutting(shape), post_processor=None, decoder=bytelevel(True), model=model)

def train(shape, special, size, letters):
    "Trained by `tokenizers` itself, from odd texts."
    t = tokenizers.Tokenizer.from_str(json.dumps(hf_file(shape, {}, [])))
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=letters, show_progress=False)
    t.train_from_iterator([s for s in odd_texts(3000, seed=1) if {*s.encode()}.isdisjoint(DROPPED)], trainer)
    d = json.loads(t.to_str())['model']
    return d['vocab'], [tuple(m) for m in d['merges']]

def all_splits(vocab):
    "Every way to make a token of two: how Llama 3's ranks are written as merges."
    splits = {t: [(t[:n], t[n:]) for n in range(1, len(t)) if t[:n] in vocab and t[n:] in vocab] for t in sorted(vocab, key=vocab.get)}
    return [pair for pairs in splits.values() for pair in sorted(pairs, key=lambda p: (vocab[p[0]], vocab[p[1]]))]

@pytest.fixture(scope='module')
def files():
    "One file of each shape. SmolLM2: 17 special tokens first, 21 bytes missing. Qwen: special tokens at the end. Llama 3: 256 of them, no ChatML."
    few, every = [c for b, c in LETTER.items() if b not in DROPPED], [*LETTER.values()]
    first = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', *(f'<{n}>' for n in range(14))]
    out = dict(smollm=hf_file('smollm', *train('smollm', first, 900, few), {s: i for i, s in enumerate(first)}))
    vocab, merges = train('qwen2', [], 900, every)
    out['qwen2'] = hf_file('qwen2', vocab, [' '.join(m) for m in merges], {s: len(vocab) + i for i, s in enumerate(('<|endoftext|>', '<|im_start|>', '<|im_end|>', '<tool_call>'))})
    vocab, _ = train('llama3', [], 900, every)
    last = ['<|begin_of_text|>', '<|end_of_text|>', *(f'<|reserved_special_token_{n}|>' for n in range(254))]
    out['llama3'] = hf_file('llama3', vocab, all_splits(vocab), {s: len(vocab) + i for i, s in enumerate(last)}, ignore_merges=True)
    return out

def both(d, bos=None):
    "(`tokenizers`' encode of many texts, our encode of one without the ids that are new, our tokenizer)"
    theirs, (ours, new) = tokenizers.Tokenizer.from_str(json.dumps(d)), hf_foreign_tokenizer(d, bos)
    theirs.encode_special_tokens = True # what looks like a special token is text, as with us
    new = {*new}
    return lambda texts: [e.ids for e in theirs.encode_batch_fast(texts)], lambda text: [i for i in ours.encode(text) if i not in new], ours

def differing(theirs, ours, texts): return [t for t, ids in zip(texts, theirs(texts)) if ids != ours(t)]

@each_shape
def test_ten_thousand_odd_texts(files, shape):
    theirs, ours, tok = both(files[shape])
    texts = odd_texts(10_000)
    assert differing(theirs, ours, texts) == []
    for text in texts[:500]: assert tok.decode(tok.encode(text)) == (unicodedata.normalize('NFC', text) if shape == 'qwen2' else text)
    assert max(len(t) for t in tok.ranks) > 3 and len({i for t in texts[:2000] for i in ours(t)}) > 500 # merges took place

def visible_cuts(shape):
    "A vocabulary in which neighbours of the test's other characters merge with any byte, so that each cut shows in the ids."
    tokens = [*LETTER.values()]
    pairs = list(dict.fromkeys(p for c, b in product("a 1!\n'", LETTER.values()) for p in ((LETTER[ord(c)], b), (b, LETTER[ord(c)]))))
    return hf_file(shape, {t: i for i, t in enumerate(tokens + [a+b for a, b in pairs])}, pairs)

@pytest.mark.parametrize('shape', ['gpt2', *SHAPES])
def test_every_character_of_unicode(shape):
    "Between letters, digits, white space and signs. Ideographs have fewer neighbours. Beyond the assigned characters a sixteenth is enough, and none for the patterns of GPT-2 and Qwen, which are parts of the others."
    theirs, ours, _ = both(visible_cuts(shape))
    def text_of(numbers, form): return ''.join(form.replace('%', chr(i)) for i in numbers if not 0xd800 <= i < 0xe000)
    near = [range(i, i + 128) for i in (*range(0, 0x3400, 128), *range(0xa000, 0xac00, 128), *range(0xd700, 0x20000, 128), *range(0xe0000, 0xe0200, 128))]
    far = [range(i, i + 256) for i in (*range(0x3400, 0x34000, 256), *(() if shape in ('gpt2', 'qwen2') else range(0x34f00, 0x110000, 0x1000)))] # the last of each plane, too
    texts = [text_of(part, "a% %1!%s \n%'1%1\0") for part in near] + [text_of(part, 'a%') for part in far]
    assert [ascii(t[:20]) for t in differing(theirs, ours, texts)] == []

@pytest.mark.parametrize('run', [' ', '\n', ' \n', 'a', '1', '!', "'s", '😀', '\u0301', 'ha', ' 1'])
def test_long_runs(files, run):
    for shape in SHAPES:
        theirs, ours, _ = both(files[shape])
        texts = [run*3000 + end for end in ('', 'x', '7', ' ', '\n')]
        assert differing(theirs, ours, texts) == []

def test_a_million_spaces_are_no_trap(files):
    for shape in SHAPES:
        tok, _ = hf_foreign_tokenizer(files[shape])
        for text in (' '*1_000_000 + 'x', '\n'*400_000 + ' 7'): assert tok.decode(tok.encode(text)) == text

# Ids and special tokens

def test_smollm2_keeps_its_ids_and_gains_its_missing_bytes(files):
    d = files['smollm']
    tok, new = hf_foreign_tokenizer(d)
    n = len(d['model']['vocab'])
    assert new == list(range(n, n + 21)) and tok.vocab_size == n + 21 and (tok.end_of_text, tok.im_start, tok.im_end) == (0, 1, 2)
    assert {tok.token_bytes(i)[0] for i in new} == DROPPED and min(tok.ranks.values()) == 17
    assert tok.decode(tok.encode('a\x04\U00040000')) == 'a\x04\U00040000'
    theirs = tokenizers.Tokenizer.from_str(json.dumps(d))
    assert theirs.decode(theirs.encode('a\x04b').ids) == 'ab' # dropped; and between signs what is beside it then merges
    assert theirs.encode('.\x04..').ids == theirs.encode('...').ids and tok.encode('.\x04..') == [*tok.encode('.'), *tok.encode('\x04'), *tok.encode('..')]

def test_qwen_has_all_that_a_chat_needs(files):
    d = files['qwen2']
    tok, new = hf_foreign_tokenizer(d)
    n = len(d['model']['vocab'])
    assert new == [] and (tok.end_of_text, tok.im_start, tok.im_end, tok.vocab_size) == (n, n+1, n+2, n+4)
    assert tok.encode('e\u0301') == tok.encode('é') and tok.special['<tool_call>'] == n+3

def test_llama3_begins_with_its_own_token_and_gains_chatml(files):
    d = files['llama3']
    n = len(d['model']['vocab'])
    tok, new = hf_foreign_tokenizer(d, bos=n)
    assert new == [n+256, n+257] == [tok.im_start, tok.im_end] and tok.end_of_text == n and '<|begin_of_text|>' not in tok.special
    without, new = hf_foreign_tokenizer(d)
    assert new == [n+256, n+257, n+258] and without.special['<|begin_of_text|>'] == n
    assert hf_foreign_tokenizer(d, bos=3)[0].end_of_text == n+256 # an ordinary token begins nothing
    d = json.loads(json.dumps(d))
    d['added_tokens'][0]['content'] = '<|im_start|>' # as SmolLM2 says of itself
    assert hf_foreign_tokenizer(d, bos=n)[0].im_start == n

def test_special_tokens_may_leave_gaps(files):
    d = json.loads(json.dumps(files['qwen2']))
    n = len(d['model']['vocab'])
    d['added_tokens'] = [dict(id=n+40, content='<|im_end|>', special=True)]
    tok, new = hf_foreign_tokenizer(d)
    assert tok.im_end == n+40 and new == [n+41, n+42] and tok.token_bytes(n+5) == b''

@each_shape
def test_saved_and_read_again(files, shape, tmp_path):
    tok, _ = hf_foreign_tokenizer(files[shape])
    save_tokenizer(tok, tmp_path/'tokenizer.json')
    again = load_tokenizer(tmp_path/'tokenizer.json')
    assert all(again.encode(t) == tok.encode(t) for t in odd_texts(300, seed=2)) and again.special == tok.special

def test_our_own_export_is_read_back():
    texts = odd_texts(600, seed=3)
    ours = Tokenizer.train(texts, 700)
    again, new = hf_foreign_tokenizer(hf_tokenizer(ours))
    assert new == [] and again.special == ours.special and all(again.encode(t) == ours.encode(t) for t in texts)

# GGUF

def gguf_facts(d, pre, kind=3, **more):
    words = {**{t: i for t, i in d['model']['vocab'].items()}, **{t['content']: t['id'] for t in d['added_tokens']}}
    special = {t['id'] for t in d['added_tokens']}
    size = max(words.values()) + 3 # padded
    tokens = {i: t for t, i in words.items()}
    facts = dict(model='gpt2', pre=pre, tokens=[tokens.get(i, f'[PAD{i}]') for i in range(size)], token_type=[kind if i in special else 1 if i in tokens else 5 for i in range(size)],
                 merges=[m if isinstance(m, str) else ' '.join(m) for m in d['model']['merges']])
    return {f'tokenizer.ggml.{k}': v for k, v in (facts | more).items()}

@pytest.mark.parametrize('shape, pre, kind', [('smollm', 'smollm', 3), ('qwen2', 'qwen2', 4), ('llama3', 'llama-bpe', 3)])
def test_gguf_says_the_same(files, shape, pre, kind):
    d = files[shape]
    begin = len(d['model']['vocab'])
    ours, new = hf_foreign_tokenizer(d, begin)
    other, more = gguf_foreign_tokenizer(gguf_facts(d, pre, kind, bos_token_id=begin))
    assert (other.to_dict(), more) == (ours.to_dict(), new)

# What is refused

def changed(d, path, value):
    d = json.loads(json.dumps(d))
    *way, last = path.split('.')
    at = d
    for key in way: at = at[int(key) if key.isdigit() else key]
    at[int(last) if last.isdigit() else last] = value
    return d

@pytest.mark.parametrize('path, value, says', [
    ('model.type', 'Unigram', 'it is a Unigram, not a BPE'), ('model.type', 'WordPiece', 'WordPiece'), ('model.byte_fallback', True, "byte_fallback is 'True'"), ('model.dropout', 0.1, 'dropout'),
    ('model.continuing_subword_prefix', '##', '##'), ('model.end_of_word_suffix', '</w>', '</w>'), ('normalizer', dict(type='NFKC'), 'normalizer is NFKC'),
    ('normalizer', dict(type='Sequence', normalizers=[dict(type='NFC'), dict(type='Lowercase')]), 'NFC and Lowercase'), ('normalizer', dict(type='Replace', pattern=dict(String=' '), content='▁'), 'Replace'),
    ('pre_tokenizer', None, 'null'), ('pre_tokenizer', dict(type='Metaspace', replacement='▁'), 'Metaspace'), ('pre_tokenizer', dict(type='ByteLevel', add_prefix_space=True), 'add_prefix_space'),
    ('pre_tokenizer.pretokenizers.0', dict(type='Digits', individual_digits=False), 'Digits'), ('pre_tokenizer', sequence(dict(type='Split', pattern=dict(Regex=r'(a+)+$'), behavior='Isolated', invert=False), bytelevel(False)), '(a+)+'),
    ('pre_tokenizer', sequence(dict(type='Split', pattern=dict(Regex=PRETOKENIZE_REGEX), behavior='Removed', invert=False), bytelevel(False)), 'way of its own'), ('pre_tokenizer', bytelevel(False), '"use_regex": false'),
    ('model.merges.0', 'x y', 'order of their ids'), ('model.merges', [], 'no merge makes'), ('model.vocab.Ġx', 5000, 'without gaps'), ('model.vocab.▁the', 900, 'not written in bytes'),
    ('model.vocab', {}, 'without gaps'), ('added_tokens', [dict(id=0, content='a'), dict(id=0, content='b')], 'tinychat'), ('added_tokens.3.id', 2.5, 'whole numbers'), ('added_tokens.3.id', 10**9, 'tinychat'),
    ('added_tokens.3.content', '\ud800', 'tinychat'), ('added_tokens', 7, 'damaged'), ('model', None, 'damaged'), ('model.merges', [['a']], 'damaged|tinychat'), ('model.merges.0', 'a b c', 'tinychat')])
def test_what_is_not_understood_is_named_in_one_line(files, path, value, says):
    with pytest.raises(ValueError, match=says if '|' in says else re.escape(says)) as e: hf_foreign_tokenizer(changed(files['smollm'], path, value))
    assert '\n' not in str(e.value) and str(e.value).isprintable() and str(e.value).startswith('This tokenizer is') and 'Take a base' in str(e.value)

@pytest.mark.parametrize('key, value, says', [('model', 'llama', "kind is 'llama'"), ('model', None, 'kind is None'), ('pre', 'tekken', "'tekken'; known are"), ('pre', 'a\nb', r'a\\nb'), ('pre', ['smollm'], 'damaged'), ('token_type', [1], 'special'), ('token_type', None, 'damaged'),
                                                ('tokens', ['a']*20, 'special'), ('merges', None, 'damaged'), ('merges', ['ab'], 'tinychat'), ('add_space_prefix', True, 'space before')])
def test_gguf_that_is_not_understood(files, key, value, says):
    facts = gguf_facts(files['smollm'], 'smollm') | {f'tokenizer.ggml.{key}': value}
    with pytest.raises(ValueError, match=says) as e: gguf_foreign_tokenizer(facts)
    assert '\n' not in str(e.value) and 'Take a base' in str(e.value)

def test_a_gguf_file_names_each_token_once(files):
    facts = gguf_facts(files['smollm'], 'smollm')
    for twice in (25, 1): # an ordinary token, a special one
        words = [*facts['tokenizer.ggml.tokens']]
        words[twice+1] = words[twice]
        with pytest.raises(ValueError, match='one of its tokens is there twice'): gguf_foreign_tokenizer(facts | {'tokenizer.ggml.tokens': words})

def test_a_merge_that_tiktoken_would_make_otherwise_is_refused():
    "`abc` is listed as a + bc, but ab is merged first, so `tokenizers` would never make it, and tiktoken would."
    def file(merges): return hf_file('gpt2', {t: i for i, t in enumerate([*LETTER.values(), 'ab', 'bc', 'abc'])}, merges)
    good, bad = [('a', 'b'), ('b', 'c'), ('ab', 'c')], [('a', 'b'), ('b', 'c'), ('a', 'bc')]
    theirs, ours, _ = both(file(good))
    assert theirs(['abc xabc'])[0] == ours('abc xabc')
    assert len(tokenizers.Tokenizer.from_str(json.dumps(file(bad))).encode('abc').ids) == 2
    with pytest.raises(ValueError, match='no merge makes its token 258'): hf_foreign_tokenizer(file(bad))

def test_whole_pieces_first():
    "A token that no merge makes is right only where a whole piece may be it; and never if tiktoken would merge it of two."
    def file(tokens, ignore_merges): return hf_file('gpt2', {t: i for i, t in enumerate([*LETTER.values(), *tokens])}, [('a', 'b'), ('b', 'c')], ignore_merges=ignore_merges)
    theirs, ours, _ = both(file(['ab', 'bc', 'abxy'], True))
    assert theirs(['abxy zabxy'])[0] == ours('abxy zabxy') and len(ours('abxy')) == 1
    with pytest.raises(ValueError, match='no merge makes its token 258'): hf_foreign_tokenizer(file(['ab', 'bc', 'abxy'], False))
    with pytest.raises(ValueError, match='no merge makes its token 258'): hf_foreign_tokenizer(file(['ab', 'bc', 'abc'], True))

def test_anything_else_is_one_line_too(files):
    "Random damage: a part of the file is replaced by something else. Either it still means the same to both libraries, or it is refused."
    rng, texts = random.Random(4), odd_texts(10, seed=5)
    odd = None, 7, -1, 1.5, True, '', 'x', [], {}, [[]], {'type': 'ByteLevel'}, [None], '\ud800'
    def damage(node):
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = rng.choice([*keys])
        if isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.7: damage(node[key])
        else: node[key] = rng.choice(odd)
    passed = 0
    small = hf_file('smollm', {t: 3 + i for i, t in enumerate([*LETTER.values(), 'th', 'the'])}, ['t h', 'th e'], {'<|endoftext|>': 0, '<|im_start|>': 1, '<|im_end|>': 2})
    for _ in range(300):
        d = json.loads(json.dumps(small))
        damage(d)
        try: tok, _ = hf_foreign_tokenizer(d)
        except ValueError as e: assert '\n' not in str(e) and len(str(e)) < 400
        else:
            passed += 1
            assert all(tok.decode(tok.encode(t)) == t or d['normalizer'] for t in texts)
    assert 0 < passed < 250

# The real one

def test_smollm2_itself(smollm2):
    from tinychat.bases.formats import GGUFFile
    facts = GGUFFile(smollm2).facts
    ours, new = gguf_foreign_tokenizer(facts)
    words = facts['tokenizer.ggml.tokens']
    d = hf_file('smollm', {t: i for i, t in enumerate(words)}, [m.split(' ') for m in facts['tokenizer.ggml.merges']], {t: i for i, t in enumerate(words[:17])})
    theirs, without_new, tok = both(d)
    assert tok.to_dict() == ours.to_dict() and len(new) == 21 and tok.vocab_size == 49152 + 21
    everything = ['\0'.join(f'a{chr(i)} {chr(i)}1' for i in range(start, start + 256) if not 0xd800 <= i < 0xe000) for start in range(0, 0x20000, 256)]
    assert differing(theirs, without_new, odd_texts(10_000) + everything) == []

def test_no_tiktoken_that_takes_minutes_for_one_long_run_of_a_letter():
    "Before 0.13, its time grew with the square of a piece's length."
    config = ConfigParser(delimiters=['='])
    config.read(Path(__file__).resolve().parent.parent/'settings.ini', encoding='utf-8')
    (tiktoken,) = [r for r in map(Requirement, config['DEFAULT']['requirements'].split()) if r.name == 'tiktoken']
    assert not tiktoken.specifier.contains('0.12') and tiktoken.specifier.contains('0.13')

def test_many_long_tokens_are_refused_before_they_are_checked():
    from tinychat.bases.tokens import tokens_in_order
    vocab = {LETTER[97]*n: n - 1 for n in range(1, 601)} # one chain of 600
    assert len(tokens_in_order(vocab)) == 600
    many = {(a + b)*n: 0 for a in map(LETTER.get, range(97, 105)) for b in map(LETTER.get, range(65, 73)) for n in range(1, 301)}
    with pytest.raises(ValueError, match='too many long tokens'): tokens_in_order({t: n for n, t in enumerate(many)})
