"A base reads what it should, learns from it, and what it learned is the same on every machine."
import copy, json
from dataclasses import replace

import pytest
import torch
from tinychat.bases import open_base, open_smollm2
from tinychat.bases.adapt import Adaptation, adapt, open_row, open_talks, save_adaptation, told_by
from tinychat.bases.lora import LoRALinear, add_lora, in_whole_numbers, merge_difference, merge_lora, save_difference, weights_hash
from tinychat.bases.pretrain import RECIPES, most_talkative, open_chats
from tinychat.checkpoint import BASES

CONV = [[0, 'is it red?'], [1, 'yes it is'], [0, 'so it is'], [1, 'and red']]
HOW = Adaptation(sources=('persona', 'irc'), rank=4, context=24, batch_size=2, warmup=1)

def test_both_sides_of_what_was_asked_for_and_nothing_else():
    talks = open_talks(dict(persona=[CONV], irc=[CONV[:2]], bookdialog=[CONV]), HOW)
    assert sorted(talks) == sorted(told_by(c, side) for c in (CONV, CONV[:2]) for side in (0, 1))
    assert [b.role for b in told_by(CONV, 1)] == ['user', 'assistant']*2
    many = dict(persona=[[[0, f'{n}'], [1, 'yes']] for n in range(30)])
    assert open_talks(many, HOW) == open_talks(many, HOW) != open_talks(many, replace(HOW, seed=1))

def test_those_who_judge_are_not_read():
    assert not most_talkative() & {m.sender for chat in open_chats() for m in chat}
    recipe = json.loads((BASES/'smollm2'/'recipe.json').read_text())
    assert set(recipe['sources']) - {'recall'} <= set(RECIPES['tiny'].shares) # by `read_sources`, which asks `open_chats`

def test_the_row_is_kept(tok, tmp_path, monkeypatch):
    monkeypatch.setattr('tinychat.bases.adapt.read_sources', lambda corpora: dict(persona=[CONV]*8))
    ids, mine = open_row(tok, None, tmp_path/'row.pt', HOW)
    monkeypatch.setattr('tinychat.bases.adapt.read_sources', lambda corpora: 1/0)
    again = open_row(tok, None, tmp_path/'row.pt', HOW)
    assert torch.equal(ids, again[0]) and torch.equal(mine, again[1])
    with pytest.raises(ZeroDivisionError): open_row(tok, None, tmp_path/'row.pt', replace(HOW, n_recall=7)) # something else is to be told
    (tmp_path/'row.pt').write_bytes(b'something else')
    with pytest.raises(ValueError, match='Move it away'): open_row(tok, None, tmp_path/'row.pt', HOW)

def test_it_learns_and_is_kept_in_a_byte_a_number(tok, model, tmp_path, monkeypatch):
    monkeypatch.setattr('tinychat.bases.adapt.read_sources', lambda corpora: dict(persona=[CONV]*12))
    row = open_row(tok, None, tmp_path/'row.pt', HOW)
    for learned, step, steps, bpb in adapt(copy.deepcopy(model), tok, row, replace(HOW, lr=0.05)): pass
    longer = [bpb for *_, bpb in adapt(copy.deepcopy(model), tok, tuple(t.repeat(4) for t in row), replace(HOW, lr=0.05))]
    assert step == steps and longer[-1] < bpb # the more it reads, the less it is surprised
    save_adaptation(tmp_path, learned, HOW, tokens=len(row[0]))
    recipe = json.loads((tmp_path/'recipe.json').read_text())
    assert recipe['rank'] == 4 and recipe['tokens'] == len(row[0])
    ids, shipped = row[0][None,:20].long(), merge_difference(copy.deepcopy(model), tmp_path/'difference.safetensors').eval()
    with torch.no_grad():
        whole, rounded, before = (m(ids) for m in (merge_lora(copy.deepcopy(learned)).eval(), shipped, model.eval()))
    assert (rounded - whole).abs().max() < 0.1*(whole - before).abs().max()

def test_the_sum_is_the_same_however_it_is_added_up():
    torch.manual_seed(0)
    B, b = in_whole_numbers(torch.randn(300, 36), 1)
    A, a = in_whole_numbers(torch.randn(36, 200), 0)
    exact = (B.double() @ A.double()).float()
    assert torch.equal(B.float() @ A.float(), exact) and torch.equal(B.float()[:,range(35, -1, -1)] @ A.float().flip(0), exact)
    assert B.abs().max() == 127 and b.shape == (300, 1) and a.shape == (1, 200)

def test_zeros_and_hostile_files(model, tmp_path):
    path = tmp_path/'difference.safetensors'
    save_difference(add_lora(copy.deepcopy(model), 4), path) # B is zero
    assert weights_hash(merge_difference(copy.deepcopy(model), path)) == weights_hash(model)
    for bad in (b'', b'{}', path.read_bytes()[:-7]):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match='is missing, damaged, or belongs to another network'): merge_difference(copy.deepcopy(model), path)
    path.unlink()
    with pytest.raises(ValueError, match='is missing'): merge_difference(copy.deepcopy(model), path)

def test_another_network_is_refused(tok, model, tmp_path):
    from tinychat.gpt import GPT
    save_difference(add_lora(copy.deepcopy(model), 4), tmp_path/'d.safetensors')
    other = GPT(replace(model.config, n_layer=1))
    with pytest.raises(ValueError, match='belongs to another network'): merge_difference(other, tmp_path/'d.safetensors')

def test_smollm2_is_adapted(smollm2):
    plain, adapted = open_smollm2(adapted=False)[0], open_base('smollm2')[0]
    changed = {n for n, p in plain.named_parameters() if not torch.equal(p, adapted.get_parameter(n))}
    assert len(changed) == 7*plain.config.n_layer and all(n.endswith('_proj.weight') for n in changed)
    assert (BASES/'smollm2'/'difference.safetensors').stat().st_size <= 12e6
