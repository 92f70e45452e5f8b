"""A step of the docs build, named as `doc_procs` in pyproject.toml: links that know which module a name is of.

nbdev links a bare name to the first module that defines it. Here a dozen modules define `read`, and `user` is a role as often as
a function; and what an `__init__.py` defines nbdev does not find at all. So its links are set right on every page:
a name means what it means in that page's notebook. nbdev-docs needs this file's folder on its path: `PYTHONPATH=tools nbdev-docs`.
"""
import ast, json, re
from functools import lru_cache
from pathlib import Path
from posixpath import dirname, relpath

from nbdev.config import get_config, nbpath2html
from nbdev.doclinks import patch_name
from nbdev.process import Processor

SOURCE = re.compile(r'\[source\]\([^)\s]*\)')
HEADING = re.compile(r'^#+ \S+$', re.M)
SHOWS = re.compile(r'^show_doc\(([\w.]+)', re.M)
NAME = re.compile(r'\[`([^`]+)`\]\(([^)\s]+)\)')

def code_cells(
    notebook:Path, # A notebook's file
)->list: # Of each code cell, its source
    "What a notebook runs."
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return [''.join(c['source']) for c in cells if c['cell_type'] == 'code']

def module_of(
    notebook:Path, # A notebook's file
)->str: # 'messengers/whatsapp.py', in the package's folder; None if it exports nothing
    "Where a notebook's code goes."
    found = re.search(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(code_cells(notebook)), re.M)
    return found and found[1].replace('.', '/') + '.py'

def definitions(
    module:Path, # A file of the package
)->dict: # Name -> (line, the name it is documented under: itself, or for what a class's body defines, the class)
    "The functions, classes and methods that a module defines."
    found, kinds = {}, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.parse(module.read_text(encoding='utf-8')).body:
        if not isinstance(node, kinds): continue
        names = patch_name(node)
        for name in [names] if isinstance(names, str) else names: found[name] = node.lineno, name
        if isinstance(node, ast.ClassDef):
            found |= {f'{node.name}.{n.name}': (n.lineno, node.name) for n in node.body if isinstance(n, kinds)}
    return found

def imports(
    notebook:Path, # A notebook's file
    package:str, # Name of the library
)->dict: # Name in the notebook -> module it came from, as `module_of` names it
    "What a notebook takes from the library."
    found = {}
    for source in code_cells(notebook):
        if package not in source: continue
        try: tree = ast.parse(source)
        except SyntaxError: continue # a line for the shell
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or (node.module or '').split('.')[0] != package: continue
            found |= {a.asname or a.name: node.module.partition('.')[2].replace('.', '/') for a in node.names}
    return found

@lru_cache(None)
def library(
    nbs:Path, # Folder of the notebooks
    lib:Path, # Folder of the package
)->dict: # Module -> (its page's address in the site, `definitions`)
    "Which page documents which module, and what is in it."
    pages = {module_of(p): nbpath2html(p.relative_to(nbs)).as_posix() for p in sorted(nbs.rglob('*.ipynb')) if not p.name.startswith(('.', '_'))}
    return {m: (page, definitions(lib/m)) for m, page in pages.items() if m and (lib/m).exists()}

def home(
    name:str, # As written in a page, `Chat.reply`
    module:str, # The page's own module, or None
    imported:dict, # Of `imports`
    modules:dict, # Of `library`
)->str: # The module meant, or None
    "Whose name is this?"
    if module in modules and name in modules[module][1]: return module
    if (start := name.split('.')[0]) in imported:
        for m in (imported[start] + '.py', (imported[start] + '/__init__.py').lstrip('/')):
            if m in modules and name in modules[m][1]: return m
        return None
    # An ordinary word in code may be a role, a folder or anything. Only what looks like a name is taken for one.
    having = [m for m, (_, names) in modules.items() if name in names]
    return having[0] if len(having) == 1 and re.search(r'[A-Z_.]', name) else None

class OwnLinks(Processor):
    "Set right nbdev's links to source and to names, on one page."
    def begin(self):
        cfg = get_config()
        path, nbs = Path(self.nb.path_).resolve(), cfg.nbs_path.resolve()
        self.modules = library(nbs, cfg.lib_path.resolve())
        self.page, self.module, self.imported = nbpath2html(path.relative_to(nbs)).as_posix(), module_of(path), imports(path, cfg.lib_name)
        self.site, self.lib = f'{cfg.doc_host}{cfg.doc_baseurl}', cfg.lib_path.name
        self.blob = f'{cfg.git_url}/blob/{cfg.branch}/{self.lib}'

    def link(self, m):
        "Instead of a link to a name: the same to the page meant, relative, or only the name."
        code, to = m.groups()
        if not to.startswith(self.site + '/'): return m[0]
        name = code.removesuffix('()')
        module = home(name, self.module, self.imported, self.modules)
        if not module or any(part.startswith('_') for part in name.split('.')): return f'`{code}`'
        page, names = self.modules[module]
        return f'[`{code}`]({"" if page == self.page else relpath(page, dirname(self.page) or ".")}#{names[name][1].lower()})'

    def source(self, text, name):
        "What `show_doc` shows of a name, with a link to its line in this page's module."
        _, names = self.modules.get(self.module, ('', {}))
        heading = HEADING.search(text)
        if name not in names or not heading: return text
        link = f'[source]({self.blob}/{self.module}#L{names[name][0]})'
        if SOURCE.search(text): return SOURCE.sub(link, text, count=1)
        return f'{text[:heading.start()]}{link}{{target="_blank" style="float:right; font-size:smaller"}}\n\n{text[heading.start():]}'

    def cell(self, cell):
        if cell.cell_type == 'markdown': cell.source = NAME.sub(self.link, cell.source); return
        shows = SHOWS.search(cell.source)
        for out in cell.get('outputs', []):
            if 'text/markdown' not in (data := out.get('data', {})): continue
            text = NAME.sub(self.link, ''.join(data['text/markdown']))
            data['text/markdown'] = self.source(text, shows[1]) if shows else text
