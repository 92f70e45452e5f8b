"The docs have no dead link, no picture without alternative text and no parameter that nobody explains; and the check that says so finds each."
import json, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools')) # the tool imports its neighbours
try: import docs_check as tool
finally: sys.path.remove(str(root/'tools'))

def test_our_docs(capfd):
    assert tool.main() == 0, capfd.readouterr().out

PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
SITE, REPO = 'https://toys.example/toy', 'https://github.com/toys/toy'
PYPROJECT = f'[project]\nname = "toy"\ndescription = "A toy"\ndynamic = ["version"]\n[project.urls]\nRepository = "{REPO}"\nDocumentation = "{SITE}"\n' \
            '[tool.nbdev]\ncustom_sidebar = true\ndoc_procs = ["docs_links:OwnLinks"]\n'
DOUBLE = 'def double(\n    x:int, # A number\n)->int: # Twice it\n    "Twice `x`."\n    return 2*x\n'
BARE = 'def bare(a, b=1, # Or more\n): return a\n'

def text(source): return dict(cell_type='markdown', source=source, metadata={}, id=f'c{abs(hash(source)) % 10**9}')
def code(source, **data): return text(source) | dict(cell_type='code', execution_count=None, outputs=[dict(output_type='display_data', metadata={}, data=data)]*bool(data))
FIGURE = code('#| label: fig-a\n#| fig-alt: "A line."\nplot()', **{'image/png': PNG})

@pytest.fixture
def check(tmp_path, capfd):
    "Check a repository with a front page of these cells and a module of this code; gives the problems found."
    def run(*cells, module=DOUBLE, beside=()):
        core = [text('# Core'), code('#| default_exp core'), *(code(f'#| exports\n{f}') for f in module.split('\n\n')), *beside]
        for path, content in {'pyproject.toml': PYPROJECT, 'nbs/there.svg': '<svg/>', '_quarto.yml': 'website:\n  sidebar:\n    contents: [index.ipynb, core.ipynb]\n',
                              'toy/__init__.py': '__version__ = "0.1"\n', 'toy/core.py': f'__all__ = {[n for n in ("double", "bare") if n in module]}\n\n# %% ../nbs/core.ipynb #a\n{module}',
                              'nbs/core.ipynb': core, 'nbs/index.ipynb': [text('# toy'), text('## A place'), *cells]}.items():
            (tmp_path/path).parent.mkdir(exist_ok=True)
            kernel = dict(kernelspec=dict(name='python3', language='python', display_name='python3'))
            (tmp_path/path).write_text(content if isinstance(content, str) else json.dumps(dict(cells=content, nbformat=4, nbformat_minor=5, metadata=kernel)))
        failed, lines = tool.main(tmp_path), capfd.readouterr().out.splitlines()
        assert failed == (len(lines) > 1) and ' pages, ' in lines[-1], lines
        return lines[:-1]
    return run

def test_what_is_right_passes(check):
    assert check(FIGURE, text(f'[a](core.ipynb#double) [b](#a-place) [c]({SITE}/core.html) [d]({REPO}/blob/main/toy/core.py#L3) [e](https://example.com) [f](#fig-a) ![A dot.](there.svg)')) == []

def test_every_fault_is_found(check):
    faults = [(text('[gone](gone.ipynb)'), 'dead link: gone.ipynb'), (text('[up](../LICENSE)'), 'dead link: ../LICENSE'), (text(f'[own]({SITE}/gone.html)'), f'dead link: {SITE}/gone.html'),
              (text('![Lost.](gone.png)'), 'dead link: gone.png'), (text('[here](#nowhere)'), 'no such place: #nowhere'), (text('[case](core.ipynb#Double)'), 'no such place: core.ipynb#Double'),
              (text(f'[ours]({REPO}/blob/main/gone.py)'), f'no such file in the repository: {REPO}/blob/main/gone.py'), (text('![](there.svg)'), 'no alternative text for there.svg'),
              (code('show()', **{'text/html': '<img src="there.svg?1">'}), 'no alternative text for there.svg?1'), (code('plot()', **{'image/png': PNG}), 'no alternative text for data:'),
              (code('x = 1\n#| hide'), 'a directive leaked: #| hide'), (code('box()', **{'application/vnd.jupyter.widget-view+json': {}}), 'a widget, which no page shows: box()')]
    assert sorted(check(*(cell for cell, _ in faults))) == sorted(f'index.ipynb: {says}' for _, says in faults)

def test_parameters_need_a_comment(check):
    assert check(module=f'{DOUBLE}\n{BARE}') == ['core.ipynb: bare has no comment on a', 'core.ipynb: bare has no docstring']

def test_what_cannot_be_made_or_imported_is_told(check):
    cannot, no_module = check(module=f'{DOUBLE}\nimport nothing')
    assert cannot.startswith('core.ipynb: nbdev cannot make it') and no_module == "core.ipynb: its module cannot be imported: No module named 'nothing'"
    *_, mixed, moves = check(beside=[code('import os; os.chdir("/")')]) # nbdev runs what imports something, and with it what stands beside
    assert 'imports and other code' in mixed and moves == 'core.ipynb: a cell that nbdev runs for the docs changes the folder'
