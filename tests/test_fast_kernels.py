"The Triton kernels against PyTorch, and the engine that uses them against the plain network. Without a GPU Triton interprets them."
import copy, importlib, importlib.util, sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from tinychat.fast import KERNEL_TOKENS, gpu, loss_for
from tinychat.fast.cache import StaticCache
from tinychat.fast.team import Team
from tinychat.gpt import GPT, GPTConfig, generate, rotate, sample

if not importlib.util.find_spec('triton'): pytest.skip('no Triton', allow_module_level=True)
if torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0): pytest.skip('an older GPU', allow_module_level=True)
device = torch.device('cuda', 0) if torch.cuda.is_available() else torch.device('cpu')

@pytest.fixture(scope='module')
def kernels():
    if device.type == 'cuda': yield importlib.import_module('tinychat.fast.kernels'); return
    def loaded(): return [n for n in sys.modules if n.startswith('triton') and not n.startswith('triton._C') or n == 'tinychat.fast.kernels']
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TRITON_INTERPRET', '1') # Triton asks only once, when it is imported
        for name in loaded(): patch.delitem(sys.modules, name)
        yield importlib.import_module('tinychat.fast.kernels')
        for name in loaded(): del sys.modules[name] # what is imported later must not find half of the interpreter's modules

def agree(fast, slow, *given):
    "The same numbers, and the same gradients of what they were given."
    def run(f):
        ts = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in given]
        out = f(*ts)
        outs = out if isinstance(out, tuple) else (out,)
        sum((o.float()*torch.linspace(-1, 2, o.numel(), device=o.device).view_as(o)).sum() for o in outs).backward()
        return [*outs, *(t.grad for t in ts if t.requires_grad)]
    for a, b in zip(run(fast), run(slow), strict=True): assert (a - b).norm() <= 1e-5*b.norm()

@pytest.fixture(autouse=True)
def same_numbers_each_time(): torch.manual_seed(0)

def random(*shape): return torch.randn(*shape, device=device)

def toy(kv_heads=2, **how):
    torch.manual_seed(0)
    model = GPT(GPTConfig(**{**dict(vocab_size=90, n_layer=2, n_head=4, n_embd=64, context=32, n_kv_head=kv_heads), **how})).to(device)
    for p in model.parameters(): p.data *= 3 # logits that differ
    return model.eval()

def tiny(**how):
    "As small as can be: an interpreted step takes a second."
    return toy(1, **{**dict(vocab_size=40, n_layer=1, n_head=2, n_embd=32, n_hidden=32, context=16), **how})

# Kernels: blocks that are not full, more than one block, a single row

@pytest.mark.parametrize('rows,n', [(1, 1), (16, 128), (17, 129), (37, 300)])
def test_gate_is_swiglu(kernels, rows, n):
    def slow(x): g, u = x.chunk(2, -1); return F.silu(g)*u
    agree(kernels.gate, slow, random(rows, 2*n))

@pytest.mark.parametrize('rows,n', [(1, 16), (70, 64), (5, 300), (3, 2048)])
def test_add_norm_is_a_sum_and_its_norm(kernels, rows, n):
    def slow(x, y, w): return x + y, F.rms_norm(x + y, (n,), w, 1e-6)
    agree(kernels.add_norm, slow, random(rows, n), random(rows, n), random(n))
    agree(lambda x, w: kernels.add_norm(x, None, w), lambda x, w: F.rms_norm(x, (n,), w, 1e-6), random(rows, n), random(n))

@pytest.mark.parametrize('heads,d', [((1, 1), 16), ((4, 1), 32), ((2, 2), 128)])
def test_queries_and_keys_are_normed_and_rotated(kernels, heads, d):
    (H, KV), T = heads, 33
    tables = GPT(GPTConfig(90, 1, 2, 2*d, T)).to(device)
    def slow(x, q_weight, k_weight):
        q, k, v = x.view(2, T, -1, d).transpose(1, 2).split([H, KV, KV], 1)
        def both(t, w): return rotate(F.rms_norm(t, (d,), w, 1e-6), tables.cos, tables.sin)
        return both(q, q_weight), both(k, k_weight), v
    agree(lambda *given: kernels.norm_and_rotate(*given, tables.cos, tables.sin, heads), slow, random(2, T, (H + 2*KV)*d), random(d), random(d))

def test_gradients_may_lie_anyhow(kernels):
    "Attention gives them in whatever order is fast."
    tables, x, w = GPT(GPTConfig(90, 1, 2, 32, 8)).to(device), random(2, 8, 6*16), random(16)
    def gradient(order):
        t = x.clone().requires_grad_()
        q, k, v = kernels.norm_and_rotate(t, w, w, tables.cos, tables.sin, (2, 2))
        back = torch.linspace(-1, 1, q.numel(), device=device).view_as(q)
        back = back.permute(order).contiguous().permute([order.index(n) for n in range(4)])
        torch.autograd.backward([q, k, v], [back]*3)
        return t.grad
    plain = gradient([0, 1, 2, 3])
    for order in ([0, 2, 1, 3], [3, 2, 1, 0], [1, 0, 3, 2]): torch.testing.assert_close(gradient(order), plain)

@pytest.mark.parametrize('rows,n', [(1, 2), (11, 300), (3, 5000)])
def test_token_nats_is_cross_entropy(kernels, rows, n):
    y = torch.randint(0, n, (rows,), device=device)
    agree(lambda x: kernels.token_nats(x, y), lambda x: F.cross_entropy(x, y, reduction='none'), random(rows, n)*3)

def test_large_logits_are_no_infinity(kernels):
    logits, y = torch.tensor([[1e4, -1e4, 0.], [300., 300., 300.]], device=device), torch.tensor([1, 0], device=device)
    torch.testing.assert_close(kernels.token_nats(logits, y), F.cross_entropy(logits, y, reduction='none'))

@pytest.mark.parametrize('shape,supported', [(dict(), True), (dict(n_head=8), False), (dict(n_head=2, n_embd=96), False),
                                             (dict(n_head=16, n_embd=4096), False), (dict(n_hidden=9000), False), (dict(n_head=1, n_embd=256), True)])
def test_shapes_that_are_supported(kernels, shape, supported): # heads of 8 and of 48, rows of 4,096 and of 9,000
    assert kernels.supports(GPTConfig(**{**dict(vocab_size=90, n_layer=1, n_head=4, n_embd=64), **shape})) == supported

# The network

@pytest.mark.parametrize('kv_heads', [1, 2, 4])
def test_hidden_is_the_network(kernels, kv_heads):
    model, ids = toy(kv_heads), torch.randint(0, 90, (2, 24), device=device)
    whole = model.hidden(ids)
    torch.testing.assert_close(kernels.kernel_hidden(model, ids, torch.float32), whole, rtol=1e-4, atol=1e-4)
    cache = StaticCache(model, 2)
    with torch.no_grad(): parts = [kernels.kernel_hidden(model, part, torch.float32, cache) for part in ids.split([9, 1, 14], 1)]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-4, atol=1e-4)
    assert cache.length == 24

def test_dropout_is_drawn_in_training_only(kernels):
    model, ids = toy(dropout=0.5), torch.randint(0, 90, (2, 24), device=device)
    def twice(): return [kernels.kernel_hidden(model, ids, torch.float32) for _ in range(2)]
    assert torch.equal(*twice())
    model.train()
    assert not torch.equal(*twice())

class Padded(StaticCache):
    "Rows that are padded on the left."
    def __init__(self, model, starts):
        super().__init__(model, len(starts))
        self.starts = torch.tensor(starts, dtype=torch.int32, device=model.device)
    def mask(self, n_new):
        at = torch.arange(self.length + n_new, device=self.k.device)
        new, text = at[self.length:,None], at >= self.starts[:,None]
        return ((at <= new) & (text[:,None] | (new < self.starts[:,None,None])))[:,None]

@pytest.mark.parametrize('pads', [(0, 3), (4, 0, 1), tuple(range(9))])
def test_padded_rows_are_rows_alone(kernels, pads):
    model, size = tiny(n_layer=2), 12
    ids = torch.randint(0, 40, (len(pads), size + 2), device=device)
    def alone(row, n): return model.hidden(ids[row:row+1,pads[row]:n], None)[:,-1] @ model.embed_tokens.weight.T
    cache, folded = Padded(model, pads), kernels.FoldedGPT(model)
    with torch.no_grad():
        states = kernels.kernel_hidden(model, ids[:,:size], torch.float32, cache)[:,-1]
        read = [states @ model.embed_tokens.weight.T]
        for n in (size, size + 1):
            folded.position.fill_(n)
            read.append(folded.step(ids[:,n:n+1], cache))
        for n, logits in enumerate(read):
            for row in range(len(pads)): torch.testing.assert_close(logits[row:row+1], alone(row, size + n), rtol=1e-4, atol=1e-4)

# The engine

class Again:
    "Stands in for a `Recording` where there is no GPU: makes the calls again, and returns the same memory."
    def __init__(self, work, device, warm_up=None, generator=None, inputs=(), memory=()):
        with torch.random.fork_rng([]), torch.no_grad(): (warm_up or work)()
        self.work, self.inputs, self.out = work, inputs, None
    @torch.no_grad()
    def replay(self):
        out = self.work()
        if self.out is None: self.out = out.clone()
        return self.out.copy_(out)

@pytest.fixture(params=['kernels', 'plain'])
def engine(request, kernels, monkeypatch):
    "From a model to a `GpuEngine`, with kernels and without."
    if device.type == 'cpu':
        monkeypatch.setattr(gpu, 'kernels_for', lambda device: kernels)
        monkeypatch.setattr(gpu, 'Recording', Again)
    if request.param == 'plain': monkeypatch.setattr(gpu, 'steps_for', gpu.PlainSteps)
    return gpu.GpuEngine

@pytest.fixture
def plain_engine(monkeypatch):
    if device.type == 'cpu': monkeypatch.setattr(gpu, 'Recording', Again)
    if device.type == 'cpu': monkeypatch.setattr(gpu, 'steps_for', gpu.PlainSteps)
    return gpu.GpuEngine

@pytest.fixture
def writer(engine): return gpu.CachedWriter(engine(tiny()))

@pytest.mark.parametrize('how', [dict(temperature=0), dict(temperature=0.9), dict(temperature=1.2, top_k=20), dict(ban=lambda new: new[-1:])])
def test_what_is_written_is_the_same(writer, how):
    def rng(): return torch.Generator(device).manual_seed(3)
    for ids, n in ([5], 3), ([7, 8, 9], 3), (list(range(13)), 6): # within the context, and beyond it
        slow = list(generate(writer.engine.model, ids, n, generator=rng(), **how))
        assert list(writer.generate(ids, n, generator=rng(), **how)) == slow
    assert writer.engine.recordings

def test_first_draws_leave_the_random_numbers_alone(writer):
    torch.manual_seed(4); slow = list(generate(writer.engine.model, [5], 4))
    torch.manual_seed(4); assert list(writer.generate([5], 4)) == slow

def test_logits_come_in_pieces_of_any_length(engine, monkeypatch):
    monkeypatch.setattr(gpu, 'QUESTION_LENGTHS', (4, 16, 64))
    model, ids = tiny(context=96), torch.randint(0, 40, (1, 96), device=device)
    fast, cache = engine(model), StaticCache(model)
    for n, part in zip((3, 4, 8, 18, 73, 74, 94, 96), ids.split([3, 1, 4, 10, 55, 1, 20, 2], 1)): # at the end there is no room for padding
        torch.testing.assert_close(fast.logits(part, cache), model(ids[:,:n])[:,-1].detach(), rtol=1e-4, atol=1e-4)
        assert cache.length == n
    assert {k[2] for k in fast.recordings if k[1] == 'question'} == {4, 16, 64}
    cache.crop(0)
    torch.testing.assert_close(fast.logits(ids[:,:70], cache), model(ids[:,:70])[:,-1].detach(), rtol=1e-4, atol=1e-4)
    assert {k[2] for k in fast.recordings if k[1] == 'question'} == {4, 16, 64, 96} # longer ones have the whole cache

def test_a_cropped_cache_goes_on_from_there(engine):
    model, ids = tiny(), torch.randint(0, 40, (1, 5), device=device)
    fast, cache = engine(model), StaticCache(model)
    for n in range(4): fast.logits(ids[:,n:n+1], cache)
    cache.crop(2)
    torch.testing.assert_close(fast.logits(ids[:,4:], cache), model(ids[:,[0, 1, 4]])[:,-1].detach(), rtol=1e-4, atol=1e-4)

def test_weights_that_changed_are_copied_when_a_reply_begins(engine):
    model, ids = tiny(), torch.randint(0, 40, (1, 6), device=device)
    fast = engine(model)
    for _ in range(2):
        cache = StaticCache(model)
        fast.logits(ids[:,:5], cache)
        torch.testing.assert_close(fast.logits(ids[:,5:], cache), model(ids)[:,-1].detach(), rtol=1e-4, atol=1e-4)
        with torch.no_grad(): model.layers[0].mlp.up_proj.weight.mul_(-1)
    assert fast.steps and fast.recordings
    model.train(); fast.logits(ids, StaticCache(model)) # nothing is kept of a model that learns
    assert fast.steps is None and not fast.recordings

@torch.no_grad()
def test_rows_side_by_side_and_their_own_choice(engine):
    "As many replies are written: `choose` counts, and is called for nothing but steps."
    model, called = tiny(), []
    def choose(logits, **sampling): called.append(len(logits)); return sample(logits, **sampling)
    for n in (3, 9): # up to eight rows, kernels multiply
        fast, ids = engine(model), torch.randint(0, 40, (n, 5), device=device)
        cache, plain = StaticCache(model, n), StaticCache(model, n)
        new, expected, called[:] = ids, ids, []
        for _ in range(3):
            new, expected = fast.draw(new, cache, choose, temperature=0), sample(model(expected, plain)[:,-1], temperature=0)
            assert torch.equal(new, expected) and cache.length == plain.length
        assert {*called} == {n} and len(called) <= 3 and len(fast.recordings) == 1 # in a recording it is called once

FAMILIES = dict(llama=dict(qk_norm=False, norm_eps=1e-5, rope_theta=1e5), qwen2=dict(qk_norm=False, qkv_bias=True), untied=dict(tied=False))

@pytest.mark.parametrize('family', FAMILIES)
def test_other_families_take_plain_steps(plain_engine, family):
    "What kernels do not know is recorded all the same."
    model = tiny(**FAMILIES[family])
    for p in model.parameters(): p.data += 0.1*torch.randn_like(p)
    fast = gpu.CachedWriter(plain_engine(model))
    for ids, n in ([5], 3), (list(range(13)), 6):
        assert list(fast.generate(ids, n, temperature=0)) == list(generate(model, ids, n, temperature=0))
    assert fast.engine.recordings and isinstance(fast.engine.steps, gpu.PlainSteps)

@torch.no_grad()
@pytest.mark.parametrize('pads', [(0, 3), (4, 0, 1)])
def test_padded_rows_take_plain_steps(plain_engine, pads):
    model, size = tiny(n_layer=2, qk_norm=False), 12
    ids, fast, cache = torch.randint(0, 40, (len(pads), size + 1), device=device), plain_engine(model), Padded(model, pads)
    fast.logits(ids[:,:size], cache)
    read = fast.logits(ids[:,size:], cache)
    assert fast.recordings
    for row, pad in enumerate(pads):
        torch.testing.assert_close(read[row:row+1], model(ids[row:row+1,pad:])[:,-1], rtol=1e-4, atol=1e-4)

@torch.no_grad()
def test_many_rows_are_not_recorded(plain_engine, monkeypatch):
    "A plain step looks at all positions there is room for."
    model, ids = tiny(qk_norm=False), torch.randint(0, 40, (3, 2), device=device)
    monkeypatch.setattr(gpu, 'MOST_LOOKED_AT', 2*model.config.context)
    for n, recorded in ((2, True), (3, False)):
        fast, cache = plain_engine(model), StaticCache(model, n)
        for k in (0, 1): logits = fast.logits(ids[:n,k:k+1], cache)
        torch.testing.assert_close(logits, model(ids[:n])[:,-1], rtol=1e-4, atol=1e-4)
        assert bool(fast.recordings) is recorded

def test_a_copy_of_an_engine_begins_anew(engine):
    model, ids = tiny(), torch.randint(0, 40, (1, 4), device=device)
    fast = engine(model)
    fast.logits(ids, StaticCache(model))
    twin = copy.deepcopy(fast)
    assert twin.model is not model and not twin.recordings and twin.steps is None
    torch.testing.assert_close(twin.logits(ids, StaticCache(model)), model(ids)[:,-1].detach(), rtol=1e-4, atol=1e-4)

def test_recordings_do_not_pile_up(engine, monkeypatch):
    monkeypatch.setattr(gpu, 'Recording', lambda *made: SimpleNamespace(inputs=made[4], out=None, replay=lambda: None))
    model, ids = tiny(), torch.zeros(1, 1, dtype=torch.long, device=device)
    fast, caches = engine(model), [StaticCache(model) for _ in range(20)]
    for cache in caches: fast.logits(ids, cache)
    assert 0 < len(fast.recordings) <= 16

@pytest.mark.parametrize('recompute', [False, True])
def test_loss_with_kernels_is_the_loss(kernels, engine, recompute, monkeypatch):
    if device.type == 'cpu':
        monkeypatch.setattr(gpu, 'half_type', lambda device: torch.float32)
        monkeypatch.setattr(gpu, 'autocast', lambda device: nullcontext())
    model, (x, y), weight = toy().train(), torch.randint(0, 90, (2, 2, 24), device=device), torch.rand(2, 24, device=device)
    for p in model.parameters(): p.data /= 3
    def gradients(**how):
        model.zero_grad()
        loss, nats = gpu.weighted_loss(model, x, y, weight, **how)
        loss.backward()
        return [loss, nats, *(p.grad for p in model.parameters())]
    apart = 1e-4 if device.type == 'cpu' else 0.1 # in 16 bits on a GPU
    for a, b in zip(gradients(use_kernels=True, recompute=recompute), gradients()): assert (a - b).norm() <= apart*b.norm()

@pytest.fixture
def team():
    "The first of two that train together, while the other is not there: a process group of one."
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    try: yield Team(0, 2)
    finally: torch.distributed.destroy_process_group()

@pytest.mark.parametrize('recompute', [False, True])
def test_a_team_trains_with_kernels(kernels, engine, team, recompute, monkeypatch):
    if device.type == 'cpu':
        monkeypatch.setattr(gpu, 'half_type', lambda device: torch.float32)
        monkeypatch.setattr(gpu, 'autocast', lambda device: nullcontext())
    model, (x, y), weight = toy().train(), torch.randint(0, 90, (2, 2, 24), device=device), torch.rand(2, 24, device=device)
    for p in model.parameters(): p.data /= 3
    called = []
    for name in ('kernel_hidden', 'token_nats'):
        def counted(*given, name=name, plain=getattr(kernels, name)): called.append(name); return plain(*given)
        monkeypatch.setattr(kernels, name, counted)
    def gradients(loss_fn):
        model.zero_grad()
        loss, nats = loss_fn(model, x, y, weight)
        loss.backward()
        return [loss, nats, *(p.grad.clone() for p in model.parameters())]
    for n_tokens, used in ((KERNEL_TOKENS, [] if recompute else ['kernel_hidden', 'token_nats']), (KERNEL_TOKENS - 1, [])):
        called.clear()
        shared = gradients(loss_for(model, n_tokens, recompute, team))
        assert called == used
        loss, nats, *grads = gradients(gpu.weighted_loss)
        expected = [loss*team.size, nats, *(g*team.size for g in grads)] # it divides by its share of what all tokens weigh
        apart = 1e-4 if device.type == 'cpu' else 0.1 # in 16 bits on a GPU
        for a, b in zip(shared, expected): assert (a - b).norm() <= apart*b.norm()
