"""The part of run_train.sh and run_import.sh that needs to know the commands' options: import exports, if any are named, then train.

    python tools/run_train.py FOLDER [EXPORT...] [OPTION...]    FOLDER is where relative paths of exports count from

Options that do not exist and values of the wrong kind are told before anything is imported.
"""
import os, signal, subprocess, sys
from argparse import SUPPRESS
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

from fastcore.script import anno_parser
from tinychat.commands import tinychat_import, tinychat_train

SCRIPT = os.environ.get('TINYCHAT_SCRIPT', 'run_train.sh') # run_import.sh trains nothing
OWN, DEMO, SAMPLE = (f'training_data/{name}.txt' for name in ('chatml_format', 'demo', 'sample'))
IMPORT_HELP = """usage: ./run_import.sh EXPORT... [OPTION...]

Make your exports into what a model learns from, and look at it before you train. An EXPORT is a file, folder or zip, of
whatever messenger.
"""
HELP = f"""usage: ./run_train.sh [EXPORT...] [OPTION...]

Train a model that texts like you.

  ./run_train.sh my_exports/                  import what is in this folder, show what will be trained on, then train
  ./run_train.sh chats.zip sms.xml --me Ada   several exports, and how you are called in them
  ./run_train.sh                              train on what was imported before; if that is nothing, on a demo person

An EXPORT is a file, folder or zip, of whatever messenger. Each option goes to the command that knows it; both are
explained below. --out is the checkpoint that training writes, and --data the file that is imported to and trained on.
"""

def parser(command):
    "What a command knows; what is wrong with its options is raised in one line."
    found = anno_parser(command, prog=command.__name__.replace('_', '-'))
    def refuse(problem): raise ValueError(problem.partition(': ')[0] if problem.startswith('unrecognized') else problem) # words may be private
    found.error = refuse
    return found

def split(
    args,     # Words of the command line
    importer, # What tinychat-import knows, a `parser`
    trainer,  # What tinychat-train knows
)->tuple: # (exports, words for tinychat-import, words for tinychat-train); ValueError for an option that neither knows
    "Give each word to the command it is for. An option that both know is for training."
    exports, imports, trains, known, rest = [], [], [], {}, list(args)
    for commands, words in (importer, imports), (trainer, trains):
        known |= {name.replace('_', '-'): (words, action) for name, action in commands._option_string_actions.items() if action.help != SUPPRESS}
    while rest:
        word = rest.pop(0)
        if word == '--': exports += rest; break
        if not word.startswith('-'): exports.append(word); continue
        name, equals, value = word.partition('=')
        if name.replace('_', '-') not in known: raise ValueError(f'neither tinychat-import nor tinychat-train knows {name}')
        words, action = known[name.replace('_', '-')]
        if action.nargs != 0 and not equals:
            if not rest: raise ValueError(f'{name} needs a value')
            equals, value = '=', rest.pop(0)
        words.append(action.option_strings[0] + equals + value)
    return exports, imports, trains

def prepared(
    args, # Words of the command line
    here, # Folder that relative paths of exports count from
)->tuple: # (words for tinychat-import or None, words for tinychat-train); ValueError in one line
    "Check everything, and say what is to be run."
    importer, trainer = parser(tinychat_import), parser(tinychat_train)
    exports, imports, trains = split(args, importer, trainer)
    data = trainer.parse_args(trains).data
    if imports and not exports: raise ValueError(f'{imports[0].partition("=")[0]} is for importing, so name your exports, too: ./run_train.sh my_exports/')
    if not exports: return None, trains
    imports += ['--out=' + data, '--', *located(exports, here)]
    importer.parse_args(imports)
    return imports, trains

def located(exports, here):
    "Paths of exports from this folder; ValueError if one is not there."
    paths = [path if Path(here) == Path.cwd() or Path(path).is_absolute() else str(Path(here, path)) for path in exports]
    for given, path in zip(exports, paths):
        if not given or not Path(path).exists(): raise ValueError(f'{given or "an empty name"} is not there')
    return paths

def prepared_import(args, here):
    "As `prepared`, for run_import.sh: (words for tinychat-import, None)."
    importer = parser(tinychat_import)
    exports, _, words = split(args, importer, importer)
    if not exports: raise ValueError('name your exports: ./run_import.sh my_exports/')
    words += ['--', *located(exports, here)]
    importer.parse_args(words)
    return words, None

def run(*command):
    "Run a command to its end and give its exit status. Ctrl-C is the command's: it knows what must not be lost."
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try: return subprocess.call(command)
    finally: signal.signal(signal.SIGINT, before)

def demo():
    "Write a demo person's messages, or say why not; gives the file to train on."
    print(f'No messages in {OWN} yet, so this trains on a demo person: a participant of the Chit-Chat Challenge (PyPI: chitchat-dataset). '
          'For your own: ./run_train.sh YOUR_EXPORT (training_data/README.md says how to get one).', file=sys.stderr)
    settings = ConfigParser(delimiters=['='])
    settings.read('settings.ini', encoding='utf-8')
    needs = settings['DEFAULT']['demo_requirements']
    if find_spec('chitchat_dataset') or not run(sys.executable, '-m', 'pip', 'install', '-qq', '--disable-pip-version-check', needs):
        if code := run('tinychat-demo', '--out', DEMO, '--overwrite'): sys.exit(code)
        return DEMO
    print(f'{needs} could not be installed, so {SAMPLE} must do: invented, and small.', file=sys.stderr)
    return SAMPLE

def main(here, *args):
    if {'-h', '--help'} & {*args}:
        if SCRIPT == 'run_import.sh': print(IMPORT_HELP, parser(tinychat_import).format_help(), sep='\n')
        else: print(HELP, parser(tinychat_import).format_help(), parser(tinychat_train).format_help(), sep='\n')
        return 0
    try: imports, trains = (prepared_import if SCRIPT == 'run_import.sh' else prepared)(args, here)
    except ValueError as e: print(f'{SCRIPT}: {e}. --help lists the options.', file=sys.stderr); return 1
    if imports:
        if code := run('tinychat-import', *imports): return code
        if trains is None: return 0
    elif not any(word.startswith('--data=') for word in trains) and not Path(OWN).exists(): trains = ['--data=' + demo(), *trains]
    sys.stdout.flush()
    os.execvp('tinychat-train', ['tinychat-train', *trains])

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
