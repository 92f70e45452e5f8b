"""How often does a model say something over and over?

    python benchmarks/loops.py --checkpoint out/ckpt.pt --data training_data/chatml_format.txt --replies 1000
        # lines of JSON for each temperature: freely, with the rule of nbs/runs/loops.ipynb, and with it and the best of eight drafts
        # (nbs/runs/candidates.ipynb); --out FILE adds them to a file

Half of the replies are to what the person was asked in held-out conversations, after all that was really said before. The other half
are given in talks of twelve turns: the other side's words are those of held-out conversations, and what the model itself has said
stands before. Counted are replies: `loops` have a message with a loop in it, by `is_loop`, which forgives what the person says in a
row in the training messages; `again` have a message that was said in this reply already, or one of two words or more that was said in the
one before; `same` is the most frequent first message, and `most_same` how often it came. `forbidden` is, of a thousand of the person's own held-out messages,
how many the rule would not have let pass."""
import argparse, json, time
from collections import Counter
from itertools import groupby
from pathlib import Path

import torch

from tinychat.chat import Chat
from tinychat.data import Block
from tinychat.evaluate.asked import exchanges
from tinychat.fast import writer_for
from tinychat.fast.corpus import load_data
from tinychat.runs import load_chat
from tinychat.runs.candidates import CandidateChat, best_replies
from tinychat.runs.loops import LoopFreeChat, is_forbidden, is_loop, is_said_again, reply_before, usual_rows

TURNS = 12 # in a talk


def their_turns(convs):
    "What the other side said at each of its turns, as lists of `Block`s."
    return [list(turn) for conv in convs for role, turn in groupby(conv, lambda b: b.role) if role == 'user']


def talk_along(chat, turns, n):
    "Talks side by side, n replies in all: (talk before, messages) for each."
    starts = [s for first in range(TURNS) for s in range(first, len(turns), TURNS)] # cut in another way, as often as it takes
    talks, found = [[] for _ in range(-(-n//TURNS))], []
    for t in range(TURNS):
        for k, talk in enumerate(talks): talk += turns[(starts[k % len(starts)] + t) % len(turns)]
        for talk, made in zip(talks, best_replies(chat, talks)):
            found.append((list(talk), made))
            talk += [Block('assistant', text) for text in made if text]
    return found[:n]


def count(tok, answered, usual):
    "Of (talk before, messages): how many replies say something over and over?"
    loops = again = 0
    for before, made in answered:
        lately = reply_before(before)
        loops += any(is_loop(tok, text, usual) for text in made)
        again += any(is_said_again(text, made[:n], lately) for n, text in enumerate(made))
    same, most = Counter(made[0] for _, made in answered).most_common(1)[0]
    messages = sum(len(made) for _, made in answered)/len(answered)
    return dict(replies=len(answered), loops=loops, again=again, same=same, most_same=most, messages=round(messages, 2))


def forbidden(chat, convs):
    "Of the person's own messages: (how many the rule would not let pass, how many there are)."
    own = [(conv[:n], b.text) for conv in convs for n, b in enumerate(conv) if b.role == 'assistant']
    return sum(is_forbidden(chat, before[-64:], text) for before, text in own), len(own)


def main(checkpoint, data, n, temperatures, seed, device):
    opened = load_chat(checkpoint, device)
    train, held_out = load_data(data)
    tok, asked, turns = opened.tokenizer, [e.before for e in exchanges(held_out)], their_turns(held_out)
    usual = usual_rows(tok, [b.text for conv in train for b in conv if b.role == 'assistant'])
    asked = (asked*(n//len(asked) + 1))[:n//2]
    rows = dict(zip(('forbidden', 'of'), forbidden(LoopFreeChat(opened.model, tok), held_out)))
    for temperature in temperatures:
        for kind in (Chat, LoopFreeChat, CandidateChat):
            chat = kind(opened.model, tok, make_writer=writer_for, temperature=temperature, seed=seed)
            begun = time.perf_counter()
            answered = [*zip(asked, best_replies(chat, asked)), *talk_along(chat, turns, n - len(asked))]
            counts = count(tok, answered, usual)
            yield dict(temperature=temperature, rule=kind is not Chat, candidates=getattr(chat, 'candidates', 1), **counts, **rows, seed=seed,
                       parameters=opened.model.n_params(), device=chat.model.device.type, seconds=round(time.perf_counter() - begun))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--checkpoint', default='out/ckpt.pt')
    p.add_argument('--data', default='training_data/chatml_format.txt')
    p.add_argument('--replies', type=int, default=1000)
    p.add_argument('--temperatures', type=float, nargs='+', default=[.9, .7, 0.])
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--device', default='auto')
    p.add_argument('--name', help='what the rows call the model (its file if left out)')
    p.add_argument('--out', help='a file to add the rows to')
    a = p.parse_args()
    for row in main(a.checkpoint, a.data, a.replies, a.temperatures, a.seed, a.device):
        line = json.dumps(dict(model=a.name or Path(a.checkpoint).name, **row), ensure_ascii=False)
        print(line, flush=True)
        if a.out:
            with open(a.out, 'a', encoding='utf-8') as f: f.write(line + '\n')
