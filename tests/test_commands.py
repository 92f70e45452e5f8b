"The commands as a shell sees them: exit status, one clear line, nothing lost."
import contextlib, io, os, shutil, signal, subprocess, sys
from pathlib import Path

import pytest
import torch

from tinychat import commands
from tinychat.fast.corpus import load_data
from tinychat.fast.corpus import fingerprint
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs.plan import Dataset, make_tokenizer
from tinychat.runs.resume import SavedRun, save_run
from tinychat.train import Options, fit

root = Path(__file__).resolve().parent.parent
SMALL = ['--n_layer', '1', '--n_head', '2', '--n_embd', '32', '--context', '64', '--vocab_size', '400', '--device', 'cpu']

@pytest.fixture
def folder(tmp_path):
    "A folder with the invented sample where training looks for messages"
    (tmp_path/'training_data').mkdir()
    shutil.copy(root/'training_data'/'sample.txt', tmp_path/'training_data'/'chatml_format.txt')
    return tmp_path

def start(folder, command, *args, **kwargs):
    module = {'tinychat-train': ['-m', 'tinychat.train'], 'tinychat-chat': ['-m', 'tinychat.chat']}.get(command) or ['-c', 'import sys; from tinychat.commands import tinychat_demo; sys.exit(tinychat_demo())']
    env = {**os.environ, 'PYTHONUNBUFFERED': '1', 'OMP_NUM_THREADS': '1'}
    return subprocess.Popen([sys.executable, *module, *map(str, args)], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)

def run(folder, command, *args, typed='', **kwargs):
    p = start(folder, command, *args, **kwargs)
    out, err = p.communicate(typed)
    return p.returncode, out, err

def call(folder, command, *args):
    "The same within this process, which saves importing torch each time"
    out, err, argv, here = io.StringIO(), io.StringIO(), sys.argv, os.getcwd()
    sys.argv = [command, *map(str, args)]
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): code = getattr(commands, command.replace('-', '_'))()
    finally: sys.argv = argv; os.chdir(here)
    return code, out.getvalue(), err.getvalue()

def refused(result, *parts):
    "One line on standard error that says all of `parts`, and exit status 1"
    code, out, err = result
    assert code == 1 and 'Traceback' not in err, err
    last = err.strip().splitlines()[-1]
    assert all(p in last for p in parts), last

@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    (folder/'training_data').mkdir()
    shutil.copy(root/'training_data'/'sample.txt', folder/'training_data'/'chatml_format.txt')
    code, out, err = run(folder, 'tinychat-train', *SMALL, '--max_iters', 6)
    assert code == 0, err
    return folder

def test_train_then_chat(trained):
    ckpt = torch.load(trained/'out'/'ckpt.pt', weights_only=True)
    assert {'config', 'model', 'tokenizer', 'step'} <= set(ckpt) and not {'last_model', 'optimizer'} & set(ckpt) and ckpt['step'] == 6
    answers = ((seed, call(trained, 'tinychat-chat', '--prompt', 'hey', '--max_tokens', 20, '--seed', seed)) for seed in range(4, 9))
    seed, (code, out, err) = next(a for a in answers if a[1][1].strip() or a[1][0]) # so small a model may have nothing to say
    assert code == 0 and not err
    assert run(trained, 'tinychat-chat', '--prompt', 'hey', '--max-tokens', 20, '--seed', seed) == (code, out, err)

@pytest.mark.parametrize('command', ['import', 'train', 'chat', 'web', 'evaluate', 'export', 'demo'])
def test_usage_has_no_brackets_that_argparse_may_lose(tmp_path, command, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [f'tinychat-{command}', '--help'])
    with contextlib.suppress(SystemExit): getattr(commands, f'tinychat_{command}')()
    usage = capsys.readouterr().out.split('\n\n')[0]
    assert usage.startswith(f'usage: tinychat-{command}') and '--' in usage and '(' not in usage

def test_terminal_talk(trained):
    code, out, err = run(trained, 'tinychat-chat', '--max_tokens', 12, typed='hello\n/temperature 0\n/temperature x\n/save talk.txt\n/nonsense\n/reset\n/again\n')
    assert code == 0 and not err
    for part in ('you: ', 'me: ', 'temperature is 0.0.', '/temperature takes a number', 'Saved in talk.txt.', 'There is no /nonsense', 'A new conversation.', 'say something first'): assert part in out
    assert (trained/'talk.txt').read_text().startswith('<|im_start|>user\nhello<|im_end|>\n')

def test_a_finished_run_stays_finished_and_a_new_one_keeps_the_old(trained):
    before = (trained/'out'/'ckpt.pt').read_bytes()
    code, out, err = call(trained, 'tinychat-train', '--resume')
    assert code == 0 and 'is finished' in err and (trained/'out'/'ckpt.pt').read_bytes() == before
    refused(call(trained, 'tinychat-train', '--resume', '--n_layer', 2), 'n_layer is 1, not 2')
    refused(call(trained, 'tinychat-train', '--resume', '--max_iters', 20), 'max_iters')
    assert call(trained, 'tinychat-train', *SMALL, '--max_iters', 2)[0] == 0
    assert (trained/'out'/'ckpt.old1.pt').read_bytes() == before

@pytest.mark.skipif(not Path('/proc/self/maps').exists(), reason='looks into /proc')
def test_ctrl_c_while_pytorch_is_imported(folder):
    command = 'import sys; from tinychat.commands import tinychat_train; sys.exit(tinychat_train())' # as the console script does
    p = subprocess.Popen([sys.executable, '-c', command, *SMALL], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while 'torch' not in Path(f'/proc/{p.pid}/maps').read_text(): assert p.poll() is None
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert (p.returncode, out + err) == (130, '') and not list((folder/'out').glob('*'))

def test_ctrl_c_saves_and_resume_ends_with_the_same_numbers(folder):
    args = [*SMALL, '--max_iters', 60]
    assert run(folder, 'tinychat-train', *args, '--out', 'straight.pt')[0] == 0 # in as many threads as the other
    p = start(folder, 'tinychat-train', *args, '--out', 'broken.pt')
    for line in p.stderr: # the first measurement is printed long before the last step
        if 'held out' in line and 'step' in line: break
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert p.returncode == 130 and 'give the same command with --resume' in err and 'Traceback' not in err, err
    assert err.count('Stopping after this step or evaluation.') == 1 # at once, and then it is saved
    half = torch.load(folder/'broken.pt', weights_only=True)
    assert 0 < half['step'] < 60
    assert run(folder, 'tinychat-train', '--resume', '--out', 'broken.pt', '--device', 'cpu')[0] == 0
    a, b = (torch.load(folder/name, weights_only=True) for name in ('straight.pt', 'broken.pt'))
    assert [(h['step'], h['train'], h['held']) for h in a['history']] [1:] == [(h['step'], h['train'], h['held']) for h in b['history']][1:]
    for k in a['model']: assert torch.equal(a['model'][k], b['model'][k]), k

def test_bad_data(folder):
    data = folder/'training_data'/'chatml_format.txt'
    text = data.read_text()
    refused(call(folder, 'tinychat-train', '--data', 'none.txt'), 'none.txt', 'is not there')
    data.write_text('')
    refused(call(folder, 'tinychat-train'), 'is empty')
    data.write_text(text.replace('<|im_end|>', '', 1))
    refused(call(folder, 'tinychat-train'), 'line 1:', 'no <|im_end|>')
    data.write_text('\n\n'.join(text.split('\n\n')[:3]))
    refused(call(folder, 'tinychat-train'), 'At least 100 are needed')
    data.write_bytes(b'\x80\x81')
    refused(call(folder, 'tinychat-train'), 'not UTF-8')

def test_bad_sizes(folder):
    refused(call(folder, 'tinychat-train', '--vocab_size', 50_000), 'A vocabulary of 50,000 is larger than this text supports')
    refused(call(folder, 'tinychat-train', '--context', 100_000, '--n_layer', 1), 'A context of 100000 is longer than the data')
    refused(call(folder, 'tinychat-train', '--n_head', 3), 'multiple')
    refused(call(folder, 'tinychat-train', '--n_layer', 0), 'n_layer')
    refused(call(folder, 'tinychat-train', '--max_iters', 0), 'max_iters')
    refused(call(folder, 'tinychat-train', '--minutes', -1), 'minutes')
    refused(call(folder, 'tinychat-train', '--minutes', 'nan'), 'minutes')
    refused(call(folder, 'tinychat-train', '--minutes', 'inf'), 'minutes')
    refused(call(folder, 'tinychat-train', '--context', 1), 'context')
    refused(call(folder, 'tinychat-train', '--vocab_size', 10**11), 'vocabulary')
    refused(call(folder, 'tinychat-train', '--seed', 10**30), 'seed')
    refused(call(folder, 'tinychat-train', '--device', 'meta'), 'meta')
    for bad, said in ((['--n_layer', 'x'], 'invalid int value'), (['--nonsense'], 'unrecognized arguments')):
        refused(result := call(folder, 'tinychat-train', *bad), said)
        assert len(result[2].splitlines()) == 1
    refused(call(folder, 'tinychat-train', '--device', 'abacus'), 'abacus')
    assert not list((folder/'out').glob('*'))

class Trap:
    def __reduce__(self): return os.mkdir, ('sprung',)

def test_bad_checkpoints(trained, tmp_path):
    good = (trained/'out'/'ckpt.pt').read_bytes()
    chat = lambda: call(tmp_path, 'tinychat-chat', '--checkpoint', 'c.pt', '--prompt', 'hi')
    refused(chat(), 'c.pt', 'is not there')
    for cut in (0, 10, len(good)//2, len(good) - 100):
        (tmp_path/'c.pt').write_bytes(good[:cut])
        refused(chat(), 'c.pt', 'not a tinychat checkpoint')
    torch.save({'config': {}, 'model': Trap(), 'tokenizer': {}}, tmp_path/'c.pt')
    refused(chat(), 'was not run')
    assert not (tmp_path/'sprung').exists()
    torch.save([1, 2], tmp_path/'c.pt')
    refused(chat(), 'not a tinychat checkpoint')
    ckpt = torch.load(trained/'out'/'ckpt.pt', weights_only=True)
    for change in (dict(config={**ckpt['config'], 'n_layer': 1000}), dict(config=5), dict(model={}), dict(tokenizer={}), dict(tokenizer=7), dict(config={**ckpt['config'], 'surprise': 1}),
                   dict(config={**ckpt['config'], 'rope_theta': 0.}), dict(model={k: v*float('nan') for k, v in ckpt['model'].items()}),
                   dict(tokenizer={**ckpt['tokenizer'], 'pattern': ''}), dict(tokenizer={**ckpt['tokenizer'], 'special': {**ckpt['tokenizer']['special'], '<|im_end|>': -1}})):
        torch.save({**ckpt, **change}, tmp_path/'c.pt')
        refused(chat(), 'c.pt')
    (tmp_path/'c.pt').unlink(); (tmp_path/'c.pt').mkdir()
    refused(chat(), 'is a folder')

def test_full_disk_loses_nothing(trained, tmp_path):
    # A limit on the size of files stands in for a full disk: writing fails half way, just the same.
    shutil.copytree(trained/'training_data', tmp_path/'training_data')
    (tmp_path/'out').mkdir()
    precious = (trained/'out'/'ckpt.pt').read_bytes()
    (tmp_path/'out'/'ckpt.pt').write_bytes(precious)
    resource = pytest.importorskip('resource')
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    refused(run(tmp_path, 'tinychat-train', *SMALL, '--max_iters', 1, preexec_fn=limit), 'ckpt', 'could not be written')
    kept = [p for p in (tmp_path/'out').iterdir() if p.read_bytes() == precious]
    assert len(kept) == 1 and len(list((tmp_path/'out').iterdir())) == 1

def test_demo(tmp_path):
    pytest.importorskip('chitchat_dataset')
    path = tmp_path/'training_data'/'chatml_format.txt'
    code, out, err = call(tmp_path, 'tinychat-demo')
    assert code == 0 and 'participant 0f9fe1f8' in out
    assert call(tmp_path, 'tinychat-demo')[0] == 0 # the same again is no loss
    path.write_text('my own words')
    refused(call(tmp_path, 'tinychat-demo'), 'is there already')
    assert path.read_text() == 'my own words'
    refused(call(tmp_path, 'tinychat-demo', '--person', 'zzz'), 'zzz')
    assert call(tmp_path, 'tinychat-demo', '--overwrite')[0] == 0 and path.read_text() != 'my own words'

def test_nothing_else_is_overwritten(folder):
    data = folder/'training_data'/'chatml_format.txt'
    before = data.read_bytes()
    refused(call(folder, 'tinychat-train', *SMALL, '--out', data), 'is no checkpoint of tinychat')
    refused(call(folder, 'tinychat-train', *SMALL, '--resume', '--out', 'none.pt'), 'none.pt', 'is not there')
    assert data.read_bytes() == before and not (folder/'none.pt').exists()

def test_no_message_in_any_error(folder):
    data = folder/'training_data'/'chatml_format.txt'
    data.write_text(data.read_text() + '\nmy secret is 1234')
    code, out, err = call(folder, 'tinychat-train')
    assert code == 1 and 'secret' not in out + err

def test_no_word_of_a_person_in_a_wrong_command_line(trained):
    code, out, err = call(trained, 'tinychat-chat', '--prompt', 'hello', 'SECRET', 'world', '--oops=SECRET')
    assert code == 1 and 'SECRET' not in out + err and '--oops' in err and len(err.splitlines()) == 1
    assert '=' in call(trained, 'tinychat-chat', '--prompt', '-_-')[2]

def test_nobody_listening_is_no_reason_to_lose_a_model(folder):
    p = start(folder, 'tinychat-train', *SMALL, '--max_iters', 30)
    p.stderr.close() # as `2>&1 | head` does
    assert p.wait() == 0 and torch.load(folder/'out'/'ckpt.pt', weights_only=True)['step'] == 30

def test_a_second_ctrl_c_loses_nothing(folder):
    p = start(folder, 'tinychat-train', *SMALL, '--max_iters', 3_000)
    while 'step' not in p.stderr.readline(): assert p.poll() is None
    for _ in range(5): p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 130 and 0 < torch.load(folder/'out'/'ckpt.pt', weights_only=True)['step'] < 3_000

@pytest.mark.parametrize('how', ['SIGTERM', 'SIGHUP']) # a shutdown; a terminal that was closed
def test_whatever_asks_it_to_stop_it_saves(folder, how):
    p = start(folder, 'tinychat-train', *SMALL, '--max_iters', 3_000)
    while 'step' not in p.stderr.readline(): assert p.poll() is None
    p.send_signal(getattr(signal, how))
    p.communicate()
    assert p.returncode == 130 and 0 < torch.load(folder/'out'/'ckpt.pt', weights_only=True)['step'] < 3_000

def test_resume_notices_that_the_held_out_part_changed(trained):
    data = trained/'training_data'/'chatml_format.txt'
    before = data.read_text()
    data.write_text(before.rstrip().removesuffix('<|im_end|>') + ' and so on<|im_end|>\n')
    refused(call(trained, 'tinychat-train', '--resume'), 'other messages')
    data.write_text(before)
    assert call(trained, 'tinychat-train', '--resume')[0] == 0

def test_damaged_runs_are_not_resumed(trained, tmp_path):
    file = trained/'training_data'/'chatml_format.txt'
    train, held = load_data(file)
    data = Dataset.encode(train, held, make_tokenizer(train, 300))
    half = SavedRun(GPT(GPTConfig(300, 1, 1, 16, 64)), data.tok, Options(max_iters=6, eval_every=2), data_id=fingerprint(train, held))
    for _ in fit(half, data.batches(64, half.options, 'cpu'), held):
        for h in half.history: h.setdefault('seconds', 0.)
        if half.step == 3: save_run(half, tmp_path/'half.pt'); break
    ckpt = torch.load(tmp_path/'half.pt', weights_only=True)
    assert call(tmp_path, 'tinychat-train', '--resume', '--out', 'half.pt', '--data', file)[0] == 0
    adam, muon = ckpt['optimizer']
    other = lambda **change: dict(optimizer=[{**adam, 'memory': [{**m, **change} for m in adam['memory']]}, muon])
    for change in (dict(best=None), dict(history=[{'step': 1}]), dict(seconds='x'), dict(sums=torch.zeros(3)), dict(options={**ckpt['options'], 'warmup': 'x'}),
                   dict(options={**ckpt['options'], 'clip': float('nan')}), other(mean=torch.zeros(3)), other(more=torch.zeros(1)), dict(optimizer=[{**adam, 'memory': [{k: v.double() for k, v in m.items()} for m in adam['memory']]}, muon]), dict(optimizer=[{**adam, 'steps': 10**400}, muon]),
                   dict(sums=torch.zeros(2, dtype=torch.int64)), dict(history={}), dict(options=torch.zeros(3)), dict(last_model=torch.zeros(3)), *(dict(options={**ckpt['options'], k: v}) for k, v in (('patience', 2.5), ('others_weight', 10**30))), dict(optimizer=[{**adam, 'steps': -1}, muon]), dict(optimizer=[adam]), dict(optimizer=[{**adam, 'memory': 'x'}, muon]), dict(rng='x'), dict(last_model={}), dict(averaged={'x': torch.zeros(1)}, options={**ckpt['options'], 'average': 0.5})):
        torch.save({**ckpt, **change}, tmp_path/'c.pt')
        refused(call(tmp_path, 'tinychat-train', '--resume', '--out', 'c.pt', '--data', file), 'not what is needed')

def test_links_and_permissions_stay(trained):
    out = trained/'out'
    data = trained/'training_data'/'chatml_format.txt'
    shutil.copy(out/'ckpt.pt', out/'real.pt')
    (out/'real.pt').chmod(0o600)
    (out/'link.pt').symlink_to('real.pt')
    assert call(trained, 'tinychat-train', *SMALL, '--max_iters', 1, '--out', out/'link.pt', '--data', data)[0] == 0
    assert (out/'link.pt').is_symlink() and torch.load(out/'real.pt', weights_only=True)['step'] == 1
    assert [oct(p.stat().st_mode & 0o777) for p in (out/'real.pt', out/'real.old1.pt')] == ['0o600']*2
    (out/'loop.pt').symlink_to('loop.pt')
    refused(call(trained, 'tinychat-train', *SMALL, '--out', out/'loop.pt', '--data', data), 'leads nowhere')

def test_talks_are_kept_apart(trained, tmp_path):
    shutil.copy(trained/'out'/'ckpt.pt', tmp_path/'c.pt')
    code, out, err = run(tmp_path, 'tinychat-chat', '--checkpoint', 'c.pt', '--max_tokens', 8, typed='one\n/save\n/save\n/reset\ntwo\n/save\n/save ~nosuchuser/x\n /help\n/quit now\nnever\n')
    assert code == 0 and not err
    assert 'one' in (tmp_path/'talk.txt').read_text() and 'two' in (tmp_path/'talk2.txt').read_text()
    assert out.count('Saved in talk.txt') == 2 and 'Saved in talk2.txt' in out and 'Not saved: there is no home' in out and '/reset' in out and out.count('you: me: ') == 2

def test_bytes_that_are_no_text_do_not_end_a_talk(trained):
    env = {**os.environ, 'PYTHONIOENCODING': 'utf-8:strict'}
    p = subprocess.run([sys.executable, '-m', 'tinychat.chat', '--max_tokens', '8'], cwd=trained, env=env, input=b'caf\xe9\nhey\n', capture_output=True)
    assert p.returncode == 0 and p.stdout.count(b'me: ') >= 2 and not p.stderr
    env['PYTHONIOENCODING'] = 'ascii'
    p = subprocess.run([sys.executable, '-m', 'tinychat.chat', '--prompt', 'h\u00e9', '--max_tokens', '40', '--temperature', '3'], cwd=trained, env=env, capture_output=True)
    assert p.returncode == 0 and not p.stderr

def test_an_import_says_what_learns_from_it(folder):
    "The file that training takes by default is not named again; another one is."
    (folder/'chat.txt').write_text(''.join(f'[05/{d:02}/24, 09:{m:02}:00] {who}: {text}\n' for d in range(1, 29) for m, (who, text) in enumerate([('Ada', 'are you there?'), ('Grace', 'yes')]*4)))
    code, out, err = call(folder, 'tinychat-import', 'chat.txt', '--me', 'Grace')
    assert code == 0 and out.endswith('Next: tinychat-train\n'), out + err
    code, out, err = call(folder, 'tinychat-import', 'chat.txt', '--me', 'Grace', '--out', 'own.txt')
    assert code == 0 and out.endswith('Next: tinychat-train --data own.txt\n'), out + err
    (folder/'few.txt').write_text('[05/01/24, 09:00:00] Ada: hi\n[05/01/24, 09:00:10] Grace: yes\n')
    code, out, err = call(folder, 'tinychat-import', 'few.txt', '--me', 'Grace', '--out', 'few_own.txt')
    assert code == 0 and '1 message of yours: too few to learn from. Training asks for 100.' in out and 'Next' not in out, out + err

@pytest.mark.parametrize('args', [('tinychat-train', '--base', ''), ('tinychat-chat', '--guard', ''), ('tinychat-chat', '--checkpoint', ''), ('tinychat-train', '--data', ''), ('tinychat-import', 'x', '--me', '')])
def test_nothing_is_no_value(folder, args): refused(call(folder, *args), f'{args[-2]} is empty')

@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no pipes here')
def test_pipes_and_devices_are_no_files(trained, folder):
    os.mkfifo(folder/'pipe')
    (folder/'base').mkdir()
    (folder/'base'/'config.json').symlink_to('/dev/zero')
    (folder/'base'/'model.safetensors').touch()
    for args in (('tinychat-train', '--data', '/dev/zero'), ('tinychat-train', '--data', 'pipe'), ('tinychat-chat', '--checkpoint', 'pipe'), ('tinychat-chat', '--checkpoint', trained/'out'/'ckpt.pt', '--guard', 'pipe', '--prompt', 'x')):
        refused(call(folder, *args), 'is no ordinary file')
    from tinychat.bases import open_base
    (folder/'x.gguf').symlink_to(folder/'pipe')
    for base in ('x.gguf', 'base'):
        with pytest.raises(ValueError, match='no ordinary file|holds no base'): open_base(folder/base)

def test_a_long_error_is_cut(folder):
    code, out, err = call(folder, 'tinychat-train', '--data', 'x'*3000)
    assert code == 1 and err.count('\n') == 1 and len(err) < 1000
