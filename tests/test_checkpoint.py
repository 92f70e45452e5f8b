"A file that a stranger sent can be nothing worse than a bad model."
import json, os
from dataclasses import asdict

import pytest, torch

from tinychat.checkpoint import BASES, LARGEST, check_sizes, load_base, load_checkpoint, model_from, open_model, pick_device, skip_init
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer

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
    assert set(LARGEST) == {'vocab_size', 'n_layer', 'n_head', 'n_embd', 'context', 'n_kv_head', 'n_hidden'}
    for name, most in LARGEST.items():
        check_sizes({name: most})
        for n in (most + 1, 0, -1, 1.5, True, '7'):
            with pytest.raises(ValueError, match=f'{name} must be a whole number from'): check_sizes({name: n})

@pytest.mark.parametrize('name', ['tiny', 'small'])
def test_a_base_whose_tokenizer_is_another_s(name, tmp_path):
    for file in ('config.json', 'model.safetensors'): (tmp_path/file).write_bytes((BASES/name/file).read_bytes())
    tok.save(tmp_path/'tokenizer.json')
    with pytest.raises(ValueError, match='holds no base, or a damaged one. Is it the right folder'): load_base(tmp_path)

def test_no_such_device():
    for name in ('abacus', 'meta', 'cuda:99'):
        with pytest.raises(ValueError, match=f'The device {name!r} cannot be used here'): pick_device(name)
