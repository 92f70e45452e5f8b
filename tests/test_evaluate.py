"The report: what it judges, what it says, and what is in its files."
import json, os, random, re, subprocess, sys
from types import SimpleNamespace

import pytest, torch
from evaluating import talks

import tinychat.evaluate as E
from tinychat.commands import tinychat_evaluate
from tinychat.data import Block, write_chatml
from tinychat.evaluate import leaks as L
from tinychat.evaluate.asked import evenly
from tinychat.fast.many import replies
from tinychat.gpt import GPTConfig
from tinychat.runs import train_file
from tinychat.share.guard import Guard

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "A checkpoint that was trained for a moment, and its messages."
    folder = tmp_path_factory.mktemp('made')
    convs = talks(40)
    convs[-1] += [Block('user', 'look'), Block('assistant', '<script>alert("zq")</script> zebraquagga')]
    convs[0][1] = Block('assistant', 'my pin is <code> xylophonist')
    write_chatml(folder/'me.txt', convs)
    train_file(folder/'me.txt', folder/'ckpt.pt', init='scratch', n_layer=1, n_head=2, n_embd=32, context=64, max_iters=3, device='cpu', progress=False)
    return folder

QUICK = dict(device='cpu', progress=False, quick=True)
INTERVALS = {'reply_bits_per_byte': ['model', 'base', 'somebody_else', '5-gram'], 'membership': ['loss', 'loss_beside_base', 'base_alone']}

def test_report(made):
    out = E.evaluate_file(made/'ckpt.pt', made/'me.txt', report=made/'out'/'r.json', blind=made/'blind.html', other=made/'ckpt.pt', make_guard=Guard, **QUICK)
    text, page = (made/'out'/'r.json').read_text(), (made/'out'/'r.html').read_text()
    r = json.loads(text)
    assert list(r) == ['tinychat', 'seed', 'quick', 'notes', 'parameters', 'sampling', 'messages', 'reply_bits_per_byte', 'told_apart', 'taken_for_the_person', 'habits',
                       'word_for_word', 'secrets', 'membership', 'guard', 'verdict', 'seconds'] and list(out) == list(r)
    for key, names in INTERVALS.items():
        assert list(r[key]) == names
        for v in r[key].values(): assert len(v) == 3 and v[0] is not None and (v[1:] == [None, None] or v[1] <= v[0] <= v[2])
    assert r['messages']['redacted'] == 1 and len(r['secrets']) == 24 and set(r['verdict']) == {'sounds', 'share_with', 'why'}
    assert 'zebraquagga' not in text and 'xylophonist' not in text
    assert '<script>alert' not in page and not re.search(r'(?:src|href)="(?!data:)', page) and page.count('<img alt="') == page.count('<img')
    assert (made/'blind.html').stat().st_size > 1000 and sorted(p.name for p in (made/'out').iterdir()) == ['r.html', 'r.json']
    assert all(s['tries'] for s in r['secrets'])

def test_a_large_model_on_a_cpu_takes_a_sample(made, monkeypatch):
    large = GPTConfig(49152, 30, 9, 576, 1024, n_kv_head=3, n_hidden=1536)
    effort = lambda config, device: E.effort_for(SimpleNamespace(config=config, device=torch.device(device)))
    assert effort(large, 'cpu') == E.LARGE_ON_CPU and effort(large, 'cuda') == effort(GPTConfig(), 'cpu') == E.Effort()
    monkeypatch.setattr(E, 'effort_for', lambda model: E.Effort(asked=10))
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu')
    assert it.asked == evenly(it.questions, 10) and len(it.questions) > 10
    assert any(f'answered 10 of {len(it.questions)} questions' in n for n in it.notes)
    assert E.base_chat(it).model.config.context == 64 # it looks back as far as the model
    seconds = E.expected_seconds(it, 2., .01)
    assert seconds['replies'] == 20 and seconds['word for word'] == 2*it.effort.replies and seconds['a twin with planted secrets'] > 0

def test_ctrl_c_is_one_line(made, monkeypatch, capsys, tmp_path):
    def interrupted(*args): raise KeyboardInterrupt
    monkeypatch.setattr(E, 'judge_likeness', interrupted)
    monkeypatch.setattr(sys, 'argv', ['tinychat-evaluate', '--checkpoint', str(made/'ckpt.pt'), '--data', str(made/'me.txt'), '--report', str(tmp_path/'r.json'), '--quick'])
    assert tinychat_evaluate() == 130
    lines = capsys.readouterr().err.splitlines()
    assert 'min on this machine' in lines[0] and lines[1:] == ['Stopped. No report was written.'] and not list(tmp_path.iterdir())

def test_other_messages_than_its_own(made, tmp_path):
    write_chatml(tmp_path/'other.txt', talks(30, 77))
    r = E.evaluate_file(made/'ckpt.pt', tmp_path/'other.txt', report=tmp_path/'r.json', other=made/'ckpt.pt', **QUICK)
    assert 'trained on other messages' in r['notes'][0] and 'secrets' not in r and r['verdict']['share_with'] is None
    assert 'What does it give away?</h2>' not in (tmp_path/'r.html').read_text()

def test_another_language(made, tmp_path):
    words = 'ich du wir haben heute morgen nicht doch schon wieder zug bahnhof spaet kommst wann abend essen gehen'.split()
    rng = random.Random(0)
    write_chatml(tmp_path/'de.txt', [[Block('assistant' if n % 2 else 'user', ' '.join(rng.choices(words, k=5))) for n in range(20)] for _ in range(60)])
    r = E.evaluate_file(made/'ckpt.pt', tmp_path/'de.txt', report=tmp_path/'r.json', other=made/'ckpt.pt', **QUICK)
    text = json.loads((tmp_path/'r.json').read_text())
    assert any('are English' in n for n in r['notes']) and text['taken_for_the_person'] == {} and 'typos' not in text['habits']
    assert 'Not measured' in (tmp_path/'r.html').read_text()

def test_what_went_on_from_a_checkpoint_has_no_twin(made, tmp_path):
    train_file(made/'me.txt', tmp_path/'on.pt', init=str(made/'ckpt.pt'), max_iters=1, device='cpu', progress=False)
    with pytest.raises(ValueError, match='on.pt went on from another checkpoint'): L.twin(tmp_path/'on.pt', talks(4))
    it = E.Subject(tmp_path/'on.pt', made/'me.txt', 'cpu')
    assert not it.leaks_measurable and 'no twin' in it.notes[0]
    assert replies(E.somebody(it, 1), [[Block('user', 'hello')]]) # somebody else needs none

def test_bad_input(made, tmp_path, monkeypatch, capsys):
    def says(*args):
        monkeypatch.setattr(sys, 'argv', ['tinychat-evaluate', *map(str, args)])
        status, err = tinychat_evaluate(), capsys.readouterr().err
        assert err.count('\n') == 1, err
        return status, err
    there = ['--checkpoint', made/'ckpt.pt', '--data', made/'me.txt']
    (tmp_path/'mine.json').write_text('{"a": 1}')
    os.mkfifo(tmp_path/'pipe.json')
    (tmp_path/'page.html').write_text('<p>mine')
    for args, word in [([*there, '--report', tmp_path/'mine.json'], 'mine.json is there already'), ([*there, '--report', tmp_path/'pipe.json'], 'pipe.json is no ordinary file'), ([*there, '--blind', made/'me.txt'/'b.html'], 'me.txt'), ([*there, '--report', tmp_path/'page.json'], 'page.html is there already'), (['--checkpoint', tmp_path/'no.pt', '--data', made/'me.txt'], 'no.pt is not there'), (['--data', tmp_path/'no.txt'], 'no.txt is not there'),
                       ([*there, '--report', tmp_path/'r.html'], 'must end in .json'), ([*there, '--report', made], 'must end in .json'), ([*there, '--report', ''], 'must not be empty'),
                       ([*there, '--other', tmp_path/'no.pt'], 'no.pt is not there'), ([*there, '--seed', 'x'], '--seed'), ([*there, '--blind', made/'me.txt'], 'me.txt')]:
        status, err = says(*args)
        assert status == 1 and word in err, (args, err)
    assert (made/'me.txt').read_text().startswith('<|im_start|>') and not (tmp_path/'r.json').exists()

def test_without_a_guard_its_cost_is_left_out(made):
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu', quick=True)
    leak = E.judge_leaks(it, dict(answered=it.answer(it.chat)))
    numbers = E.leak_numbers(leak)
    assert 'guard' not in numbers and numbers['secrets'] and 'With a guard' not in E.leaks_html(leak, numbers)

def test_verdict_is_about_intervals():
    told = lambda ten: dict(told_apart=dict(model=dict(ten=ten), somebody_else=dict(ten=(.97, .95, .99))))
    assert 'hardly' in E.sounding(told((.6, .5, .7))) and 'nearly always' in E.sounding(told((.95, .9, .99))) and '60% (50% to 70%) right' in E.sounding(told((.6, .5, .7)))
    assert 'too few' in E.sounding(dict(told_apart=dict(model=None)))
    alone = told((.6, .5, .7))
    alone['told_apart']['somebody_else'] = None
    assert "somebody else" in E.sounding(told((.6, .5, .7))) and 'somebody else' not in E.sounding(alone)

def test_guard_in_the_terminal(made, tmp_path):
    code = 'import sys; from tinychat.commands import *; sys.exit(tinychat_chat())'
    run = lambda *a: subprocess.run([sys.executable, '-c', code, '--checkpoint', str(made/'ckpt.pt'), '--prompt', 'hello', '--seed', '1', *a], capture_output=True, text=True)
    assert run('--guard', str(made/'me.txt')).returncode == 0
    wrong = run('--guard', str(tmp_path/'no.txt'))
    assert wrong.returncode == 1 and 'no.txt is not there' in wrong.stderr and wrong.stderr.count('\n') == 1
