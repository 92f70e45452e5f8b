"The shell scripts, with stand-ins for Python and the commands, so that nothing is installed or trained."
import shutil, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='bash scripts')

COMMAND = '#!/bin/sh\necho "$(basename "$0") $*"\nexit ${CODE:-0}\n'
# A Python that is new enough and has everything; without the demo package if NO_DEMO is set, without tinychat if LOST is.
PYTHON = """#!/bin/sh
case "$*" in
    *chitchat*) [ -z "$NO_DEMO" ] ;;
    *metadata*) [ -z "$LOST" ] ;;
    *hashlib*) cat >/dev/null; echo hash ;;
esac
"""

@pytest.fixture
def clone(tmp_path):
    "The scripts in an empty repository, with an environment of stand-ins; gives a function that runs one of them."
    for path in ('run_train.sh', 'run_chat.sh', 'tools/setup_env.sh', 'settings.ini', 'requirements.txt', 'setup.py', 'pyproject.toml'):
        (tmp_path/path).parent.mkdir(exist_ok=True)
        shutil.copy(root/path, tmp_path/path)
    (tmp_path/'training_data').mkdir()
    home = tmp_path/'env'
    (home/'bin').mkdir(parents=True)
    for name, text in {'python': PYTHON, 'tinychat-train': COMMAND, 'tinychat-chat': COMMAND, 'tinychat-demo': COMMAND}.items():
        (home/'bin'/name).write_text(text)
        (home/'bin'/name).chmod(0o755)
    def run(script, *args, cwd='/', **env):
        env = {'PATH': '/usr/bin:/bin', 'VIRTUAL_ENV': str(home), **env}
        return subprocess.run([tmp_path/script, *args], cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    run.folder = tmp_path
    return run

def test_own_messages(clone):
    (clone.folder/'training_data'/'chatml_format.txt').touch()
    done = clone('run_train.sh', '--minutes', '5', '--out', 'a b.pt')
    assert (done.returncode, done.stdout) == (0, 'tinychat-train --minutes 5 --out a b.pt\n')
    assert 'demo' not in done.stderr

def test_without_messages_the_demo_person(clone):
    done = clone('run_train.sh', '--max_iters', '3')
    assert done.stdout == ('tinychat-demo --out training_data/demo.txt --overwrite\n'
                           'tinychat-train --data training_data/demo.txt --max_iters 3\n')
    assert 'No messages in training_data/chatml_format.txt' in done.stderr and 'Chit-Chat Challenge' in done.stderr

def test_without_the_demo_the_sample(clone):
    done = clone('run_train.sh', NO_DEMO='1')
    assert done.stdout == 'tinychat-train --data training_data/sample.txt\n'
    assert 'chitchat-dataset==0.9.0 could not be installed' in done.stderr

@pytest.mark.parametrize('args', [['--data', 'x.txt'], ['--data=x.txt'], ['--help']])
def test_arguments_win(clone, args):
    done = clone('run_train.sh', *args)
    assert done.stdout == f'tinychat-train {" ".join(args)}\n' and 'demo' not in done.stderr

@pytest.mark.parametrize('script, command', [('run_train.sh', 'tinychat-train'), ('run_chat.sh', 'tinychat-chat')])
def test_exit_code_and_output_are_the_commands_own(clone, script, command):
    done = clone(script, '--data', 'x.txt', CODE='130')
    assert (done.returncode, done.stdout) == (130, f'{command} --data x.txt\n')

def test_installs_once_and_again_when_something_changed(clone):
    install = lambda **env: 'Installing tinychat' in clone('run_chat.sh', **env).stderr
    assert [install(), install()] == [True, False]
    (clone.folder/'env'/'.tinychat-installed').write_text('another hash \n')
    assert [install(), install()] == [True, False]
    assert [install(LOST='yes'), install()] == [True, False]
    # What the tests need is more than chatting needs, so that environment will do.
    (clone.folder/'env'/'.tinychat-installed').write_text('hash dev\n')
    assert not install()

def test_an_environment_too_old(clone):
    (clone.folder/'env'/'bin'/'python').write_text('#!/bin/sh\nexit 1\n')
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
