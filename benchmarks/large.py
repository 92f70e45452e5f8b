"""How fast with SmolLM2, the base that training starts from by default, beside transformers, peft and llama.cpp, in one run.

    python benchmarks/large.py replies [--device cpu]     # after 200 tokens: seconds to the first word and to thirty tokens, tokens a second
    python benchmarks/large.py training [--device cpu] [--batch_size 2]
        # tokens a second in whole steps of windows of 512 tokens, all weights and with LoRA of rank 16
    # each is a line of JSON; --out FILE adds it to a file

Medians; replies are timed in turns, trainings one after the other, and nothing else should run on the machine. peft and xllamacpp, which is llama.cpp ready-made, are left
out where they are not installed."""
import argparse, copy, json, platform, statistics, tempfile, time
from functools import partial
from pathlib import Path

import torch
from torch import nn

from speed import matrix_rate
from tinychat.bases import open_base
from tinychat.bases.fetch import SMOLLM2, fetch_file
from tinychat.bases.lora import add_lora
from tinychat.checkpoint import pick_device
from tinychat.fast import loss_for, writer_for
from tinychat.fast.half import autocast, half_type, halve
from tinychat.fast.optim import grouped_optimizers
from tinychat.share.export import write_gguf
from tinychat.train import Options

HISTORY, TOKENS, WINDOW, RANK = 200, 30, 512, 16


def as_llama(model, kind=torch.float32):
    "The same weights in transformers."
    from transformers import LlamaConfig, LlamaForCausalLM
    config = {k: v for k, v in model.hf_config().items() if k != 'model_type'}
    theirs = LlamaForCausalLM(LlamaConfig(**config, pad_token_id=0, bos_token_id=None, eos_token_id=None)).float()
    theirs.load_state_dict({k: v.float() for k, v in model.hf_weights().items()}, strict=False)
    theirs.tie_weights()
    return theirs.to(model.device, kind)


def in_turns(works, device, rounds):
    "Median seconds of each, timed one after the other, round by round; the first round is not counted."
    times = {name: [] for name in works}
    for n in range(rounds + 1):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            if device.type == 'cuda': torch.cuda.synchronize()
            if n: times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(ts) for name, ts in times.items()}


def llama_server(path):
    "A function that lets llama.cpp write (None: it is not installed)."
    try: import xllamacpp
    except ImportError: return None
    import http.client
    from urllib.parse import urlparse
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.verbosity = str(path), 1024, 1, -1
    server = xllamacpp.Server(p)
    http_ = http.client.HTTPConnection(urlparse(server.listening_address).netloc)
    def write(ids, n):
        ask = dict(prompt=ids, n_predict=n, temperature=0.9, cache_prompt=False, ignore_eos=True)
        http_.request('POST', '/completion', json.dumps(ask), {'Content-Type': 'application/json'})
        json.loads(http_.getresponse().read())
    write.server = server # it stops when nobody holds it
    return write


def replies(device, rounds, folder):
    "Seconds to the first token, and to thirty."
    model, tok = open_base('smollm2')
    ids = torch.randint(20, 40_000, (HISTORY,), generator=torch.Generator().manual_seed(0)).tolist()
    given, rng = torch.tensor([ids], device=device), torch.Generator(device).manual_seed(0)
    model.eval().to(device)
    how = dict(attention_mask=torch.ones_like(given), do_sample=True, temperature=0.9, top_k=0)
    def their(theirs): return lambda n: theirs.generate(given, max_new_tokens=n, min_new_tokens=n, **how)
    writers = {'transformers, float32': their(as_llama(model)), 'transformers, bfloat16': their(as_llama(model, torch.bfloat16))}
    if device.type == 'cpu':
        files = {'llama.cpp, Q4_1': fetch_file(SMOLLM2), 'llama.cpp, Q8_0': folder/'q8.gguf'}
        write_gguf(model, tok, path=files['llama.cpp, Q8_0'], dtype='q8_0')
        writers |= {name: partial(write, ids) for name, path in files.items() if (write := llama_server(path))}
        halve(model) # as `load_chat` does
    fast = writer_for(model)
    def ours(n):
        fast.cache.crop(0)
        for _ in fast.generate(ids, n, temperature=0.9, generator=rng): pass
    writers = {'tinychat': ours} | writers
    first, thirty = (in_turns({name: partial(w, n) for name, w in writers.items()}, device, rounds) for n in (1, TOKENS))
    return {name: dict(first=round(first[name], 4), thirty=round(thirty[name], 4),
                       tokens_per_second=round((TOKENS - 1)/(thirty[name] - first[name]), 1)) for name in writers}


def step_of(model, optimizers, loss_of):
    "A function that takes a whole training step."
    params = [p for p in model.parameters() if p.requires_grad]
    def work():
        loss_of().backward()
        nn.utils.clip_grad_norm_(params, 1.)
        for o in optimizers: o.step(); o.zero_grad()
    return work


def training(device, rounds, batch_size):
    "Tokens a second in whole steps."
    base, _ = open_base('smollm2')
    base.config.context = 1024
    x, y = (torch.randint(20, 40_000, (batch_size, WINDOW), device=device) for _ in range(2))
    ones, o = torch.ones(batch_size, WINDOW, device=device), Options(muon_lr=0, lr=2e-4)
    works, base = {}, base.to(device)
    def ours(model):
        loss = loss_for(model.train())
        return step_of(model, grouped_optimizers(model, o), lambda: loss(model, x, y, ones)[0])
    def theirs(model, half):
        def loss_of():
            with autocast(device) if half else torch.autocast(device.type, enabled=False): return model(input_ids=x, labels=x).loss
        return step_of(model.train(), [torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)], loss_of)
    def alone(name, make):
        seconds = in_turns({name: make()}, device, rounds)[name]
        return {name: round(batch_size*WINDOW/seconds, 1)}
    def with_lora():
        from peft import LoraConfig, get_peft_model
        return get_peft_model(as_llama(base), LoraConfig(r=RANK, lora_alpha=RANK, target_modules='all-linear', task_type='CAUSAL_LM'))
    kinds = {'transformers, float32': lambda: theirs(as_llama(base), False), 'transformers, half': lambda: theirs(as_llama(base), True)}
    try: import peft
    except ImportError: pass
    else: kinds |= {'peft, float32': lambda: theirs(with_lora(), False), 'peft, half': lambda: theirs(with_lora(), True)}
    kinds |= {'tinychat, LoRA': lambda: ours(add_lora(copy.deepcopy(base), RANK, half_type(device))), 'tinychat': lambda: ours(copy.deepcopy(base))}
    row = {}
    for name, make in kinds.items(): # ours last: from then on memory is kept, which a plain loop does not ask for
        row |= alone(name, make)
        print(f'{name}: {row[name]}', flush=True)
    weights = sum(p.numel() for p in base.parameters()) # the output layer is the embedding: it counts once
    row['floor'] = round(matrix_rate(device)/(6*weights), 1) if device.type == 'cuda' else round(cpu_rate()/(6*weights), 1)
    return row


def cpu_rate():
    "Operations a second of the products of a window."
    half = half_type(torch.device('cpu')) or torch.float32
    a, b = torch.randn(2*WINDOW, 576).to(half), torch.randn(576, 1536).to(half)
    def work():
        for _ in range(20): a @ b
    return 2*a.shape[0]*b.numel()*20/in_turns(dict(it=work), torch.device('cpu'), 7)['it']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['replies', 'training'])
    parser.add_argument('--device', default='auto')
    parser.add_argument('--batch_size', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--out')
    a = parser.parse_args()
    device = pick_device(a.device)
    machine = torch.cuda.get_device_name() if device.type == 'cuda' else f'{torch.get_num_threads()} threads, {platform.machine()}'
    row = dict(what=f'large base: {a.what}', machine=machine, torch=torch.__version__.split('+')[0])
    with tempfile.TemporaryDirectory() as folder:
        row |= replies(device, a.rounds, Path(folder)) if a.what == 'replies' else dict(batch_size=a.batch_size, **training(device, a.rounds, a.batch_size))
    print(line := json.dumps(row))
    if a.out:
        with open(a.out, 'a') as f: f.write(line + '\n')


if __name__ == '__main__': main()
