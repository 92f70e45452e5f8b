"Runs cells of a notebook as a reader does who changes a line."
import json, re
from pathlib import Path

import matplotlib
matplotlib.use('Agg')

NBS = Path(__file__).resolve().parent.parent/'nbs'

def code_cells(name):
    "The code of each cell that runs."
    cells = json.loads((NBS/f'{name}.ipynb').read_text(encoding='utf-8'))['cells']
    sources = (''.join(c['source']) for c in cells if c['cell_type'] == 'code')
    return [s for s in sources if not s.lstrip().startswith('!') and '#| eval: false' not in s]

def run_cells(name, until=None, change=(), leave_out='$^'):
    """Run the cells of a notebook, up to the first that holds `until`, and return its names. `change`: pairs of what stands
    in a cell and what to write instead; each must be there. Cells that match `leave_out` are not run."""
    names, missing = {'__name__': name}, dict(change)
    for source in code_cells(name):
        for old, new in change:
            if old in source: source = source.replace(old, new); missing.pop(old, None)
        if not re.search(leave_out, source): exec(compile(source, f'{name}, cell', 'exec'), names)
        if until and until in source: break
    else: assert not until, f'no cell of {name} holds {until!r}'
    assert not missing, f'not in {name}: {[*missing]}'
    return names
