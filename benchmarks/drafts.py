"""Which way to choose a draft is hardest to tell from the person?

    python benchmarks/drafts.py --checkpoint out/ckpt.pt --data training_data/chatml_format.txt

The drafts are written once, in answer to what the person was asked in held-out conversations. Then each lambda of
nbs/runs/candidates.ipynb chooses among them, with scores over the number of tokens or over its root, and a classifier,
trained three times, compares ten messages of either side (0.5: a coin). One JSON object a line on standard output; the first
line is about the person's own earlier messages, as many, and the second one takes the first draft."""
from __future__ import annotations
import json, sys
from tinychat.commands import command

@command
def drafts(
    checkpoint:str='out/ckpt.pt', # A model
    data:str='training_data/chatml_format.txt', # What it learned from
    asked:int=400,          # Questions, at most
    temperature:float=1.,   # Boldness of the drafts
    seed:int=0,             # Of what is drawn
):
    "Choose among drafts, and tell them from a person."
    from tinychat.evaluate.asked import exchanges
    from tinychat.evaluate.likeness import grouped_messages, last_replies, told_apart
    from tinychat.fast.corpus import open_data
    from tinychat.runs import load_chat
    from tinychat.runs.candidates import DRAFTS
    chat = load_chat(checkpoint, candidates=DRAFTS, temperature=temperature, seed=seed)
    train, held_out = open_data(data)
    questions, written = exchanges(held_out)[:asked], []
    for e in questions:
        chat.reset()
        chat.talk = list(e.before)
        written.append([d for d in chat.drafts() if d.messages])
        print(f'\r{len(written)} of {len(questions)}', end='', file=sys.stderr, flush=True)
    print(file=sys.stderr)
    def texts(d): return [chat.tokenizer.decode(ids) for ids in d.messages] if d else []
    real = grouped_messages(questions)
    def compare(what, made):
        apart = [told_apart(real, made, k) for k in (0, 1, 2)]
        ten = [round(a.ten.value, 3) for a in apart if a]
        print(json.dumps(dict(what, temperature=temperature, ten=ten, asked=len(questions), seed=seed)), flush=True)
    compare(dict(model='the person, earlier'), grouped_messages(last_replies(train, sum(len(e.real) for e in questions))))
    def choose(value): return grouped_messages([e._replace(made=texts(ds and max(ds, key=value))) for e, ds in zip(questions, written)], True)
    compare(dict(candidates=1), choose(lambda d: 0)) # of equals, the first
    for weight in (.6, .8, .9, 1.):
        for power, over in ((0, 'n'), (.5, 'root')): # of the number of tokens, each message's end among them
            def value(d): return (d.in_talk - weight*d.anywhere)*sum(len(ids) + 1 for ids in d.messages)**power
            compare(dict(candidates=DRAFTS, weight=weight, over=over), choose(value))

if __name__ == '__main__': sys.exit(drafts())
