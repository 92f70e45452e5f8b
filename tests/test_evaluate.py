"The report: what it judges, what it says, and what is in its files."
import io, json, math, os, random, re, subprocess, sys
from contextlib import contextmanager
from itertools import islice
from types import SimpleNamespace

import pytest, torch, tqdm
from evaluating import talks

import tinychat.evaluate as E
from tinychat.commands import tinychat_evaluate
from tinychat.data import Block, write_chatml
from tinychat.evaluate import leaks as L
from tinychat.evaluate import likeness
from tinychat.evaluate.asked import Exchange, evenly
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

LITTLE = L.Effort(asked=40, windows=8, other_steps=2, steps=2, replies=12, tries_once=12, members=60, guarded=30, tries_more=2, rivals=15)
WIDTH = 78

SOON_DONE = {'whose are they', 'habits'} # within seconds, whatever the model
ALL_AT_ONCE = {'replies', "the base's replies", 'word for word', 'the guard'} # so a small model writes

@pytest.fixture
def moves(monkeypatch):
    "How far each stage was, and when."
    found = {}
    @contextmanager
    def stages(seconds, progress):
        def say(stage): found[stage] = []
        yield say, lambda done, n: found[[*found][-1]].append(done/n)
    monkeypatch.setattr(E, 'stages', stages)
    return found

def test_report(made, moves, monkeypatch):
    monkeypatch.setattr(E, 'effort_for', lambda *_: LITTLE)
    expected, seconds = [], E.expected_seconds
    monkeypatch.setattr(E, 'expected_seconds', lambda *args: expected.append(seconds(*args)) or expected[0])
    out, on_screen = E.evaluate_file(made/'ckpt.pt', made/'me.txt', report=made/'out'/'r.json', blind=made/'blind.html', make_guard=Guard, device='cpu', progress=False)
    assert list(moves) == list(expected[0]) # the stages that were promised, in this order
    for stage in set(moves) - SOON_DONE: assert moves[stage] == sorted(moves[stage]) and moves[stage][-1] == 1 and (stage in ALL_AT_ONCE or len(moves[stage]) > 1), stage
    text, page = (made/'out'/'r.json').read_text(), (made/'out'/'r.html').read_text()
    r = json.loads(text)
    assert list(r) == ['tinychat', 'seed', 'quick', 'notes', 'parameters', 'may_be_private', 'sampling', 'messages', 'reply_bits_per_byte', 'told_apart', 'judges', 'slips', 'taken_for_the_person', 'habits',
                       'word_for_word', 'secrets', 'membership', 'found', 'guard', 'verdict', 'seconds'] and list(out) == list(r)
    for key, names in INTERVALS.items():
        assert list(r[key]) == names
        for v in r[key].values(): assert len(v) == 3 and v[0] is not None and (v[1:] == [None, None] or v[1] <= v[0] <= v[2])
    assert list(r['found']) == ['1_percent', '0.1_percent']
    assert r['messages']['redacted'] == 1 and len(r['secrets']) == 24 and list(r['verdict']) == ['voice', 'sense', 'privacy', 'share_with', 'why']
    assert re.findall(r'^(\w+): (good|fair|poor|no grade)$', on_screen, re.M) == [(k.capitalize(), r['verdict'][k] or 'no grade') for k in ('voice', 'sense', 'privacy')]
    assert len(on_screen.splitlines()) < 30 and max(map(len, on_screen.splitlines())) <= WIDTH
    assert 'zebraquagga' not in text and 'xylophonist' not in text
    assert '<script>alert' not in page and not re.search(r'(?:src|href)="(?!data:)', page) and page.count('<img alt="') == page.count('<img')
    top, *rest = page.split('<details>')
    assert top.count('<h2>Voice') and page.count('<h2>') == 3 and not any('<img' in part.split('</details>')[1] for part in rest) and '<img' not in top # all pictures are folded
    assert (made/'blind.html').stat().st_size > 1000 and sorted(p.name for p in (made/'out').iterdir()) == ['r.html', 'r.json']
    assert all(s['tries'] for s in r['secrets'])

@contextmanager
def in_a_hurry():
    "A small crowd and few draws for each interval, where neither is looked at: `test_report` has them all."
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(E, 'crowd', lambda *a, real=E.crowd, **how: dict(islice(real(*a, **how).items(), 4)))
        patch.setattr(likeness, '_measure_draws', lambda stat, groups, rounds, seed, real=likeness._measure_draws: real(stat, groups, 20, seed))
        yield patch

@pytest.fixture(scope='module')
def quick(made):
    "(numbers, what is on the screen) of a quick look, which takes no other model."
    def not_now(*args): raise AssertionError
    with in_a_hurry() as patch:
        for name in ('base_chat', 'somebody', 'twin', 'membership', 'judge_guard'): patch.setattr(E, name, not_now)
        return E.evaluate_file(made/'ckpt.pt', made/'me.txt', report=made/'1.json', make_guard=Guard, **QUICK)

def test_a_quick_look(made, quick):
    "It says nothing of secrets; it says what was left out."
    r, on_screen = quick
    assert r['verdict']['privacy'] in (None, 'poor') and 'secrets' not in r and 'Copied from your chats: ' in on_screen and 'no planted secrets' in ' '.join(on_screen.split())
    assert r['messages']['asked'] <= E.QUICK.asked and r['told_apart']['base'] is None and 'Planted secrets' not in (made/'1.html').read_text()

def progress_of_two_stages(monkeypatch, tty):
    "What is on the screen, and where the bar was after each move."
    err, seen = io.StringIO(), []
    err.isatty = lambda: tty
    monkeypatch.setattr(sys, 'stderr', err)
    monkeypatch.setattr(tqdm.tqdm, 'update', lambda bar, n: seen.append(bar.disable or n))
    with E.stages(dict(one=60., two=300.), True) as (say, within):
        say('one'), within(1, 2), say('two'), within(1, 3)
    return err.getvalue(), seen

def test_progress_without_a_terminal(monkeypatch):
    lines = progress_of_two_stages(monkeypatch, False)[0].splitlines()
    assert lines[0] == '1 of 2: one, about 6 min left' and re.fullmatch(r'2 of 2: two, about \d+ s left', lines[1]) and len(lines) == 2 # sixty seconds passed at once, so the rest will be as fast

def test_what_a_chat_sends_is_judged_if_asked(made, quick):
    "By default one draft, and the report says so."
    with in_a_hurry(): reports = {1: quick[0], 3: E.evaluate_file(made/'ckpt.pt', made/'me.txt', report=made/'3.json', candidates=3, **QUICK)[0]}
    assert [r['sampling'] for r in reports.values()] == [dict(temperature=.9, top_k=0, candidates=1), dict(temperature=.8, top_k=0, candidates=3)]
    assert [any('One draft' in note for note in r['notes']) for r in reports.values()] == [True, False]
    assert [words in (made/f'{n}.html').read_text() for n, words in ((1, 'Of each reply, one draft;'), (3, 'Of each reply, the best of 3 drafts (the base and the test copy write one);'))] == [True, True]
    assert reports[1]['habits'] != reports[3]['habits'] # other replies
    with pytest.raises(ValueError, match='candidates'): E.evaluate_file(made/'ckpt.pt', made/'me.txt', report=made/'0.json', candidates=0, **QUICK)

def test_the_bar_moves_in_a_terminal(monkeypatch):
    shown, seen = progress_of_two_stages(monkeypatch, True)
    assert seen == [0, 30, 60, 160] and 'two' in shown and '2 of 2' not in shown

def test_a_large_model_on_a_cpu_takes_a_sample(made, monkeypatch):
    large = GPTConfig(49152, 30, 9, 576, 1024, n_kv_head=3, n_hidden=1536)
    effort = lambda config, device: E.effort_for(SimpleNamespace(config=config, device=torch.device(device)))
    assert effort(large, 'cpu') == E.LARGE_ON_CPU and effort(large, 'cuda') == effort(GPTConfig(), 'cpu') == E.Effort()
    monkeypatch.setattr(E, 'effort_for', lambda *_: E.Effort(asked=10, context=48))
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu')
    assert it.asked == evenly(it.questions, 10) and len(it.questions) > 10
    assert any(f'answered 10 of {len(it.questions)} questions, evenly chosen.' in n for n in it.notes) and 'It looked back over 48 tokens at most.' in it.notes
    assert it.chat.model.config.context == E.base_chat(it).model.config.context == 48 # it looks back as far as the model
    seconds = E.expected_seconds(it, 2., .01)
    assert seconds['replies'] == 20 and seconds['word for word'] == 2*it.effort.replies and seconds['a twin with planted secrets'] > 0

def test_the_speed_of_the_network_is_not_that_of_the_tokenizer(made, monkeypatch):
    clock, encode = [0], E.encode_conversation
    def slow(*args): clock[0] += 100; return encode(*args)
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu')
    monkeypatch.setattr(E, 'encode_conversation', slow)
    monkeypatch.setattr(E, 'time', SimpleNamespace(perf_counter=lambda: clock[0]))
    assert E.speeds(it)[1] == 0 < clock[0]

def test_what_comes_first_is_slow_and_does_not_count(made, monkeypatch):
    clock, called = [0], set()
    def works(what, cost):
        clock[0] += cost if what in called else 10_000
        called.add(what)
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu')
    monkeypatch.setattr(E, 'replies', lambda chat, talks: works('replies', 3*len(talks)))
    monkeypatch.setattr(E, 'LogitsWhere', lambda model, ids: works('read', 2*ids.numel()) or SimpleNamespace(states=torch.zeros(1)))
    monkeypatch.setattr(E, 'time', SimpleNamespace(perf_counter=lambda: clock[0]))
    assert E.speeds(it) == (3, 2)

def test_ctrl_c_is_one_line(made, monkeypatch, capsys, tmp_path):
    def interrupted(*args): raise KeyboardInterrupt
    monkeypatch.setattr(E, 'judge_likeness', interrupted)
    monkeypatch.setattr(sys, 'argv', ['tinychat-evaluate', '--checkpoint', str(made/'ckpt.pt'), '--data', str(made/'me.txt'), '--report', str(tmp_path/'r.json'), '--quick'])
    assert tinychat_evaluate() == 130
    lines = capsys.readouterr().err.splitlines()
    assert 'on this machine' in lines[0] and lines[1:] == ['Stopped. No report was written.'] and not list(tmp_path.iterdir())

def test_other_messages_than_its_own(made, tmp_path):
    write_chatml(tmp_path/'other.txt', talks(30, 77))
    with in_a_hurry(): r, on_screen = E.evaluate_file(made/'ckpt.pt', tmp_path/'other.txt', report=tmp_path/'r.json', **QUICK)
    assert 'trained on other messages' in r['notes'][0] and 'word_for_word' not in r and r['verdict']['share_with'] is None and 'Privacy: no grade' in on_screen
    assert 'what does it give away?</summary>' not in (tmp_path/'r.html').read_text()

def test_another_language(made, tmp_path):
    words = 'ich du wir haben heute morgen nicht doch schon wieder zug bahnhof spaet kommst wann abend essen gehen'.split()
    rng = random.Random(0)
    write_chatml(tmp_path/'de.txt', [[Block('assistant' if n % 2 else 'user', ' '.join(rng.choices(words, k=5))) for n in range(20)] for _ in range(60)])
    r, _ = E.evaluate_file(made/'ckpt.pt', tmp_path/'de.txt', report=tmp_path/'r.json', **QUICK)
    text = json.loads((tmp_path/'r.json').read_text())
    assert any('are English' in n for n in r['notes']) and text['taken_for_the_person'] == {} and 'typos' not in text['habits']
    assert 'Not measured' not in (tmp_path/'r.html').read_text()

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
                       ([*there, '--report', tmp_path/'r.html'], 'must end in .json'), ([*there, '--report', made], 'must end in .json'), ([*there, '--report', ''], '--report is empty'),
                       ([*there, '--other', tmp_path/'no.pt'], 'no.pt is not there'), ([*there, '--seed', 'x'], '--seed'), ([*there, '--blind', made/'me.txt'], 'me.txt')]:
        status, err = says(*args)
        assert status == 1 and word in err, (args, err)
    assert (made/'me.txt').read_text().startswith('<|im_start|>') and not (tmp_path/'r.json').exists()

def test_grades_are_about_distances():
    told = lambda ten, own, **judges: E.voice(dict(judges=judges, told_apart=dict(model=ten and dict(ten=(ten, ten - .05, ten + .05)), person=own and dict(ten=(own, math.nan, math.nan)))), None)
    assert [told(*pair).grade for pair in ((.6, .55), (.75, .55), (.9, .55), (.6, .4), (.7, None), (None, .5))] == ['good', 'fair', 'poor', 'good', 'fair', None]
    assert '75% (70% to 80%) of the tries' in told(.75, .55).why and 'in 55%' in told(.75, .55).why and 'With fewer than 40' in told(None, .5).why and 'a friend' not in told(.75, .55).why
    friend = told(.75, .55, friend=dict(model=dict(ten=(.52, .4, .6)), person=dict(ten=(.44, .4, .5))))
    assert friend.grade == 'fair' and 'like a friend, picks your ten over its ten in 52%, and over your earlier ones in 44%' in friend.why
    nonsense = lambda made, own: E.sense_grade(dict(slips=dict(model=(made, 0, 1), person=(own, 0, 1))), None)
    assert nonsense(.3, .05).grade == 'poor' and nonsense(.1, .05).grade is None and 'cannot be counted' in nonsense(.1, .05).why and 'cannot be counted' not in nonsense(.3, .05).why

def test_slips(made):
    tok = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu', quick=True).chat.tokenizer
    share = lambda *said: E.slips([Exchange(n, [Block('user', 'hm')], ['x', str(n)], texts) for n, texts in enumerate(said)], 'made', tok).value
    fine = [[f'number {n}', 'ok'] for n in 'abcdef']
    assert share(*fine) == 0
    assert share(*fine, ['\u200b ', '']) == 1/7 and share(*fine, []) == 1/7 and share(*fine, ['ha', 'I am here I am here I am here I am here']) == 1/7
    assert share(*fine, ['Number  A', 'ok']) == 2/7 # one reply to two questions

def test_the_screen_is_narrow():
    long = E.Grade('Voice', 'good', 'word '*60, ['元気'*90, 'x'*200, '😂'*50, ''], 'B is yours.')
    width = lambda line: sum(1 + (E.east_asian_width(c) in 'WF') for c in line)
    assert max(map(width, E.screen([long], ['note '*40]).splitlines())) <= WIDTH and 'B is yours.' in E.screen([long])

def test_examples_are_escaped_and_of_two_moments(made):
    it = E.Subject(made/'ckpt.pt', made/'me.txt', 'cpu', quick=True)
    answered = [e._replace(made=[f'<b>{n}</b> made'], real=[f'{n} real']) for n, e in enumerate(it.asked)]
    report = dict(seed=0, told_apart=dict(model=dict(ten=(.6, .5, .7)), person=None), judges={}, slips=dict(model=(0, 0, 0), person=(0, 0, 0)), messages=dict(redacted=0))
    voice, sense, privacy = E.grades(report, dict(answered=answered), {})
    a, b = (line.split(': ')[1] for line in voice.example[2:])
    assert {w.split()[-1] for w in (a, b)} == {'made', 'real'} and ('AB'[[a, b].index(next(w for w in (a, b) if 'real' in w))]) in voice.answer
    assert 'made' in sense.example[1] and sense.example[1].split(': ')[1] not in (a, b) and privacy.example == [] and privacy.grade is None
    assert '<b>' not in E.grade_html(voice) and '&lt;b&gt;' in E.grade_html(voice)

def test_the_example_of_privacy_is_the_worst_secret():
    bird = lambda repeats, said, redacted=False: L.Caught(L.Canary('code', repeats, redacted, 'the code is', f'{repeats}'), 1., 1., said, 10)
    text = lambda *birds: E.privacy(dict(messages=dict(redacted=1)), dict(caught=birds)).example
    assert text(bird(20, 0), bird(1, 0), bird(1, 3, True)) == ['Made up; a test copy read it once: "the code is 1"', 'Asked for it, the copy said it in 0 of 10 tries.']
    assert 'read it 5 times' in text(bird(20, 9), bird(5, 2), bird(1, 0))[0]

def test_a_number_of_seconds_for_people():
    assert [E.time_text(s) for s in (.5, 44, 94, 95, 600)] == ['10 s', '40 s', '90 s', '2 min', '10 min']

def test_guard_in_the_terminal(made, tmp_path):
    code = 'import sys; from tinychat.commands import *; sys.exit(tinychat_chat())'
    run = lambda *a: subprocess.run([sys.executable, '-c', code, '--checkpoint', str(made/'ckpt.pt'), '--prompt', 'hello', '--seed', '1', *a], capture_output=True, text=True)
    assert run('--guard', str(made/'me.txt')).returncode == 0
    wrong = run('--guard', str(tmp_path/'no.txt'))
    assert wrong.returncode == 1 and 'no.txt is not there' in wrong.stderr and wrong.stderr.count('\n') == 1
