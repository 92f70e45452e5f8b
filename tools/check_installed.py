"""Does tinychat work as it is installed here? Every module is imported, every command asked for --help, the base opened.

    python -I tools/check_installed.py    with the Python of that environment; -I keeps ./tinychat off its path
"""
import pkgutil, subprocess, sys, sysconfig
from importlib import import_module, metadata

import tinychat

assert tinychat.__file__.startswith(sysconfig.get_path('purelib')), f'{tinychat.__file__} is not what was installed'
modules = [m.name for m in pkgutil.walk_packages(tinychat.__path__, 'tinychat.')]
for name in modules:
    try: import_module(name)
    except ModuleNotFoundError as e: # Triton comes with PyTorch for GPUs only
        if not name.startswith('tinychat.fast.') or e.name != 'triton': raise
commands = [e.name for e in metadata.distribution('tinychat').entry_points if e.group == 'console_scripts']
for name in commands: subprocess.run([name, '--help'], check=True, stdout=subprocess.DEVNULL)
from tinychat.checkpoint import BASES, load_base
load_base(BASES/'tiny')
print(f'tinychat {tinychat.__version__} on Python {sys.version.split()[0]}: {len(modules)} modules imported, {len(commands)} commands answer --help, the base loads')
