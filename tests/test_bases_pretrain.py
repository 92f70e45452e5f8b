"A base: who is left out of it, and that it is made the same way by one process and by several."
import importlib.util, json, os, subprocess, sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('chitchat_dataset')
from tinychat.bases.pretrain import CORPORA, Recipe, encode_source, most_talkative, open_chats, pretrain, read_sources
from tinychat.data import all_demo_chats, read_chatml
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer

root = Path(__file__).resolve().parent.parent
script = root/'benchmarks'/'make_base.py'

def test_the_20_most_talkative_are_nowhere_in_it():
    away, read = most_talkative(), read_sources(None)
    counts = {}
    for chat in all_demo_chats():
        for m in chat: counts[m.sender] = counts.get(m.sender, 0) + 1
    assert len(away) == 20 and min(counts[p] for p in away) >= max(n for p, n in counts.items() if p not in away)
    theirs = {m.text for chat in all_demo_chats() if any(m.sender in away for m in chat) for m in chat if len(m.text) > 60}
    others = {m.text for chat in open_chats() for m in chat}
    texts = [t for c in read['chitchat'] for _, t in c if len(t) > 60]
    assert len(texts) > 5000 and not (set(texts) & theirs) - others
    # a few people send the same long text again and again, and one of them to an open chat: no more than that
    assert sum(t in theirs for t in texts) < len(texts)/200

# In several processes

RECIPE = dict(n_layer=1, n_head=2, n_embd=32, context=64, vocab_size=300, dropout=0., tokens=4000, batch_size=8, warmup=2)
TEACHER = dict(vocab_size=300, n_layer=1, n_head=2, n_embd=32, context=64)
TRAIN = f"""
import sys, torch
sys.path.insert(0, {str(script.parent)!r})
from make_base import fast_machine
from tinychat.bases.pretrain import Recipe, pretrain
from tinychat.gpt import GPT, GPTConfig
from tinychat.fast.team import join_team
from tinychat.tokenizer import Tokenizer
kept = torch.load('rows.pt', weights_only=True)
teacher = GPT(GPTConfig(**{TEACHER})).eval()
teacher.load_state_dict(kept['teacher'])
with join_team('cpu') as team:
    *_, done = pretrain(Recipe(**{RECIPE}), kept['rows'], Tokenizer.from_dict(kept['tok']), [teacher], fast_machine(team))
    torch.save(done['model'].state_dict(), f'{{team.size}}.{{team.rank}}.pt')
"""

@pytest.fixture(scope='module')
def rows(sample):
    "What a small base reads, and the tokenizer that encoded it."
    convs = [[[int(b.role == 'user'), b.text] for b in c] for c in read_chatml(sample)]
    tok = Tokenizer.train([t for c in convs for _, t in c] + ['assistant', 'user']*1000, 300)
    return dict(chitchat=encode_source(tok, convs)), tok

def test_two_processes_learn_what_one_learns(rows, tmp_path):
    "Fast or plain, too. Each process hears only a part of what the teacher says, and tells the other."
    torch.manual_seed(7)
    teacher = GPT(GPTConfig(**TEACHER)).eval()
    with torch.no_grad(): teacher.embed_tokens.weight.mul_(20) # it is sure of something
    torch.save(dict(rows=rows[0], tok=rows[1].to_dict(), teacher=teacher.state_dict()), tmp_path/'rows.pt')
    (tmp_path/'train.py').write_text(TRAIN)
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    for launch in ([], ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']):
        done = subprocess.run([sys.executable, *launch, 'train.py'], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    one, first, second = (torch.load(tmp_path/f'{n}.pt', weights_only=True) for n in ('1.0', '2.0', '2.1'))
    assert all(torch.equal(first[k], second[k]) for k in one)
    *_, done = pretrain(Recipe(**RECIPE), *rows, [teacher])
    plain = done['model'].state_dict()
    for other in (first, plain):
        assert max((one[k] - other[k]).abs().max() for k in one) < 1e-2 < max((one[k] - one[k].flatten()[0]).abs().max() for k in one)

@pytest.mark.parametrize('parts', [2, 3])
def test_what_teachers_say_is_the_same_read_in_parts(rows, parts):
    "Each token is judged in one part, and is zero in the others."
    from tinychat.bases.pretrain import soft_targets
    torch.manual_seed(0)
    teachers, ids = [GPT(GPTConfig(300, n_layer=1, n_head=2, n_embd=16, context=8)).eval()], rows[0]['chitchat'][:2000].int()
    whole, read = soft_targets(teachers, ids, k=5), [soft_targets(teachers, ids, k=5, part=(n, parts)) for n in range(parts)]
    for n, all_ in enumerate(whole):
        assert torch.equal(sum(r[n].view(torch.uint8).int() for r in read).to(torch.uint8).view(all_.dtype), all_)
        assert all((r[n] != 0).any() for r in read)
    assert sum((r[1][1:,0] > 0).float() for r in read).eq(1).all()

# The script

@pytest.fixture(scope='module')
def make_base():
    spec = importlib.util.spec_from_file_location('make_base', script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_base

def call(command, monkeypatch, *args):
    "Exit status of a command in this process."
    monkeypatch.setattr(sys, 'argv', ['make-base', *args])
    return command()

@pytest.mark.parametrize('args, says', [(['--recipe', 'huge'], "no recipe 'huge'"), (['--minutes', '0'], 'minutes must be above 0'), (['--minutes', 'nan'], 'minutes must be above 0'),
    (['--corpora', 'nowhere'], f'{CORPORA["irc"]}.jsonl.gz is not there')])
def test_what_is_wrong_is_one_line(make_base, monkeypatch, capsys, tmp_path, args, says):
    monkeypatch.chdir(tmp_path)
    assert call(make_base, monkeypatch, *args) == 1
    out, err = capsys.readouterr()
    assert out == '' and says in err and err.count('\n') == 1 and not list(tmp_path.rglob('*.*'))

def test_a_base_its_teachers_and_what_they_read(make_base, monkeypatch, capsys, tmp_path):
    "From a few of the demo's chats, by small recipes."
    from tinychat.bases import open_base, pretrain
    small = Recipe(**{**RECIPE, 'vocab_size': 600, 'int8': True})
    monkeypatch.setattr(pretrain, 'RECIPES', dict(teacher=small, tiny=Recipe(**{**RECIPE, 'vocab_size': 600, 'teachers': ('teacher',)})))
    some = {name: convs[:20] for name, convs in read_sources(None).items()}
    monkeypatch.setattr(pretrain, 'read_sources', lambda folder: some)
    monkeypatch.chdir(tmp_path)
    assert call(make_base, monkeypatch) == 0
    out, err = capsys.readouterr()
    assert out == 'The base is in out/bases/tiny.\n' and 'makes a poor base' in err and 'teacher: step 7 of 7' in err and 'tiny: step 7 of 7' in err
    assert sorted(p.name for p in (tmp_path/'out'/'bases').iterdir()) == ['base.pt', 'teacher', 'tiny']
    model, tok = open_base(tmp_path/'out'/'bases'/'tiny')
    assert model.config.n_embd == 32 and tok.vocab_size == 600
    assert json.loads((tmp_path/'out'/'bases'/'tiny'/'recipe.json').read_text())['teachers'] == ['teacher']

def test_a_teacher_that_begins_with_another_base_and_an_author(make_base, monkeypatch, capsys, tmp_path):
    "The teacher has the layers of its start, and both read what the author wrote in tokens of its own."
    from tinychat.bases import open_base, pretrain
    wide = {**RECIPE, 'vocab_size': 1000, 'context': 128}
    both = dict(chitchat=1, written=1)
    wrote = dict(author='tiny', written=1000, shares=both)
    monkeypatch.setattr(pretrain, 'RECIPES', dict(teacher=Recipe(**{**wide, **wrote, 'start': 'tiny', 'lr': 1e-4, 'muon_lr': 0}), tiny=Recipe(**wide, **wrote, teachers=('teacher',))))
    some = {name: convs[:4] for name, convs in read_sources(None).items()}
    monkeypatch.setattr(pretrain, 'read_sources', lambda folder: some)
    seen = []
    mixture = pretrain.Mixture
    monkeypatch.setattr(pretrain, 'Mixture', lambda rows, shares, *args, **more: seen.append((rows, shares)) or mixture(rows, shares, *args, **more))
    monkeypatch.chdir(tmp_path)
    assert call(make_base, monkeypatch) == 0
    teacher, tok = open_base(tmp_path/'out'/'bases'/'teacher')
    assert (teacher.config.n_embd, teacher.config.n_layer, teacher.config.context, tok.vocab_size) == (256, 7, 128, 1000)
    assert (teacher.layers[0].mlp.up_proj.weight - open_base('tiny')[0].layers[0].mlp.up_proj.weight).abs().max() < .01 # it has only begun to move
    rows, shares = seen[-1]
    assert shares == both and 0 < len(rows['written']) < 2000 and rows['written'][0] == tok.end_of_text # 1,024 tokens of tiny's at most, which are more of these
    assert all(torch.equal(rows['written'], other['written']) for other, _ in seen)
    texts, begin = {text for convs in some.values() for conv in convs for _, text in conv}, [part.split('\n', 1)[1] for part in tok.decode(rows['written'].tolist()).split('<|endoftext|><|im_start|>')[1:]]
    assert sum(part.split('<|im_end|>')[0] in texts for part in begin) > len(begin)/3 # the others it began by itself
    kept = torch.load(tmp_path/'out'/'bases'/'written_by_tiny'/'0.pt', weights_only=True)['row']
    assert torch.equal(kept, rows['written'])
    (tmp_path/'out'/'bases'/'tiny'/'config.json').unlink()
    assert call(make_base, monkeypatch) == 0 and torch.equal(seen[-1][0]['written'], kept) # it is not written twice
    monkeypatch.setattr(pretrain, 'RECIPES', pretrain.RECIPES | dict(tiny=Recipe(**wide, **wrote, teachers=('teacher',), seed=1)))
    assert call(make_base, monkeypatch) == 0 and not torch.equal(seen[-1][0]['written'], kept) # but for another seed it is
