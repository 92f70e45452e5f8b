"A person who says the same whatever they hear, to talk to a box with."
from pathlib import Path

from tinychat import chat
from tinychat.chat import BREAK
from tinychat.data import Block

def likeliest_turns(monkeypatch):
    "Let the likelier side go on instead of drawing who does, so that at temperature 0 nothing is left to chance."
    from tinychat.fast import many
    for module in (chat, many):
        def choose(logits, *how, real=module.sample, **more): return real(logits, 0) if logits.shape[1] == 2 else real(logits, *how, **more)
        monkeypatch.setattr(module, 'sample', choose)

def press_enter(box, text):
    "What a browser sends when somebody types `text` and presses Enter: first the key, then the text."
    box.text._handle_custom_msg(dict(event='submit'), [])
    box.text.set_state(dict(value=text))

class Echo:
    "Says the same `pieces` whatever it hears."
    def __init__(self, *pieces): self.pieces, self.talk, self.temperature, self.top_k, self.max_tokens = pieces, [], 0.9, 0, 256
    def hear(self, text):
        if not text.isprintable(): raise ValueError('I cannot\nread that.')
        self.talk.append(Block('user', text))
    def stream(self, text):
        self.hear(text)
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
