"The docs site is whole, and the check that says so finds what it should."
import importlib.util, json, os, struct, sys
from collections import Counter
from pathlib import Path

import pytest, yaml
from fastcore.nbio import dict2nb

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools')) # the tool imports its neighbours
try: import docs_check as tool, docs_links
finally: sys.path.remove(str(root/'tools'))

PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
SITE = 'https://toys.example/toy'
BADGE = 'https://colab.research.google.com/github/toys/toy/blob/main/nbs/'

def badge(path): return f'[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]({BADGE}{path})'
def text(source): return dict(cell_type='markdown', source=source, metadata={}, id=f'c{abs(hash(source)) % 10**9}')
def shows(kind, data): return dict(output_type='display_data', metadata={}, data={kind: data})
def code(source, *outputs): return text(source) | dict(cell_type='code', execution_count=None, outputs=list(outputs))
def head(title): return dict(cell_type='raw', source=f'---\ntitle: {title}\n---\n')
FIGURE = '#| label: fig-a\n#| fig-cap: "It *falls*."\n#| fig-alt: "A line that \\"falls\\"."\n'

# The real pages

@pytest.fixture(scope='module')
def site(tmp_path_factory):
    "The pages of this repository, the problems found, and the folder of the site."
    work, out = tmp_path_factory.mktemp('docs'), tmp_path_factory.mktemp('site')
    return *tool.look(root, work, out), out

def test_no_problems(site):
    pages, found, _ = site
    assert not found, '\n' + '\n'.join(f'{page}: {problem}' for page, problem in found)

def test_every_page_is_made_and_readable(site):
    pages, _, out = site
    here = {f[len('nbs/'):] for f in tool.kept_files(root) if f.startswith('nbs/') and f.endswith('.ipynb')}
    assert set(pages) == here - {'share/app.ipynb'} and 'index.ipynb' in pages
    for page in pages.values():
        html = (out/page.url).read_text(encoding='utf-8')
        assert f'<title>{page.title}' in html and 'aria-current="page"' in html
        assert page.path == 'index.ipynb' or len(' '.join(page.html.text).split()) > 60
    assert sum(len(tool.documented(p)) for p in pages.values()) > 400 # most of what a reader looks up

def test_names_lead_to_the_page_that_has_them(site):
    pages, _, _ = site
    assert f'{os.path.relpath("data.html", "messengers")}#message' in pages['messengers/core.ipynb'].html.links
    reads = {path: tool.documented(page)['read'] for path, page in pages.items() if path.startswith('messengers/') and 'read' in tool.documented(page)}
    assert len(reads) > 8 and all(f'/{page.removesuffix(".ipynb")}.py#L' in shown for page, shown in reads.items())

# What Quarto is told

own = yaml.safe_load((root/'_quarto.yml').read_text(encoding='utf-8'))

def test_settings(site):
    _, _, out = site
    html, website = own['format']['html'], own['website']
    assert set(html['theme']) == {'light', 'dark'} and html['respect-user-color-scheme'] is True
    assert html['keep-md'] is True and own['format']['commonmark'] == 'default' # nbdev links each page's Markdown
    assert website['search']['location'] == 'navbar' and website['navbar']['search'] is True
    assert set(website['repo-actions']) == {'source', 'issue', 'edit'} and website['repo-subdir'] == 'nbs'
    for card in ('open-graph', 'twitter-card'): assert website[card]['image-alt'].strip() and (root/'nbs'/website[card]['image']).is_file()
    assert website['twitter-card']['card-style'] == 'summary_large_image'
    assert 'nanochat' in website['page-footer']['left']
    assert website['favicon'] == 'images/favicon.svg' and (out/website['favicon']).is_file()

def test_card_has_the_size_that_is_asked_for():
    data = (root/'nbs'/'images'/'card.png').read_bytes()
    assert data[:8] == b'\x89PNG\r\n\x1a\n' and struct.unpack('>II', data[16:24]) == (1200, 630)

def test_repository_and_address_come_from_pyproject():
    cfg, website = tool.get_config(root), own['website']
    # nbdev writes these into nbdev.yml; here they would win, and one day differ.
    assert own['metadata-files'] == ['nbdev.yml'] and not {'repo-url', 'repo-branch', 'site-url', 'title'} & set(website)
    assert website['navbar']['right'][0]['href'] == cfg.git_url and f'{cfg.git_url}/blob/{cfg.branch}/LICENSE' in website['page-footer']['right']

def test_sidebar_tells_the_story():
    sections = [text for _, text, below in tool.sidebar_entries(own['website']['sidebar']['contents']) if below]
    assert sections[:4] == ['Start here', 'The five steps', 'Your messages', 'Beyond']
    pages = Counter(tool.listed(tool.sidebar_entries(own['website']['sidebar']['contents'])))
    assert set(pages.values()) == {1}
    notebooks = {f[len('nbs/'):] for f in tool.kept_files(root) if f.startswith('nbs/') and f.endswith('.ipynb')}
    assert set(pages) == {n for n in notebooks if tool.rendered(n, own['project']['render'])}

def test_workflow_builds_always_and_publishes_main_only():
    flow = yaml.safe_load((root/'.github'/'workflows'/'docs.yml').read_text(encoding='utf-8'))
    when, jobs = flow[True], flow['jobs'] # YAML takes `on` for a truth
    assert when['push'] == {'branches': ['main']} and {'pull_request', 'workflow_dispatch'} <= set(when)
    assert flow['permissions'] == {'contents': 'read'}
    build, deploy = jobs['build'], jobs['deploy']
    steps = [s.get('uses', s.get('run', '')) for s in build['steps']]
    position = {part: next(i for i, s in enumerate(steps) if part in s)
                for part in ('actions/checkout', 'actions/setup-python', 'quarto-dev/quarto-actions/setup', "'.[dev]'", 'nbdev-docs', 'upload-pages-artifact')}
    assert list(position.values()) == sorted(position.values())
    assert build['steps'][position['nbdev-docs']]['env'] == {'PYTHONPATH': 'tools'}
    assert 'permissions' not in build and deploy['permissions'] == {'pages': 'write', 'id-token': 'write'}
    assert deploy['needs'] == 'build' and "!= 'pull_request'" in deploy['if'] and deploy['concurrency']['cancel-in-progress'] is False
    assert any(s.get('uses', '').startswith('actions/deploy-pages@') for s in deploy['steps'])

# Every kind of problem is found: pages made of a few cells, converted as the real ones are

@pytest.fixture
def make(tmp_path):
    "Convert pages given as {path: cells}; gives (pages, folder of the site)."
    def convert(**cells):
        proc, out = tmp_path/'_proc', tmp_path/'site'
        for folder in (proc/'images', out): folder.mkdir(parents=True)
        (proc/'images'/'there.png').write_bytes(b'picture')
        (out/'page.html').write_text(tool.TEMPLATE, encoding='utf-8')
        pages = {}
        for name, body in cells.items():
            path = name + '.ipynb'
            pages[path] = tool.Page(path, [head(name), text(badge(path)), *body], facts=dict(title=name))
        settings = dict(website={'site-url': SITE, 'title': 'toy', 'sidebar': {'contents': list(pages)}})
        for page in pages.values(): tool.convert(page, pages, proc, out, settings)
        return pages, out
    return convert

def problems(make, *cells, path='a'):
    pages, out = make(**{path: [text('Some words.'), *cells], 'other': [text('## There\n\nMore words.')]})
    page = pages[path + '.ipynb']
    return tool.check_page(page, BADGE + page.path) + [p for _, p in tool.check_links(pages, out, SITE)]

@pytest.mark.parametrize('cells', [
    [code(FIGURE + 'plot()', shows('image/png', PNG)), text('As @fig-a shows, [there](other.ipynb#there), [here](#below), [that](https://toys.example/toy/other.html#there).\n\n## Below\n\n![A picture.](images/there.png)')],
    [code("#| echo: false\n#| output: false\nbox()", shows(tool.WIDGET, {}))],
    [code('1 # a comment', dict(output_type='stream', name='stdout', text='\x1b[1mall\x1b[0m {{ right }}')), text('`{{< video x >}}` and `#| hide` are code, and C# | D is none.')],
    [text('::: {.callout-note}\nA box.\n:::')],
    [code('#| include: false\nplot()', shows('image/png', PNG))],
])
def test_what_is_right_passes(make, cells):
    assert problems(make, *cells) == []

def test_figures_have_alt_text_caption_number_and_file(make):
    pages, out = make(a=[code(FIGURE + 'plot()', shows('image/png', PNG))])
    html = (out/'a.html').read_text(encoding='utf-8')
    assert pages['a.ipynb'].html.images[-1] == ('a_files/fig-a.png', 'A line that "falls".') and (out/'a_files'/'fig-a.png').read_bytes().startswith(b'\x89PNG')
    assert 'Figure 1: It <em>falls</em>.' in html and 'id="fig-a"' in html and '#|' not in html

def test_what_a_cell_hides_stays_hidden(make):
    said = dict(output_type='stream', name='stdout', text='said aloud')
    _, out = make(a=[code('#| output: false\nseen()', said), code('#| echo: false\nunseen()', said | dict(text='heard')), code('#| include: false\nnothing()', said)])
    html = (out/'a.html').read_text(encoding='utf-8')
    assert 'seen()' in html and 'heard' in html and not any(t in html for t in ('said aloud', 'unseen()', 'nothing()'))

@pytest.mark.parametrize('cell, says', [
    (text('[gone](gone.ipynb)'), 'broken link: gone.ipynb'),
    (text('[up](../../training_data/README.md)'), 'broken link'),
    (text(f'[own]({SITE}/gone.html)'), 'broken link'),
    (text('<img src="images/gone.png" alt="gone">'), 'broken link: images/gone.png'),
    (text('[nowhere](other.ipynb#nowhere)'), 'no such anchor'),
    (text('[case](other.ipynb#There)'), 'no such anchor'),
    (text('[below](#below)'), 'no such anchor: #below'),
    (text(f'[own]({SITE}/other.html#nowhere)'), 'no such anchor'),
    (code('x = 1\n#| hide'), 'a directive leaked: #| hide'),
    (code('show()', dict(output_type='stream', name='stdout', text='#| default_exp core\n')), 'a directive leaked: #| default_exp'),
    (text('See {{< video x.mp4 >}}.'), 'a shortcode leaked'),
    (text('Words.\n:::\n'), 'the mark of a box leaked'),
    (text('> [!NOTE]\n> Words.'), 'the mark of a box leaked'),
    (text('![](images/there.png)'), 'no alternative text for images/there.png'),
    (text('<img src="images/there.png">'), 'no alternative text for images/there.png'),
    (code('show()', shows('text/html', '<img src="images/there.png">')), 'no alternative text for images/there.png'),
    (code(FIGURE.replace('#| fig-alt: "A line that \\"falls\\"."\n', '') + 'plot()', shows('image/png', PNG)), 'a figure without `#| fig-alt:`'),
    (code(FIGURE.replace('#| fig-cap: "It *falls*."\n', '') + 'plot()', shows('image/png', PNG)), 'a figure without `#| fig-cap:`'),
    (code('plot()', shows('image/png', PNG)), 'a figure without `#| label:`, `#| fig-cap:`, `#| fig-alt:`'),
    (code(FIGURE.replace('fig-a\n', 'a\n') + 'plot()', shows('image/png', PNG)), 'does not begin with fig-'),
    (code(FIGURE + 'plot()', shows('image/png', PNG), shows('image/png', PNG)), '2 figures are labelled fig-a'),
    (text('As @fig-gone shows.'), 'nothing is labelled fig-gone'),
    (code('box()', shows(tool.WIDGET, {})), 'is a widget'),
    (text(badge('other.ipynb')), 'its badge opens another notebook'),
], ids=lambda x: x if isinstance(x, str) else None)
def test_found(make, cell, says):
    found = problems(make, cell)
    assert any(says in p for p in found), found

def test_no_badge(make):
    pages, _ = make(a=[text('Some words.')])
    page = pages['a.ipynb']
    page.cells.pop(1)
    page.html.links = [l for l in page.html.links if not l.startswith(tool.BADGE)]
    assert any('no Open-in-Colab badge' in p for p in tool.check_page(page, BADGE + 'a.ipynb'))

@pytest.mark.parametrize('cells', [[], [text('# a'), text('<!-- a remark -->')], [text(badge('a.ipynb'))]])
def test_empty_page(make, cells):
    pages, _ = make(a=cells)
    assert any(p.startswith('empty') for p in tool.check_page(pages['a.ipynb'], BADGE + 'a.ipynb'))

@pytest.mark.parametrize('contents, says', [
    (['a.ipynb'], [('b.ipynb', 'in no entry of the sidebar in _quarto.yml')]),
    (['a.ipynb', dict(section='S', contents=['b.ipynb', 'c.ipynb'])], [('c.ipynb', 'the sidebar in _quarto.yml lists it, but it is not a page')]),
    (['a.ipynb', dict(section='S', href='b.ipynb', contents=[dict(text='A', href='a.ipynb')])], [('a.ipynb', '2 times in the sidebar in _quarto.yml')]),
    ([dict(section='S', contents=['a.ipynb', 'b.ipynb'])], []),
])
def test_sidebar(contents, says):
    assert tool.check_sidebar(tool.sidebar_entries(contents), {'a.ipynb': None, 'b.ipynb': None}) == says

def test_files_that_the_site_needs(tmp_path):
    (tmp_path/'there.svg').write_text('<svg/>')
    settings = dict(website={'favicon': 'there.svg', 'open-graph': {'image': '/gone.png'}}, format=dict(html=dict(css='gone.css', theme=dict(light=['cosmo', 'gone.scss']))))
    assert [p for _, p in tool.check_assets(settings, tmp_path)] == [f'names {f}, which is not in nbs/' for f in ('gone.png', 'gone.css', 'gone.scss')]

@pytest.mark.parametrize('path, yes', [('index.ipynb', True), ('bases/pretrain.ipynb', True), ('share/app.ipynb', False)])
def test_what_is_rendered(path, yes):
    assert tool.rendered(path, own['project']['render']) is yes
    assert tool.rendered(path, None)

def test_names_that_nobody_documents(make):
    pages, _ = make(a=[text('`SPOKEN` is meant.'), code('A, B = 1, 2\nC:int = 3'), code('f(D=4)'), code('show_doc(good)', shows('text/markdown', '### good'))])
    page = pages['a.ipynb']
    assert tool.check_names(page, dict(A=None, B=None, C=None, SPOKEN=None, good=[])) == []
    found = tool.check_names(page, dict(D=None, lost=[], good=['no docstring', 'no comment on x']))
    assert found == ['D is public and not to be seen: export it with `#| exports`, or name it in the text', 'lost is public and not documented here',
                     'good: no docstring', 'good: no comment on x']

@pytest.mark.parametrize('link, says', [
    ('[source](BLOB/toy/core.py#L2)', None),
    ('', 'f has no link to its source'),
    ('[source](BLOB/toy/core.py#L1)', 'the source link of f is BLOB/toy/core.py#L1 and should be BLOB/toy/core.py#L2'),
    ('[source](BLOB/toy/other.py#L2)', 'the source link of f is BLOB/toy/other.py#L2 and should be BLOB/toy/core.py#L2'),
])
def test_source_links(tmp_path, link, says):
    (tmp_path/'toy').mkdir()
    (tmp_path/'toy'/'core.py').write_text('x = 1\ndef f(): pass\n')
    page = tool.Page('a.ipynb', [code('show_doc(f)', shows('text/markdown', f'{link}\n\n### f'))], module='core.py')
    assert tool.check_sources(page, tmp_path, 'BLOB', 'toy') == ([says] if says else [])

# The links of docs_links.py

MODULES = {'data.py': ('data.html', {'Message': (3, 'Message'), 'read': (9, 'read')}),
           'apps/one.py': ('apps/one.html', {'read': (5, 'read'), 'Export': (7, 'Export'), 'Export.add': (8, 'Export')}),
           'apps/two.py': ('apps/two.html', {'read': (5, 'read'), 'user': (6, 'user'), 'Row': (8, 'Row')}),
           'apps/three.py': ('apps/three.html', {'Row': (2, 'Row')})}

@pytest.mark.parametrize('name, module, imported, meant', [
    ('read', 'apps/two.py', {}, 'apps/two.py'),                 # its own before the first
    ('read', 'apps/two.py', {'read': 'data'}, 'apps/two.py'),
    ('read', None, {'read': 'apps/one'}, 'apps/one.py'),
    ('read', None, {}, None),                                   # three have it
    ('Row', 'data.py', {}, None),                               # two
    ('Row', 'data.py', {'Row': 'apps/three'}, 'apps/three.py'),
    ('Message', 'apps/two.py', {}, 'data.py'),
    ('Export.add', None, {'Export': 'apps/one'}, 'apps/one.py'),
    ('user', 'data.py', {}, None),                              # a role, more likely
    ('nothing', 'data.py', {}, None),
])
def test_whose_name(name, module, imported, meant):
    assert docs_links.home(name, module, imported, MODULES) == meant

def test_links_of_a_page():
    links = object.__new__(docs_links.OwnLinks) # what `begin` finds out is given
    links.__dict__.update(modules=MODULES, page='apps/one.html', module='apps/one.py', imported={}, site=SITE, blob='BLOB')
    before = f'[`read`]({SITE}/data.html#read), [`Message`]({SITE}/data.html#message), [`Export.add()`]({SITE}/x), [`user`]({SITE}/apps/two.html#user), [`other`](https://other.example)'
    after = '[`read`](#read), [`Message`](../data.html#message), [`Export.add()`](#export), `user`, [`other`](https://other.example)'
    nb = dict2nb(dict(nbformat=4, nbformat_minor=5, metadata={}, cells=[text(before), code('show_doc(read)', shows('text/markdown', f'---\n\n### read\n\n{before}')),
                      code('show_doc(Export.add)', shows('text/markdown', '[source](BLOB/apps/two.py#L1){x=1}\n\n### add')), code('1', shows('text/markdown', '### read'))]))
    for cell in nb.cells: links.cell(cell)
    markdown = [c.source for c in nb.cells[:1]] + [c.outputs[0]['data']['text/markdown'] for c in nb.cells[1:]]
    assert markdown == [after, f'---\n\n[source](BLOB/apps/one.py#L5){{target="_blank" style="float:right; font-size:smaller"}}\n\n### read\n\n{after}',
                        '[source](BLOB/apps/one.py#L8){x=1}\n\n### add', '### read']

# A whole repository, small: staged by nbdev itself

PYPROJECT = f'''[project]
name = "toy"
description = "A toy"
dynamic = ["version"]
[project.urls]
Repository = "https://github.com/toys/toy"
Documentation = "{SITE}"
[tool.nbdev]
custom_sidebar = true
doc_procs = ["docs_links:OwnLinks"]
'''
CORE = [text('# Core\n\n> A core'), text(badge('00_core.ipynb')), code('#| default_exp core'), code('#| hide\n1'),
        code('#| exports\ndef double(\n    x:int, # A number\n)->int: # Twice it\n    "Twice `x`, as `double` does."\n    return 2*x'), text('So `double` it, `two`.')]

@pytest.fixture
def toy(tmp_path):
    "A repository with a front page and a module; more pages are given as {path: cells}."
    def write(**more):
        folder = tmp_path/'toy'
        (folder/'toy').mkdir(parents=True)
        (folder/'nbs').mkdir()
        (folder/'pyproject.toml').write_text(PYPROJECT)
        (folder/'toy'/'__init__.py').write_text('__version__ = "0.1"\n')
        (folder/'toy'/'core.py').write_text('# AUTOGENERATED\n\n__all__ = ["double"]\n\n# %% ../nbs/00_core.ipynb #abc\ndef double(\n    x:int, # A number\n)->int: # Twice it\n    "Twice `x`, as `double` does."\n    return 2*x\n')
        pages = {'index': [text('# toy\n\n> A toy'), text(badge('index.ipynb')), text('See [the core](00_core.ipynb#double).')], '00_core': CORE} | more
        for name, cells in pages.items():
            nb = dict(cells=cells, nbformat=4, nbformat_minor=5, metadata=dict(kernelspec=dict(name='python3', language='python', display_name='python3')))
            (folder/'nbs'/f'{name}.ipynb').write_text(json.dumps(nb))
        sidebar = '\n'.join(f'      - {name}.ipynb' for name in pages)
        (folder/'nbs'/'_quarto.yml').write_text(f'website:\n  sidebar:\n    contents:\n{sidebar}\nmetadata-files: [nbdev.yml]\n')
        return folder
    return write

def snapshot(folder): return {p.relative_to(folder): p.read_bytes() for p in folder.rglob('*') if p.is_file()}

def test_a_whole_site(toy, tmp_path, capsys):
    folder = toy()
    before = snapshot(folder)
    assert tool.main(['--out', str(tmp_path/'site')], folder) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.startswith('2 pages, ') and snapshot(folder) == before
    html = (tmp_path/'site'/'core.html').read_text(encoding='utf-8')
    assert 'href="https://github.com/toys/toy/blob/main/toy/core.py#L6"' in html and 'href="#double"' in html and '<code>two</code>' in html
    assert '<a href="core.html#double">the core</a>' in (tmp_path/'site'/'index.html').read_text(encoding='utf-8')
    assert tool.main(['--out', str(tmp_path/'site')], folder) == 1 # it is not empty now
    assert capsys.readouterr().err.count('\n') == 1

def test_a_site_with_faults(toy, capsys):
    exported = code('#| exports\ndef late(x:int): # No\n    return x')
    page = lambda name, *cells: [text(f'# {name}'), text(badge(f'{name}.ipynb')), exported, *cells]
    folder = toy(fails=page('fails', code('import os\nos.getcwd() + missing')), moves=page('moves', code('import os\nos.chdir("/")')),
                 links=[text('# links'), text(badge('links.ipynb')), text('[One that failed](fails.ipynb) and [one that is not](gone.ipynb). [Ours](https://github.com/toys/toy/blob/main/toy/core.py#L1), [not ours](https://github.com/toys/toy/blob/main/toy/gone.py).')])
    with open(folder/'toy'/'core.py', 'a') as f: f.write('def bare(a, b=1): return a\n__all__ += ["bare"]\n')
    assert tool.main([], folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(l.startswith('fails.ipynb: nbdev cannot make it') and 'missing' in l for l in lines)
    assert any(l.startswith('fails.ipynb: Found cells containing imports and other code') for l in lines)
    assert 'moves.ipynb: a cell that nbdev runs for the docs changes the folder' in lines
    # One that fails spoils no other.
    assert [l for l in lines if l.startswith(('index', '00_core', 'links'))] == ['links.ipynb: broken link: gone.ipynb', 'links.ipynb: no such file in the repository: https://github.com/toys/toy/blob/main/toy/gone.py'] + \
        [f'00_core.ipynb: {p}' for p in ('bare is public and not documented here', 'bare: no docstring', 'bare: no comment on a, b')]
    assert lines[-1].startswith('3 pages')
