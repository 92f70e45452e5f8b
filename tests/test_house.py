"The house is in order, and tools/house.py finds whatever is not."
import importlib.util, json
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location('house', root/'tools'/'house.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

@pytest.fixture(scope='module')
def ours(): return tool.House(root)

@pytest.mark.parametrize('rule', tool.RULES)
def test_our_house(ours, rule):
    measured, found = tool.RULES[rule](ours)
    assert not found, '\n'.join(['', tool.RULES[rule].__doc__, measured, *found])

# A small house, in order, in which one thing at a time is broken

FIT = 'def fit(run):\n    for x in run.batches:\n        run.loss(x).backward()\n        run.opt.step()\n'
CELL = '#| exports\ndef double(\n    x:int, # A number\n)->int: # Twice it\n    "Twice."\n    return 2*x\n'
MAIN = "if __name__ == '__main__':\n    from tinychat.commands import tinychat_train\n    tinychat_train()\n"
TIDY = {'README.md': '# tinychat\n', 'run_tests.sh': 'exit 0\n', 'nbs/00_tokenizer.ipynb': [CELL],
        'tinychat/__init__.py': '__version__ = "0.1"\n', 'tinychat/_modidx.py': 'd = dict(_private=1)\n', 'tinychat/files.py': 'def whole(): pass\n',
        'tinychat/tokenizer.py': '__all__ = ["Tokenizer", "merge"]\nclass Tokenizer: pass\ndef merge(ids, pair=None): pass\n', 'tinychat/data.py': 'from .tokenizer import Tokenizer\n',
        'tinychat/gpt.py': '__all__ = ["Writer"]\nclass Writer:\n    def __init__(self, model, n=1): pass\n', 'tinychat/checkpoint.py': 'from .gpt import Writer\n',
        'tinychat/train.py': MAIN + 'from .checkpoint import Writer\n' + FIT, 'tinychat/chat.py': 'from tinychat import data\n',
        'tinychat/messengers/__init__.py': 'from importlib import import_module\nfor m in ("sms",): import_module(f"tinychat.messengers.{m}")\n',
        'tinychat/messengers/core.py': '__all__ = ["LOOKS"]\nLOOKS = ""\n', 'tinychat/messengers/sms.py': 'from .core import LOOKS as looks\n__all__ = ["LOOKS"]\nLOOKS = looks\n',
        'tinychat/bases/pretrain.py': 'from ..gpt import Writer\n', 'tinychat/share/__init__.py': '',
        'tinychat/fast/cpu.py': '__all__ = ["Writer"]\nfrom ..gpt import Writer as Plain\nclass Writer(Plain):\n    def __init__(self, model:Plain, n:int=1): pass\n    def more(self): pass\n',
        'tinychat/commands.py': 'from .train import fit\n@command\ndef tinychat_train(a, b, c, d, e, f, g): pass\n'}
TIDY |= {f'tests/test_{name}.py': '' for name in ('files', 'tokenizer', 'data', 'gpt', 'checkpoint', 'train', 'chat', 'messengers', 'messengers_core', 'messengers_sms', 'bases_pretrain', 'fast_cpu', 'commands')}

@pytest.fixture
def built(tmp_path):
    "Build the small house with some files changed or, if None, left out. A list makes a notebook: code cells, and markdown where a text begins with #."
    def build(changes={}):
        for path, text in {**TIDY, **changes}.items():
            if text is None: continue
            (tmp_path/path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, list): text = json.dumps(dict(cells=[dict(cell_type='markdown' if t.startswith('# ') else 'code', source=t) for t in text]))
            (tmp_path/path).write_text(text, encoding='utf-8')
        return tmp_path
    return build

def test_a_house_in_order(built, capsys):
    assert tool.main(root=built()) == 0, capsys.readouterr().out
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [['ok', name] for name in tool.RULES]

def story(*lines): return '\n'.join(['#| export', *lines])
BROKEN = [
    ('circles', {'tinychat/files.py': 'def late():\n    from .data import Tokenizer\n', 'tinychat/tokenizer.py': 'from .files import late\n'}, 'tinychat/files.py:2: imports data, which leads back to files'),
    ('circles', {'tinychat/messengers/sms.py': 'from tinychat.messengers import m\n'}, 'tinychat/messengers/sms.py:1: imports messengers, which leads back to messengers.sms'),
    ('circles', {'tinychat/gpt.py': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING: import tinychat.checkpoint\n'}, 'tinychat/gpt.py:2: imports checkpoint, which leads back to gpt'),
    ('layers', {'tinychat/gpt.py': 'from .fast.half import x\n'}, 'tinychat/gpt.py:1: gpt may not import fast.half'),
    ('layers', {'tinychat/chat.py': 'from .train import fit\n'}, 'tinychat/chat.py:1: chat may not import train'),
    ('layers', {'tinychat/fast/cpu.py': 'from ..runs import plan\n'}, 'tinychat/fast/cpu.py:1: fast.cpu may not import runs'),
    ('layers', {'tinychat/messengers/core.py': 'from .. import gpt\n'}, 'tinychat/messengers/core.py:1: messengers.core may not import gpt'),
    ('layers', {'tinychat/bases/pretrain.py': 'from ..fast.cpu import Writer\n'}, 'tinychat/bases/pretrain.py:1: bases.pretrain may not import fast.cpu'),
    ('layers', {'tinychat/bases/pretrain.py': 'from ..commands import command\n'}, 'tinychat/bases/pretrain.py:1: bases.pretrain may not import commands'),
    ('layers', {'tinychat/train.py': FIT + 'from .commands import tinychat_train\n'}, 'tinychat/train.py:5: train may not import commands'),
    ('layers', {'tinychat/train.py': MAIN + '    from .share import x\n' + FIT}, 'tinychat/train.py:4: train may not import share'),
    ('layers', {'tinychat/attic.py': 'from .gpt import Writer\n'}, 'tinychat/attic.py:1: attic may not import gpt'),
    ('private_names', {'tinychat/data.py': 'def f():\n    from .tokenizer import _ranks\n'}, 'tinychat/data.py:2: tokenizer._ranks is private'),
    ('private_names', {'tinychat/chat.py': 'from . import data as d\nd._rows\n'}, 'tinychat/chat.py:2: d._rows is private'),
    ('unique_names', {'tinychat/data.py': '__all__ = ["merge"]\nmerge:int = 1\n'}, 'tinychat/data.py:2, tinychat/tokenizer.py:3: merge is defined in 2 modules'),
    ('unique_names', {'tinychat/chat.py': '__all__ = ["LOOKS"]\nLOOKS, b = 1, 2\n'}, 'LOOKS is defined in 3 modules'),
    ('unique_names', {'tinychat/fast/cpu.py': '__all__ = ["merge"]\ndef merge(ids, pair=0): pass\n'}, 'merge is not called alike'),
    ('unique_names', {'tinychat/fast/cpu.py': '__all__ = ["Writer"]\nclass Writer:\n    def __init__(self, model, m=1): pass\n'}, 'Writer is not called alike'),
    ('unique_names', {'tinychat/fast/cpu.py': '__all__ = ["Writer"]\nWriter = None\n'}, 'Writer is not called alike'),
    ('story_lines', {'tinychat/data.py': 'x = 1\n'*451}, 'tinychat/data.py: 451 lines, at most 450'),
    ('story_lines', {f'tinychat/{m}.py': 'x = 1\n'*440 for m in ('tokenizer', 'data', 'gpt', 'chat')}, 'the story: 1,768 lines, at most 1,750'),
    ('story_lines', {'tinychat/chat.py': None}, 'tinychat/chat.py: not there'),
    ('story_time', {'nbs/01_data.ipynb': ['# word' + ' word'*7499]}, 'nbs/0*.ipynb: 7,501 words, at most 7,500'),
    ('story_time', {'nbs/01_data.ipynb': ['x = 1\n\n'*2300]}, 'nbs/0*.ipynb: 153.7 minutes, at most 150'),
    ('story_cells', {'nbs/01_data.ipynb': [story('def f():', *['    x = 1']*20)]}, 'nbs/01_data.ipynb:cell 0: `def f():`: 21 lines, at most 20'),
    ('story_cells', {'nbs/01_data.ipynb': [story('class A:', '    def f(self): pass', *['    x = 1']*20, '    def g(self): pass')]}, '`class A:`: 23 lines, at most 20'),
    ('story_cells', {'nbs/01_data.ipynb': ['y = 1', f'x = "{"x"*110}"']}, 'nbs/01_data.ipynb:cell 1: `x = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: 116 columns, at most 110'),
    ('story_cells', {'nbs/01_data.ipynb': [story('x = 1')]*2}, 'nbs/0*.ipynb: 1 lines at the median, from 5 to 10'),
    ('fit_in_view', {'tinychat/train.py': FIT + '    run.done()\n'*23}, 'tinychat/train.py:1: `fit`: 26 lines, at most 25'),
    ('fit_in_view', {'tinychat/train.py': 'def fit(run):\n    run.learn()\n    run.step\n'}, 'tinychat/train.py:1: `fit` has no .backward('),
    ('fit_in_view', {'tinychat/train.py': FIT.replace('.step()', '.step')}, 'tinychat/train.py:1: `fit` has no .step('),
    ('fit_in_view', {'tinychat/train.py': 'x = 1\n'}, 'tinychat/train.py: there is no `fit`'),
    ('parameters', {'tinychat/data.py': 'class A:\n    def f(self, a, b, c, d, *, e, f, g): pass\n'}, 'tinychat/data.py:2: f: 7 parameters, at most 6'),
    ('parameters', {'tinychat/data.py': 'x = lambda a, b, c, d, e, f, g: 1\n'}, 'tinychat/data.py:1: a lambda: 7 parameters, at most 6'),
    ('parameters', {'tinychat/data.py': 'f(1, 2, 3, 4, 5, 6, 7)\n'}, 'tinychat/data.py:1: f(...): 7 arguments by position, at most 6'),
    ('front_page', {'README.md': 'word '*601}, 'README.md: 601 words, at most 600'),
    ('workshop', {'run_tests.sh': ':\n'*81}, 'run_tests.sh: 81 lines, at most 80'),
    ('workshop', {'tests/test_messengers_sms.py': None}, 'tinychat/messengers/sms.py: no tests/test_messengers_sms.py'),
    ('workshop', {'tinychat/share/__init__.py': 'x = 1\n'}, 'tinychat/share/__init__.py: no tests/test_share.py'),
]

@pytest.mark.parametrize('rule, changes, says', BROKEN, ids=[f'{rule}-{n}' for n, (rule, *_) in enumerate(BROKEN)])
def test_what_is_broken_is_found(built, capsys, rule, changes, says):
    assert tool.main([rule], built(changes)) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(f'FAILED {rule}') and any(line.startswith('  ') and line.endswith(says) for line in lines), lines

@pytest.mark.parametrize('rule, changes', [
    ('story_cells', {'nbs/01_data.ipynb': [CELL, CELL, story('class A:', *['    x:int = 1']*25), f'#| fig-alt: "{"x"*110}"\n\nplot()']}), # fields cannot be patched in; a caption is no code
    ('story_time', {'nbs/01_data.ipynb': ['#| hide\n' + 'x = 1\n'*2300]}),
    ('front_page', {'README.md': f'<!-- {"word "*601} -->\n```sh\n{"word "*601}\n```\n| {"word "*601} |\n![{"word "*601}](x.png)\n\n    {"word "*601}\n'}),
    ('parameters', {'tinychat/fast/cpu.py': '@triton.jit\ndef k(a, b, c, d, e, f, g): k[1, 2](a, b, c, d, e, f, g)\n'}),
    ('unique_names', {'tinychat/chat.py': '__all__ = ["merge"]\nfrom .tokenizer import merge\n'}), # the same thing, handed on
], ids=lambda x: x if isinstance(x, str) else None)
def test_what_is_allowed(built, capsys, rule, changes):
    assert tool.main([rule], built(changes)) == 0, capsys.readouterr().out

def test_every_rule_was_broken_once(): assert {rule for rule, *_ in BROKEN} == set(tool.RULES)

def test_a_rule_that_there_is_not(capsys):
    assert tool.main(['silence']) == 1
    assert capsys.readouterr().err.startswith('No rule is called silence. Rules: circles, ')
