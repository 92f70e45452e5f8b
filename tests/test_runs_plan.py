"Which start, how many steps."
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest, torch

from tinychat.bases import open_base
from tinychat.checkpoint import BASES
from tinychat.data import Block
from tinychat.fast.half import LARGE_NETWORK
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs.plan import CPU_RANK, LANGUAGES_PAGE, Dataset, Start, rank_for, base_plan, can_read, choose_start, is_large, language_distance, make_tokenizer, options_for, start_from, start_from_scratch, train_window
from tinychat.train import Options

convs = [[Block('user', f'is it {w}?'), Block('assistant', f'yes, {w} it is, and more than that')] for w in 'red late cold far near good bad small open shut'.split()]*6
tok = make_tokenizer(convs, 290)
data = Dataset.encode(convs, convs[:3], tok)

def test_minutes_and_steps_of_a_plan():
    start = start_from_scratch(tok, dict(n_layer=1, n_embd=32, n_head=2, context=64))
    o, worth, evals = options_for(start, data, 'cpu', seed=7)
    assert o.max_iters == worth >= 1 and o.seed == 7 and o.eval_every*evals >= worth and o.lr == 2e-3
    gpu, _, _ = options_for(start, data, 'cuda')
    assert gpu.batch_size >= o.batch_size and gpu.average and gpu.patience

@pytest.mark.parametrize('asked', [1, 5, 1000])
def test_steps_that_are_asked_for_are_taken(asked):
    start = start_from_scratch(tok, dict(n_layer=1, n_embd=32, n_head=2, context=64))
    o, _, _ = options_for(start, data, 'cpu', max_iters=asked)
    assert o.max_iters == asked and 1 <= o.eval_every and 1 <= o.warmup <= 20

def test_a_distance_is_a_matter_of_degree():
    plans = [base_plan(500, d) for d in (0, .25, .5, 1)]
    assert [p['epochs'] for p in plans] == sorted(p['epochs'] for p in plans) and plans[0]['muon_lr'] < plans[1]['muon_lr'] < plans[3]['muon_lr']
    assert base_plan(500, 0) == base_plan(500, 0) # and is computed anew each time

def test_the_same_start_twice():
    "The weights and the random numbers that follow."
    def after(start): return start.new_model(keep=True).embed_tokens.weight.sum().item(), torch.rand(1).item()
    start = start_from_scratch(tok, dict(n_layer=1, n_embd=32, n_head=2, context=64), seed=3)
    assert after(start) == after(start) == after(start_from_scratch(tok, dict(n_layer=1, n_embd=32, n_head=2, context=64), seed=3))
    assert after(start) != after(start_from_scratch(tok, dict(n_layer=1, n_embd=32, n_head=2, context=64), seed=4))

def test_less_text_than_a_context():
    batches = data.batches(10**6, Options(batch_size=1), 'cpu')
    assert batches.context == len(data.ids) - 1

def test_everything_is_both_parts():
    whole = data.with_held_out()
    assert len(whole.train) == len(convs) + 3 and whole.held_out == [] and len(whole.ids) > len(data.ids)

def test_starts():
    assert choose_start('scratch', 'auto') is None and choose_start('base', 'tiny') == BASES/'tiny' and choose_start('auto', 'auto') == choose_start('base', 'auto') == 'smollm2'
    with pytest.raises(ValueError, match='exclude each other'): choose_start('scratch', 'tiny')
    assert start_from(BASES/'tiny', convs).name == 'tiny' and 0 <= language_distance(start_from(BASES/'tiny', convs).tok, convs) <= 1
    with pytest.raises(ValueError, match='n_head must be'): start_from_scratch(tok, dict(n_head=0))

def test_a_base_of_ones_own_may_know_another_language_too(tmp_path):
    shutil.copytree(BASES/'tiny', tmp_path/'mine')
    strange = [[Block('user', 'ъ'*40), Block('assistant', 'ж'*40)]]
    start = start_from(tmp_path/'mine', strange)
    assert start.name == 'base' and start.where == str(tmp_path/'mine') and start.distance == start_from(BASES/'tiny', strange).distance == 1

def test_what_counts_as_large():
    smollm2 = GPTConfig(49_173, 30, 9, 576, 1024, n_kv_head=3, n_hidden=1536, qk_norm=False)
    for config, large in ((GPTConfig(8192, 8, 8, 512), False), (smollm2, True)):
        with torch.device('meta'): n = GPT(config).n_params()
        assert is_large(config) is large is (n >= LARGE_NETWORK) and train_window(config) == 512
    assert train_window(GPTConfig(context=2048)) == 2048 and train_window(GPTConfig(context=64)) == 64

def test_a_base_that_is_not_there(tmp_path, monkeypatch):
    "`list_bases` says which there are; nobody else looks."
    monkeypatch.setattr('tinychat.bases.BASES', tmp_path)
    with pytest.raises(ValueError, match='There are: smollm2'): open_base(choose_start('base', 'tiny'))

def test_a_cpu_trains_a_large_base_with_lora():
    large = Start(SimpleNamespace(config=GPTConfig(49_173, 30, 9, 576)), None, None, where='smollm2')
    assert [rank_for(large, 'cpu'), rank_for(large, 'cpu', 4), rank_for(large, 'cuda'), rank_for(large, 'cuda', 4)] == [CPU_RANK, 4, None, 4]
    assert rank_for(replace(large, where=None), 'cpu') is None # a checkpoint is trained further as a whole
    assert rank_for(start_from(BASES/'tiny', convs), 'cpu') is None

@pytest.mark.parametrize('windows, lora, rate', [(23, None, 1), (24, None, 2), (400, None, 2), (23, 16, 20)])
def test_a_window_alone_is_followed_at_half_the_rate(windows, lora, rate):
    large = Start(SimpleNamespace(config=GPTConfig(49_173, 30, 9, 576, 1024)), None, None, where='smollm2')
    o, *_ = options_for(large, Dataset([], [], None, torch.zeros(windows*512 + 1), None), 'cuda', lora=lora)
    assert o.lr == pytest.approx(rate*1e-4) and (o.batch_size == 1) is (windows < 24)

@pytest.mark.parametrize('steps, every', [(1, 1), (4, 4), (12, 4), (60, 15)])
def test_a_few_steps_of_a_large_base_are_not_mostly_evaluations(steps, every):
    large = Start(SimpleNamespace(config=GPTConfig(49_173, 30, 9, 576, 1024)), None, None, where='smollm2')
    o, *_ = options_for(large, Dataset([], [], None, torch.zeros(400*512 + 1), None), 'cpu', steps)
    assert o.eval_every == every

LANGUAGES = 'https://tinychat.github.io/tinychat/bases/languages.html'
GERMAN = [[Block('user', 'kommst du später noch vorbei?'), Block('assistant', 'weiß nicht, ich bin ziemlich müde heute')]]
STRANGE = [[Block('user', 'ъ'*40), Block('assistant', 'ж'*40)]]

@pytest.mark.parametrize('messages, readable, lines', [(convs, True, 0), (GERMAN, True, 2), (STRANGE, False, 2)])
def test_another_language_is_told_where_its_bases_are(messages, readable, lines):
    said = []
    assert can_read(open_base('tiny')[1], messages, said.append) is readable
    assert len(said) == lines and all(LANGUAGES in line for line in said[1:]) and not any('müde' in line for line in said)

def test_a_vocabulary_for_many_languages_says_nothing_of_the_language():
    class Large:
        vocab_size = 151_643
        def encode(self, text): return [0]*(len(text.encode())//2)
    said = []
    assert can_read(Large(), GERMAN, said.append) and not said
    Large.vocab_size = 49_152
    assert can_read(Large(), GERMAN, said.append) and LANGUAGES in said[-1]

def test_the_page_on_languages_is_there():
    nbs = Path(__file__).parents[1]/'nbs'
    assert LANGUAGES_PAGE == LANGUAGES and (nbs/'bases'/'languages.ipynb').exists()
    assert 'bases/languages.ipynb' in (nbs/'_quarto.yml').read_text()
