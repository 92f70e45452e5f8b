"""Do the packages hold the library, and nothing else?

    python tools/check_dist.py FILE...    wheels and sdists; exit status 1 if one does not
"""
import sys, tarfile, zipfile
from pathlib import Path

KINDS = {'.py', '.md', '.json', '.safetensors'} # of the library's own files
AROUND = {'settings.ini', 'setup.py', 'setup.cfg', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'PKG-INFO'} # of an sdist
WEIGHTS = {'tinychat/bases/tiny/model.safetensors'}

def problems(
    files, # In a package; in an sdist without the folder around them
)->list: # What is wrong with them
    "What is missing, and what should not be there."
    ours = {f for f in files if f.startswith('tinychat/')}
    rest = {f for f in files if not f.startswith(('tinychat/', 'tinychat.egg-info/', 'tinychat-'))} - AROUND
    return [f'{f} does not belong in it' for f in sorted(rest | {f for f in ours if Path(f).suffix not in KINDS})] + [f'{f} is missing' for f in sorted(WEIGHTS - ours)]

def main(*paths):
    found = [] if paths else ['Name the packages to look into.']
    for path in map(Path, paths):
        if path.suffix == '.whl': files = [f for f in zipfile.ZipFile(path).namelist() if not f.endswith('/')]
        else: files = [m.name.partition('/')[2] for m in tarfile.open(path) if m.isfile()]
        found += [f'{path.name}: {p}' for p in problems(files)]
        print(f'{path.name}: {len(files)} files, {path.stat().st_size/1e6:.0f} MB')
    print(*found, sep='\n', end='\n'*bool(found))
    return int(bool(found))

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
