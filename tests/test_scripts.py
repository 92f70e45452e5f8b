"The shell scripts, with stand-ins for Python and the commands, so that nothing is installed or trained."
import runpy, shutil, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='bash scripts')

# Each says what it was given, a word in brackets each.
COMMAND = """#!/bin/sh
printf '%s' "$(basename "$0")"; printf ' [%s]' "$@"; echo
[ "$(basename "$0")" = "${FAILS:-}" ] && exit 1
exit ${CODE:-0}
"""
# A Python that is new enough and has everything; without tinychat if LOST is set. What run_train.sh thinks, a real one thinks.
PYTHON = f"""#!/bin/sh
case "$*" in
    tools/run_train.py*) PYTHONPATH='{root}' exec '{sys.executable}' "$@" ;;
    *metadata*) [ -z "$LOST" ] ;;
    *hashlib*) cat >/dev/null; echo hash ;;
esac
"""

@pytest.fixture
def clone(tmp_path):
    "The scripts in an empty repository, with an environment of stand-ins; gives a function that runs one of them."
    folder = tmp_path/'my clone'
    for path in ('run_train.sh', 'run_chat.sh', 'run_import.sh', 'tools/setup_env.sh', 'tools/run_train.py', 'settings.ini', 'requirements.txt', 'setup.py', 'pyproject.toml'):
        (folder/path).parent.mkdir(exist_ok=True)
        shutil.copy(root/path, folder/path)
    (folder/'training_data').mkdir()
    home = tmp_path/'env'
    (home/'bin').mkdir(parents=True)
    for name, text in {'python': PYTHON, **dict.fromkeys(('tinychat-train', 'tinychat-chat', 'tinychat-demo', 'tinychat-import'), COMMAND)}.items():
        (home/'bin'/name).write_text(text)
        (home/'bin'/name).chmod(0o755)
    def run(script, *args, cwd=folder, **env):
        env = {'PATH': '/usr/bin:/bin', 'VIRTUAL_ENV': str(home), **env}
        return subprocess.run([folder/script, *args], cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    run.folder, run.home = folder, home
    return run

# Training on what is there

def test_own_messages(clone):
    (clone.folder/'training_data'/'chatml_format.txt').touch()
    done = clone('run_train.sh', '--minutes', '5', '--out', 'a b.pt', cwd='/')
    assert (done.returncode, done.stdout, 'No messages' in done.stderr) == (0, 'tinychat-train [--minutes=5] [--out=a b.pt]\n', False)

def test_without_messages_the_demo_person(clone):
    done = clone('run_train.sh', '--max_iters', '3', cwd='/')
    assert done.stdout == 'tinychat-demo [--out] [training_data/demo.txt] [--overwrite]\ntinychat-train [--data=training_data/demo.txt] [--max-iters=3]\n'
    assert 'No messages in training_data/chatml_format.txt' in done.stderr and 'Chit-Chat Challenge' in done.stderr

def test_without_the_demo_the_sample(monkeypatch, capsys):
    tool = runpy.run_path(str(root/'tools'/'run_train.py'))
    asked = []
    monkeypatch.chdir(root)
    monkeypatch.setitem(tool['demo'].__globals__, 'find_spec', lambda name: None)
    monkeypatch.setitem(tool['demo'].__globals__, 'run', lambda *command: asked.append(command) or 1)
    assert tool['demo']() == 'training_data/sample.txt' and asked[0][-1] == 'chitchat-dataset==0.9.0'
    assert 'chitchat-dataset==0.9.0 could not be installed' in capsys.readouterr().err

@pytest.mark.parametrize('args', [['--data', 'x.txt'], ['--data=x.txt']])
def test_data_win_over_the_demo_person(clone, args):
    done = clone('run_train.sh', *args)
    assert done.stdout == 'tinychat-train [--data=x.txt]\n' and 'No messages' not in done.stderr

# Training on exports

@pytest.fixture
def exports(clone):
    for name in ('my exports', 'b.zip'): (clone.folder/name).mkdir()
    return clone

def test_exports_are_imported_first(exports):
    done = exports('run_train.sh', 'my exports', '--me', 'Ada L', '--minutes', '5', 'b.zip', '--me=A', '--no_redact', '--use_all', '--out', 'o.pt')
    assert done.stdout == 'tinychat-import [--me=Ada L] [--me=A] [--no-redact] [--out=training_data/chatml_format.txt] [--] [my exports] [b.zip]\n' \
                          'tinychat-train [--minutes=5] [--use-all] [--out=o.pt]\n'
    assert done.returncode == 0 and done.stderr.count('\n') == 1 # that tinychat is installed

def test_exports_count_from_where_one_is(exports):
    (exports.folder/'sub').mkdir()
    done = exports('run_train.sh', '../b.zip', '/', '--data', 'mine.txt', cwd=exports.folder/'sub')
    assert done.stdout == f'tinychat-import [--out=mine.txt] [--] [{exports.folder}/sub/../b.zip] [/]\ntinychat-train [--data=mine.txt]\n'

def test_a_name_that_looks_like_an_option(exports):
    (exports.folder/'-x').mkdir()
    assert '[--] [-x]\n' in exports('run_train.sh', '--', '-x').stdout

def test_nothing_is_trained_if_the_import_fails(exports):
    done = exports('run_train.sh', 'b.zip', FAILS='tinychat-import')
    assert done.returncode == 1 and 'tinychat-train' not in done.stdout
    assert exports('run_train.sh', 'b.zip', CODE='130').returncode == 130

@pytest.mark.parametrize('args, says', [
    (['nowhere'], 'nowhere is not there'), ([''], 'an empty name is not there'), (['b.zip', '--nme', 'Ada'], 'neither tinychat-import nor tinychat-train knows --nme'),
    (['b.zip', '-m', 'Ada'], 'knows -m'), (['b.zip', '--me'], '--me needs a value'), (['b.zip', '--minutes', 'many'], "argument --minutes: invalid float value: 'many'"),
    (['b.zip', '--gap_minutes=x'], 'argument --gap-minutes: invalid float value'), (['--me', 'Ada'], '--me is for importing, so name your exports, too'),
], ids=lambda x: None if isinstance(x, list) else x)
def test_what_is_wrong_is_told_in_one_line_before_anything_is_done(exports, args, says):
    exports('run_chat.sh') # installed
    done = exports('run_train.sh', *args)
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1) and done.stderr.startswith('run_train.sh: ') and says in done.stderr

def test_an_export_that_nobody_knows(exports):
    (exports.folder/'odd.bin').write_text('nothing known')
    (exports.home/'bin'/'tinychat-import').write_text(f"#!/bin/sh\nPYTHONPATH='{root}' exec '{sys.executable}' -c 'import sys; from tinychat.commands import tinychat_import as f; sys.exit(f())' \"$@\"\n")
    exports('run_chat.sh')
    done = exports('run_train.sh', 'odd.bin')
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1) and 'odd.bin holds nothing that tinychat can read' in done.stderr

@pytest.mark.parametrize('args', [['--help'], ['-h'], ['b.zip', '--help']])
def test_help_explains_both(exports, args):
    done = exports('run_train.sh', *args)
    assert done.returncode == 0 and all(t in done.stdout for t in ('usage: ./run_train.sh', 'usage: tinychat-import', '--me ', 'usage: tinychat-train', '--minutes '))
    assert max(map(len, done.stdout.splitlines())) <= 120

def test_importing_alone(exports):
    done = exports('run_import.sh', 'my exports', '--me', 'Ada L', 'b.zip', '--out', 'x.txt')
    assert (done.returncode, done.stdout) == (0, 'tinychat-import [--me=Ada L] [--out=x.txt] [--] [my exports] [b.zip]\n')
    (exports.folder/'sub').mkdir()
    assert f'[--] [{exports.folder}/sub/../b.zip]\n' in exports('run_import.sh', '../b.zip', cwd=exports.folder/'sub').stdout
    assert exports('run_import.sh', 'b.zip', FAILS='tinychat-import').returncode == 1
    for args, says in ([], 'name your exports: ./run_import.sh my_exports/'), (['nowhere'], 'nowhere is not there'), (['b.zip', '--minutes=1'], 'knows --minutes'):
        done = exports('run_import.sh', *args)
        assert (done.returncode, done.stdout, done.stderr.count('\n')) == (1, '', 1) and done.stderr.startswith('run_import.sh: ') and says in done.stderr
    assert 'usage: tinychat-import' in (text := exports('run_import.sh', '--help').stdout) and 'tinychat-train' not in text

# What comes next

@pytest.mark.parametrize('script, step, out, says', [
    ('', 'train', 'training_data/chatml_format.txt', 'Next: tinychat-train\n'), ('', 'train', 'a b.txt', "Next: tinychat-train --data 'a b.txt'\n"),
    ('run_import.sh', 'train', 'training_data/chatml_format.txt', 'Next: ./run_train.sh\n'), ('run_train.sh', 'train', 'x.txt', ''),
    ('run_train.sh', 'chat', 'out/ckpt.pt', 'Next: ./run_chat.sh\n'), ('run_train.sh', 'chat', 'me.pt', 'Next: ./run_chat.sh --checkpoint me.pt\n')])
def test_the_next_command(monkeypatch, capsys, script, step, out, says):
    from types import SimpleNamespace
    from tinychat import commands, messengers, runs
    monkeypatch.setenv('TINYCHAT_SCRIPT', script)
    monkeypatch.setattr(messengers, 'import_file', lambda *args: SimpleNamespace(mine=100))
    monkeypatch.setattr(runs, 'train_file', lambda *args, **how: None)
    (commands.tinychat_import(['x'], out=out) if step == 'train' else commands.tinychat_train(out=out))
    said = capsys.readouterr()
    assert (said.out, said.err) == ((says, '') if step == 'train' else ('', says))
    monkeypatch.setenv('RANK', '1') # of several processes, one speaks
    commands.tinychat_train(out=out)
    assert capsys.readouterr().err == ''

# The environment

@pytest.mark.parametrize('script, command', [('run_train.sh', 'tinychat-train'), ('run_chat.sh', 'tinychat-chat')])
def test_exit_code_and_output_are_the_commands_own(clone, script, command):
    done = clone(script, '--data=x.txt', CODE='130')
    assert (done.returncode, done.stdout) == (130, f'{command} [--data=x.txt]\n')

def test_installs_once_and_again_when_something_changed(clone):
    install = lambda **env: 'Installing tinychat' in clone('run_chat.sh', **env).stderr
    assert [install(), install()] == [True, False]
    (clone.home/'.tinychat-installed').write_text('another hash \n')
    assert [install(), install()] == [True, False]
    assert [install(LOST='yes'), install()] == [True, False]
    # What the tests need is more than chatting needs, so that environment will do.
    (clone.home/'.tinychat-installed').write_text('hash dev\n')
    assert not install()

def test_an_environment_too_old(clone):
    (clone.home/'bin'/'python').write_text('#!/bin/sh\nexit 1\n')
    done = clone('run_chat.sh')
    assert done.returncode == 1 and done.stdout == ''
    assert 'has no Python 3.10 or newer' in done.stderr and done.stderr.count('\n') == 1

def test_no_python_at_all(clone, tmp_path):
    bare = tmp_path/'bare'
    bare.mkdir()
    for tool in ('bash', 'sed', 'dirname', 'cat', 'grep'): (bare/tool).symlink_to(shutil.which(tool))
    done = clone('run_chat.sh', PATH=str(bare), VIRTUAL_ENV='')
    # `env` finds bash on the bare path as well.
    assert done.returncode == 1 and 'tinychat needs Python 3.10 or newer' in done.stderr and 'found no python3' in done.stderr
