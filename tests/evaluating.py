"What the tests of evaluating share: invented conversations, and a small chat to judge."
import copy, random

import pytest, torch

from tinychat.chat import Chat
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer

WORDS = 'well so maybe tomorrow never always the big small red dog cat train runs late again tonight hello there my friend dont know why'.split()

def talks(n=30, seed=0, size=24):
    "Invented conversations; the person double-texts."
    rng, convs = random.Random(seed), []
    def say(): return ' '.join(rng.choice(WORDS) for _ in range(rng.randint(1, 9))) + rng.choice(['', '!', '?', '...'])
    for _ in range(n):
        conv = []
        while len(conv) < size: conv += [Block('user', say())] + [Block('assistant', say()) for _ in range(rng.choice([1, 1, 2, 3]))]
        convs.append(conv)
    return convs

@pytest.fixture(scope='module')
def tok(): return Tokenizer.train([b.text for c in talks() for b in c] + ['assistant', 'user'], 320)

@pytest.fixture
def chat(tok):
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, 2, 2, 32, 96))
    for p in model.parameters(): # livelier than at the start, so that replies differ and end
        if p.dim() == 2: torch.nn.init.normal_(p, std=.2)
    return Chat(model, tok, temperature=0, max_tokens=40, max_messages=3, seed=0)

def alone(chat, talk):
    "What the chat itself replies."
    one = copy.copy(chat)
    one.reset()
    one.talk = list(talk)
    for _ in one.answer(): pass
    return [b.text for b in one.talk[len(talk):]] or ['']
