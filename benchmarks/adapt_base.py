"""Adapt SmolLM2 to chats, the fast way. The notebook nbs/bases/adapt.ipynb tells how it is done.

    python benchmarks/adapt_base.py --corpora FOLDER

Exit status 1 and one line for what is wrong, 130 after Ctrl-C."""
from __future__ import annotations
import sys, time
from tinychat.commands import command

@command
def adapt_base(
    corpora:str=None,            # Folder of the corpora (none: the Chit-Chat Challenge alone)
    out:str='out/bases/smollm2', # Folder to write in
    lr:float=1.5e-3,              # Peak learning rate
    rank:int=36,                 # Of what is added to each matrix
    seed:int=0,                  # Decides the order
):
    "Adapt SmolLM2 to chats."
    from pathlib import Path
    from tinychat.bases.adapt import Adaptation, adapt, open_row, save_adaptation
    from tinychat.bases import open_smollm2
    from tinychat.checkpoint import pick_device
    from tinychat.fast import loss_for
    from tinychat.fast.optim import grouped_optimizers
    how = Adaptation(lr=lr, rank=rank, seed=seed)
    base, tok = open_smollm2(adapted=False)
    row, begun = open_row(tok, corpora, Path(out)/'row.pt', how), time.monotonic()
    for model, step, steps, bpb in adapt(base.to(pick_device()), tok, row, how, loss_for, grouped_optimizers):
        seconds = time.monotonic() - begun
        print(f'step {step:,} of {steps:,}, {bpb:.3f} bits per byte, {seconds/step*(steps - step):.0f} s left', file=sys.stderr)
    save_adaptation(out, model, how, tokens=len(row[0]), seconds=round(seconds), train=round(bpb, 3))
    print(f'What it learned is in {out}.')

if __name__ == '__main__': sys.exit(adapt_base())
