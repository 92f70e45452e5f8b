"README.md is in step with nbs/index.ipynb, and says what holds; tools/readme.py does what it says; each word of the glossary leads to its explanation."
import base64, importlib.util, json, re
from configparser import ConfigParser
from functools import lru_cache
from pathlib import Path

import nbformat, pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

root = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location('readme', root/'tools'/'readme.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

PNG = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')

def shows(kind, data): return new_output('display_data', data={kind: data, 'text/plain': '<a repr>'})
def text(source): return new_markdown_cell(f'{source}\n\n<!-- readme -->')
def code(source, *outputs): return new_code_cell(f'#| readme\n{source}', outputs=list(outputs))
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

# What tools/readme.py does

def test_only_marked_cells_and_never_their_code(page):
    written = text_of(page(
        text('# tinychat'), new_markdown_cell('not <!-- readme --> marked'), new_code_cell('secret()', outputs=[shows('text/markdown', 'unmarked')]),
        text('words'), code('#| echo: false\nquiet()', shows('text/markdown', 'only **this**'))))
    note, rest = written.split('\n\n', 1)
    assert note.startswith('<!--') and 'python tools/readme.py' in note
    assert rest == '# tinychat\n\nwords\n\nonly **this**\n'

def test_links_count_from_the_root(page):
    written = text_of(page(text(
        '[one](00_tokenizer.ipynb) [two](03_train.ipynb#loss) ![box](images/box.png) <img src="images/box.png"> '
        '[up](../training_data/README.md) [web](https://example.com/a.ipynb) [here](#top)\n\n`[code](code.ipynb)`\n\n```\n[block](block.ipynb)\n```')))
    for link in ('(nbs/00_tokenizer.ipynb)', '(nbs/03_train.ipynb#loss)', '(nbs/images/box.png)', '"nbs/images/box.png"', '(training_data/README.md)',
                 '(https://example.com/a.ipynb)', '(#top)', '[code](code.ipynb)', '[block](block.ipynb)'): assert link in written

def test_outputs(page):
    written = text_of(page(
        code('1 + 1', new_output('execute_result', data={'text/plain': '2'}, execution_count=1)),
        code('print("hi")', new_output('stream', text='\x1b[32mhi\x1b[0m\nthere'), new_output('stream', name='stderr', text='50%|####')),
        code('box()', shows('application/vnd.jupyter.widget-view+json', {}), shows('text/html', '<a href="a.ipynb">bold</a>'))))
    assert written.endswith('\n\n    2\n\n    hi\n    there\n\n<a href="nbs/a.ipynb">bold</a>\n')
    for absent in ('50%', '\x1b', 'a repr', '1 + 1'): assert absent not in written

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
    page(text('no figure now'))
    text_of(folder)
    assert check() == 0 and not list((folder/'nbs'/'images').iterdir()) # the old figure went too

@pytest.mark.parametrize('cells, says', [
    ([picture('plot()')], 'needs `#| label:`'),
    ([picture(LOSS), picture(LOSS)], 'Two figures are labelled fig-loss'),
    ([code('x = 1')], 'marked `#| readme` shows nothing'),
    ([new_markdown_cell('# tinychat')], 'No cell is marked'),
])
def test_bad_pages_get_one_line(page, capsys, cells, says):
    assert tool.main([], page(*cells)) == 1
    err = capsys.readouterr().err
    assert says in err and err.count('\n') == 1

def test_no_notebook(tmp_path, capsys):
    assert tool.main([], tmp_path) == 1
    assert 'index.ipynb is not there' in capsys.readouterr().err

# What our README says

README = (root/'README.md').read_text(encoding='utf-8')

def test_in_step():
    assert tool.main(['--check'], root) == 0

def test_who_follows_it_finds_every_command():
    "In the order of the page: scripts of the repository, and what `.venv` holds only once it is active."
    ini, active = ConfigParser(delimiters=['=']), False
    ini.read(root/'settings.ini', encoding='utf-8')
    ours = re.findall(r'^\s*(tinychat-\w+)=', ini['DEFAULT']['console_scripts'], re.M)
    assert {lang for lang in re.findall(r'^```(\w+)', README, re.M)} == {'sh'} # nothing that only a notebook runs
    for line in re.findall(r'^```sh\n(.*?)^```', README, re.M | re.S):
        for command in re.split(r'\n|&&', line.strip()):
            word, *rest = command.partition('#')[0].split()
            active |= [word, *rest] == ['.', '.venv/bin/activate']
            if word == 'pip': assert active and {f'{extra}_requirements' for extra in re.findall(r'[a-z]+', rest[-1])} <= ini['DEFAULT'].keys()
            elif word.startswith('tinychat'): assert active and word in ours
            else: assert word in ('git', 'cd', '.') or (root/word).exists(), word
    assert active

def test_its_tree_names_each_notebook_in_its_room():
    (tree,) = re.findall(r'^```\n(nbs/ .*?)^```', README, re.M | re.S)
    named, room, other = {}, '', set()
    for line in tree.splitlines():
        depth, line = len(line) - len(line.lstrip()), line.strip()
        names = re.split(r'\s{2,}', line)[0].split(', ')
        if depth == 0: other |= {*names}
        elif names[0].endswith('/'): room = names[0]
        elif depth <= 4: named.setdefault(room if depth == 4 else '', []).extend(names)
    there = {}
    for path in (root/'nbs').rglob('[!.]*.ipynb'):
        if '.ipynb_checkpoints' not in path.parts: there.setdefault('' if path.parent.name == 'nbs' else f'{path.parent.name}/', []).append(path.stem)
    there[''].remove('index') # the page itself
    assert {room: sorted(names) for room, names in named.items()} == {room: sorted(names) for room, names in there.items()}
    assert all((root/name).is_dir() for name in other)

# The glossary at the end of the notebook

@lru_cache(None)
def cells_of(page): return json.loads((root/'nbs'/page).read_text(encoding='utf-8'))['cells']

def glossary():
    "(words, page, anchor) of each entry."
    source = '\n'.join(''.join(c['source']) for c in cells_of('index.ipynb')).partition('\n## Glossary\n')[2]
    return re.findall(r'^- \[([^\]]+)\]\(([^)#]+)#?([^)]*)\): \S', source, re.M), source.count('\n- ')

def section(page, anchor):
    "What a notebook says from a heading, in text or code, up to the next; all of it without an anchor."
    def slug(heading): return re.sub(r'\s+', '-', re.sub(r'[^\w\s.-]', '', heading.lower()).strip())
    found, place = {'': ''}, ''
    for cell in cells_of(page):
        for line in ''.join(cell['source']).splitlines():
            if cell['cell_type'] == 'markdown' and (m := re.match(r'#{1,6} (.+)', line)): place = slug(m[1])
            for where in {'', place}: found[where] = f'{found.get(where, "")} {line}'
    return found.get(anchor)

def test_the_glossary_has_a_line_a_word():
    entries, lines = glossary()
    words = [w for words, *_ in entries for w in words.split(', ')]
    assert len(entries) == lines > 40 and len(words) == len({*words})

@pytest.mark.parametrize('words, page, anchor', glossary()[0], ids=lambda x: x)
def test_a_word_stands_where_the_glossary_sends_its_reader(words, page, anchor):
    said = section(page, anchor)
    assert said is not None, f'{page} has no heading #{anchor}'
    assert [w for w in words.split(', ') if not re.search(rf'\b{re.escape(w)}', said.replace('*', ''), re.I)] == []
