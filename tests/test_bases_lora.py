"What LoRA learns is a small difference, and the network under it stays as it was."
import copy

import pytest, torch

from tinychat.bases.lora import LoRALinear, add_lora, freeze, merge_lora, weights_hash, with_difference
from tinychat.gpt import GPT, GPTConfig
from tinychat.train import AdamW, Averaged, weighted_loss

FAMILIES = dict(qwen3=dict(), llama=dict(qk_norm=False, head_dim=24), qwen2=dict(qk_norm=False, qkv_bias=True, tied=False))
x, y = torch.arange(24).view(2, 12) % 40, torch.arange(1, 25).view(2, 12) % 40

@pytest.fixture(params=FAMILIES)
def base(request):
    torch.manual_seed(0)
    model = GPT(GPTConfig(40, n_layer=2, n_head=4, n_embd=32, context=32, n_kv_head=2, **FAMILIES[request.param]))
    for p in model.parameters(): torch.nn.init.normal_(p, std=0.2, mean=float(p.dim() == 1))
    return model

def trained(model, steps=4):
    optimizer = AdamW([dict(params=[*model.parameters()], lr=0.05, weight_decay=0.)])
    for _ in range(steps):
        weighted_loss(model, x, y, torch.ones(2, 12))[0].backward()
        optimizer.step()
        optimizer.zero_grad()
    return model

def test_nothing_but_the_slim_matrices_learns_and_is_saved(base):
    before, n = copy.deepcopy(base.state_dict()), 2*7
    model = add_lora(base, 3)
    assert len([*model.parameters()]) == len(model.state_dict()) == 2*n and all(name.split('.')[-1] in ('lora_A', 'lora_B') for name in model.state_dict())
    trained(model)
    frozen = dict(model.named_buffers())
    assert all(torch.equal(frozen[name], w) for name, w in before.items())

def test_at_first_it_changes_nothing_and_then_something(base):
    model = add_lora(copy.deepcopy(base), 3)
    with torch.no_grad(): assert torch.equal(model(x), base(x))
    trained(model)
    with torch.no_grad(): assert (model(x) - base(x)).abs().max() > 0.1

def test_merged_it_is_an_ordinary_network_that_says_the_same(base):
    model = trained(add_lora(copy.deepcopy(base), 3)).eval()
    plain = merge_lora(copy.deepcopy(model))
    assert type(plain) is GPT and not plain.training and plain.config == base.config and not any(isinstance(m, LoRALinear) for m in plain.modules())
    assert all(p.requires_grad for p in plain.parameters()) and plain.n_params() == base.n_params()
    with torch.no_grad(): assert (plain(x) - model(x)).abs().max() < 1e-4
    plain.embed_tokens.weight.data.add_(1)
    assert not torch.equal(plain.embed_tokens.weight, model.embed_tokens.weight) # its weights are its own

def test_averaged_weights_work(base):
    model = add_lora(base, 2)
    averaged = Averaged(model, 3)
    for _ in range(3): averaged.update(trained(model, 1))
    assert [*averaged.module.state_dict()] == [*model.state_dict()]
    with torch.no_grad(): assert not torch.equal(averaged.module(x), model(x))

def test_the_difference_comes_back_on_its_base_alone(base):
    model = trained(add_lora(copy.deepcopy(base), 3))
    again = with_difference(copy.deepcopy(base), model.state_dict())
    with torch.no_grad(): assert torch.equal(again(x), model(x))
    wider = GPT(GPTConfig(40, n_layer=2, n_head=4, n_embd=64, context=32))
    with pytest.raises(ValueError, match='does not fit this base'): with_difference(wider, model.state_dict())
    with pytest.raises(ValueError, match='does not fit this base'): with_difference(copy.deepcopy(base), base.state_dict())

def test_the_frozen_matrices_may_be_kept_in_16_bits(base):
    model = add_lora(copy.deepcopy(base), 3, torch.bfloat16)
    assert model.layers[0].mlp.up_proj.weight.dtype == torch.bfloat16 and model.embed_tokens.weight.dtype == torch.float32
    with torch.autocast('cpu', torch.bfloat16): trained(model)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16): near = model(x)
    with torch.no_grad(): assert (merge_lora(copy.deepcopy(model))(x) - near).abs().max() < 1

def test_the_hash_knows_every_weight(base):
    hashes = {weights_hash(base)}
    for name, w in base.state_dict().items():
        w.view(-1)[-1] += 1
        hashes.add(weights_hash(base))
    assert len(hashes) == len(base.state_dict()) + 1

@pytest.mark.parametrize('rank', [0, -1, 33])
def test_a_rank_that_makes_no_sense(base, rank):
    with pytest.raises(ValueError, match=f'from 1 to 32, not {rank}'): add_lora(base, rank)

def test_a_frozen_network_learns_nothing(base):
    freeze(base)
    assert not [*base.parameters()] and not base.state_dict()
    with torch.no_grad(): assert base(x).isfinite().all()
