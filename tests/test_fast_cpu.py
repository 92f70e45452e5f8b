"The loss and the steps of a CPU against the network of the story, in odd shapes."
import copy, os, platform
from pathlib import Path

import pytest, torch

from tinychat.bases.lora import add_lora
from tinychat.fast import cpu
from tinychat.fast.cache import StaticCache
from tinychat.fast.half import halve
from tinychat.gpt import GPT, GPTConfig, Writer
from tinychat.train import weighted_loss

def model(seed=0, **how):
    torch.manual_seed(seed)
    net = GPT(GPTConfig(**{**dict(vocab_size=77, n_layer=2, n_head=4, n_embd=32, context=24, n_kv_head=2, n_hidden=40), **how}))
    for p in net.parameters(): p.data += .1*torch.randn_like(p)
    return net

shapes = pytest.mark.parametrize('how', [dict(), dict(n_kv_head=4), dict(n_kv_head=1), dict(n_head=1, n_kv_head=1), dict(n_layer=1, n_embd=8, n_head=4), dict(vocab_size=600, context=600),
                                          dict(qk_norm=False, norm_eps=1e-5), dict(qk_norm=False, qkv_bias=True, tied=False, head_dim=12)])

@shapes
@pytest.mark.parametrize('recompute', [False, True])
def test_loss_and_gradients(how, recompute, monkeypatch):
    monkeypatch.setattr(cpu, 'half_type', lambda device: None)
    monkeypatch.setattr('tinychat.fast.half.half_type', lambda device: None)
    net = model(**how)
    T = net.config.context
    x, y, weight = *torch.randint(0, net.config.vocab_size, (2, 3, T)), torch.rand(3, T)
    found = []
    for loss_fn, more in ((weighted_loss, {}), (cpu.weighted_loss, dict(recompute=recompute))):
        net.zero_grad()
        loss, nats = loss_fn(net, x, y, weight, **more)
        loss.backward()
        found.append((loss.detach(), nats, torch.cat([p.grad.flatten() for p in net.parameters()])))
    for a, b in zip(*found): torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)

def test_dropout_draws_the_same_numbers(monkeypatch):
    monkeypatch.setattr('tinychat.fast.half.half_type', lambda device: None)
    net, ids = model(dropout=.3).train(), torch.randint(0, 77, (2, 24))
    torch.manual_seed(5); a = net(ids)
    torch.manual_seed(5); b = cpu.logits(net, ids)
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)

def test_nothing_counts_in_this_window():
    net, x = model(), torch.zeros(1, 24, dtype=torch.long)
    loss, _ = cpu.weighted_loss(net, x, x, torch.zeros(1, 24))
    loss.backward()
    assert loss.item() == 0 and all(p.grad.abs().max() == 0 for p in net.parameters())

@shapes
@pytest.mark.parametrize('sampling', [dict(temperature=0), dict(temperature=.7), dict(temperature=1.3, top_k=5)])
def test_the_same_tokens(how, sampling):
    net = model(**how).eval()
    a, b = (list(w(net).generate([1, 2, 3], 60, generator=torch.Generator().manual_seed(4), **sampling)) for w in (Writer, cpu.Writer))
    assert a == b

@pytest.mark.parametrize('how', [dict(), dict(qk_norm=False, norm_eps=1e-5), dict(qk_norm=False, qkv_bias=True, tied=False, head_dim=12)])
@pytest.mark.parametrize('grown', [1, 300]) # numbers within the network that float16 cannot hold
def test_in_16_bits_nearly_the_same(how, grown, monkeypatch):
    monkeypatch.setattr(cpu, 'LARGE_NETWORK', 0)
    net, ids = model(**how).eval(), torch.randint(0, 77, (1, 24))
    for layer in net.layers: layer.mlp.gate_proj.weight.data *= grown; layer.mlp.up_proj.weight.data *= grown
    with torch.no_grad(): exact = net(ids)[:,-1]
    for each in (net, halve(copy.deepcopy(net))):
        engine, cache = cpu.CpuEngine(each), StaticCache(each)
        engine.logits(ids[:,:20], cache)
        for n in range(20, 24): near = engine.logits(ids[:,n:n+1], cache).clone()
        assert engine.half and (near - exact).abs().max() < .05*exact.abs().max()

def test_only_large_networks_are_kept_in_16_bits(monkeypatch):
    assert 30e6 < cpu.LARGE_NETWORK < 134e6 # ours stay exact, SmolLM2 does not
    net = model().eval()
    for limit, half in ((net.n_params(), True), (net.n_params() + 1, False)):
        monkeypatch.setattr(cpu, 'LARGE_NETWORK', limit)
        engine = cpu.CpuEngine(net)
        engine.refresh()
        assert engine.half is half

def test_a_frozen_network_under_lora(monkeypatch):
    monkeypatch.setattr(cpu, 'half_type', lambda device: None)
    monkeypatch.setattr('tinychat.fast.half.half_type', lambda device: None)
    net = add_lora(model(qk_norm=False), 4)
    for p in net.parameters(): p.data += .1*torch.randn_like(p)
    x, y = torch.randint(0, 77, (2, 3, 24))
    found = []
    for loss_fn in (weighted_loss, cpu.weighted_loss):
        net.zero_grad()
        loss_fn(net, x, y, (torch.arange(72).view(3, 24) % 2).float())[0].backward()
        found.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)

def test_a_context_is_not_overrun():
    net = model().eval()
    cache = StaticCache(net)
    with pytest.raises(ValueError, match='25 tokens do not fit a context of 24'): cpu.hidden(net, torch.zeros(1, 25, dtype=torch.long), cache)

def test_memory_is_kept_where_the_library_knows_how():
    cpu.keep_memory.cache_clear()
    assert cpu.keep_memory() is None

@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='the C library is another one')
def test_memory_is_released():
    resident = lambda: int(Path('/proc/self/statm').read_text().split()[1])*os.sysconf('SC_PAGE_SIZE')
    cpu.keep_memory()
    freed = [torch.ones(2**20) for _ in range(100)] # 400 MB in pieces that the library keeps
    del freed
    kept = resident()
    cpu.release_memory()
    assert resident() < kept - 2*10**8
