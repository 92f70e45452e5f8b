"The grouped optimizers take the steps of the plain ones."
import pytest, torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tinychat.fast.optim import GroupedAdamW, GroupedMuon, grouped_optimizers, orthogonalize_together
from tinychat.gpt import GPT, GPTConfig
from tinychat.train import AdamW, Muon, Options, orthogonalize

def walk(optimizer, steps=4, skip=None):
    torch.manual_seed(0)
    ps = [nn.Parameter(torch.randn(*shape)) for shape in ((8, 8), (24, 8), (8, 24), (24, 8))]
    opt = optimizer([dict(params=ps[:2], lr=.1, weight_decay=.1), dict(params=ps[2:], lr=.03, weight_decay=0.)])
    for n in range(steps):
        for k, p in enumerate(ps): p.grad = None if (n, k) == skip else torch.randn_like(p)
        opt.step(); opt.zero_grad()
    return ps

@pytest.mark.parametrize('skip', [None, (1, 1)]) # a weight without a gradient stays where it is
@pytest.mark.parametrize('ours, plain, eps', [(GroupedAdamW, AdamW, 1e-6), (GroupedMuon, Muon, .02)])
def test_same_steps(ours, plain, eps, skip):
    for a, b in zip(walk(ours, skip=skip), walk(plain, skip=skip)): torch.testing.assert_close(a, b, rtol=0, atol=eps)

def test_many_matrices_as_one():
    m = torch.randn(5, 6, 4)
    for a, b in zip(orthogonalize_together(m), m): torch.testing.assert_close(a, orthogonalize(b), rtol=0, atol=.03)

def test_options_are_passed_on():
    o = Options(lr=.5, muon_lr=.25, weight_decay=.125)
    adamw, muon = grouped_optimizers(GPT(GPTConfig(90, 1, 2, 32, 32)), o)
    assert [g['lr'] for g in adamw.param_groups + muon.param_groups] == [.5, .25] and muon.param_groups[0]['weight_decay'] == .125
    assert [type(x) for x in grouped_optimizers(GPT(GPTConfig(90, 1, 2, 32, 32)), Options(muon_lr=0))] == [GroupedAdamW]

@pytest.mark.parametrize('device, short', [('cpu', True), ('meta', False)]) # 'meta' stands for any device that is not a CPU
def test_only_a_cpu_orthogonalizes_in_16_bits(monkeypatch, device, short):
    monkeypatch.setattr('tinychat.fast.optim.half_type', lambda device: torch.bfloat16)
    used = set()
    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            used.add(out.dtype)
            return out
    with Seen(): orthogonalize_together(torch.ones(2, 4, 6, device=device))
    assert (torch.bfloat16 in used) == short
