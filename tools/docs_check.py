"""The docs site without Quarto: stage every page as nbdev does, convert it with pandoc, and look for what a reader would trip over.

    python tools/docs_check.py             one line for each problem; exit status 1 if there is any
    python tools/docs_check.py --out DIR   the same, and keep the site in DIR, to be looked at

It works in a copy, and leaves nothing in the repository. The site looks a little like Quarto's: the same text, code, figures and links.
"""
import argparse, base64, html, json, os, re, shutil, subprocess, sys, tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from urllib.parse import unquote

import yaml
from nbdev.config import get_config, nbpath2html

sys.path.insert(0, str(Path(__file__).resolve().parent))
from docs_links import SHOWS, definitions, module_of
from readme import ANSI, PICTURES, directives

BADGE = 'https://colab.research.google.com/github/'
WIDGET = 'application/vnd.jupyter.widget-view+json'
DIRECTIVE = re.compile(r'^\s*#\s*\|\s*[a-z_-]+', re.M)
# What Quarto or another site would have turned into something else. `:::` is left of a box that was not closed.
LEAKS = {'a shortcode': re.compile(r'\{\{<.*?>\}\}'), 'the mark of a box': re.compile(r'^:::|\s:::+\s|\[!(?:NOTE|TIP|WARNING|IMPORTANT|CAUTION)\]', re.M)}

@dataclass
class Page:
    "A notebook on its way to a page."
    path:str                 # In nbs/, 'messengers/whatsapp.ipynb'
    cells:list               # As staged by nbdev
    module:str = None        # 'messengers/whatsapp.py', in the package's folder
    facts:dict = field(default_factory=dict) # Title, description and so on, for Quarto
    html:object = None       # A `Html`, once converted
    @property
    def url(self): return nbpath2html(Path(self.path)).as_posix()
    @property
    def title(self): return str(self.facts.get('title', self.path))

class Html(HTMLParser):
    "What the checks want to know of a converted page."
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.images, self.refs, self.code, self.words, self.text, self.inside = [], [], [], [], [], [], [], Counter()
        self.feed(text)
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get('id'): self.ids.append(attrs['id'])
        if tag == 'a' and attrs.get('href') and 'aria-hidden' not in attrs: self.links.append(attrs['href'])
        if tag == 'img': self.images.append((attrs.get('src') or '', attrs.get('alt') or ''))
        if attrs.get('data-cites'): self.refs += attrs['data-cites'].split()
        if tag == 'pre': self.code.append('')
        if tag in ('pre', 'code', 'style', 'script', 'nav'): self.inside[tag] += 1
    def handle_endtag(self, tag):
        if tag in self.inside: self.inside[tag] -= 1
    def handle_data(self, data):
        if self.inside['pre']: self.code[-1] += data
        elif self.inside['code']: self.words.append(data)
        elif not any(self.inside.values()): self.text.append(data)

# Staging

def kept_files(
    root:Path, # The repository
)->list: # Paths in it: what git holds or would hold; without git, all there is
    "The files that a clone would have: a page must not lean on another."
    run = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=root, capture_output=True, text=True)
    if run.returncode == 0: files = run.stdout.split('\0')
    else: files = [p.relative_to(root).as_posix() for p in root.rglob('*')]
    return sorted(f for f in files if f and ((root/f).is_file() or (root/f).is_symlink()))

def copy_tree(
    root:Path, # The repository
    to:Path,   # A folder to make
):
    "Copy what the docs are made of. Weights are linked: nobody writes to them."
    cfg = get_config(root)
    folders = tuple(f'{f}/' for f in (cfg.nbs_path.name, cfg.lib_path.name, 'tools'))
    for f in kept_files(root):
        if '/' in f and not f.startswith(folders): continue
        (to/f).parent.mkdir(parents=True, exist_ok=True)
        if (root/f).stat().st_size > 1e6 and not f.startswith(folders[0]): (to/f).symlink_to(root/f)
        else: shutil.copy2(root/f, to/f, follow_symlinks=False)

def public_names(
    module:str, # 'messengers/whatsapp.py', in the package's folder
    package:str, # Its name
)->dict: # Public name -> its documentation's faults; None for a constant
    "Import a module and look through what it offers."
    import inspect
    from importlib import import_module
    from fastcore.docments import docments
    STARRED = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD # docments does not find their comments
    found, mod = {}, import_module('.'.join([package, *module.removesuffix('.py').removesuffix('/__init__').split('/')]))
    defined = definitions(Path(mod.__file__))
    for name in mod.__all__:
        if name not in defined: found[name] = None; continue
        obj = inspect.unwrap(getattr(mod, name))
        said = (obj.__doc__ or '').strip()
        # A dataclass and a NamedTuple without a docstring get their signature as one.
        faults = ['no docstring'] if not said or said.startswith(f'{name}(') else []
        if inspect.isfunction(obj) or '__init__' in vars(obj):
            bare = [k for k, v in docments(obj, full=True, returns=False).items() if k not in ('self', 'cls') and v['kind'] not in STARRED and not v['docment']]
            if bare: faults.append(f'no comment on {", ".join(bare)}')
        found[name] = faults
    return found

def stage_here():
    "In a copy of the repository: make _proc as nbdev-docs does, and staged.json with what went wrong. Each page gets its try."
    import nbdev.doclinks, nbdev.processors, nbdev.quarto, nbdev.serve, warnings
    failed, names, here, cfg = {}, {}, Path.cwd(), get_config()
    def one_by_one(stage, items, **kwargs):
        for item in items:
            page, wrong = item[0].relative_to(cfg.nbs_path).as_posix(), []
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter('always')
                try: stage(item)
                except Exception as e: wrong.append(f'nbdev cannot make it: {e}')
            wrong += [str(w.message) for w in said if 'imports and other code' in str(w.message)]
            if Path.cwd() != here: wrong.append('a cell that nbdev runs for the docs changes the folder'); os.chdir(here)
            failed[page] = [re.sub(r'\s+', ' ', w)[:300] for w in wrong]
    nbdev.serve.parallel = one_by_one # in one process: importing torch takes as long as all the rest
    nbdev.processors.get_config = lambda: cfg # it would read pyproject.toml anew for every cell
    nbdev.quarto.refresh_quarto_yml()
    nbdev.doclinks._build_modidx()
    nbdev.quarto.nbdev_sidebar.__wrapped__()
    nbdev.serve.proc_nbs(force=True)
    os.environ.pop('IN_TEST', None)
    for nb in sorted(cfg.nbs_path.rglob('*.ipynb')):
        path = nb.relative_to(cfg.nbs_path).as_posix()
        try:
            if module := module_of(nb): names[path] = public_names(module, cfg.lib_path.name)
        except Exception as e: failed.setdefault(path, []).append(f'its module cannot be imported: {e}')
    (here/'staged.json').write_text(json.dumps(dict(failed=failed, names=names)), encoding='utf-8')

def stage(
    root:Path,   # The repository
    folder:Path, # An empty folder
)->dict: # Page -> what went wrong ('failed'); page -> `public_names` ('names'). `folder/_proc` holds the staged pages.
    "Stage a copy of the repository in `folder`."
    copy_tree(root, folder)
    (folder/'tmp').mkdir()
    path = os.pathsep.join(map(str, (folder, folder/'tools', Path(__file__).resolve().parent)))
    env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'} | dict(PYTHONPATH=path, TMPDIR=str(folder/'tmp'), MPLBACKEND='agg', MPLCONFIGDIR=str(folder/'tmp'))
    run = subprocess.run([sys.executable, '-c', 'from docs_check import stage_here; stage_here()'], cwd=folder, env=env, capture_output=True, text=True)
    if run.returncode: raise RuntimeError(f'nbdev could not stage the docs: {(run.stderr.strip().splitlines() or ["no reason given"])[-1]}')
    return json.loads((folder/'staged.json').read_text(encoding='utf-8'))

def merge(
    base:dict, # Settings
    more:dict, # Others, which win
)->dict:
    "Merge settings as Quarto merges its files."
    return base | {k: merge(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v for k, v in more.items()}

def site_settings(
    proc:Path, # Folder of the staged pages
)->dict: # _quarto.yml on top of the files it names
    "All that Quarto is told."
    read = lambda name: yaml.safe_load((proc/name).read_text(encoding='utf-8')) or {}
    own, all_ = read('_quarto.yml'), {}
    for name in own.get('metadata-files', []): all_ = merge(all_, read(name))
    return merge(all_, own)

def rendered(
    path:str,      # Of a notebook in nbs/
    patterns:list, # `project: render:` of _quarto.yml, or None
)->bool:
    "Is it to become a page?"
    takes = [p for p in patterns or ['*.ipynb'] if not p.startswith('!')]
    leaves = [p[1:] for p in patterns or [] if p.startswith('!')]
    return any(fnmatch(path, p) for p in takes) and not any(fnmatch(path, p) for p in leaves)

def load_pages(
    proc:Path,      # Folder of the staged pages
    nbs:Path,       # Folder of their notebooks
    patterns:list=None, # `project: render:`
)->dict: # Path -> `Page`
    "Read the staged pages."
    pages = {}
    for p in sorted(proc.rglob('*.ipynb')):
        path = p.relative_to(proc).as_posix()
        if not rendered(path, patterns): continue
        cells = json.loads(p.read_text(encoding='utf-8'))['cells']
        for c in cells: c['source'] = ''.join(c['source'])
        page = pages[path] = Page(path, cells, module_of(nbs/path))
        for c in cells:
            if c['cell_type'] == 'raw' and c['source'].startswith('---'): page.facts |= yaml.safe_load(c['source'].strip().strip('-')) or {}
    return pages

# Converting

def verbatim(
    text:str, # To be shown as it is
    kind:str, # Class of the block
)->str: # Markdown
    "A block of code or output."
    fence = '`'*max([3, *(len(m) + 1 for m in re.findall('`+', text))])
    text = text.rstrip('\n')
    return f'{fence} {{.{kind}}}\n{text}\n{fence}'

def best(
    data:dict, # Kind -> content, of an output
)->str: # The kind that Quarto shows in a page
    "An output comes in several forms."
    return next((k for k in (WIDGET, 'text/html', 'text/markdown', *PICTURES, 'text/plain') if k in data), None)

def figure(
    page:Page,  # Where it is
    data:dict,  # Kind -> content, of the output
    facts:dict, # Directives of its cell
    number:int, # The how-manieth of the page
    out:Path,   # Folder of the site
)->str: # Markdown
    "Write a picture to a file, and show it with caption and alternative text."
    kind, label = best(data), facts.get('label') or f'figure-{number}'
    name = join(dirname(page.url), f'{Path(page.url).stem}_files', f'{label}.{PICTURES[kind]}')
    content = ''.join(data[kind])
    (out/name).parent.mkdir(parents=True, exist_ok=True)
    (out/name).write_bytes(content.encode() if kind == 'image/svg+xml' else base64.b64decode(content))
    alt = html.escape(str(facts.get('fig-alt', '')))
    caption = f'Figure {number}: {facts.get("fig-cap", "")}'
    image = f'<img src="{relpath(name, dirname(page.url) or ".")}" alt="{alt}">'
    return f'::: {{#{label} .figure}}\n`{image}`{{=html}}\n\n[{caption}]{{.caption}}\n:::'

def markdown(
    page:Page, # To be converted
    out:Path,  # Folder of the site, for its figures
)->str: # Pandoc's Markdown
    "One text of a staged notebook, as Quarto makes it."
    parts, number = [f'---\n{yaml.safe_dump({k: v for k, v in page.facts.items() if k in ("title", "description")})}---'], 0
    for cell in page.cells:
        if cell['cell_type'] == 'markdown': parts.append(cell['source'])
        if cell['cell_type'] != 'code': continue
        facts, code = directives(cell['source'])
        if facts.get('include') is False: continue
        if facts.get('echo') is not False and code: parts.append(verbatim(code, 'python'))
        if facts.get('output') is False: continue
        for o in cell.get('outputs', []):
            data = o.get('data', {})
            kind = best(data)
            if 'text' in o: parts.append(verbatim(ANSI.sub('', ''.join(o['text'])), 'output'))
            elif kind == WIDGET: pass
            elif kind in PICTURES:
                number += 1
                parts.append(figure(page, data, facts, number, out))
            elif kind == 'text/html': parts.append(f'```{{=html}}\n{"".join(data[kind])}\n```')
            elif kind == 'text/markdown': parts.append(''.join(data[kind]))
            elif kind: parts.append(verbatim(''.join(data[kind]), 'output'))
    return '\n\n'.join(parts)

def sidebar_entries(
    contents:list, # `website: sidebar: contents:`, or a section's
)->list: # (path of a notebook or None, text or None, the entries below)
    "The sidebar as a tree."
    tree = []
    for item in contents:
        if isinstance(item, str): item = dict(href=item)
        href = item.get('href') or item.get('file')
        tree.append((href, item.get('text') or item.get('section'), sidebar_entries(item.get('contents', []))))
    return tree

def listed(
    tree:list, # Of `sidebar_entries`
)->list: # Every path, in order
    "The pages in a sidebar."
    return [path for href, _, below in tree for path in ([href] if href else []) + listed(below)]

def sidebar_html(
    tree:list,  # Of `sidebar_entries`
    pages:dict, # Path -> `Page`
    here:Page,  # The page it is for
)->str: # A list
    "The sidebar of one page."
    lines = []
    for href, text, below in tree:
        name = html.escape(str(text or (pages[href].title if href in pages else href)))
        if href in pages:
            to, current = relpath(pages[href].url, dirname(here.url) or '.'), ' aria-current="page"' if href == here.path else ''
            name = f'<a href="{to}"{current}>{name}</a>'
        elif below: name = f'<b>{name}</b>'
        lines.append(f'<li>{name}{sidebar_html(below, pages, here) if below else ""}</li>')
    return f'<ul>{"".join(lines)}</ul>'

TEMPLATE = '''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$pagetitle$</title>$if(icon)$<link rel="icon" href="$icon$">$endif$
<style>
:root { color-scheme: light dark; --text: #24292f; --back: #fff; --soft: #f5f6f8; --line: #dfe2e6; --link: #0b62c4; --quiet: #59636e;
        --kw: #a3267f; --st: #1a6b35; --fu: #5a3ec8; --nu: #96501b }
@media (prefers-color-scheme: dark) { :root { --text: #dfe3e8; --back: #16191d; --soft: #20242a; --line: #363c44; --link: #7db8ff; --quiet: #9aa4af;
        --kw: #ef8fd0; --st: #8fd6a4; --fu: #b9a5ff; --nu: #eab27e } }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.6 system-ui, sans-serif; color: var(--text); background: var(--back); display: grid; grid-template-columns: 250px minmax(0, 800px) 220px; gap: 40px; justify-content: center; padding: 24px }
a { color: var(--link) }
nav { font-size: 14px; line-height: 1.45; position: sticky; top: 24px; align-self: start; max-height: calc(100vh - 48px); overflow: auto } nav ul { list-style: none; padding: 0; margin: 0 } nav ul ul { padding-left: 12px; margin-bottom: 10px } nav li { margin: 5px 0 } nav b, summary { color: var(--quiet); font-weight: 600 }
nav a { text-decoration: none; overflow-wrap: anywhere } nav a:hover { text-decoration: underline } [aria-current] { font-weight: 600 } .toc { color: var(--quiet) }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.8em 0 .6em } h1 { margin-top: 0 } .lead { color: var(--quiet); font-size: 1.15em }
code, pre { font: 13.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace } code { overflow-wrap: anywhere }
pre { overflow: auto; padding: 10px 14px; border-radius: 6px; background: var(--soft) } pre code { overflow-wrap: normal } pre.output { background: none; border-left: 3px solid var(--line); border-radius: 0; color: var(--quiet) }
.sourceCode a { color: inherit } img { max-width: 100%; height: auto } .figure, figure { margin: 20px 0 } .figure img, figure img { background: #fff; border-radius: 6px } .caption, figcaption { color: var(--quiet); font-size: .92em }
table { border-collapse: collapse; display: block; overflow: auto } td, th { padding: 5px 12px; border-bottom: 1px solid var(--line); text-align: left } hr { border: 0; border-top: 1px solid var(--line); margin: 32px 0 8px }
.kw, .cf, .im { color: var(--kw) } .st, .ss, .vs, .ch { color: var(--st) } .fu, .bu { color: var(--fu) } .dv, .fl, .bn, .va, .cn { color: var(--nu) } .co { color: var(--quiet); font-style: italic }
@media (max-width: 1150px) { body { grid-template-columns: 230px minmax(0, 1fr) } .toc { display: none } }
@media (max-width: 760px) { body { display: block; padding: 16px } nav { position: static; max-height: none } .side { border-bottom: 1px solid var(--line); margin-bottom: 24px; padding-bottom: 12px } }
</style></head><body>
<nav class="side" aria-label="Pages"><details $open$><summary>$site$</summary>$sidebar$</details></nav>
<main><h1 class="title">$title$</h1>$if(description)$<p class="lead">$description$</p>$endif$
$body$
</main>
<nav class="toc" aria-label="On this page">$toc$</nav>
<script>if (innerWidth < 760) document.querySelector('details').open = false</script>
</body></html>
'''

def local(
    link:str, # As in a page
    url:str,  # The page's address in the site
    site:str, # Where the site will stand, 'https://...'
)->tuple: # (path in the site, anchor); None for a link out of it
    "Where a link leads."
    if link == site or link.startswith((site + '/', site + '#')): link, url = link[len(site):].lstrip('/') or 'index.html', ''
    elif re.match(r'[a-z][a-z0-9+.-]*:|//', link, re.I): return None
    path, _, anchor = link.partition('#')
    path = unquote(path.partition('?')[0])
    if not path: return url or 'index.html', anchor
    path = normpath(path.lstrip('/') if path.startswith('/') else join(dirname(url), path))
    return path if Path(path).suffix else join(path, 'index.html').removeprefix('./'), anchor

def convert(
    page:Page,  # Gets its `html`
    pages:dict, # Path -> `Page`, all of them
    proc:Path,  # Folder of the staged pages
    out:Path,   # Folder of the site
    settings:dict, # Of `site_settings`
    colours:bool=False, # Colour the code? That takes most of the time
):
    "Write one page, and the files that it shows."
    import pypandoc
    website = settings.get('website', {})
    site = str(website.get('site-url', '')).rstrip('/')
    home = relpath('.', dirname(page.url) or '.')
    tree = sidebar_entries((website.get('sidebar') or {}).get('contents', []))
    facts = dict(site=website.get('title', ''), sidebar=sidebar_html(tree, pages, page), open='open')
    if website.get('favicon'): facts['icon'] = normpath(join(home, website['favicon']))
    template = out/'page.html'
    text = pypandoc.convert_text(markdown(page, out), 'html', format='markdown', extra_args=[
        '--standalone', '--toc', '--toc-depth=3', '--wrap=none', f'--template={template}',
        *([] if colours else ['--syntax-highlighting=none']), *(f'--variable={k}={v}' for k, v in facts.items())])
    def to_page(m): # A notebook that is a page is linked as that page, as Quarto does it
        if (to := local(html.unescape(m[1]), page.path, site)) and to[0] in pages:
            return f'href="{relpath(pages[to[0]].url, dirname(page.url) or ".")}{"#" + to[1] if to[1] else ""}"'
        return m[0]
    text = re.sub(r'href="([^"]*\.ipynb(?:#[^"]*)?)"', to_page, text)
    (out/page.url).parent.mkdir(parents=True, exist_ok=True)
    (out/page.url).write_text(text, encoding='utf-8')
    page.html = Html(text)
    for link in [src for src, _ in page.html.images] + page.html.links + [normpath(join(home, i)) for i in assets(settings)]:
        to = local(link, page.url, site)
        if to and (proc/to[0]).is_file() and not (out/to[0]).exists():
            (out/to[0]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(proc/to[0], out/to[0])

def assets(
    settings:dict, # Of `site_settings`
)->list: # Paths in nbs/
    "The files that the site as a whole needs: icon, pictures for links to it, style sheets."
    website, page = settings.get('website', {}), (settings.get('format') or {}).get('html') or {}
    theme = page.get('theme') or {}
    found = [website.get('favicon'), website.get('image'), (website.get('navbar') or {}).get('logo') if isinstance(website.get('navbar'), dict) else None]
    found += [card.get('image') for card in (website.get('open-graph'), website.get('twitter-card')) if isinstance(card, dict)]
    css = page.get('css') or []
    found += [css] if isinstance(css, str) else css
    for names in theme.values() if isinstance(theme, dict) else [theme]:
        found += [n for n in ([names] if isinstance(names, str) else names) if n.endswith(('.scss', '.css'))]
    return [f.lstrip('/') for f in found if f]

# Looking

def check_page(
    page:Page,  # Converted
    badge:str,  # The address that its badge should have
)->list: # Problems
    "What can be seen on the page alone."
    found, labels = [], Counter()
    badges = [l for l in page.html.links if l.startswith(BADGE)]
    if not badges: found.append(f'no Open-in-Colab badge; it should lead to {badge}')
    found += [f'its badge opens another notebook: {l}' for l in badges if l != badge]
    for cell in page.cells:
        if cell['cell_type'] != 'code': continue
        facts, code = directives(cell['source'])
        if facts.get('include') is False or facts.get('output') is False: continue
        for o in cell.get('outputs', []):
            kind, where = best(o.get('data', {})), f'the output of `{(code.strip().splitlines() or ["?"])[-1][:60]}`'
            if kind == WIDGET: found.append(f'{where} is a widget, which shows nothing on a page; add `#| output: false` or show a picture')
            if kind not in PICTURES: continue
            lacks = [k for k in ('label', 'fig-cap', 'fig-alt') if not str(facts.get(k) or '').strip()]
            if lacks: found.append(f'{where} is a figure without {", ".join(f"`#| {k}:`" for k in lacks)}')
            elif not facts['label'].startswith('fig-'): found.append(f'{where}: its label {facts["label"]} does not begin with fig-, so Quarto does not number it')
            labels[facts.get('label')] += 1
    found += [f'{n} figures are labelled {label}' for label, n in labels.items() if label and n > 1]
    found += [f'no alternative text for {src[:80]}' for src, alt in page.html.images if not alt.strip()]
    found += [f'a directive leaked: {m[0].strip()}' for code in page.html.code for m in DIRECTIVE.finditer(code)]
    text = ' '.join(page.html.text)
    found += [f'{what} leaked: {m[0].strip()}' for what, pattern in LEAKS.items() for m in pattern.finditer(text)]
    found += [f'nothing is labelled {ref}, which the text refers to' for ref in page.html.refs if ref not in page.html.ids]
    if not any(has_content(c) for c in page.cells): found.append('empty: it has a title and nothing else')
    return found

def has_content(
    cell:dict, # Of a staged page
)->bool:
    "Does a cell give the reader anything? Titles, badges and nbdev's own remark do not."
    if cell['cell_type'] == 'code': return bool(cell['source'].strip())
    text = re.sub(r'<!--.*?-->|\[?!\[[^\]]*\]\([^)]*\)(?:\]\([^)]*\))?|^#.*$', '', cell['source'], flags=re.M | re.S if '<!--' in cell['source'] else re.M)
    return cell['cell_type'] == 'markdown' and bool(text.strip())

def check_links(
    pages:dict, # Path -> `Page`
    out:Path,   # Folder of the site
    site:str,   # Where it will stand
    lost:tuple=(), # Notebooks that could not be made into pages: a link to one is not to blame
)->list: # (page, problem)
    "Every link within the site leads somewhere, anchors too."
    found, by_url = [], {p.url: p for p in pages.values()}
    lost = {*lost, *(nbpath2html(Path(p)).as_posix() for p in lost)}
    for page in pages.values():
        for link in page.html.links + [src for src, _ in page.html.images]:
            if not (to := local(link, page.url, site)): continue
            path, anchor = to
            if path in lost: continue
            if path not in by_url:
                if path.startswith('..') or not (out/path).is_file(): found.append((page.path, f'broken link: {link}'))
            elif anchor and unquote(anchor) not in by_url[path].html.ids: found.append((page.path, f'no such anchor: {link}'))
    return found

def check_own_files(
    pages:dict, # Path -> `Page`
    files:list, # Of `kept_files`
    blob:str,   # Where the host shows files, 'https://github.com/.../blob/main'
)->list: # (page, problem)
    "Links to the repository's own files lead to files that it has."
    return [(p.path, f'no such file in the repository: {link}') for p in pages.values() for link in p.html.links
            if link.startswith(f'{blob}/') and unquote(link[len(blob) + 1:].partition('#')[0]) not in files]

def check_sidebar(
    tree:list,  # Of `sidebar_entries`
    pages:dict, # Path -> `Page`
)->list: # (page, problem)
    "Every page is in the sidebar, once, and nothing else is."
    count = Counter(listed(tree))
    return [(p, 'in no entry of the sidebar in _quarto.yml') for p in pages if p not in count] + \
           [(p, 'the sidebar in _quarto.yml lists it, but it is not a page') for p in count if p not in pages] + \
           [(p, f'{n} times in the sidebar in _quarto.yml') for p, n in count.items() if n > 1]

def documented(
    page:Page, # Staged
)->dict: # Name -> what `show_doc` shows
    "What a page documents."
    found = {}
    for cell in page.cells:
        if cell['cell_type'] != 'code': continue
        for name in SHOWS.findall(cell['source']):
            found[name] = '\n'.join(''.join(o['data']['text/markdown']) for o in cell.get('outputs', []) if 'text/markdown' in o.get('data', {}))
    return found

def check_names(
    page:Page,  # Converted
    names:dict, # Of `public_names`
)->list: # Problems
    "Every public name is documented on its page."
    shown, code, found = documented(page), '\n'.join(page.html.code), []
    for name, faults in names.items():
        if faults is None: # a constant: its definition has to be in view, or the text to speak of it
            if name not in page.html.words and not re.search(rf'(?:^|[;=]) *(?:\w+, *)*{name} *(?:,[\w, ]*)?(?::[^=\n]*)?=(?!=)', code, re.M):
                found.append(f'{name} is public and not to be seen: export it with `#| exports`, or name it in the text')
            continue
        if not shown.get(name): found.append(f'{name} is public and not documented here')
        found += [f'{name}: {fault}' for fault in faults]
    return found

def check_sources(
    page:Page, # Staged
    root:Path, # The repository, or a copy of it
    blob:str,  # Where the host shows files, 'https://github.com/.../blob/main'
    package:str, # The library's folder
)->list: # Problems
    "Beside each documented name stands a link to the line that defines it."
    found, at = [], definitions(root/package/page.module) if page.module and (root/package/page.module).exists() else {}
    for name, text in documented(page).items():
        link = re.search(r'\[source\]\(([^)\s]*)\)', text)
        if not link: found.append(f'{name} has no link to its source'); continue
        want = f'{blob}/{package}/{page.module}#L{at[name][0]}' if name in at else f'the line in {page.module} that defines it'
        if link[1] != want: found.append(f'the source link of {name} is {link[1]} and should be {want}')
    return found

def check_assets(
    settings:dict, # Of `site_settings`
    proc:Path,     # Folder of the staged pages
)->list: # (where, problem)
    "The files that _quarto.yml names are there."
    return [('_quarto.yml', f'names {f}, which is not in nbs/') for f in assets(settings) if not (proc/f).is_file()]

def look(
    root:Path,   # The repository
    folder:Path, # An empty folder to work in
    out:Path,    # Folder of the site
    colours:bool=False, # Colour the code?
)->tuple: # (pages, problems as (page, problem))
    "Stage, convert and check everything."
    staged = stage(root, folder)
    proc, cfg = folder/'_proc', get_config(folder)
    settings = site_settings(proc)
    patterns, site = (settings.get('project') or {}).get('render'), f'{cfg.doc_host}{cfg.doc_baseurl}'
    pages = load_pages(proc, folder/'nbs', patterns)
    out.mkdir(parents=True, exist_ok=True)
    (out/'page.html').write_text(TEMPLATE, encoding='utf-8')
    with ThreadPoolExecutor(os.cpu_count()) as pool: list(pool.map(lambda p: convert(p, pages, proc, out, settings, colours), pages.values()))
    (out/'page.html').unlink()
    tree = sidebar_entries(((settings.get('website') or {}).get('sidebar') or {}).get('contents', []))
    lost = {p: None for p in staged['failed'] if p not in pages and rendered(p, patterns)} # told of already, and no more can be said of them
    found = [(p, w) for p, wrong in staged['failed'].items() for w in wrong]
    found += check_assets(settings, proc) + check_sidebar(tree, pages | lost) + check_links(pages, out, site, tuple(lost))
    blob = f'{cfg.git_url}/blob/{cfg.branch}'
    found += check_own_files(pages, kept_files(root), blob)
    for page in pages.values():
        wrong = check_page(page, f'{BADGE}{cfg.user}/{cfg.repo}/blob/{cfg.branch}/{cfg.nbs_path.name}/{page.path}')
        wrong += check_names(page, staged['names'].get(page.path, {})) + check_sources(page, folder, blob, cfg.lib_path.name)
        found += [(page.path, w) for w in wrong]
    return pages, found

def main(
    args=None, # Command line, without the program's name
    root:Path=Path(__file__).resolve().parent.parent, # The repository's folder
)->int: # Exit status
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, metavar='DIR', help='keep the site in this folder, which must be empty or new')
    out = parser.parse_args(args).out
    if out and out.exists() and (not out.is_dir() or any(out.iterdir())):
        print(f'{out} is not an empty folder. Name a new one: --out DIR', file=sys.stderr); return 1
    with tempfile.TemporaryDirectory() as scratch:
        (work := Path(scratch).resolve()/'work').mkdir()
        try: pages, found = look(root, work, out or Path(scratch)/'site', colours=bool(out))
        except RuntimeError as e: print(e, file=sys.stderr); return 1
    for page, problem in found: print(f'{page}: {problem}')
    links = sum(len(p.html.links) for p in pages.values())
    print(f'{len(pages)} pages, {links} links, {sum(len(p.html.images) for p in pages.values())} images: {len(found) or "no"} problem{"s"[:len(found) != 1]}'
          + (f'. The site begins at {out/"index.html"}' if out else ''))
    return bool(found)

if __name__ == '__main__': sys.exit(main())
