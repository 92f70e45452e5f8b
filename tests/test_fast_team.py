"Training in several processes, by gloo on the CPU, as torchrun starts them."
import os, re, signal, socket, subprocess, sys, time
from pathlib import Path

import pytest, torch

from tinychat.data import Block, write_chatml
from tinychat.checkpoint import load_checkpoint
from tinychat.fast import cpu
from tinychat.fast.team import SharedBatches, Team
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs import train_file
from tinychat.runs.resume import Saver, resume_run

SAYINGS = [(f'is it {w}?', f'yes, {w} it is', 'really') for w in 'red late cold far near good bad small open shut early warm'.split()]

@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    "Messages, and a checkpoint without dropout to go on from."
    folder = tmp_path_factory.mktemp('several')
    write_chatml(folder/'me.txt', [[Block('user', q), Block('assistant', a), Block('assistant', more)]*3 for _ in range(5) for q, a, more in SAYINGS])
    train_file(folder/'me.txt', folder/'start.pt', init='scratch', n_layer=1, n_head=2, n_embd=32, context=64, vocab_size=290, max_iters=2, device='cpu', progress=False)
    ckpt = load_checkpoint(folder/'start.pt')
    ckpt['config']['dropout'] = 0.
    torch.save(ckpt, folder/'start.pt')
    return folder

def command(n, *args):
    "Our command, in `n` processes."
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    return [sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={n}', '--master_addr=127.0.0.1', f'--master_port={port}', '-m', 'tinychat.train', '--device', 'cpu', *map(str, args)]

def run(n, *args, cwd): return subprocess.run(command(n, *args), cwd=cwd, env={**os.environ, 'OMP_NUM_THREADS': '1'}, capture_output=True, text=True, timeout=120)

def same(a, b):
    a, b = map(load_checkpoint, (a, b))
    assert [h['step'] for h in a['history']] == [h['step'] for h in b['history']]
    for x, y in zip(a['history'], b['history']): assert abs(x['held'] - y['held']) < 5e-4 and abs(x['train'] - y['train']) < 5e-4 # products of 16 bits
    assert all(torch.allclose(a['model'][k], b['model'][k], atol=1e-3) for k in a['model'])

@pytest.fixture(scope='module')
def alone(folder):
    train_file(folder/'me.txt', folder/'one.pt', init=str(folder/'start.pt'), max_iters=24, device='cpu', progress=False)
    return folder/'one.pt'

def test_same_numbers_as_one(folder, alone):
    out = run(3, '--data', 'me.txt', '--out', '3.pt', '--init', 'start.pt', '--max_iters', 24, cwd=folder)
    assert out.returncode == 0, out.stderr
    same(alone, folder/'3.pt') # which share four windows unevenly
    assert out.stderr.count('Best:') == 1 and out.stderr.count('  held out') == out.stderr.count('\nstep') # one speaks for all
    before, after = (load_checkpoint(p)['model'] for p in (folder/'start.pt', alone))
    assert max((before[k] - after[k]).abs().max() for k in before) > .01 # and there was something to get wrong

def children(pid):
    "Of a process, by rank."
    pids = [int(c) for c, parent in (line.split() for line in subprocess.run(['ps', '-eo', 'pid=,ppid='], capture_output=True, text=True).stdout.splitlines()) if int(parent) == pid]
    return sorted(pids)

@pytest.mark.parametrize('to', ['all', 'the second', 'torchrun'])
def test_ctrl_c_and_on_with_another_number(folder, tmp_path, to):
    "Stopped in two processes, ended in one or in three: as if nothing had happened."
    args = '--data', folder/'me.txt', '--init', folder/'start.pt', '--max_iters', 3000
    p = subprocess.Popen(command(2, *args, '--out', 'half.pt'), cwd=tmp_path, env={**os.environ, 'OMP_NUM_THREADS': '1'}, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said = ''
    while '\nstep' not in said:
        line = p.stderr.readline()
        assert line, said
        said += line
    if to == 'all': os.killpg(p.pid, signal.SIGINT) # as a terminal sends it
    if to == 'the second': os.kill(children(p.pid)[1], signal.SIGINT)
    if to == 'torchrun': p.terminate() # it sends a signal of its own
    said += p.communicate(timeout=60)[1]
    at = int(re.search(r'Stopped after step (\d+) of', said)[1])
    assert p.returncode and said.count('Stopped after') == 1
    half = load_checkpoint(tmp_path/'half.pt')
    assert half['step'] == at and [f.name for f in tmp_path.iterdir()] == ['half.pt']
    if to != 'all': return
    # end it soon, once from the checkpoint and once without ever stopping
    for h in (half['options'],): h['max_iters'], h['patience'] = at + 4, 0
    torch.save(half, tmp_path/'half.pt')
    train_file(folder/'me.txt', tmp_path/'half.pt', resume=True, device='cpu', progress=False)
    again = load_checkpoint(tmp_path/'half.pt')
    torch.save(half, tmp_path/'three.pt')
    assert run(3, '--data', folder/'me.txt', '--out', 'three.pt', '--resume', cwd=tmp_path).returncode == 0
    same(tmp_path/'half.pt', tmp_path/'three.pt')
    assert again['step'] == at + 4

def test_more_processes_than_windows():
    class Four: batch_size = 4
    with pytest.raises(ValueError, match='cannot be shared by 6 processes. Start at most 4'): SharedBatches(Four(), Team(size=6))

def test_bad_input_is_said_once(folder, tmp_path):
    out = run(2, '--data', 'no.txt', cwd=tmp_path)
    assert out.returncode and out.stderr.count('no.txt is not there') == 1

@pytest.mark.parametrize('dropout', [0., .3])
def test_recompute_keeps_less_and_learns_the_same(dropout):
    torch.manual_seed(0)
    model = GPT(GPTConfig(300, 4, 2, 32, 64, dropout=dropout)).train()
    ids, grads, kept = torch.randint(0, 300, (2, 64)), [], []
    for recompute in (False, True):
        torch.manual_seed(1)
        sizes = []
        def save(t): sizes.append(t.numel()); return t
        with torch.autograd.graph.saved_tensors_hooks(save, lambda t: t): loss = cpu.logits(model, ids, recompute).float().logsumexp(-1).mean()
        kept.append(sum(sizes))
        loss.backward()
        grads.append([p.grad.clone() for p in model.parameters()])
        model.zero_grad()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*grads)) and kept[1] < kept[0]/2

def test_recompute_is_an_option(folder, alone):
    train_file(folder/'me.txt', folder/'again.pt', init=str(folder/'start.pt'), max_iters=24, device='cpu', progress=False, recompute=True)
    same(alone, folder/'again.pt')

def test_only_the_first_writes(folder, tmp_path):
    from tinychat.fast.corpus import load_data
    run = resume_run(folder/'start.pt', *load_data(folder/'me.txt'), device='cpu')
    for rank in (1, 0):
        run.team = Team(rank, 2)
        Saver(run, tmp_path/'x.pt').save()
        assert (tmp_path/'x.pt').exists() == (rank == 0)
