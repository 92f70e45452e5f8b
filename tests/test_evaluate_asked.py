"Replies are found where somebody was replied to, and the pages show what the whole training gave."
import json

import pytest
from notebooks import NBS

from tinychat.data import Block
from tinychat.evaluate.asked import exchanges, which_model

def test_exchanges():
    def b(role): return Block(role, 'x')
    assert exchanges([[b('assistant'), b('user')]]) == []
    assert [(e.conv, len(e.before), len(e.real)) for e in exchanges([[b('user')], [b('system'), b('user name=A'), b('user name=B'), b('assistant'), b('assistant')]])] == [(1, 3, 2)]

@pytest.mark.parametrize('name', ['asked', 'likeness', 'leaks', 'index'])
def test_saved_outputs_are_of_the_whole_training(name):
    "What a reader sees must not come from the taste that stands in where there is no model."
    cells = json.loads((NBS/'evaluate'/f'{name}.ipynb').read_text(encoding='utf-8'))['cells']
    shown = ''.join(''.join(o.get('text', [])) for c in cells for o in c.get('outputs', []))
    assert which_model(True) in shown and which_model(False) not in shown
