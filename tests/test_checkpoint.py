"A file that a stranger sent can be nothing worse than a bad model."
import json, os, zipfile
from dataclasses import asdict
from pathlib import Path

import pytest, torch

import tinychat
from tinychat.checkpoint import (BASES, LARGEST, ForeignTokenizer, check_sizes, load_base, load_checkpoint, load_tokenizer, model_from, open_model, pick_device,
                                 save_tokenizer, skip_init, tokenizer_from)
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import IM_END, Tokenizer, train_bpe

tok = Tokenizer.train(['haha yes so late', 'what a day'], 264)

@pytest.fixture
def parts():
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=32, context=40))
    return dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict())

def save(path, **what): torch.save(what, path); return path

def test_what_was_saved_is_what_is_opened(parts, tmp_path):
    model, its = open_model(save(tmp_path/'c.pt', **parts))
    assert not model.training and its.encode('haha') == tok.encode('haha')
    assert all(torch.equal(v, parts['model'][k]) for k, v in model.state_dict().items())

@pytest.mark.parametrize('config', [dict(n_layer=9), dict(n_embd=64), dict(n_head=0), dict(n_head='2'), dict(surprise=1), dict(vocab_size=10**9),
                                    dict(context=2**21), dict(rope_theta=0.), dict(dropout=1.), dict(n_head=3), dict(n_layer=None), dict(rope_theta='x')])
def test_a_config_that_lies(parts, config, tmp_path):
    with pytest.raises(ValueError, match='damaged'): open_model(save(tmp_path/'c.pt', **{**parts, 'config': {**parts['config'], **config}}))

@pytest.mark.parametrize('change', [lambda v: v*float('nan'), lambda v: v.long(), lambda v: v[:1], lambda v: v.tolist()])
def test_weights_that_are_none(parts, change, tmp_path):
    weights = {**parts['model'], 'layers.0.mlp.up_proj.weight': change(parts['model']['layers.0.mlp.up_proj.weight'])}
    with pytest.raises(ValueError, match='damaged'): open_model(save(tmp_path/'c.pt', **{**parts, 'model': weights}))

@pytest.mark.parametrize('missing', ['config', 'model', 'tokenizer'])
def test_a_part_is_missing(parts, missing, tmp_path):
    del parts[missing]
    with pytest.raises(ValueError, match='not a tinychat checkpoint'): open_model(save(tmp_path/'c.pt', **parts))

class Trap:
    def __reduce__(self): return os.mkdir, ('sprung',)

def test_a_trap_does_not_go_off(parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for where in parts:
        with pytest.raises(ValueError, match='It was not run'): load_checkpoint(save('c.pt', **{**parts, where: Trap()}))
    assert not os.path.exists('sprung')

@pytest.mark.skipif(os.name == 'nt' or not hasattr(os, 'geteuid') or os.geteuid() == 0, reason='root may read everything')
def test_a_file_that_may_not_be_read(parts, tmp_path):
    save(tmp_path/'c.pt', **parts).chmod(0)
    with pytest.raises(ValueError, match='may not be read by you'): load_checkpoint(tmp_path/'c.pt')

def test_a_giant_is_found_out_before_memory_is_taken(parts):
    with pytest.raises(ValueError, match='damaged'): model_from({**parts, 'config': {**parts['config'], 'n_embd': 2**16, 'n_layer': 1000}})

def test_no_random_number_is_drawn():
    before = torch.get_rng_state()
    with skip_init(): GPT(GPTConfig(90, 1, 2, 32, 32))
    assert torch.equal(before, torch.get_rng_state())
    GPT(GPTConfig(90, 1, 2, 32, 32))
    assert not torch.equal(before, torch.get_rng_state())

def test_every_size_has_a_limit():
    assert set(LARGEST) == {'vocab_size', 'n_layer', 'n_head', 'n_embd', 'context', 'n_kv_head', 'n_hidden', 'head_dim'}
    for name, most in LARGEST.items():
        check_sizes({name: most})
        for n in (most + 1, 0, -1, 1.5, True, '7'):
            with pytest.raises(ValueError, match=f'{name} must be a whole number from'): check_sizes({name: n})

def test_the_limits_of_other_families():
    check_sizes(dict(head_dim=None, norm_eps=1e-5, qk_norm=False, qkv_bias=True, tied=False))
    for wrong, says in {(('norm_eps', 0.),): 'norm_eps must be above 0', (('norm_eps', float('nan')),): 'norm_eps must be', (('head_dim', 7),): 'head_dim must be even',
                        (('qk_norm', True), ('qkv_bias', True)): 'exclude each other'}.items():
        with pytest.raises(ValueError, match=says): check_sizes(dict(wrong))

@pytest.mark.parametrize('normalizer', [None, 'NFC'])
def test_a_foreign_tokenizer_comes_back(normalizer, tmp_path):
    plain = Tokenizer.train(['haha cafe\u0301 caf\u00e9'], 264)
    special = {'<|endoftext|>': 0, '<|im_start|>': 1, '<|im_end|>': 2, '<other>': 16}
    tok = ForeignTokenizer({t: i + 17 for t, i in plain.ranks.items()}, plain.pattern, special, normalizer)
    save_tokenizer(tok, tmp_path/'tok.json')
    again = load_tokenizer(tmp_path/'tok.json')
    assert type(again) is ForeignTokenizer and again.to_dict() == tok.to_dict() and again.vocab_size == tok.vocab_size == plain.vocab_size - 3 + 17
    for text in ('haha', 'cafe\u0301', 'caf\u00e9'):
        assert again.encode(text) == tok.encode(text) == [i + 17 for i in plain.encode(text.replace('e\u0301', '\u00e9') if normalizer else text)]
        assert again.decode(again.encode(text)) == (text.replace('e\u0301', '\u00e9') if normalizer else text)
    d = tok.to_dict()
    for harm in (dict(first=16), dict(first=-1), dict(first=5000), dict(normalizer='NFKC'), dict(normalizer=[]), dict(first='17')):
        with pytest.raises(ValueError, match='not the pattern'): tokenizer_from(d | harm)

def test_a_base_whose_tokenizer_is_another_s(tmp_path):
    for file in ('config.json', 'model.safetensors'): (tmp_path/file).write_bytes((BASES/'tiny'/file).read_bytes())
    save_tokenizer(tok, tmp_path/'tokenizer.json')
    with pytest.raises(ValueError, match='holds no base, or a damaged one. Is it the right folder'): load_base(tmp_path)

def test_no_such_device():
    for name in ('abacus', 'meta', 'cuda:99'):
        with pytest.raises(ValueError, match=f'The device {name!r} cannot be used here'): pick_device(name)

# A tokenizer

def test_the_file_is_what_it_always_was(tmp_path):
    save_tokenizer(Tokenizer(train_bpe(['haha'], 257)), tmp_path/'tok.json')
    text = (tmp_path/'tok.json').read_text(encoding='utf-8')
    assert text.startswith('{\n"pattern": "\'(?i:[sdmt]|ll|ve|re)|') and text.endswith('"ÿ",\n"ha"\n]\n}')
    d = json.loads(text)
    assert list(d) == ['pattern', 'special', 'vocab'] and d['vocab'][97:100] == ['a', 'b', 'c'] and d['vocab'][256:] == ['ha']
    assert d['special'] == {'<|endoftext|>': 257, '<|im_start|>': 258, '<|im_end|>': 259}

def test_the_tokenizer_that_we_ship_is_written_as_it_was_read(tmp_path):
    shipped = Path(tinychat.__file__).parent/'bases'/'tiny'/'tokenizer.json'
    save_tokenizer(load_tokenizer(shipped), tmp_path/'tok.json')
    assert (tmp_path/'tok.json').read_bytes() == shipped.read_bytes()

def test_a_saved_tokenizer_is_the_same_one(tmp_path):
    save_tokenizer(tok, tmp_path/'new'/'tok.json')
    loaded = load_tokenizer(tmp_path/'new'/'tok.json')
    assert loaded.to_dict() == tok.to_dict() and os.listdir(tmp_path/'new') == ['tok.json']
    for text in ('haha yes', 'so late 😂'): assert loaded.encode(text) == tok.encode(text)

def special(**ids): return dict(tok.special) | ids
DAMAGED = {
    'nothing': {}, 'no dict': [], 'a number': 7, 'no pattern': {'pattern': None}, 'an empty pattern': {'pattern': ''},
    'a pattern that is none': {'pattern': '('}, 'a pattern that loses text': {'pattern': r'\w+'}, 'a pattern that matches nothing': {'pattern': '()'},
    'no vocabulary': {'vocab': []}, 'a byte is missing': {'vocab': tok.to_dict()['vocab'][1:]}, 'a token twice': {'vocab': [*tok.to_dict()['vocab'][:-1], 'a']},
    'an empty token': {'vocab': [*tok.to_dict()['vocab'][:-1], '']}, 'a strange character': {'vocab': [*tok.to_dict()['vocab'][:-1], '漢']},
    'a number for a token': {'vocab': [*tok.to_dict()['vocab'][:-1], 7]}, 'no special tokens': {'special': {}},
    'one special token missing': {'special': {s: i for s, i in tok.special.items() if s != IM_END}},
    'two with one id': {'special': special(**{IM_END: tok.im_start})}, 'the id of a letter': {'special': special(**{IM_END: ord('a')})},
    'a negative id': {'special': special(**{IM_END: -1})}, 'a huge id': {'special': special(**{IM_END: 10**9})},
    'half an id': {'special': special(**{IM_END: 281.5})}, 'a word for an id': {'special': special(**{IM_END: '281'})}}

@pytest.mark.parametrize('damage', DAMAGED, ids=str)
def test_what_is_damaged_is_refused(damage, tmp_path):
    d = DAMAGED[damage]
    if isinstance(d, dict) and d: d = tok.to_dict() | d
    with pytest.raises(ValueError, match='These are not the pattern, special tokens and vocabulary of a tinychat tokenizer'): tokenizer_from(d)
    (tmp_path/'tok.json').write_text(json.dumps(d))
    with pytest.raises(ValueError, match='tok.json is not a tokenizer that tinychat saved. Give the file that save_tokenizer wrote'): load_tokenizer(tmp_path/'tok.json')

@pytest.mark.parametrize('content', [b'', b'{', b'\xff\xfe\x00', b'PK\x03\x04', b'[1, 2]', b'null', b'['*200_000])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path/'x').write_bytes(content)
    with pytest.raises(ValueError, match='x is not a tokenizer that tinychat saved'): load_tokenizer(tmp_path/'x')

# Larger inside than outside

def test_a_packed_checkpoint_is_not_even_opened(parts, tmp_path, monkeypatch):
    save(tmp_path/'c.pt', **parts, more=torch.zeros(10**6))
    with zipfile.ZipFile(tmp_path/'c.pt') as z, zipfile.ZipFile(tmp_path/'packed.pt', 'w', zipfile.ZIP_DEFLATED) as packed:
        for i in z.infolist(): packed.writestr(i.filename, z.read(i))
    monkeypatch.setattr(torch, 'load', lambda *_, **__: pytest.fail('it was opened'))
    with pytest.raises(ValueError, match='packed.pt is packed, and tinychat packs nothing. It was not opened'): load_checkpoint(tmp_path/'packed.pt')

@pytest.mark.parametrize('part', ['model', 'last_model'])
def test_one_number_is_not_a_million(parts, part, tmp_path):
    weights = {k: torch.zeros(1).expand(100, *v.shape) for k, v in parts['model'].items()}
    with pytest.raises(ValueError, match='says that it holds more numbers than it does'): load_checkpoint(save(tmp_path/'c.pt', **parts | {part: weights}))

def test_weights_may_stand_in_a_file_under_two_names(parts, tmp_path):
    "Before the first evaluation, the best weights are the last."
    load_checkpoint(save(tmp_path/'c.pt', **parts, last_model=parts['model'], averaged=parts['model']))

def test_no_tables_are_made_that_nobody_can_hold(parts, monkeypatch):
    "Weights do not tell the context, so a small file could ask for 17 GB of cosines."
    monkeypatch.setattr('tinychat.gpt.rope_tables', lambda *_: pytest.fail('they were made'))
    for sizes in (dict(context=2**20, head_dim=4096), dict(context=2**20, head_dim=None)):
        with pytest.raises(ValueError, match='context times head_dim must be at most'): check_sizes(dict(n_embd=256, n_head=2) | sizes)
        with pytest.raises(ValueError, match='damaged'): model_from({**parts, 'config': {**parts['config'], 'n_embd': 256, 'n_head': 2} | sizes, 'model': {'embed_tokens.weight': torch.zeros(264, 256)}})
    check_sizes(dict(context=2**17, head_dim=128))

@pytest.mark.parametrize('file, text', [('config.json', '['*100_000 + ']'*100_000), ('tokenizer.json', '{"vocab": ' + '['*100_000), ('config.json', ' '*2**25 + '{}')])
def test_a_base_with_json_of_a_madman(file, text, tmp_path):
    for name in ('config.json', 'tokenizer.json', 'model.safetensors'): (tmp_path/name).write_bytes((BASES/'tiny'/name).read_bytes())
    (tmp_path/file).write_text(text)
    with pytest.raises(ValueError, match='or a damaged one. Is it the right folder'): load_base(tmp_path)

def test_a_base_of_giants_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file
    for name in ('config.json', 'tokenizer.json'): (tmp_path/name).write_bytes((BASES/'tiny'/name).read_bytes())
    weights = load_file(BASES/'tiny'/'model.safetensors')
    save_file(weights | {'norm.weight': torch.full_like(weights['norm.weight'], 1e30)}, tmp_path/'model.safetensors')
    with pytest.raises(ValueError, match='or a damaged one'): load_base(tmp_path)
