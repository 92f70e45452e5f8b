"""What keeps a stranger from finding the messages that a model was trained on, and what it costs.

    python benchmarks/members.py DATA [--base tiny] [--settings ...] [--seeds 0] [--out FILE]     # a line of JSON a training; --out adds them to a file

Each training is the default one but for its setting, and its last weights count, not the best. Found are replies of the last thousand that it learned from, by who is wrong about one in a hundred of those held out.
nbs/evaluate/leaks.ipynb draws the rows."""
import argparse, json, math, os, platform, time
from dataclasses import replace
from pathlib import Path

from tinychat.bases import open_base
from tinychat.checkpoint import pick_device
from tinychat.evaluate.asked import exchanges
from tinychat.evaluate.leaks import chat_of, membership, train_quietly
from tinychat.fast import evaluate
from tinychat.fast.corpus import load_data
from tinychat.runs.plan import Dataset, choose_start, options_for, rank_for, start_from

SETTINGS = {'default': {}, 'half the steps': dict(steps=.5), 'a quarter of the steps': dict(steps=.25), 'an eighth of the steps': dict(steps=.125),
            'LoRA of rank 16': dict(lora=16), 'LoRA of rank 4': dict(lora=4), 'dropout 0.3': dict(dropout=.3), 'dropout 0.5': dict(dropout=.5)}


def trained(train, base, seed, device, steps=1., lora=None, dropout=None):
    "The default training but for a setting: (chat, seconds)."
    start = start_from(choose_start('base', base), train, seed)
    if dropout is not None:
        for part in (start.model.config, *start.model.layers): part.dropout = dropout
    lora = rank_for(start, device, lora)
    options, *_ = options_for(start, Dataset.encode(train, [], start.tok), device, seed=seed, lora=lora)
    begun = time.perf_counter()
    run = train_quietly(start, train, replace(options, max_iters=math.ceil(steps*options.max_iters)), device, lora=lora)
    return chat_of(run), time.perf_counter() - begun

def main(a):
    device = str(pick_device('auto'))
    train, held_out = load_data(a.data)
    base, tok = open_base(a.base)
    base.to(device)
    for seed in a.seeds:
        for name in a.settings:
            chat, seconds = trained(train, a.base, seed, device, **SETTINGS[name])
            areas, found = membership((chat.model, chat.tokenizer), (base, tok), exchanges(train)[-1000:], exchanges(held_out)[:1000], seed)
            row = dict(what='members', person=Path(a.data).stem, base=a.base, setting=name, seed=seed, bpb=round(evaluate(chat.model, chat.tokenizer, held_out), 4), seconds=round(seconds),
                       auc=round(areas['errors beside the base'].value, 4), found=[round(x, 4) for x in found[.01]], machine=f'{platform.machine()}, {os.cpu_count()} cores, {device}')
            print(json.dumps(row), flush=True)
            if a.out:
                with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('data'); p.add_argument('--base', default='tiny'); p.add_argument('--settings', nargs='+', default=list(SETTINGS), choices=list(SETTINGS))
    p.add_argument('--seeds', type=int, nargs='+', default=[0]); p.add_argument('--out')
    main(p.parse_args())
