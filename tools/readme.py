"""README.md from the cells of nbs/index.ipynb that are marked for it, without Quarto.

    python tools/readme.py           write README.md, and its figures as nbs/images/readme_LABEL.png
    python tools/readme.py --check   write nothing; exit status 1 if they are not in step with the notebook

A text cell is marked by a line of its own, `<!-- readme -->`, which no page shows. A code cell is marked by `#| readme`, and what
it shows goes into the README, but never its code: on GitHub nobody can run it.
"""
import argparse, base64, re, sys
from pathlib import Path, PurePosixPath
from posixpath import normpath
from textwrap import indent

import nbformat, yaml

NOTE = '<!-- Made from nbs/index.ipynb by `python tools/readme.py`. Edit the notebook, not this file. -->\n\n'
MARK = re.compile(r'^<!-- readme -->\n?', re.M)
DIRECTIVE = re.compile(r'#\s*\|\s*([\w-]+)\s*(:?)\s*(.*)')
PICTURES = {'image/png': 'png', 'image/jpeg': 'jpg', 'image/svg+xml': 'svg'}
CODE = re.compile(r'(^(?P<fence>```+|~~~+).*?^(?P=fence)|`[^`\n]*`)', re.M | re.S)
LINK = re.compile(r'(\]\(|\b(?:src|href)=["\'])([^)\s"\']+)')
ANSI = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')

def directives(
    source:str, # A code cell, which may begin with lines like `#| fig-cap: "..."`
)->tuple: # ({'fig-cap': '...'}, the code without those lines)
    "Take a cell's directives apart from its code."
    found, lines = {}, source.splitlines()
    while lines and (m := DIRECTIVE.match(lines[0])):
        key, colon, value = m.groups()
        found[key] = yaml.safe_load(value) if colon else value
        del lines[0]
    return found, '\n'.join(lines).strip('\n')

def from_root(
    text:str, # Markdown whose relative links count from nbs/
)->str: # The same, its links counting from the repository's folder; code is left alone
    "Make links that work in the notebook work in the README."
    def move(m):
        start, to = m.groups()
        if re.match(r'[a-z][a-z0-9+.-]*:|[#/]', to, re.I): return m[0]
        path, hash_, anchor = to.partition('#')
        return start + normpath(f'nbs/{path}') + hash_ + anchor
    parts, done = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(move, text[done:code.start()]), code[0]]
        done = code.end()
    return ''.join(parts) + LINK.sub(move, text[done:])

def figure(
    output, # A notebook output that holds a picture
    facts:dict, # Its cell's directives
    pictures:dict, # File name -> bytes; the picture is added to it
)->str: # Markdown: the picture, its alternative text and its caption
    "Put a picture in a file of its own."
    label, alt, caption = (facts.get(k, '') for k in ('label', 'fig-alt', 'fig-cap'))
    if not (label and alt):
        raise ValueError(f'A figure needs `#| label:` and `#| fig-alt:`; this one has {", ".join(facts) or "no directives"}. Add them to its cell in the notebook.')
    kind = next(k for k in PICTURES if k in output.data)
    name = f'readme_{label}.{PICTURES[kind]}'
    if name in pictures: raise ValueError(f'Two figures are labelled {label}. Give each its own `#| label:`.')
    data = output.data[kind]
    pictures[name] = data.encode() if kind == 'image/svg+xml' else base64.b64decode(data)
    alt = re.sub(r'([\[\]])', r'\\\1', alt)
    return f'![{alt}](nbs/images/{name})' + (f'\n\n*{caption}*' if caption else '')

def shown(
    output, # One output of a code cell
    facts:dict, # The cell's directives
    pictures:dict, # File name -> bytes; a picture is added to it
)->str: # Markdown; nothing for what lives only in a notebook
    "What a reader gets to see of an output."
    if output.output_type == 'stream':
        return '' if output.name == 'stderr' else indent(ANSI.sub('', output.text), '    ') # there: progress bars and warnings
    data = output.get('data', {})
    if any('widget' in kind for kind in data): return ''
    if {*data} & {*PICTURES}: return figure(output, facts, pictures)
    for kind in ('text/markdown', 'text/html'):
        if kind in data: return from_root(data[kind])
    return indent(data.get('text/plain', ''), '    ')

def readme(
    notebook:Path, # The front page, nbs/index.ipynb
)->tuple: # (text of README.md, {file name in nbs/images: bytes})
    "Turn the marked cells of the front page into Markdown."
    pictures, parts = {}, []
    for cell in nbformat.read(notebook, as_version=4).cells:
        facts, _ = directives(cell.source)
        if cell.cell_type == 'markdown' and MARK.search(cell.source): parts.append(from_root(MARK.sub('', cell.source)).strip())
        if cell.cell_type != 'code' or 'readme' not in facts: continue
        outputs = [text for o in cell.outputs if (text := shown(o, facts, pictures).strip('\n'))]
        if not outputs: raise ValueError('A cell marked `#| readme` shows nothing. Run the notebook and keep its outputs: nbdev-test nbs/index.ipynb --save.')
        parts += outputs
    if not parts: raise ValueError('No cell is marked for the README: `<!-- readme -->` in a text cell, `#| readme` in a code cell.')
    return NOTE + '\n\n'.join(parts) + '\n', pictures

def main(
    args=None, # Command line, without the program's name
    root:Path=Path(__file__).resolve().parent.parent, # The repository's folder
)->int: # Exit status
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='write nothing; exit status 1 if not in step')
    check = parser.parse_args(args).check
    notebook, images = root/'nbs'/'index.ipynb', root/'nbs'/'images'
    try: text, pictures = readme(notebook)
    except FileNotFoundError: print(f'{notebook} is not there. It is what README.md is made from.', file=sys.stderr); return 1
    except ValueError as e: print(f'{notebook.name}: {e}', file=sys.stderr); return 1

    wanted = {root/'README.md': text.encode(), **{images/name: data for name, data in pictures.items()}}
    # A figure that the notebook no longer has is out of step too.
    wanted |= {old: None for old in images.glob('readme_*') if old not in wanted}
    stale = [p for p, data in wanted.items() if data != (p.read_bytes() if p.exists() else None)]
    names = ', '.join(PurePosixPath(p.relative_to(root)).as_posix() for p in stale)
    if check:
        if stale: print(f'Not in step with nbs/index.ipynb: {names}. Run: python tools/readme.py', file=sys.stderr)
        return bool(stale)
    for p in stale:
        if wanted[p] is None: p.unlink(); continue
        p.parent.mkdir(exist_ok=True)
        p.write_bytes(wanted[p])
    print(f'Wrote {names}.' if stale else 'README.md was in step already.')
    return 0

if __name__ == '__main__': sys.exit(main())
