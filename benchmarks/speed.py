"""How fast, where people wait: the first word of a reply, the rest of it, and training, beside transformers with the same weights and the same shape, in one run.

    python benchmarks/speed.py replies [--device cpu]     # a line of JSON each; --out FILE adds it to a file
    python benchmarks/speed.py many [--device cuda]       # 256 replies side by side
    python benchmarks/speed.py training [--device cpu] [--n_layer 4 --n_embd 256 --context 512 --batch_size 4] [--recompute]
    python benchmarks/speed.py profile --device cuda --batch_size 128 # where the time of a training step goes, and of a step of 256 replies
    python benchmarks/speed.py profile --device cpu # where the time of a token goes

Medians; nothing else should run on the machine. nbs/fast/speed.ipynb draws the rows."""
import argparse, json, platform, re, statistics, time
from collections import Counter
from functools import partial
import torch
import torch.nn.functional as F
from torch import nn
from tinychat.chat import Chat
from tinychat.checkpoint import pick_device
from tinychat.data import Block
from tinychat.fast import cpu, engine_for, gpu, many as side_by_side, writer_for
from tinychat.fast.cache import CachedWriter, Engine
from tinychat.fast.half import autocast
from tinychat.fast.optim import grouped_optimizers
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer
from tinychat.train import Options


def median(work, device, rounds=7, warm=2):
    "Seconds."
    times = []
    for n in range(warm + rounds):
        start = time.perf_counter()
        work()
        if device.type == 'cuda': torch.cuda.synchronize()
        if n >= warm: times.append(time.perf_counter() - start)
    return statistics.median(times)


def as_qwen3(model):
    "The same weights in transformers."
    from transformers import Qwen3Config, Qwen3ForCausalLM
    theirs = Qwen3ForCausalLM(Qwen3Config(**model.hf_config(), pad_token_id=0, bos_token_id=None, eos_token_id=None)).float()
    theirs.load_state_dict({f'model.{k}': v for k, v in model.state_dict().items()}, strict=False)
    theirs.tie_weights()
    return theirs.to(model.device)


def floor(model):
    "Seconds of the bare products of a row with each matrix; on a CPU joined as replies have them."
    engine = engine_for(model.eval())
    with torch.no_grad():
        if model.device.type == 'cpu':
            engine.refresh()
            calls = [*sum(engine.products, []), engine.to_logits]
        else:
            matrices = [p.t() for n, p in model.named_parameters() if p.dim() == 2]
            calls = [partial(torch.mm, torch.randn(1, m.shape[0], device=m.device), m, out=torch.empty(1, m.shape[1], device=m.device)) for m in matrices]
        return median(lambda: [call() for _ in range(50) for call in calls], model.device)/50


def replies(model, device, history=200, tokens=200):
    "Tokens a second, one reply at a time, and milliseconds to the first."
    ids, rng = torch.randint(0, model.config.vocab_size, (history,), generator=torch.Generator().manual_seed(0)).tolist(), torch.Generator(device).manual_seed(0)
    theirs, row = as_qwen3(model).eval(), {}
    def write(writer, n):
        def work(): writer.cache.crop(0); return sum(1 for _ in writer.generate(ids, n, temperature=0.9, generator=rng)) # as in a chat: one cache for all
        return work
    given = torch.tensor([ids], device=device)
    def their(n): return lambda: theirs.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=n, min_new_tokens=n, do_sample=True, temperature=0.9, top_k=0)
    fast, plain = writer_for(model), CachedWriter(Engine(model))
    for name, work in (('tinychat', lambda n: write(fast, n)), ('tinychat, not fused', lambda n: write(plain, n)), ('transformers', their)):
        first, all_ = median(work(1), device), median(work(tokens + 1), device)
        row[name] = dict(first_ms=round(first*1e3, 2), tokens_per_second=round(tokens/(all_ - first), 1))
    row['floor'] = dict(tokens_per_second=round(1/floor(model), 1))
    return row


def asked(model, rows, history=200, tokens=200):
    "A function that has three times as many replies written as side by side, given their longest length, and the numbers of tokens it said."
    tok, rng = Tokenizer({bytes([i]): i for i in range(256)}), torch.Generator().manual_seed(0) # the model knows more tokens than this, and ends hardly ever
    text = lambda: bytes((torch.randint(0, 26, (history - 12,), generator=rng) + 97).tolist()).decode()
    talks, chat, said = [[Block('user', text())] for _ in range(3*rows)], Chat(model, tok, writer_for, temperature=1., max_tokens=tokens, seed=0), []
    def work(n):
        chat.max_tokens = n
        tok.decode = lambda ids: said.append(len(ids)) or 'x' # counts what was said
        try: said.clear(); side_by_side.replies(chat, talks, rows)
        finally: del tok.decode
    return work, said


def many(model, device, rows=256, history=200, tokens=200):
    "Tokens a second of three times as many replies as are written side by side, with reading the questions and without, and transformers with the same batch."
    (work, said), row = asked(model, rows, history, tokens), {}
    all_, first = median(lambda: work(tokens), device), median(lambda: work(2), device)
    work(tokens)
    row['tinychat'] = dict(tokens_per_second=round(sum(said)/all_), tokens_per_second_after_reading=round(sum(said)*(tokens - 2)/tokens/(all_ - first)), tokens=sum(said))
    given, theirs = torch.randint(0, model.config.vocab_size, (rows, history), device=device), as_qwen3(model).eval()
    row['transformers'] = dict(tokens_per_second=round(rows*tokens/median(lambda: theirs.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=True, top_k=0), device, 3, 1)))
    c = model.config # the floor: what a step must move, the weights and the keys and values of all rows; and the matrix products
    moved = 4*model.n_params() + rows*2*4*c.n_layer*c.n_kv_head*c.n_embd//c.n_head*(history + tokens/2)
    row['floor'] = dict(tokens_per_second=round(rows/(moved/bandwidth(device))), bytes_per_step=round(moved))
    return row


def bandwidth(device):
    "Bytes a second, read and written, of a large copy."
    a = torch.empty(2**28, device=device).normal_(); b = torch.empty_like(a)
    return 2*a.numel()*4/median(lambda: b.copy_(a), device)


def matrix_rate(device):
    "Operations a second of a large product in 16 bits."
    a, b = torch.randn(2, 8192, 8192, device=device, dtype=torch.bfloat16)
    return 2*8192**3*10/median(lambda: [a @ b for _ in range(10)], device)


def one_step(model, device, batch_size, use_kernels=False, recompute=False):
    "A function that takes a whole training step, as `fit` does."
    c = model.config
    x, y = (torch.randint(0, c.vocab_size, (batch_size, c.context), device=device) for _ in range(2))
    weight = torch.ones(batch_size, c.context, device=device)
    optimizers = grouped_optimizers(model.train(), Options())
    if device.type == 'cpu': loss_fn = partial(cpu.weighted_loss, recompute=recompute)
    else:
        loss_fn = partial(gpu.weighted_loss, recompute=recompute, use_kernels=use_kernels)
        loss_fn = gpu.RecordedLoss(loss_fn, list(model.parameters()), record=not recompute)
    def work():
        loss_fn(model, x, y, weight)[0].backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.)
        for o in optimizers: o.step(); o.zero_grad()
    return work


def training(model, device, batch_size, recompute):
    "Tokens a second in whole training steps, and the most memory they took."
    c, row = model.config, {}
    x, on_gpu = torch.randint(0, c.vocab_size, (batch_size, c.context), device=device), device.type == 'cuda'
    def measure(name, make, rounds=5 if device.type == 'cuda' else 9):
        if on_gpu: torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
        try: row[name] = dict(tokens_per_second=round(batch_size*c.context/median(make(), device, rounds)))
        except torch.cuda.OutOfMemoryError: row[name] = 'out of memory'; return
        if on_gpu: row[name]['gigabytes'] = round(torch.cuda.max_memory_allocated()/1e9, 1)
    if on_gpu: measure('tinychat, kernels', lambda: one_step(model, device, batch_size, use_kernels=True))
    if on_gpu or recompute: measure('tinychat', lambda: one_step(model, device, batch_size))
    if recompute: measure('tinychat, recompute', lambda: one_step(model, device, batch_size, recompute=True)); return row
    model.zero_grad()
    theirs = as_qwen3(model).train()
    adam = torch.optim.AdamW(theirs.parameters(), lr=1e-3, weight_decay=0.1)
    def their(half):
        def work():
            with autocast(device) if half else torch.autocast(device.type, enabled=False): loss = theirs(input_ids=x, labels=x).loss
            loss.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), 1.)
            adam.step(); adam.zero_grad()
        return lambda: work
    for name, make in (('transformers, float32', their(False)), ('transformers, 16 bits as ours', their(True))): measure(name, make)
    if not on_gpu: cpu.keep_memory(); measure('tinychat', lambda: one_step(model, device, batch_size)) # last: from then on memory is kept, which a plain loop does not ask for
    with torch.no_grad(), autocast(device): # the floor: what the products of this many rows reach, and six operations for each weight and token
        a, w = torch.randn(batch_size*c.context, c.n_embd, device=device), torch.randn(c.n_hidden, c.n_embd, device=device)
        if torch.is_autocast_enabled(device.type): a, w = a.to(kind := torch.get_autocast_dtype(device.type)), w.to(kind)
        rate = 2*a.shape[0]*w.numel()*20/median(lambda: [F.linear(a, w) for _ in range(20)], device)
    operations = 6*model.n_params() + 12*c.n_layer*c.context*c.n_embd # as nanoGPT counts: attention whole, though half of it is blanked
    row['floor'] = dict(tokens_per_second=round(rate/operations), gflops=round(rate/1e9))
    if on_gpu: row['floor'] |= dict(large_products_gflops=round((most := matrix_rate(device))/1e9), share=round(row['tinychat, kernels']['tokens_per_second']*operations/most, 3))
    return row


KINDS = {'products': 'nvjet|gemm|splitK|cublas', 'attention': 'sdpa|flash|fmha|cudnn|_attend', 'optimizer': 'multi_tensor', 'scores and loss': '_nats|_token_nats|SoftMax|softmax|nll', 'norms, turns, gates': '_gate|_rotate|_add_norm|layer_norm|LayerNorm|GammaBeta|silu|elementwise|Cat|reduce', 'the rest': ''}

def by_kind(work):
    "(Milliseconds on the GPU, kernels) by kind of work."
    from torch.profiler import ProfilerActivity, profile
    spent, calls = Counter(), Counter()
    with profile(activities=[ProfilerActivity.CUDA]) as prof: work(); torch.cuda.synchronize()
    for e in prof.key_averages():
        if not e.self_device_time_total: continue
        kind = next(k for k, names in KINDS.items() if re.search(names, e.key))
        spent[kind] += e.self_device_time_total/1e3; calls[kind] += e.count
    return spent, calls


def profiled(model, device, batch_size, rows=256, tokens=200):
    "Milliseconds by kind of work on the GPU: of a training step, without and with the kernels, and of a step of many replies."
    row = {}
    work, said = asked(model.eval(), rows)
    for _ in range(2): work(tokens)
    all_, first, seconds = by_kind(lambda: work(tokens))[0], by_kind(lambda: work(2))[0], median(lambda: work(tokens), device) - median(lambda: work(2), device)
    steps = 3*(tokens - 2)
    row['256 replies'] = {k: dict(ms=round((all_[k] - first[k])/steps, 3)) for k in ('attention', 'products')}
    row['256 replies']['draws, norms and rules'] = dict(ms=round((sum(all_.values()) - sum(first.values()))/steps - sum(v['ms'] for v in row['256 replies'].values()), 3))
    row['256 replies']['a step in all'] = dict(ms=round(seconds*1e3/steps, 3))
    for name, use_kernels in (('tinychat', False), ('tinychat, kernels', True)):
        work = one_step(model, device, batch_size, use_kernels)
        for _ in range(3): work()
        torch.cuda.synchronize()
        spent, calls = by_kind(work)
        row[name] = {k: dict(ms=round(spent[k], 2), kernels=calls[k]) for k in KINDS}
    return row


def profiled_reply(model, history=200, tokens=200, rounds=20):
    "Microseconds of a token on a CPU by kind of work."
    from types import SimpleNamespace
    writer, spent = writer_for(model), Counter()
    engine = writer.engine
    def write(n=tokens + 1):
        writer.cache.crop(0)
        return sum(1 for _ in writer.generate(list(range(history)), n, temperature=0.9, generator=torch.Generator().manual_seed(0)))
    def timed(kind, work):
        def wrapped(*args, **kwargs):
            start = time.perf_counter()
            out = work(*args, **kwargs)
            spent[kind] += time.perf_counter() - start
            return out
        return wrapped
    write()
    engine.products, engine.to_logits = [[timed('products', p) for p in layer] for layer in engine.products], timed('products', engine.to_logits)
    engine.step, engine.draw_any, whole = timed('step', engine.step), timed('the draw', engine.draw_any), cpu.np
    cpu.np = SimpleNamespace(**vars(whole)); cpu.np.matmul = timed('keys and values', whole.matmul)
    try:
        write(); spent.clear()
        for _ in range(rounds):
            timed('all', write)(); timed('first', write)(1)
    finally: cpu.np = whole
    us = {k: seconds/rounds/tokens*1e6 for k, seconds in spent.items()}
    kinds = dict(products=us['products'], **{'keys and values': us['keys and values'], 'small sums': us['step'] - us['products'] - us['keys and values'], 'the draw': us['the draw']})
    return dict(us={k: round(v, 1) for k, v in (kinds | {'the loop': us['all'] - us['first'] - us['step'] - us['the draw']}).items()})


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('replies', 'many', 'training', 'profile'))
    p.add_argument('--device', default='auto'); p.add_argument('--out'); p.add_argument('--recompute', action='store_true')
    for name, n in dict(n_layer=4, n_embd=256, context=512, vocab_size=4096, batch_size=4).items(): p.add_argument(f'--{name}', type=int, default=n)
    a = p.parse_args()
    if a.n_embd < 64 or a.n_embd % 64 or min(a.n_layer, a.batch_size) < 1 or a.vocab_size < 256: p.error('n_embd is a multiple of 64, vocab_size at least 256, the others at least 1')
    if a.context < (1 if a.what == 'training' else 401): p.error('context has to hold 200 tokens and a reply of 201') # or the two sides would do different work
    try: device = pick_device(a.device)
    except ValueError as e: p.error(e)
    file = open(a.out, 'a') if a.out else None # before minutes of measuring
    torch.manual_seed(0)
    model = GPT(GPTConfig(a.vocab_size, a.n_layer, max(1, a.n_embd//64), a.n_embd, a.context)).to(device).eval()
    begin = dict(what=a.what, machine=torch.cuda.get_device_name() if device.type == 'cuda' else f'{torch.get_num_threads()} threads, {platform.machine()}', torch=torch.__version__.split('+')[0],
                 shape=f'{a.n_layer} x {a.n_embd}', context=a.context, **(dict(batch_size=a.batch_size) if a.what in ('training', 'profile') else {}))
    row = begin | dict(replies=lambda: replies(model, device), many=lambda: many(model, device), training=lambda: training(model, device, a.batch_size, a.recompute), profile=lambda: profiled_reply(model) if device.type == 'cpu' else profiled(model, device, a.batch_size))[a.what]()
    print(json.dumps(row, indent=1))
    if file: print(json.dumps(row), file=file)
