"""Is the house in order? Each rule that the project set itself, measured: who imports whom, how long things are, how much there is to read.

    python tools/house.py            a line for each rule and, below it, one for each thing that breaks it; exit status 1 if any does
    python tools/house.py RULE...    only these rules

Code is read as a tree (`ast`) and never run. An exception stands here, by name and with its reason, or it is none.
"""
import ast, json, re, sys
from pathlib import Path
from statistics import median

PACKAGE, STORY, GROUND = 'tinychat', ('tokenizer', 'data', 'gpt', 'train', 'chat'), ('files', 'checkpoint')
# What each may import; the messengers each other, too. `train` and `chat` do not know each other.
BELOW = dict(files=(), tokenizer=('files',), data=('files', 'tokenizer'), gpt=(), checkpoint=('files', 'tokenizer', 'gpt'), messengers=('files', 'data'))
BELOW |= dict.fromkeys(('train', 'chat'), ('files', 'tokenizer', 'data', 'gpt', 'checkpoint'))
ROOMS = 'bases', 'fast', 'runs', 'evaluate', 'share' # each may import the story, and the rooms before it
HAND_OVER = 'train', 'chat' # `python -m tinychat.train` is the command: below `if __name__ == '__main__'` they may import `commands`
COMMON = dict.fromkeys(('FORMAT', 'LOOKS', 'find', 'read'), 'messengers') # every messenger's module offers the same four
FUNCTION = ast.FunctionDef, ast.AsyncFunctionDef

def is_private(name): return name.startswith('_') and not name.startswith('__')
def room(module): return module.split('.')[0]
def dotted(*parts): return '.'.join(p for p in parts if p)
def n_lines(path): return len(path.read_text(encoding='utf-8').splitlines()) if path.exists() else 0
def is_directive(line): return bool(re.match(r'#\s*\|', line))
def directives(cell): return {line.partition('|')[2].split(':')[0].strip() for line in cell.splitlines() if is_directive(line)}
def code_lines(cell): return [line for line in cell.splitlines() if line.strip() and not is_directive(line)]
def over(where, n, most, what): return [f'{where}: {n:,} {what}, at most {most:,}']*(n > most)

class House:
    "A repository: its modules parsed (`trees`), their imports (`edges`: line, module, name taken or None, local name), the story's cells."
    def __init__(self, root):
        self.root, self.trees, self.paths, self.cells = Path(root), {}, {}, []
        for path in sorted((self.root/PACKAGE).rglob('*.py')):
            module = dotted(*path.relative_to(self.root/PACKAGE).with_suffix('').parts).removesuffix('__init__').rstrip('.')
            if module != '_modidx': self.trees[module], self.paths[module] = ast.parse(path.read_text(encoding='utf-8')), path.relative_to(root).as_posix()
        self.edges = {m: list(self._imports(m, tree)) for m, tree in self.trees.items()}
        for path in sorted((self.root/'nbs').glob('0[0-4]_*.ipynb')):
            cells = json.loads(path.read_text(encoding='utf-8'))['cells']
            self.cells += [(f'nbs/{path.name}:cell {n}', c['cell_type'], ''.join(c['source'])) for n, c in enumerate(cells)]

    def _imports(self, module, tree):
        parents = module.split('.') if self.paths[module].endswith('__init__.py') else module.split('.')[:-1]
        mains = [n for n in tree.body if isinstance(n, ast.If) and "__name__ == '__main__'" in ast.unparse(n.test) and module in HAND_OVER]
        handed = {id(n) for main in mains for n in ast.walk(main) if isinstance(n, ast.ImportFrom) and (n.module or '').split('.')[-1] == 'commands'}
        for n in ast.walk(tree):
            if isinstance(n, ast.Import):
                yield from ((n.lineno, a.name.partition('.')[2], None, a.asname or a.name) for a in n.names if room(a.name) == PACKAGE)
            elif isinstance(n, ast.ImportFrom) and id(n) not in handed and (n.level or room(n.module) == PACKAGE):
                base = dotted(*parents[:len(parents) + 1 - n.level], n.module) if n.level else n.module.partition('.')[2]
                for a in n.names:
                    whole = dotted(base, a.name)
                    yield n.lineno, *((whole, None) if whole in self.trees else (base, a.name)), a.asname or a.name
            elif isinstance(n, ast.Call) and ast.unparse(n.func).endswith('import_module'): # f'tinychat.messengers.{name}': any of them
                start = next((c.value for c in ast.walk(n.args[0]) if isinstance(c, ast.Constant)), '')
                if room(start) == PACKAGE: yield from ((n.lineno, m, None, None) for m in self.trees if m and dotted(PACKAGE, m).startswith(start))

def circles(h):
    "No import leads back to where it stands, not through others either."
    reach = {m: {to for _, to, *_ in h.edges[m]} for m in h.trees}
    for _ in h.trees: reach = {m: r.union(*(reach.get(to, ()) for to in r)) for m, r in reach.items()}
    return '', [f'{h.paths[m]}:{n}: imports {to}, which leads back to {m}' for m in h.trees for n, to, *_ in h.edges[m] if to == m or m in reach.get(to, ())]

def layers(h):
    "Imports go down (BELOW, ROOMS), and nobody imports `commands`."
    def may(a, b):
        if a == 'commands' or not b: return True
        if room(a) in BELOW: return b in BELOW[room(a)] or room(a) == room(b) == 'messengers'
        return room(a) in ROOMS and (b in STORY + GROUND or room(b) in ('messengers', *ROOMS[:ROOMS.index(room(a)) + 1]))
    return '', [f'{h.paths[m]}:{n}: {m} may not import {to}' for m in h.trees for n, to, *_ in h.edges[m] if not may(m, to)]

def private_names(h):
    "Nobody takes from another module what begins with an underscore."
    found = [(m, n, dotted(to, name)) for m in h.trees for n, to, name, _ in h.edges[m] if is_private(name or to.split('.')[-1])]
    for m, tree in h.trees.items():
        modules = {local for _, _, name, local in h.edges[m] if name is None}
        found += [(m, n.lineno, ast.unparse(n)) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and is_private(n.attr) and ast.unparse(n.value) in modules]
    return '', [f'{h.paths[m]}:{n}: {name} is private' for m, n, name in found]

def signature(node, tree):
    "What a caller must know: names and defaults of a function's parameters; of a class, those of each method, patched ones too."
    if isinstance(node, ast.ClassDef):
        def patches(n): return isinstance(n, FUNCTION) and n.args.args and n.args.args[0].annotation and ast.unparse(n.args.args[0].annotation) == node.name
        return {n.name: signature(n, tree)[''] for n in node.body + [n for n in tree.body if patches(n)] if isinstance(n, FUNCTION) and not is_private(n.name)}
    if not isinstance(node, FUNCTION): return None
    return {'': ([a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)], [ast.dump(d) for d in node.args.defaults + node.args.kw_defaults if d])}

def alike(story, twin):
    "Can a twin be called as its original in the story? What it takes besides has defaults."
    (names, defaults), (more, further) = story, twin
    extra = len(more) - len(names)
    return more[:len(names)] == names and further[:len(defaults)] == defaults and extra <= len(further) - len(defaults)

def unique_names(h):
    "A public name means one thing in the whole package; but for COMMON, and for what `fast` has again, called as in the story."
    homes, found = {}, []
    for m, tree in h.trees.items():
        public = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == '__all__'), ())
        for n in tree.body: # what is imported and handed on is defined elsewhere
            targets = n.targets if isinstance(n, ast.Assign) else [n.target] if isinstance(n, ast.AnnAssign) else []
            names = [n.name] if isinstance(n, (*FUNCTION, ast.ClassDef)) else [t.id for to in targets for t in ast.walk(to) if isinstance(t, ast.Name)]
            for name in {*names} & {*public}: homes.setdefault(name, {})[m] = n
    for name, by in sorted(homes.items()):
        if len(by) == 1 or {room(m) for m in by} == {COMMON.get(name)}: continue
        first, *twins = sorted(by, key=lambda m: room(m) == 'fast')
        seen, where = [signature(by[m], h.trees[m]) for m in (first, *twins)], ', '.join(f'{h.paths[m]}:{n.lineno}' for m, n in by.items())
        if first not in STORY or any(room(m) != 'fast' for m in twins): found.append(f'{where}: {name} is defined in {len(by)} modules')
        elif None in seen or not all(alike(seen[0][k], s[k]) for s in seen for k in s.keys() & seen[0].keys()): found.append(f'{where}: {name} is not called alike')
    return f'{len(homes)} public names', found

def story_lines(h, total=1750, each=450):
    "The modules of the story are short."
    size = {m: n_lines(h.root/PACKAGE/f'{m}.py') for m in STORY}
    found = [p for m, n in size.items() for p in over(f'{PACKAGE}/{m}.py', n, each, 'lines')] + [f'{PACKAGE}/{m}.py: not there' for m, n in size.items() if not n]
    return f'{sum(size.values()):,} lines', found + over('the story', sum(size.values()), total, 'lines')

def story_time(h, words=7500, minutes=150):
    "The story is read in an evening, at 220 words and 15 lines of code a minute; hidden cells are not read."
    n_words = sum(len(text.split()) for _, kind, text in h.cells if kind == 'markdown')
    n_code = sum(len(code_lines(text)) for _, kind, text in h.cells if kind == 'code' and not directives(text) & {'hide', 'include'})
    time = round(n_words/220 + n_code/15, 1)
    return f'{n_words:,} words, {n_code:,} lines of code, {time} minutes', over('nbs/0*.ipynb', n_words, words, 'words') + over('nbs/0*.ipynb', time, minutes, 'minutes')

def story_cells(h, longest=20, least=5, most=10, columns=110):
    "What the story exports comes in pieces that fit a glance; only a class of one method cannot be cut by `@patch`."
    def one_class(text): return isinstance((body := ast.parse('\n'.join(code_lines(text))).body)[0], ast.ClassDef) and len(body) == 1 and sum(isinstance(n, FUNCTION) for n in body[0].body) < 2
    code = [(where, text, code_lines(text)) for where, kind, text in h.cells if kind == 'code' and code_lines(text)]
    exported = [(where, text, lines) for where, text, lines in code if directives(text) & {'export', 'exports', 'exporti'}]
    found = [p for where, text, lines in exported if not one_class(text) for p in over(f'{where}: `{lines[0][:40]}`', len(lines), longest, 'lines')]
    found += [p for where, _, lines in code for line in lines for p in over(f'{where}: `{line.strip()[:40]}`', len(line), columns, 'columns')]
    middle = median([len(lines) for *_, lines in exported] or [0])
    return f'{len(exported)} exported cells, {middle:g} lines at the median', found + [f'nbs/0*.ipynb: {middle:g} lines at the median, from {least} to {most}']*(not least <= middle <= most)

def fit_in_view(h, longest=25):
    "The loop of training can be read at a glance: the backward pass and the optimizer's step stand in it."
    node = next((n for n in ast.walk(h.trees['train']) if isinstance(n, FUNCTION) and n.name == 'fit'), None) if 'train' in h.trees else None
    if not node: return '', [f'{PACKAGE}/train.py: there is no `fit`']
    called, where = {n.func.attr for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}, f'{PACKAGE}/train.py:{node.lineno}: `fit`'
    size = node.end_lineno - node.body[0].lineno + 1
    return f'{size} lines', over(where, size, longest, 'lines') + [f'{where} has no .{name}(' for name in ('backward', 'step') if name not in called]

def parameters(h, most=6):
    "Nobody has to remember the order of seven things. A command's parameters are options; a Triton kernel takes nothing but numbers and pointers."
    found = []
    for path, n in ((h.paths[m], n) for m, tree in h.trees.items() for n in ast.walk(tree)):
        if isinstance(n, (*FUNCTION, ast.Lambda)) and not {'command', 'triton.jit'} & {ast.unparse(d) for d in getattr(n, 'decorator_list', ())}:
            args = [a.arg for a in n.args.posonlyargs + n.args.args + n.args.kwonlyargs]
            found += over(f'{path}:{n.lineno}: {getattr(n, "name", "a lambda")}', len(args) - (args[:1] in (['self'], ['cls'], ['ctx'])), most, 'parameters')
        elif isinstance(n, ast.Call) and not isinstance(n.func, ast.Subscript): # kernel[grid](...) starts a kernel
            found += over(f'{path}:{n.lineno}: {ast.unparse(n.func)[:40]}(...)', len(n.args), most, 'arguments by position')
    return '', found

def front_page(h, words=600):
    "README.md says what to do at once; code, tables and pictures are not counted."
    text = (h.root/'README.md').read_text(encoding='utf-8')
    for part in (r'(?s)<!--.*?-->', r'(?sm)^(```+).*?^\1', r'(?m)^( {4}|\||<).*', r'!\[[^\]]*\]\([^)]*\)', r'(?<=\])\([^)]*\)'): text = re.sub(part, ' ', text)
    return f'{len(text.split())} words', over('README.md', len(text.split()), words, 'words')

def workshop(h, longest=80):
    "`run_tests.sh` can be read, and each module has its test."
    test = {m: f'tests/test_{m.replace(".", "_")}.py' for m, tree in h.trees.items() if m and tree.body}
    size = n_lines(h.root/'run_tests.sh')
    return f'run_tests.sh has {size} lines', over('run_tests.sh', size, longest, 'lines') + [f'{h.paths[m]}: no {t}' for m, t in test.items() if not (h.root/t).exists()]

RULES = {f.__name__: f for f in (circles, layers, private_names, unique_names, story_lines, story_time, story_cells, fit_in_view, parameters, front_page, workshop)}

def main(names=(), root=Path(__file__).resolve().parent.parent):
    if unknown := [n for n in names if n not in RULES]: print(f'No rule is called {unknown[0]}. Rules: {", ".join(RULES)}.', file=sys.stderr); return 1
    house, broken = House(root), 0
    for name in names or RULES:
        measured, found = RULES[name](house)
        broken += bool(found)
        print('\n  '.join([f'{"FAILED" if found else "ok    "} {name:14} {measured}'.rstrip(), *dict.fromkeys(found)]))
    return int(broken > 0)

if __name__ == '__main__': sys.exit(main(sys.argv[1:]))
