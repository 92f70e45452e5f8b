"A person who says the same whatever they hear, to talk to a box with."
from pathlib import Path

from tinychat.chat import BREAK
from tinychat.data import Block

class Echo:
    "Says the same `pieces` whatever it hears."
    def __init__(self, *pieces): self.pieces, self.talk, self.temperature, self.top_k, self.max_tokens = pieces, [], 0.9, 0, 256
    def stream(self, text):
        if not text.isprintable(): raise ValueError('I cannot\nread that.')
        self.talk.append(Block('user', text))
        yield from self.again()
    def again(self):
        while self.talk and self.talk[-1].role == 'assistant': self.talk.pop()
        if not self.talk: raise ValueError('There is nothing to answer yet.')
        said = ['']
        try:
            for p in self.pieces:
                said = [*said, ''] if p is BREAK else [*said[:-1], said[-1] + p]
                yield p
        finally: self.talk += [Block('assistant', t) for t in said if t]
    def reset(self): self.talk = []
    def save(self, path): Path(path).write_text('\n'.join(b.text for b in self.talk)); return Path(path)
    def __repr__(self): return 'Echo'

TRICK = '<img src=x onerror=alert(1)>'
