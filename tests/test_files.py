"Whole or not at all, and never over something else."
import os, signal, stat, subprocess, sys, tempfile
from pathlib import Path

import filelock, pytest

from tinychat.files import (MOST_JSON, check_room, free_path, load_small_json, make_folder, may_write, only_one, printable, private_folder, set_aside,
                            stopping, write_atomic)

def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path/'a.txt'
    write_atomic(path, b'old')
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='could not be written .No space left on device.. What was there before is untouched'): write_atomic(path, b'new')
    assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['a.txt']

@pytest.mark.skipif(os.name == 'nt', reason='permissions are different there')
def test_what_was_private_stays_private(tmp_path):
    path = tmp_path/'a.txt'
    path.write_bytes(b'old'); path.chmod(0o600)
    write_atomic(path, b'new')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() == b'new'

def test_a_link_stays_a_link(tmp_path):
    (tmp_path/'real.txt').write_bytes(b'old')
    (tmp_path/'link.txt').symlink_to('real.txt')
    write_atomic(tmp_path/'link.txt', b'new')
    assert (tmp_path/'link.txt').is_symlink() and (tmp_path/'real.txt').read_bytes() == b'new'

def test_what_may_be_written(tmp_path):
    path = tmp_path/'a.txt'
    assert may_write(path) == path and not path.exists()
    path.write_bytes(b'mine')
    assert may_write(path, lambda p: True, 'no') == path
    with pytest.raises(ValueError, match='^not ours$'): may_write(path, lambda p: False, 'not ours')
    with pytest.raises(ValueError, match='is a folder. Give the file to write with --report'): may_write(tmp_path, option='--report')
    with pytest.raises(ValueError, match='is a folder. So what'): may_write(tmp_path, hint='So what')
    with pytest.raises(ValueError, match='is a file. Give a folder to write, with --out'): may_write(path, folder=True)
    assert may_write(tmp_path/'new', folder=True) == tmp_path/'new' and may_write(tmp_path, folder=True) == tmp_path

@pytest.mark.skipif(not os.path.exists('/dev/null'), reason='no device files')
def test_a_device_is_no_file():
    with pytest.raises(ValueError, match='no ordinary file'): may_write('/dev/null')

def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path/'a').write_bytes(b'')
    with pytest.raises(OSError): may_write(tmp_path/'a'/'b.txt')

def test_the_second_name_is_the_next_that_is_free(tmp_path):
    path = tmp_path/'c.pt'
    assert set_aside(path) is None
    for n in (1, 2, 3):
        write_atomic(path, bytes([n]))
        assert set_aside(path) == tmp_path/f'c.old{n}.pt'
    write_atomic(path, b'new')
    assert [(tmp_path/f'c.old{n}.pt').read_bytes() for n in (1, 2, 3)] == [b'\1', b'\2', b'\3'] and path.read_bytes() == b'new'

def test_a_disk_without_links_gets_a_copy(tmp_path, monkeypatch):
    (tmp_path/'c.pt').write_bytes(b'old')
    def no(*_): raise OSError(1, 'Operation not permitted')
    monkeypatch.setattr(os, 'link', no)
    assert set_aside(tmp_path/'c.pt').read_bytes() == b'old' and (tmp_path/'c.pt').exists()

def test_free_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(free_path(None, 'talk.txt')) == 'talk.txt'
    for name in ('talk.txt', 'talk2.txt'): (tmp_path/name).write_text('')
    assert str(free_path(None, 'talk.txt')) == 'talk3.txt' and str(free_path(None, 'talk.txt', {os.path.realpath('talk2.txt')})) == 'talk2.txt'
    with pytest.raises(ValueError, match='is there already'): free_path('talk.txt', 'talk.txt')

def test_no_room(tmp_path):
    check_room(tmp_path/'a', 1, 'page')
    with pytest.raises(OSError, match='No room for the page: it takes'): check_room(tmp_path/'a', 10**18, 'page')

@pytest.mark.parametrize('code', [chr(n) for n in (*range(10), *range(11, 32), *range(127, 160))])
def test_no_control_character_reaches_a_terminal(code): assert printable(f'a{code}b\n') == 'ab\n'

# Private

posix = pytest.mark.skipif(os.name == 'nt', reason='permissions and signals are different there')

@posix
@pytest.mark.parametrize('umask', [0, 0o022, 0o077])
def test_new_files_and_folders_are_private_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path/'a'/'b'/'c.txt', b'')
        may_write(tmp_path/'d'/'e.txt')
    finally: os.umask(before)
    modes = {p: stat.S_IMODE((tmp_path/p).stat().st_mode) for p in ('a', 'a/b', 'a/b/c.txt', 'd')}
    assert modes == {'a': 0o700, 'a/b': 0o700, 'a/b/c.txt': 0o600, 'd': 0o700}

@posix
def test_what_an_older_version_wrote_for_all_to_read_becomes_private(tmp_path):
    (tmp_path/'a').write_bytes(b''); (tmp_path/'a').chmod(0o644)
    write_atomic(tmp_path/'a', b'new')
    assert stat.S_IMODE((tmp_path/'a').stat().st_mode) == 0o600

def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    write_atomic(tmp_path/'a.txt', b'')
    if os.name != 'nt': assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    with pytest.raises(OSError): make_folder(tmp_path/'a.txt')

# What a crash leaves

@pytest.fixture(scope='module')
def gone():
    "The number of a process that is no more."
    p = subprocess.Popen([sys.executable, '-c', '']); p.wait()
    return p.pid

def test_parts_of_processes_that_are_gone_are_removed(tmp_path, gone):
    stays = f'c.pt.{os.getppid()}.part', 'c.pt.part', f'other.pt.{gone}.part', f'c.pt.{gone}', 'c.pt.x.part'
    goes = f'c.pt.{gone}.part', f'.c.pt.0123456789abcdef.tokens.{gone}.part', f'c.pt.{os.getpid()}.part'
    for name in (*stays, *goes): (tmp_path/name).write_bytes(b'half')
    (tmp_path/f'c.pt.2{gone}.part').mkdir() # a folder is nobody's part
    may_write(tmp_path/'c.pt')
    assert sorted(os.listdir(tmp_path)) == sorted([*stays, f'c.pt.2{gone}.part'])

def start(code, *args):
    return subprocess.Popen([sys.executable, '-c', code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

FOLDER = '''import signal, time; from tinychat.files import private_folder
signal.signal(signal.SIGHUP, signal.SIG_DFL) # the tests may have been started with nohup
with private_folder() as folder: (folder/'chat.db').write_text('hi'); print(folder, flush=True); time.sleep(60)'''

@posix
@pytest.mark.parametrize('how', ['SIGTERM', 'SIGHUP', 'SIGKILL'])
def test_no_temporary_folder_outlives_the_next_start(tmp_path, monkeypatch, how):
    monkeypatch.setenv('TMPDIR', str(tmp_path)); monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    p = start(FOLDER)
    folder = Path(p.stdout.readline().decode().strip())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and folder.parent == tmp_path
    with private_folder(): assert folder.exists() # its process is running
    p.send_signal(getattr(signal, how)); p.communicate()
    assert folder.exists() == (how == 'SIGKILL')
    with private_folder() as mine: assert os.listdir(tmp_path) == [mine.name]

@posix
def test_only_folders_of_ours_are_removed(tmp_path, monkeypatch, gone):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    (tmp_path/'precious').mkdir()
    (tmp_path/f'tinychat-{gone}-link').symlink_to('precious')
    for name in (f'tinychat-{gone}x-a', f'mytinychat-{gone}-a', f'tinychat-{os.getpid()}-a'): (tmp_path/name).mkdir()
    before = sorted(os.listdir(tmp_path))
    with private_folder(): pass
    assert sorted(os.listdir(tmp_path)) == before

@posix
def test_what_ignores_a_request_goes_on_ignoring_it():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(): signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally: signal.signal(signal.SIGHUP, before)

@posix
def test_a_second_request_does_not_disturb_the_tidying():
    with pytest.raises(KeyboardInterrupt), stopping():
        try: signal.raise_signal(signal.SIGTERM)
        finally: signal.raise_signal(signal.SIGTERM); signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

# One at a time

LOCK = 'import sys; from tinychat.files import only_one\nwith only_one(sys.argv[1]): print("mine", flush=True); sys.stdin.read()'

def test_the_second_is_told_and_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path/'c.pt'
    p = start(LOCK, path)
    assert p.stdout.readline().split() == [b'mine']
    with pytest.raises(ValueError, match='c.pt is being written by another training. Wait'), only_one(path): pass
    with only_one(tmp_path/'other.pt'): pass
    p.kill(); p.communicate()
    with only_one(path): pass
    if os.name != 'nt': assert os.listdir(tmp_path) == []

@posix
def test_a_link_to_a_file_is_the_same_file(tmp_path):
    (tmp_path/'link.pt').symlink_to('c.pt')
    with only_one(tmp_path/'c.pt'), pytest.raises(ValueError, match='another training'), only_one(tmp_path/'link.pt'): pass

def test_a_disk_without_locks_is_no_reason_to_stop(tmp_path, monkeypatch):
    def no(*_): raise OSError(37, 'No locks available')
    monkeypatch.setattr(filelock.FileLock, 'acquire', no)
    with only_one(tmp_path/'c.pt'), only_one(tmp_path/'c.pt'): pass

# JSON of a stranger

def test_small_json_is_small_and_flat(tmp_path):
    for text, says in (('['*100_000 + ']'*100_000, 'its brackets nest too deeply'), (' '*MOST_JSON + '1', 'larger than 33 MB'), ('{', None), ('\xff', None)):
        (tmp_path/'a.json').write_bytes(text.encode('latin-1'))
        with pytest.raises(ValueError, match=says): load_small_json(tmp_path/'a.json')
    with pytest.raises(FileNotFoundError): load_small_json(tmp_path/'b.json')

# Git

ROOT = Path(__file__).resolve().parent.parent
def git(*args, cwd=ROOT): return subprocess.run(['git', *args], cwd=cwd, capture_output=True, text=True).stdout.split()

WRITTEN = '''training_data/chatml_format.txt training_data/chatml_format.old1.txt training_data/mine.txt training_data/.chatml_format.txt.0123456789abcdef.tokens
    out/ckpt.pt out/ckpt.old1.pt out/evaluation.json out/evaluation.html out/blind.html out/hf/model.safetensors out/gguf/README.md talk.txt talk2.txt exports/chat.db mia_exports/x
    mia.txt mia.old1.txt mia.pt mia.pt.4711.part .mia.pt.lock report.json report.html friends.html mia/model.safetensors mia/config.json mia/mia.gguf chat.db chat.db-wal takeout.zip said.jsonl'''.split()

@pytest.mark.skipif(not git('rev-parse', '--git-dir'), reason='not a git clone')
def test_git_ignores_what_the_commands_write_wherever_they_are_started(tmp_path):
    (tmp_path/'.gitignore').write_bytes((ROOT/'.gitignore').read_bytes())
    git('init', '-q', cwd=tmp_path)
    names = [f'{folder}{name}' for folder in ('', 'nbs/', 'tests/', 'nbs/share/', 'tinychat/', 'my/own/') for name in WRITTEN]
    assert [n for n in names if n not in git('check-ignore', *names, cwd=tmp_path)] == []
    assert git('ls-files', '-ci', '--exclude-standard') == [], 'nothing that is in git is ignored'
    for name in ('tinychat/bases/large/config.json', 'tinychat/bases/large/model.safetensors', 'benchmarks/runs/new.jsonl', 'nbs/new.ipynb', 'README.md'):
        assert git('check-ignore', name, cwd=tmp_path) == [], name

@pytest.mark.skipif(sys.platform != 'linux', reason='/proc')
def test_a_secret_is_taken_from_the_system_too():
    code = 'from tinychat.files import take_secret; w = take_secret("A_SECRET"); e = open("/proc/self/environ", "rb").read(); print(w, b"sesame" in e, b"OTHER=1" in e)'
    p = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=Path(__file__).parent.parent, env={**os.environ, 'A_SECRET': 'open sesame', 'OTHER': '1'})
    assert p.stdout.split() == ['open', 'sesame', 'False', 'True'], p.stderr
