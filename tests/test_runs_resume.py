"A file that is not ours stays; a run goes on where it was."
import contextlib, os, signal, stat, subprocess, sys, threading

import pytest, torch

try: import pty
except ImportError: pty = None # Windows

from tinychat.checkpoint import load_checkpoint
from tinychat.data import Batches, Block, encode_all, write_chatml
from tinychat.fast.corpus import fingerprint
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs import Request, train_file
from tinychat.runs.resume import SavedRun, Saver, no_interrupt, on_interrupt, resume_run, save_run
from tinychat.tokenizer import Tokenizer
from tinychat.train import Options, fit

convs = [[Block('user', f'is it {w}?'), Block('assistant', f'yes, {w} it is')] for w in 'red late cold far near good bad small open shut'.split()]*3
tok = Tokenizer.train([b.text for c in convs for b in c], 280)
batches = Batches(*encode_all(tok, convs), 32, 4)

def new_run(**options):
    torch.manual_seed(0)
    return SavedRun(GPT(GPTConfig(tok.vocab_size, 1, 2, 32, 32, dropout=.2)), tok, Options(**{**dict(max_iters=12, eval_every=3), **options}), data_id=fingerprint(convs, ()))

def go(run, until=99):
    for _ in fit(run, batches, convs[:2]):
        for h in run.history: h.setdefault('seconds', 0.)
        if run.step == until: break
    return run

@pytest.mark.parametrize('stop_at', [1, 3, 7, 11])
@pytest.mark.parametrize('options', [dict(), dict(average=.3), dict(muon_lr=0, patience=3)])
def test_bit_for_bit(stop_at, options, tmp_path):
    straight, broken = go(new_run(**options)), go(new_run(**options), stop_at)
    save_run(broken, tmp_path/'c.pt')
    torch.manual_seed(99)
    again = go(resume_run(tmp_path/'c.pt', convs, device='cpu'))
    assert [(h['step'], h['train'], h['held']) for h in again.history] == [(h['step'], h['train'], h['held']) for h in straight.history]
    for k, v in straight.model.state_dict().items(): assert torch.equal(v, again.model.state_dict()[k]), k

def test_a_finished_run_holds_no_more_than_what_chats(tmp_path):
    save_run(go(new_run()), tmp_path/'c.pt')
    assert not {'optimizer', 'last_model', 'rng'} & set(load_checkpoint(tmp_path/'c.pt'))
    assert resume_run(tmp_path/'c.pt', convs, device='cpu').done

def test_it_is_shown_in_one_line_like_any_run():
    run = go(new_run())
    assert repr(run) == f'Run(step 12 of 12, best {run.best:.3f})'

def test_a_full_disk_puts_the_old_file_back(tmp_path, monkeypatch):
    path = tmp_path/'c.pt'
    path.write_bytes(b'somebody else')
    def full(run, path): raise OSError(28, 'No space left', str(path))
    monkeypatch.setattr('tinychat.runs.resume.save_run', full)
    with pytest.raises(OSError): Saver(new_run(), path).save()
    assert path.read_bytes() == b'somebody else' and os.listdir(tmp_path) == ['c.pt']

def test_what_a_link_leads_to_is_set_aside(tmp_path):
    (tmp_path/'real.pt').write_bytes(b'somebody else')
    (tmp_path/'link.pt').symlink_to('real.pt')
    Saver(new_run(), tmp_path/'link.pt').save()
    assert (tmp_path/'link.pt').is_symlink() and (tmp_path/'real.old1.pt').read_bytes() == b'somebody else'
    assert load_checkpoint(tmp_path/'real.pt')['step'] == 0

def test_other_messages_are_noticed(tmp_path):
    save_run(new_run(), tmp_path/'c.pt')
    with pytest.raises(ValueError, match='other messages'): resume_run(tmp_path/'c.pt', convs[1:], device='cpu')

def test_a_second_press_and_the_other_signal():
    if threading.current_thread() is not threading.main_thread(): pytest.skip('signals reach the main thread only')
    with on_interrupt() as pressed:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGINT): signal.raise_signal(s)
        assert pressed.is_set()
    before = signal.signal(signal.SIGINT, signal.default_int_handler) # a shell may have started us in the background, where Ctrl-C is ignored
    try:
        with pytest.raises(KeyboardInterrupt), no_interrupt(): signal.raise_signal(signal.SIGINT)
    finally: signal.signal(signal.SIGINT, before)

def test_a_press_while_the_first_is_noted_waits_for_nobody(monkeypatch):
    "An event is set under a lock, so a signal in the middle of that must not set it again."
    if threading.current_thread() is not threading.main_thread(): pytest.skip('signals reach the main thread only')
    sets, real = [], threading.Event.set
    def slow_set(event):
        if threading.current_thread() is threading.main_thread(): sets.append(event)
        if sets == [pressed]: signal.raise_signal(signal.SIGINT)
        real(event)
    with on_interrupt() as pressed:
        monkeypatch.setattr(threading.Event, 'set', slow_set)
        for guard in (contextlib.nullcontext, no_interrupt):
            with guard(): signal.raise_signal(signal.SIGINT)
        monkeypatch.undo()
        assert sets == [pressed] and pressed.is_set()

def test_a_closed_terminal_stops_it_unless_it_was_told_to_ignore_that():
    "`nohup` starts a command with SIGHUP ignored. (SIGTERM has no such custom.)"
    before = signal.getsignal(signal.SIGHUP)
    try:
        for handler, stops in ((signal.SIG_DFL, True), (signal.SIG_IGN, False)):
            signal.signal(signal.SIGHUP, handler)
            with on_interrupt() as pressed:
                signal.raise_signal(signal.SIGHUP)
                assert pressed.is_set() == stops
            assert signal.getsignal(signal.SIGHUP) == handler
    finally: signal.signal(signal.SIGHUP, before)

def test_a_thread_cannot_catch_signals_and_does_without():
    found = []
    def work():
        with on_interrupt() as pressed, no_interrupt(): found.append(pressed.is_set())
    t = threading.Thread(target=work); t.start(); t.join()
    assert found == [False]

# Told to stop, by whomever

TRAIN = '''import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL) # the tests may have been started with nohup
from tinychat.runs import train_file
sizes = dict(n_layer=1, n_head=2, n_embd=32, context=32, vocab_size=270)
try: train_file('data.txt', 'link.pt', device='cpu', init='scratch', **sizes, max_iters=10**6)
except KeyboardInterrupt: sys.exit(130)'''

@pytest.fixture
def talks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_chatml('data.txt', convs*5)
    if os.name != 'nt': os.symlink('c.pt', 'link.pt')
    return tmp_path

@pytest.mark.skipif(not hasattr(os, 'forkpty'), reason='no terminals there')
def test_a_closed_terminal_saves_and_the_lock_goes(talks):
    "The terminal is gone when it is told, so nothing can be written to it any more."
    pid, terminal = pty.fork()
    if not pid: os.execv(sys.executable, [sys.executable, '-c', TRAIN])
    seen = b''
    while b'step' not in seen: seen += os.read(terminal, 4096) # the first evaluation, or the bar
    assert os.path.exists('.c.pt.lock')
    with pytest.raises(ValueError, match='another training'): train_file('data.txt', 'c.pt', device='cpu', progress=False, max_iters=1)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (130, 120) # 120: Python cannot flush its last words, as nobody is there
    ckpt = load_checkpoint('c.pt')
    assert ckpt['step'] > 0 and 'last_model' in ckpt and os.path.islink('link.pt')
    assert sorted(os.listdir()) == ['c.pt', 'data.txt', 'link.pt'] and stat.S_IMODE(os.stat('c.pt').st_mode) == 0o600

@pytest.mark.skipif(os.name == 'nt', reason='no such signals there')
@pytest.mark.parametrize('name', ['SIGTERM', 'SIGHUP'])
def test_before_the_first_step_there_is_nothing_to_save_but_much_to_tidy(talks, monkeypatch, name):
    before = signal.signal(getattr(signal, name), signal.SIG_DFL)
    monkeypatch.setattr('tinychat.runs.open_data', lambda *_, **__: signal.raise_signal(getattr(signal, name)))
    try:
        with pytest.raises(KeyboardInterrupt): train_file('data.txt', 'c.pt', device='cpu', progress=False)
    finally: signal.signal(getattr(signal, name), before)

@pytest.mark.skipif(os.name == 'nt', reason='links need more rights there')
def test_what_a_crash_left_is_removed_at_the_next_start(talks):
    p = subprocess.Popen([sys.executable, '-c', '']); p.wait()
    for name in ('c.pt', '.data.txt.0123456789abcdef.tokens'): (talks/f'{name}.{p.pid}.part').write_bytes(b'')
    run = train_file('data.txt', 'link.pt', device='cpu', progress=False, init='scratch', n_layer=1, n_embd=32, context=32, vocab_size=270, max_iters=2)
    assert run.done and sorted(os.listdir()) == ['c.pt', 'data.txt', 'link.pt']

# Resumed as it was set up

SIZES = dict(n_layer=1, n_head=2, n_embd=32, context=32, vocab_size=270)

def test_a_script_may_be_run_twice(talks):
    how = dict(device='cpu', progress=False, init='scratch', max_iters=2, seed=3, use_all=False, **SIZES)
    first = train_file('data.txt', 'c.pt', **how)
    assert train_file('data.txt', 'c.pt', resume=True, **how).step == first.step == 2
    assert train_file('data.txt', 'c.pt', resume=True, device='cpu', progress=False).step == 2
    with pytest.raises(ValueError, match='max_iters is 2, not 3; seed is 3, not 4') as e:
        train_file('data.txt', 'c.pt', resume=True, **how | dict(max_iters=3, seed=4))
    assert 'n_layer' not in str(e.value)
    with pytest.raises(ValueError, match='minutes was not given'): train_file('data.txt', 'c.pt', resume=True, device='cpu', progress=False, minutes=1)

def test_an_older_checkpoint_does_not_know_how_it_was_set_up(talks):
    train_file('data.txt', 'c.pt', device='cpu', progress=False, init='scratch', max_iters=2, **SIZES)
    state = torch.load('c.pt', weights_only=True)
    torch.save({k: v for k, v in state.items() if k != 'asked'}, 'old.pt')
    assert train_file('data.txt', 'old.pt', resume=True, device='cpu', progress=False).done
    with pytest.raises(ValueError, match='Leave out max_iters'): train_file('data.txt', 'old.pt', resume=True, device='cpu', progress=False, max_iters=2)
    torch.save(state | dict(asked=dict(max_iters=torch.zeros(9))), 'odd.pt')
    with pytest.raises(ValueError, match='not what is needed to go on'): train_file('data.txt', 'odd.pt', resume=True, device='cpu', progress=False, max_iters=2)

def test_a_path_does_not_travel_with_the_checkpoint():
    assert Request(init='/elsewhere/secret/c.pt').setup == dict(init='c.pt')
