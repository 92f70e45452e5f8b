"Training and writing on a GPU against the plain ways. What only a GPU can show is skipped where there is none."
import copy, gc, subprocess, sys
from functools import partial

import pytest
import torch

from tinychat.data import Batches, Block, encode_all, write_chatml
from tinychat.fast import cpu, gpu, half, optim
from tinychat.fast.cache import StaticCache
from tinychat.fast.gpu import GpuEngine, RecordedLoss, kernels_for, weighted_loss
from tinychat.fast.optim import grouped_optimizers
from tinychat.gpt import GPT, GPTConfig, generate
from tinychat.tokenizer import Tokenizer
from tinychat.train import Options, Run, fit, reply_bpb

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA')
GPU = torch.device('cuda', 0) if torch.cuda.is_available() else torch.device('cpu')
CPU = torch.device('cpu')

said = 'on my way', 'so glad you came', 'what a day', 'where are you?', 'see you there', 'no idea', 'good night!'
convs = [[Block(('user', 'assistant')[n % 2], said[(n*k) % len(said)]) for n in range(40)] for k in range(1, 13)]
tok = Tokenizer.train([b.text for c in convs for b in c], 300)
held_out = convs[:2]
evaluate = partial(reply_bpb, logits=gpu.logits)


def run(kind=Run, device=GPU, **options):
    o = Options(**{**dict(max_iters=24, eval_every=6, batch_size=4, average=0.3), **options})
    torch.manual_seed(o.seed)
    model = GPT(GPTConfig(tok.vocab_size, 2, 2, 64, 32, dropout=0.2)).to(device)
    return kind(model, tok, o, grouped_optimizers(model, o))

def batches_for(r): return Batches(*(t.to(r.model.device) for t in encode_all(tok, convs)), 32, r.options.batch_size, r.options.seed)

def steps(r, batches=None, record=True, **how):
    loss = RecordedLoss(partial(weighted_loss, **how), list(r.model.parameters()), record)
    for measured in fit(r, batches or batches_for(r), held_out, loss, evaluate):
        if measured: measured['seconds'] = 0. # as a saved run has it
        yield

def trained(r, *batches, **how):
    for _ in steps(r, *batches, **how): pass
    return r

def numbers(r): return [(h['step'], h['train'], h['held']) for h in r.history]

def same(a, b):
    assert numbers(a) == numbers(b)
    for k, v in a.model.state_dict().items(): assert torch.equal(v, b.model.state_dict()[k]), k

def set_half_type(monkeypatch, kind, device_type):
    def pretend(device): return kind if device.type == device_type else None
    for module in (half, cpu, gpu, optim): monkeypatch.setattr(module, 'half_type', pretend)

@pytest.fixture(params=[torch.bfloat16, torch.float16])
def either_half(request, monkeypatch): set_half_type(monkeypatch, request.param, 'cuda')

@pytest.fixture
def float16(monkeypatch): set_half_type(monkeypatch, torch.float16, 'cpu')

@pytest.fixture
def batch(): return *torch.randint(0, tok.vocab_size, (2, 4, 32)), torch.rand(4, 32)

@pytest.fixture
def talker():
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, 2, 4, 64, 96, n_kv_head=2)).to(GPU).eval()
    for p in model.parameters(): p.data *= 3 # logits that differ
    return model

def gradients(loss_fn, model, batch, times=1):
    torch.manual_seed(5)
    model.zero_grad()
    loss, nats = loss_fn(model, *batch)
    (loss*times).backward()
    return [loss.detach(), nats, *(p.grad for p in model.parameters())]

# Anywhere

def test_without_triton_it_is_imported_all_the_same():
    code = "import sys; sys.modules['triton'] = None; import tinychat.fast.gpu as g, torch; print(g.kernels_for(torch.device('cpu')))"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout == 'None\n'

def test_kernels_are_not_imported_before_somebody_asks():
    code = "import sys, tinychat.fast.gpu; print('tinychat.fast.kernels' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout == 'False\n'

def test_patches_leave_the_names_of_the_module():
    assert gpu.logits is cpu.logits and gpu.hidden is cpu.hidden

def test_unrecorded_loss_is_plain(batch):
    model = run(device=CPU).model.train()
    loss = RecordedLoss(weighted_loss, list(model.parameters()), record=False)
    for a, b in zip(gradients(loss, model, batch), gradients(weighted_loss, model, batch)): assert torch.equal(a, b)
    same(trained(run(device=CPU), record=False), trained(run(device=CPU)))

def test_stored_gradients_are_handed_out_by_backward():
    p, q = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.zeros(3))
    start, loss = torch.empty((), requires_grad=True), torch.tensor(7.)
    out = gpu.StoredGradients.apply(start, loss, [p, q], [torch.tensor([1., 2.]), torch.ones(3)])
    loss.zero_() # the next step writes over it
    assert out.item() == 7 and p.grad is None
    (3*out).backward()
    assert p.grad.tolist() == [3, 6] and q.grad.tolist() == [3]*3 and start.grad is None

def test_scaled_loss_is_plain(batch, float16):
    model = run(device=CPU).model.train()
    scaled = gradients(RecordedLoss(weighted_loss, list(model.parameters())), model, batch)
    plain = gradients(weighted_loss, model, batch)
    assert torch.equal(scaled[0], plain[0]) and torch.equal(scaled[1], plain[1])
    for a, b in zip(scaled[2:], plain[2:]): assert (a - b).norm() <= 0.02*b.norm()

def test_small_gradients_survive_where_they_are_scaled(batch, float16):
    model = run(device=CPU).model.train()
    def tiny_loss(*given): loss, nats = weighted_loss(*given); return loss*1e-6, nats
    tiny = gradients(tiny_loss, model, batch)
    scaled, exact = gradients(RecordedLoss(tiny_loss, list(model.parameters())), model, batch), gradients(weighted_loss, model, batch)
    name, = [n for n, (k, _) in enumerate(model.named_parameters(), 2) if k == 'layers.0.mlp.up_proj.weight']
    assert (scaled[name]*1e6 - exact[name]).norm() < 0.1*exact[name].norm() < (tiny[name]*1e6 - exact[name]).norm()

def test_too_large_a_scale_is_halved_and_the_step_is_the_same(batch, float16, monkeypatch):
    "The random numbers, too: dropout leaves out the same."
    model = run(device=CPU).model.train()
    loss = RecordedLoss(weighted_loss, list(model.parameters()))
    monkeypatch.setattr(gpu, 'LOSS_SCALE', 2.**40)
    halved, end = gradients(loss, model, batch), torch.get_rng_state()
    assert 1 < loss.scale.item() < 2.**40
    monkeypatch.setattr(gpu, 'LOSS_SCALE', loss.scale.item())
    for a, b in zip(halved, gradients(loss, model, batch)): assert torch.equal(a, b)
    assert torch.equal(end, torch.get_rng_state()) and loss.scale.item() == gpu.LOSS_SCALE

def test_a_loss_that_is_nan_ends(batch, float16):
    model = run(device=CPU).model.train()
    model.embed_tokens.weight.data.fill_(torch.nan)
    loss = RecordedLoss(weighted_loss, list(model.parameters()))
    assert not gpu.all_finite(gradients(loss, model, batch)[2:]) and loss.scale.item() == 1

def test_training_in_float16_learns_and_repeats_itself(float16):
    a, b = (trained(run(device=CPU, max_iters=12)) for _ in range(2))
    assert a.history[-1]['held'] < a.history[0]['held']
    same(a, b)

def test_an_engine_without_kernels_takes_the_plain_way():
    torch.manual_seed(0)
    model = GPT(GPTConfig(90, 2, 4, 64, 32, n_kv_head=2)).eval()
    writer = gpu.Writer(model)
    for writer in (writer, copy.deepcopy(writer), gpu.Writer(copy.deepcopy(model).double())):
        assert list(writer.generate([5, 6], 50, temperature=0)) == list(generate(writer.engine.model, [5, 6], 50, temperature=0))
        assert not writer.engine.recordings and not writer.engine.steps

# On a GPU: training

@needs_gpu
def test_recorded_is_plain(either_half):
    "Dropout included: a recording draws the random numbers that plain calls draw."
    fast = trained(run())
    assert fast.history[-1]['held'] < fast.history[0]['held']
    same(fast, trained(run(), record=False))

@needs_gpu
def test_too_large_a_scale_is_halved_in_a_recording(batch, monkeypatch):
    set_half_type(monkeypatch, torch.float16, 'cuda')
    model, batch = run().model.train(), [t.to(GPU) for t in batch]
    monkeypatch.setattr(gpu, 'LOSS_SCALE', 2.**40)
    for record in (True, False):
        loss = RecordedLoss(weighted_loss, list(model.parameters()), record)
        for _ in range(2): halved = [t.clone() for t in gradients(loss, model, batch)]
        assert 1 < loss.scale.item() < 2.**40
        if record: recorded = halved
    for a, b in zip(recorded, halved): assert torch.equal(a, b)

@needs_gpu
def test_batches_of_another_shape_are_recorded_anew(batch):
    model, batch = run().model.train(), [t.to(GPU) for t in batch]
    loss = RecordedLoss(weighted_loss, list(model.parameters()))
    for n in (4, 2, 4):
        part = [t[:n] for t in batch]
        fast, slow = ([t.clone() for t in gradients(f, model, part)] for f in (loss, weighted_loss))
        for a, b in zip(fast, slow): assert torch.equal(a, b)

@needs_gpu
def test_resume(either_half, tmp_path):
    from tinychat.fast.corpus import fingerprint
    from tinychat.runs.resume import SavedRun, resume_run, save_run
    straight, broken = trained(run(SavedRun)), run(SavedRun)
    broken.data_id = fingerprint(convs, held_out)
    for _ in steps(broken):
        if broken.step == 10: save_run(broken, tmp_path/'c.pt'); break
    torch.manual_seed(99)
    same(straight, trained(resume_run(tmp_path/'c.pt', convs, held_out)))

@needs_gpu
def test_batches_from_a_file_give_the_same(tmp_path):
    "The ids of a large file stay on the disk, and each batch goes to the GPU while that is busy."
    from tinychat.fast.corpus import Corpus, batches_of, encode_data
    write_chatml(tmp_path/'c.txt', convs)
    listed, filed = trained(run()), run()
    ids, mine = encode_data(tok, Corpus(tmp_path/'c.txt'))
    same(listed, trained(filed, batches_of(ids, mine, 32, 4, device=GPU)))

@needs_gpu
def test_others_weight_and_seed_matter():
    a = numbers(trained(run()))
    assert a != numbers(trained(run(seed=1))) and a != numbers(trained(run(others_weight=0.1)))

@needs_gpu
def test_memory_comes_back():
    trained(run())
    torch.cuda.empty_cache(); before = torch.cuda.memory_allocated()
    for _ in range(3): trained(run())
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20

@needs_gpu
def test_recomputing_gives_the_same_gradients(batch):
    model, batch = run().model.train(), [t.to(GPU) for t in batch]
    kept, again = (gradients(partial(weighted_loss, recompute=r), model, batch) for r in (False, True))
    for a, b in zip(kept, again): torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)

@needs_gpu
def test_kernels_learn_the_same(monkeypatch):
    "In 16 bits throughout, so not to the last digit."
    kernels, calls = kernels_for(GPU), []
    for name in ('kernel_hidden', 'token_nats'): # in a recording they are called while it is made
        plain = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *a, plain=plain, name=name: (calls.append(name), plain(*a))[1])
    slow = trained(run())
    assert not calls
    fast = trained(run(), use_kernels=True)
    assert {*calls} == {'kernel_hidden', 'token_nats'}
    for a, b in zip(fast.history, slow.history): assert abs(a['held'] - b['held']) < 0.05, (fast.history, slow.history)
    same(fast, trained(run(), use_kernels=True)) # nothing is left to the order in which the GPU happens to work

@needs_gpu
def test_kernels_are_for_training_and_the_loss_takes_any_shape(batch, monkeypatch):
    kernels, batch = kernels_for(GPU), [t.to(GPU) for t in batch]
    model = GPT(GPTConfig(tok.vocab_size, 2, 2, 24, 32)).to(GPU) # heads of 12
    assert not kernels.supports(model.config)
    for a, b in zip(*(gradients(partial(weighted_loss, use_kernels=k), model, batch) for k in (True, False))):
        torch.testing.assert_close(a, b, rtol=0.02, atol=1e-4)
    monkeypatch.setattr(kernels, 'token_nats', None)
    gradients(partial(weighted_loss, use_kernels=True), model.eval(), batch)

@needs_gpu
def test_few_messages_wait_for_no_compiler():
    from tinychat.fast import KERNEL_TOKENS, loss_for
    model = run().model
    used = [loss_for(model, n).loss_fn.keywords['use_kernels'] for n in (24*4*32, KERNEL_TOKENS)]
    assert used == [False, True]

# On a GPU: writing

@needs_gpu
@pytest.mark.parametrize('how', [dict(temperature=0), dict(temperature=0.9), dict(temperature=1.2, top_k=20)])
def test_what_is_written_is_the_same(talker, how):
    def rng(): return dict(generator=torch.Generator('cuda').manual_seed(3)) if how['temperature'] else {}
    for ids in ([5], [7, 8, 9], list(range(40))):
        slow = list(generate(talker, ids, 200, **how, **rng())) # beyond the context, so it starts anew in between
        writer = gpu.Writer(talker)
        assert slow == list(writer.generate(ids, 200, **how, **rng())) and writer.engine.recordings
        assert slow == list(writer.generate(ids, 200, **how, **rng()))
    torch.manual_seed(4); slow = list(generate(talker, [5], 20))
    torch.manual_seed(4); assert slow == list(gpu.Writer(talker).generate([5], 20))

@needs_gpu
def test_a_drawn_token_is_not_copied(talker):
    engine, cache = GpuEngine(talker), StaticCache(talker)
    ids = engine.draw(torch.tensor([[5, 6, 7]], device=GPU), cache, temperature=0)
    first = engine.draw(ids, cache, temperature=0)
    recording, = [r for key, r in engine.recordings.items() if 'question' not in key]
    assert first is recording.out
    recording.inputs[0] = None # what would be copied to
    assert engine.draw(first, cache, temperature=0) is first and cache.length == 5

@needs_gpu
def test_settings_and_weights_may_change(talker):
    writer = gpu.Writer(talker)
    def both(**how): assert list(generate(talker, [5, 6], 30, **how)) == list(writer.generate([5, 6], 30, **how))
    both(temperature=0)
    talker.layers[0].mlp.up_proj.weight.data.mul_(-1)
    with torch.no_grad(): talker.embed_tokens.weight.mul_(1.1) # noticed by its version
    both(temperature=0)
    both(temperature=0, ban=lambda said: [said[-1]] if said else [])
    both(temperature=0, top_k=3)

@needs_gpu
def test_a_chat_is_the_same(talker):
    from tinychat.chat import Chat
    from tinychat.fast import writer_for
    fast, slow = Chat(talker, tok, writer_for, seed=0), Chat(talker, tok, seed=0)
    for text in ('hey', 'how are you?', 'a b c '*40, 'so', 'see you'): assert fast.reply(text) == slow.reply(text)
    fast.reset(); slow.reset()
    assert fast.reply('again') == slow.reply('again') and fast.writer.engine.recordings

@needs_gpu
def test_memory_of_replies_comes_back(talker):
    "At once, and not only when Python looks for circles."
    from tinychat.chat import Chat
    from tinychat.fast.many import replies
    from tinychat.fast import writer_for
    def write():
        chat = Chat(talker, tok, writer_for, temperature=1., max_tokens=12, seed=0)
        replies(chat, [[Block('user', t)] for t in said]*40)
        assert chat.writer.engine.recordings
    write(); gc.collect(); gc.disable()
    try:
        before = torch.cuda.memory_allocated()
        for _ in range(3): write()
        assert torch.cuda.memory_allocated() <= before + 2**20
    finally: gc.enable()

@needs_gpu
def test_replies_side_by_side_are_one_by_one():
    from tinychat.chat import Chat
    from tinychat.evaluate.leaks import Canary, exposure, tries
    from tinychat.evaluate.asked import exchanges
    from tinychat.fast.many import replies
    from tinychat.fast import writer_for
    chat = Chat(trained(run()).shown, tok, writer_for, temperature=0, max_tokens=12, seed=0)
    asked = [e.before for c in convs for e in exchanges([c])][:20]
    def alone(talk):
        chat.reset(); chat.talk = list(talk)
        for _ in chat.answer(): pass
        return [b.text for b in chat.talk[len(talk):]] or ['']
    assert replies(chat, asked, 7) == [alone(t) for t in asked]
    c = Canary('code', 1, False, 'see', '123456')
    assert 0 <= exposure(chat.model, tok, c, 15) <= 4 and tries(chat, c, 5) == 0
