"README.md is in step with nbs/index.ipynb, and tools/readme.py does what it says."
import base64, importlib.util
from pathlib import Path

import nbformat, pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

root = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location('readme', root/'tools'/'readme.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

PNG = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')

def shows(kind, data): return new_output('display_data', data={kind: data, 'text/plain': '<a repr>'})
def code(source, *outputs): return new_code_cell(source, outputs=list(outputs))
def picture(source, data=PNG): return code(source, shows('image/png', base64.b64encode(data).decode()))

LOSS = '#| label: fig-loss\n#| fig-cap: "It says \\"falls\\"."\n#| fig-alt: "A line [blue] that falls."\nplot()'

@pytest.fixture
def page(tmp_path):
    "Write a front page of these cells into an empty repository; gives its folder."
    def write(*cells):
        (tmp_path/'nbs').mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=list(cells)), tmp_path/'nbs'/'index.ipynb')
        return tmp_path
    return write

def text_of(folder):
    assert tool.main([], folder) == 0
    return (folder/'README.md').read_text(encoding='utf-8')

def test_in_step():
    assert tool.main(['--check'], root) == 0

def test_hidden_cells_and_directives_stay_out(page):
    text = text_of(page(
        new_markdown_cell('# tinychat'),
        code('#| hide\n#| eval: false\n! pip install secret'),
        code('#| eval: false\nchat = 1 # | not a directive'),
        code('#| default_exp core'),
        code('#| echo: false\nquiet()', shows('text/markdown', 'only **this**'))))
    assert text.splitlines()[0].startswith('<!--') and 'python tools/readme.py' in text.splitlines()[0]
    assert '```python\nchat = 1 # | not a directive\n```' in text
    assert 'only **this**' in text and text.count('```') == 2
    for absent in ('secret', '#|', 'default_exp', 'quiet'): assert absent not in text

def test_links_count_from_the_root(page):
    text = text_of(page(new_markdown_cell(
        '[one](00_tokenizer.ipynb) [two](03_train.ipynb#loss) ![box](images/box.png) <img src="images/box.png"> '
        '[up](../training_data/README.md) [web](https://example.com/a.ipynb) [here](#top)\n\n`[code](code.ipynb)`\n\n```\n[block](block.ipynb)\n```')))
    for link in ('(nbs/00_tokenizer.ipynb)', '(nbs/03_train.ipynb#loss)', '(nbs/images/box.png)', '"nbs/images/box.png"', '(training_data/README.md)',
                 '(https://example.com/a.ipynb)', '(#top)', '[code](code.ipynb)', '[block](block.ipynb)'): assert link in text

def test_outputs(page):
    text = text_of(page(
        code('1 + 1', new_output('execute_result', data={'text/plain': '2'}, execution_count=1)),
        code('print("hi")', new_output('stream', text='\x1b[32mhi\x1b[0m\nthere'), new_output('stream', name='stderr', text='50%|####')),
        code('box()', shows('application/vnd.jupyter.widget-view+json', {})),
        code('table()', shows('text/html', '<b>bold</b>'))))
    assert '```\n\n    2\n' in text and '\n    hi\n    there\n' in text and '\n<b>bold</b>' in text
    for absent in ('50%', '\x1b', 'a repr'): assert absent not in text

def test_figures_become_files(page):
    folder = page(picture(LOSS))
    assert '![A line \\[blue\\] that falls.](nbs/images/readme_fig-loss.png)\n\n*It says "falls".*\n' in text_of(folder)
    assert (folder/'nbs'/'images'/'readme_fig-loss.png').read_bytes() == PNG

def test_check_notices_every_way_to_be_out_of_step(page, capsys):
    folder = page(picture(LOSS))
    check = lambda: tool.main(['--check'], folder)
    assert check() == 1 # nothing written yet
    text_of(folder)
    assert check() == 0
    page(picture(LOSS, PNG + b'other'))
    capsys.readouterr()
    assert check() == 1
    assert capsys.readouterr().err == 'Not in step with nbs/index.ipynb: nbs/images/readme_fig-loss.png. Run: python tools/readme.py\n'
    page(new_markdown_cell('no figure now'))
    text_of(folder)
    assert check() == 0 and not list((folder/'nbs'/'images').iterdir()) # the old figure went too

@pytest.mark.parametrize('cells, says', [
    ([picture('plot()')], 'needs `#| label:`'),
    ([picture(LOSS), picture(LOSS)], 'Two figures are labelled fig-loss'),
])
def test_bad_pages_get_one_line(page, capsys, cells, says):
    assert tool.main([], page(*cells)) == 1
    err = capsys.readouterr().err
    assert says in err and err.count('\n') == 1

def test_no_notebook(tmp_path, capsys):
    assert tool.main([], tmp_path) == 1
    assert 'index.ipynb is not there' in capsys.readouterr().err
