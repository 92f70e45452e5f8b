"""Make a base, the fast way. The notebook nbs/bases/pretrain.ipynb tells how it is made.

    python benchmarks/make_base.py --recipe tiny --corpora FOLDER
    torchrun --nproc-per-node 2 benchmarks/make_base.py --recipe tiny --corpora FOLDER    one process for each GPU

Exit status 1 and one line for what is wrong, 130 after Ctrl-C."""
from __future__ import annotations
import math, sys
from tinychat.commands import command

def fast_machine(
    team, # From `join_team`
): # A `tinychat.bases.pretrain.Machine`
    "The fastest device there is, with mixed precision and faster optimizers."
    import copy
    import torch.nn.functional as F
    from tinychat.bases.pretrain import Machine
    from tinychat.checkpoint import pick_device
    from tinychat.fast.cache import StaticCache
    from tinychat.fast.cpu import hidden
    from tinychat.fast.half import autocast, half_type
    from tinychat.fast.optim import grouped_optimizers
    from tinychat.fast.team import SharedLoss, Team
    def logits(model, ids): return F.linear(hidden(model, ids), model.embed_tokens.weight)
    def forward_of(model): return SharedLoss(model, team if model.training else Team(), logits).parallel # teachers do not learn
    def author_of(model, texts, length):
        if model.device.type == 'cuda': model = copy.deepcopy(model).to(half_type(model.device))
        return dict(model=model, hidden=hidden, cache=StaticCache(model, texts, length))
    return Machine(pick_device(team.device), team, autocast, forward_of, grouped_optimizers, author_of)

@command
def make_base(
    recipe:str='tiny',   # Which: tiny, or its teacher
    corpora:str=None,    # Folder of the corpora (none: the Chit-Chat Challenge alone, which makes a poor base)
    out:str='out/bases', # Folder to write in
    minutes:float=None,  # For each model, as many steps as fit into this time (as the recipe says)
):
    "Make a base. Also under torchrun."
    if minutes is not None and not 0 < minutes < math.inf: raise ValueError(f'minutes must be above 0, not {minutes}.')
    from tinychat.bases import pretrain
    from tinychat.fast.team import join_team
    with join_team() as team:
        folder = pretrain.make_base(recipe, corpora, out, fast_machine(team), minutes)
        if team.rank == 0: print(f'The base is in {folder}.')

if __name__ == '__main__': sys.exit(make_base())
