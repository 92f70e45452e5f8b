"""The docs as a reader meets them: dead links, pictures without alternative text, parameters that nobody explains. Without Quarto.

    python tools/docs_check.py    one line for each problem; exit status 1 if there is any

nbdev stages the pages in a copy of the repository, so one that it cannot make is found, too; pandoc makes them HTML, which is looked through.
"""
import gc, html, inspect, json, os, re, shutil, subprocess, sys, tempfile, warnings
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from nbdev.config import get_config, nbpath2html

sys.path.insert(0, str(Path(__file__).resolve().parent))
from docs_links import definitions, module_of
from readme import PICTURES, directives

class Html(HTMLParser):
    "Of a page's HTML: where one can link to, where it links, and its pictures."
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.images = set(), [], []
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get('id'): self.ids.add(attrs['id'])
        if tag == 'a' and attrs.get('href'): self.links.append(attrs['href'])
        if tag == 'img': self.images.append((attrs.get('src') or '', attrs.get('alt') or ''))

def undocumented(
    module:str, # 'messengers/whatsapp.py', in the package's folder
    package:str, # Its name
)->list: # What nobody explains
    "Import a module and look through the functions and classes that it offers."
    from fastcore.docments import docments
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD # docments does not find their comments
    found, mod = [], import_module('.'.join([package, *module.removesuffix('.py').removesuffix('/__init__').split('/')]))
    for name in {*mod.__all__} & {*definitions(Path(mod.__file__))}:
        obj = inspect.unwrap(getattr(mod, name))
        said = (obj.__doc__ or '').strip() # a dataclass and a NamedTuple without a docstring get their signature as one
        if not said or said.startswith(f'{name}('): found.append(f'{name} has no docstring')
        if not (inspect.isfunction(obj) or '__init__' in vars(obj)): continue
        parents = {k for base in getattr(obj, '__mro__', ())[1:] for k in getattr(base, '__annotations__', {})} # explained there
        if parents and '__dataclass_fields__' not in vars(obj): obj = obj.__init__ # its own, not a dataclass's
        if inspect.isfunction(obj): [vars(obj).pop(k, None) for k in ('__delwrap__', '__signature__')] # what `delegates` hands on is explained where it goes
        bare = [k for k, v in docments(obj, full=True, returns=False).items() if k not in {'self', 'cls', *parents} and v['kind'] not in starred and not v['docment']]
        if bare: found.append(f'{name} has no comment on {", ".join(bare)}')
    return sorted(found)

def stage():
    "In a copy of the repository, a process of its own: make _proc as nbdev-docs does; problems.json holds what went wrong on which page."
    import nbdev.doclinks, nbdev.processors, nbdev.quarto, nbdev.serve, nbdev.showdoc
    gc.disable() # there is next to nothing to collect, and a quarter of the time went into looking for it
    found, here, cfg = [], Path.cwd(), get_config()
    def one_by_one(make, items, **kwargs): # in one process: importing torch takes as long as all the rest
        for item in items:
            page = item[0].relative_to(cfg.nbs_path).as_posix()
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter('always')
                try: make(item)
                except Exception as e: found.append((page, f'nbdev cannot make it: {e}'))
            found.extend((page, str(w.message)) for w in said if 'imports and other code' in str(w.message))
            if Path.cwd() != here: os.chdir(here); found.append((page, 'a cell that nbdev runs for the docs changes the folder'))
    nbdev.serve.parallel = one_by_one
    nbdev.processors.get_config = nbdev.showdoc.get_config = lambda: cfg # or they read pyproject.toml for every cell
    nbdev.quarto.refresh_quarto_yml(); nbdev.doclinks._build_modidx(); nbdev.quarto.nbdev_sidebar.__wrapped__()
    nbdev.serve.proc_nbs(force=True)
    for nb in sorted(cfg.nbs_path.rglob('*.ipynb')):
        page, module = nb.relative_to(cfg.nbs_path).as_posix(), module_of(nb)
        try: found += [(page, p) for p in (undocumented(module, cfg.lib_path.name) if module else [])]
        except Exception as e: found.append((page, f'its module cannot be imported: {e}'))
    Path('problems.json').write_text(json.dumps(found), encoding='utf-8')
    os._exit(0) # each page's shell would tidy up, which takes as long as all the rest

def convert(
    page:Path, # A staged notebook
)->tuple: # (`Html`, problems of its cells)
    "What a page says, but for its code."
    import pypandoc
    parts, found = [], []
    for cell in json.loads(page.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown': parts.append(source)
        if cell['cell_type'] != 'code': continue
        facts, code = directives(source)
        if facts.get('include') is False: continue
        found += [f'a directive leaked: {d.strip()}' for d in re.findall(r'^\s*#\s*\|\s*[a-z_-]+', code, re.M)]
        for data in ([] if facts.get('output') is False else (o.get('data', {}) for o in cell['outputs'])):
            if any('widget-view' in kind for kind in data): found.append(f'a widget, which no page shows: {code[-60:]}')
            elif 'text/html' in data: parts.append(f'```{{=html}}\n{"".join(data["text/html"])}\n```')
            elif 'text/markdown' in data: parts.append(''.join(data['text/markdown']))
            elif {*data} & {*PICTURES}: parts.append(f'`<img id="{facts.get("label", "")}" src="data:" alt="{html.escape(str(facts.get("fig-alt", "")))}">`{{=html}}')
    return Html(pypandoc.convert_text('\n\n'.join(parts), 'html', format='markdown', extra_args=['--wrap=none', '--syntax-highlighting=none'])), found

def dead_links(
    pages:dict, # Path of a notebook in nbs/ -> `Html`
    root:Path,  # The repository
    site:str,   # Where the docs will stand
    blob:str,   # Where the host shows the repository's files
)->list: # (page, problem)
    "Every link to a page, a place in it, a picture or a file of ours leads there."
    found, by_url = [], {nbpath2html(Path(p)).as_posix(): html for p, html in pages.items()} | pages
    workflow = root/'.github'/'workflows'/'docs.yml'
    made = re.findall(r'--out _docs/(\S+)', workflow.read_text()) if workflow.exists() else [] # on the site only
    for page, link in ((p, link) for p, html in pages.items() for link in html.links + [src for src, _ in html.images]):
        if link.startswith(blob + '/'):
            if not (root/unquote(link[len(blob) + 1:].partition('#')[0])).exists(): found.append((page, f'no such file in the repository: {link}'))
            continue
        own = link == site or link.startswith((site + '/', site + '#'))
        if not own and re.match(r'[a-z][a-z0-9+.-]*:|//', link, re.I): continue
        path, _, anchor = (link[len(site):].lstrip('/') or 'index.html' if own else link).partition('#')
        path = normpath(join('' if own else dirname(page), unquote(path.partition('?')[0]))) if path else page
        if path not in by_url:
            if path.startswith('..') or path not in made and not (root/'nbs'/path).is_file(): found.append((page, f'dead link: {link}'))
        elif anchor and unquote(anchor) not in by_url[path].ids: found.append((page, f'no such place: {link}'))
    return found

def main(root=Path(__file__).resolve().parent.parent):
    with tempfile.TemporaryDirectory() as work:
        copy, tools = Path(work).resolve(), Path(__file__).resolve().parent
        for name in ('nbs', get_config(root).lib_path.name, 'pyproject.toml', 'settings.ini', '_quarto.yml'):
            if (root/name).is_dir(): shutil.copytree(root/name, copy/name, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints', '_quarto.yml', '*.safetensors'))
            elif (root/name).exists(): shutil.copy(root/name, copy/name)
        shutil.copy(root/'_quarto.yml', copy/'nbs')
        env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'} | dict(PYTHONPATH=os.pathsep.join(map(str, (copy, tools))), TMPDIR=work, MPLBACKEND='agg')
        run = subprocess.run([sys.executable, '-c', 'import docs_check; docs_check.stage()'], cwd=copy, env=env, capture_output=True, text=True)
        if run.returncode: print(f'nbdev cannot stage the docs: {run.stderr.strip()[-1000:]}'); return 1
        found, cfg = json.loads((copy/'problems.json').read_text(encoding='utf-8')), get_config(root)
        staged = {p.relative_to(copy/'_proc').as_posix(): p for p in sorted((copy/'_proc').rglob('*.ipynb'))}
        with ThreadPoolExecutor(os.cpu_count()) as pool: done = dict(zip(staged, pool.map(convert, staged.values())))
        pages = {p: page for p, (page, _) in done.items()}
        found += [(p, w) for p, (page, wrong) in done.items() for w in wrong + [f'no alternative text for {src[:80]}' for src, alt in page.images if not alt.strip()]]
        found += dead_links(pages, root, f'{cfg.doc_host}{cfg.doc_baseurl}', f'{cfg.git_url}/blob/{cfg.branch}')
    for page, problem in found: print(f'{page}: {" ".join(problem.split())[:300]}')
    print(f'{len(pages)} pages, {sum(len(p.links) for p in pages.values())} links, {sum(len(p.images) for p in pages.values())} pictures: {len(found) or "no"} problem{"s"[:len(found) != 1]}')
    return int(bool(found))

if __name__ == '__main__': sys.exit(main())
