"The bases in the package: whole, as large as they say, able to talk."
import json, re
from pathlib import Path

import pytest

import tinychat.bases
from tinychat.bases import list_bases, open_base
from tinychat.bases.pretrain import RECIPES
from tinychat.checkpoint import BASES
from tinychat.fast.corpus import load_data
from tinychat.fast import evaluate
from tinychat.runs import sample_reply

RUNS = Path(__file__).parent.parent/'benchmarks'/'runs'
each = pytest.mark.parametrize('name', ['tiny', 'small'])

@pytest.fixture(scope='module')
def base(): return {name: open_base(name) for name in list_bases()}

def test_a_name_a_folder_or_one_clear_line(tmp_path, monkeypatch):
    "A folder of one's own is no rival of a base: the name counts, and ./name is the folder."
    monkeypatch.chdir(tmp_path)
    Path('letter.txt').write_text('Dear Ada,')
    for odd in ('huge', 'letter.txt', '', '.'):
        with pytest.raises(ValueError) as e: open_base(odd)
        assert '\n' not in str(e.value) and ('small, tiny' in str(e.value) or odd in ('', '.'))
    Path('tiny').mkdir()
    assert open_base('tiny')[0].n_params() == open_base(BASES/'tiny')[0].n_params()
    with pytest.raises(ValueError, match='holds no base'): open_base('./tiny')
    monkeypatch.setattr(tinychat.bases, 'BASES', tmp_path/'none')
    assert list_bases() == []
    with pytest.raises(ValueError, match='none in this installation'): open_base('tiny2')

@each
def test_is_what_its_card_and_recipe_say(base, name):
    model, tok = base[name]
    card, made, plan = (BASES/name/'README.md').read_text(encoding='utf-8'), json.loads((BASES/name/'recipe.json').read_text()), RECIPES[name]
    assert f'{model.n_params()/1e6:.1f} million parameters' in card and f'{made["tokens"]/1e6:.0f} million tokens' in card
    assert (plan.n_layer, plan.n_head, plan.n_embd, plan.context, tok.vocab_size) == (model.config.n_layer, model.config.n_head, model.config.n_embd, model.config.context, model.config.vocab_size)
    assert made['shares'] == plan.shares and made['int8'] == plan.int8 and abs(made['tokens']/plan.tokens - 1) < 0.01
    assert made['teachers'] == list(plan.teachers)

def test_small_enough(base):
    assert base['tiny'][0].n_params() < 8e6 < 25e6 < base['small'][0].n_params() < 35e6
    assert sum(f.stat().st_size for f in BASES.rglob('*') if f.is_file()) < 60e6

def test_the_larger_one_knows_more(base, sample):
    "Chats that were invented for this repository, so nobody has learned from them."
    _, held_out = load_data(sample)
    tiny, small = (evaluate(*base[name], held_out) for name in ('tiny', 'small'))
    assert small < tiny and tiny == pytest.approx(2.790, abs=0.005) and small == pytest.approx(2.750, abs=0.005) # measured when they were made

@each
def test_answers_in_words(base, name):
    said = sample_reply(*base[name], 'hey! how are you?', temperature=0.)
    assert re.fullmatch(r"[A-Za-z ,.'?!-]{2,}", said), said

def test_credits_name_every_source():
    text = (BASES/'CREDITS.md').read_text(encoding='utf-8')
    for name in ('chitchat-dataset', 'IRC', 'CaSiNo', 'Taskmaster', 'Persona', 'Topical-Chat', 'books'): assert re.search(name, text), name

@pytest.mark.parametrize('name', ['base', 'finetune'])
def test_runs_are_numbers(name):
    for line in (RUNS/f'{name}.jsonl').read_text(encoding='utf-8').splitlines():
        run = json.loads(line)
        people = [run['best']] if 'best' in run else [b for p in run['people'].values() for b in (p['before'], p['after'])]
        assert all(1 < b < 2.5 for b in people) and run['device'] and isinstance(run['seed'], int)

def test_other_languages_gain_from_the_base():
    runs = [json.loads(line) for line in (RUNS/'language.jsonl').read_text(encoding='utf-8').splitlines()]
    assert all(0.9 < r['best'] == min(r['looks']) < 5 and r['device'] and r['steps'] > 0 for r in runs)
    def best(start, plan=None): return {(r['text'], r['messages']): r['best'] for r in runs if r['start'] == start and r.get('default') == plan}
    scratch, base = best('scratch'), best('tiny', True)
    both = scratch.keys() & base.keys()
    assert len(both) > 12 and all(base[k] < scratch[k] for k in both)
