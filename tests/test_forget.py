"Who asks to be forgotten is: imported again without them and trained again, a model knows nothing of what they wrote."
import random
from datetime import datetime, timedelta

import numpy as np
import torch
import torch.nn.functional as F
from evaluating import WORDS

from tinychat.data import Block, encode_all, encode_conversation, read_chatml
from tinychat.evaluate.leaks import auc
from tinychat.gpt import GPT, GPTConfig
from tinychat.messengers import ImportOptions, import_file
from tinychat.tokenizer import Tokenizer
from tinychat.train import Batches, Options, Run, fit

def say(rng): return ' '.join(rng.choices(WORDS, k=4))

def write_chat(path, rng, friend, n=60):
    "As WhatsApp exports it; gives (what Bo wrote before, what the friend wrote) of each of the friend's messages."
    at, lines, said = datetime(2025, 1, 1), [], []
    for _ in range(n):
        asked, told = say(rng), say(rng)
        for who, text in (('Bo', asked), (friend, told), ('Bo', say(rng))):
            at += timedelta(minutes=7)
            lines.append(f'{at:%d/%m/%y, %H:%M} - {who}: {text}\n')
        at += timedelta(hours=9)
        said.append((asked, told))
    path.write_text(''.join(lines), encoding='utf-8')
    return said

@torch.no_grad()
def surprise(model, tok, asked, told):
    "Nats a token of what a friend wrote."
    before = [Block('assistant', asked)]
    begins, ids = len(encode_conversation(tok, before)[0]), torch.tensor(encode_conversation(tok, [*before, Block('user', told)])[0])
    return F.cross_entropy(model(ids[None])[0,begins-1:-1], ids[begins:]).item()

def test_who_is_left_out_leaves_no_trace(tmp_path):
    rng = random.Random(1)
    (tmp_path/'in').mkdir()
    write_chat(tmp_path/'in'/'WhatsApp Chat with Ada.txt', rng, 'Ada')
    hers = write_chat(tmp_path/'in'/'WhatsApp Chat with Eve.txt', rng, 'Eve')
    others = [(say(rng), say(rng)) for _ in hers] # what nobody ever sent
    def known(): # how often a message of hers is the less surprising one, for a model that has read the file again and again
        convs = read_chatml(tmp_path/'me.txt')
        tok = Tokenizer.train([' '.join(WORDS), 'assistant user'], 300)
        torch.manual_seed(0)
        run = Run(GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=64, context=64)), tok, Options(max_iters=400, eval_every=400))
        for _ in fit(run, Batches(*encode_all(tok, convs), 64, batch_size=8), convs[:2]): pass
        return auc(*(np.array([surprise(run.model.eval(), tok, *pair) for pair in some]) for some in (hers, others)))
    importing = [tmp_path/'in'], tmp_path/'me.txt', ['Bo']
    import_file(*importing, ImportOptions())
    assert (a := known()) > .8, a
    import_file(*importing, ImportOptions(without=['Eve']))
    kept = (tmp_path/'me.txt').read_text(encoding='utf-8')
    assert not any(told in kept for _, told in hers) and 'Ada' not in kept
    assert .35 < (a := known()) < .65, a
