"""What a model loses in few bits a weight: reply bits per byte on what was held out, and the megabytes of a page that carries it.

    python benchmarks/bits.py CHECKPOINT DATA [--name NAME] [--out FILE]     # lines of JSON; --out adds them to a file

`32` is as it was trained, `8` what the page does (a scale a row); then groups of 32 or 64 weights with a scale and a lowest value in 16 bits, the embedding in 8 bits: of 25 ranges that leave out
some of the largest weights, each group takes the one with the least squared error. Text makes a page a third larger than its bytes. nbs/share/phone.ipynb shows the rows."""
import argparse, json

import torch

from tinychat.bases import open_checkpoint
from tinychat.checkpoint import pick_device
from tinychat.fast.corpus import load_data
from tinychat.share.phone import rounded
from tinychat.train import reply_bpb

SHRINKS = 1., .95, .9, .85, .8


def in_groups(w, bits, group):
    "A matrix of so many bits a weight, in groups of a row."
    x = w.unflatten(1, (-1, group))
    best, least = x, torch.full_like(x[...,:1], torch.inf)
    for low, high in ((a, b) for a in SHRINKS for b in SHRINKS):
        zero = (x.amin(-1, keepdim=True)*low).half().float()
        step = ((x.amax(-1, keepdim=True)*high - zero)/(2**bits - 1)).clamp(min=1e-7).half().float()
        y = ((x - zero)/step).round().clamp(0, 2**bits - 1)*step + zero
        error = ((x - y)**2).sum(-1, keepdim=True)
        best, least = torch.where(error < least, y, best), torch.minimum(error, least)
    return best.flatten(1)

@torch.no_grad()
def of_bits(model, bits, group):
    "A copy of a model, its matrices but the embedding in groups."
    few = rounded(model)
    for (name, p), q in zip(model.named_parameters(), few.parameters()):
        if p.dim() == 2 and 'embed' not in name: q.copy_(in_groups(p.float(), bits, group))
    return few

def page_mb(model, bits, group):
    "Megabytes of a page."
    embedded = model.embed_tokens.weight.numel()
    return round(4/3*(embedded + (model.n_params() - embedded)*(bits + (32/group if group else 0))/8)/1e6)


def main(a):
    model, tok = open_checkpoint(a.checkpoint)
    model, held_out = model.float().eval().to(pick_device('auto')), load_data(a.data)[1]
    for bits, group in ((32, None), (8, None), (6, 64), (5, 64), (4, 32), (4, 64)):
        few = model if bits == 32 else rounded(model) if bits == 8 else of_bits(model, bits, group)
        row = dict(what='bits', model=a.name, bits=bits, group=group, bpb=round(reply_bpb(few, tok, held_out, 8), 4), page_mb=page_mb(model, bits, group))
        print(json.dumps(row), flush=True)
        if a.out:
            with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint'); p.add_argument('data'); p.add_argument('--name', default='model'); p.add_argument('--out')
    main(p.parse_args())
