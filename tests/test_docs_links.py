"What a name in the docs links to: tools/docs_links.py, a step of the docs build."
import sys
from pathlib import Path

import pytest
from fastcore.nbio import dict2nb

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
try: import docs_links
finally: sys.path.remove(str(root/'tools'))

SITE = 'https://toys.example/toy'
def text(source): return dict(cell_type='markdown', source=source, metadata={}, id=f'c{abs(hash(source)) % 10**9}')
def code(source, markdown): return text(source) | dict(cell_type='code', execution_count=None, outputs=[dict(output_type='display_data', metadata={}, data={'text/markdown': markdown})])

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
    nb = dict2nb(dict(nbformat=4, nbformat_minor=5, metadata={}, cells=[text(before), code('show_doc(read)', f'---\n\n### read\n\n{before}'),
                      code('show_doc(Export.add)', '[source](BLOB/apps/two.py#L1){x=1}\n\n### add'), code('1', '### read')]))
    for cell in nb.cells: links.cell(cell)
    markdown = [c.source for c in nb.cells[:1]] + [c.outputs[0]['data']['text/markdown'] for c in nb.cells[1:]]
    assert markdown == [after, f'---\n\n[source](BLOB/apps/one.py#L5){{target="_blank" style="float:right; font-size:smaller"}}\n\n### read\n\n{after}',
                        '[source](BLOB/apps/one.py#L8){x=1}\n\n### add', '### read']
