"""How fast, where people wait: the first word of a reply, the rest of it, and training, beside transformers with the same weights and the same shape, in one run.

    python benchmarks/speed.py replies [--device cpu]     # a line of JSON each; --out FILE adds it to a file
    python benchmarks/speed.py training [--device cpu] [--n_layer 4 --n_embd 256 --context 512 --batch_size 4]

Medians; nothing else should run on the machine. nbs/beyond/speed.ipynb draws the rows."""
import argparse, json, platform, statistics, time
import torch
import torch.nn.functional as F
from torch import nn
from tinychat.gpt import GPT, Fused, GPTConfig, generate, pick_device
from tinychat.train import Recorded, autocast, learn, make_optimizers, new_scaler


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
    "Seconds of the bare products of a row with each matrix."
    with torch.no_grad():
        matrices = [p.t() for n, p in model.named_parameters() if p.dim() == 2]
        rows, out = [torch.randn(1, m.shape[0], device=m.device) for m in matrices], [torch.empty(1, m.shape[1], device=m.device) for m in matrices]
        def products():
            for _ in range(50):
                for r, m, o in zip(rows, matrices, out): torch.mm(r, m, out=o)
        return median(products, model.device)/50


def replies(model, device, history=200, tokens=200):
    "Tokens a second, one reply at a time, and milliseconds to the first."
    ids, rng = torch.randint(0, model.config.vocab_size, (history,), generator=torch.Generator().manual_seed(0)).tolist(), torch.Generator(device).manual_seed(0)
    theirs, row = as_qwen3(model).eval(), {}
    def write(step, n): return lambda: sum(1 for _ in generate(step, ids, n, temperature=0.9, generator=rng))
    given = torch.tensor([ids], device=device)
    def their(n): return lambda: theirs.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=n, min_new_tokens=n, do_sample=True, temperature=0.9, top_k=0)
    fused = Fused(model)
    for name, work in (('tinychat', lambda n: write(fused, n)), ('tinychat, not fused', lambda n: write(model, n)), ('transformers', their)):
        first, all_ = median(work(1), device), median(work(tokens + 1), device)
        row[name] = dict(first_ms=round(first*1e3, 2), tokens_per_second=round(tokens/(all_ - first), 1))
    row['floor'] = dict(tokens_per_second=round(1/floor(model), 1))
    return row


def training(model, device, batch_size):
    "Tokens a second in whole training steps."
    c, row = model.config, {}
    x, y, mine = torch.randint(0, c.vocab_size, (batch_size, c.context), device=device), torch.randint(0, c.vocab_size, (batch_size, c.context), device=device), torch.rand(batch_size, c.context, device=device) < .5
    sizes, model = torch.ones(c.vocab_size, device=device), model.train()
    theirs = as_qwen3(model).train()
    opts, scaler = make_optimizers(model), new_scaler(device)
    step = Recorded(lambda x, y, mine: learn(model, x, y, mine, sizes, 1., scaler.scale), list(model.parameters()))
    def ours():
        step(x, y, mine)
        for o in opts: scaler.unscale_(o)
        nn.utils.clip_grad_norm_(model.parameters(), 1.)
        for o in opts: scaler.step(o); o.zero_grad()
        scaler.update()
    adam = torch.optim.AdamW(theirs.parameters(), lr=1e-3, weight_decay=0.1)
    def their(half):
        def work():
            with autocast(device) if half else torch.autocast(device.type, enabled=False): loss = theirs(input_ids=x, labels=x).loss
            loss.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), 1.)
            adam.step(); adam.zero_grad()
        return work
    for name, work in (('tinychat', ours), ('transformers, float32', their(False)), ('transformers, 16 bits as ours', their(True))):
        row[name] = dict(tokens_per_second=round(batch_size*c.context/median(work, device, 5)))
    with torch.no_grad(), autocast(device): # the floor: what the products of this many rows reach, and six operations for each weight and token
        a, w = torch.randn(batch_size*c.context, c.n_embd, device=device), torch.randn(c.n_hidden, c.n_embd, device=device)
        if torch.is_autocast_enabled(device.type): a, w = a.to(kind := torch.get_autocast_dtype(device.type)), w.to(kind)
        rate = 2*a.shape[0]*w.numel()*20/median(lambda: [F.linear(a, w) for _ in range(20)], device)
    row['floor'] = dict(tokens_per_second=round(rate/(6*model.n_params() + 6*c.n_layer*c.context*c.n_embd)), gflops=round(rate/1e9))
    return row


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('replies', 'training'))
    p.add_argument('--device', default='auto'); p.add_argument('--out')
    for name, n in dict(n_layer=4, n_embd=256, context=512, vocab_size=4096, batch_size=4).items(): p.add_argument(f'--{name}', type=int, default=n)
    a = p.parse_args()
    device = pick_device(a.device)
    torch.manual_seed(0)
    model = GPT(GPTConfig(a.vocab_size, a.n_layer, max(1, a.n_embd//64), a.n_embd, a.context)).to(device).eval()
    begin = dict(what=a.what, machine=torch.cuda.get_device_name() if device.type == 'cuda' else f'{torch.get_num_threads()} threads, {platform.machine()}', torch=torch.__version__.split('+')[0],
                 shape=f'{a.n_layer} x {a.n_embd}', context=a.context, **(dict(batch_size=a.batch_size) if a.what == 'training' else {}))
    row = begin | (replies(model, device) if a.what == 'replies' else training(model, device, a.batch_size))
    print(json.dumps(row, indent=1))
    if a.out:
        with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')
