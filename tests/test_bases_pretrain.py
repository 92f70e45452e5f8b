"The base is made the same way by one process and by several."
import os, subprocess, sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('chitchat_dataset')
from tinychat.bases.pretrain import most_talkative, open_chats, sources
from tinychat.data import _chitchat

def test_the_20_most_talkative_are_nowhere_in_it(tmp_path):
    away, read = most_talkative(), sources(None)
    counts = {}
    for chat in _chitchat():
        for m in chat: counts[m.sender] = counts.get(m.sender, 0) + 1
    assert len(away) == 20 and min(counts[p] for p in away) >= max(n for p, n in counts.items() if p not in away)
    theirs = {m.text for chat in _chitchat() if any(m.sender in away for m in chat) for m in chat if len(m.text) > 60}
    others = {m.text for chat in open_chats() for m in chat}
    said = [t for c in read['chitchat'] for _, t in c if len(t) > 60]
    assert len(said) > 5000 and not (set(said) & theirs) - others
    # a few people send the same long text again and again, and one of them to an open chat: no more than that
    assert sum(t in theirs for t in said) < len(said)/200

TRAIN = """
import torch
from tinychat.bases.pretrain import Recipe, encode_source, pretrain, processes
from tinychat.data import read_chatml
from tinychat.tokenizer import Tokenizer
convs = [[[int(b.role == 'user'), b.text] for b in c] for c in read_chatml('sample.txt')]
tok = Tokenizer.train([t for c in convs for _, t in c] + ['assistant', 'user']*1000, 300)
recipe = Recipe(n_layer=1, n_head=2, n_embd=32, context=64, vocab_size=300, dropout=0., tokens=4000, batch_size=8, warmup=2)
*_, done = pretrain(recipe, dict(chitchat=encode_source(tok, convs)), tok, torch.device('cpu'))
rank, world = processes()
torch.save(done['model'].state_dict(), f'{world}.{rank}.pt')
"""

def test_two_processes_learn_what_one_learns(tmp_path):
    (tmp_path/'train.py').write_text(TRAIN)
    (tmp_path/'sample.txt').write_bytes((Path(__file__).parent.parent/'training_data'/'sample.txt').read_bytes())
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    for launch in ([], ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']):
        done = subprocess.run([sys.executable, *launch, 'train.py'], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    one, first, second = (torch.load(tmp_path/f'{n}.pt', weights_only=True) for n in ('1.0', '2.0', '2.1'))
    assert all(torch.equal(first[k], second[k]) for k in one)
    assert max((one[k] - first[k]).abs().max() for k in one) < 1e-2 < max((one[k] - one[k].flatten()[0]).abs().max() for k in one)
