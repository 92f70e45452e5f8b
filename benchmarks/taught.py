"""May a large model of a person teach them to a small one? SmolLM2 learns the person and replies to open questions; then tiny learns from the person's messages and these replies.

    python benchmarks/taught.py PERSON... [--replies 0 3000 6000] [--corpora FOLDER] [--base tiny] [--seed 0] [--max_iters N] [--out FILE]

PERSON is a participant of chitchat-dataset. The questions are the beginnings of one to six messages of conversations that a base reads: the Chit-Chat Challenge without the twenty people who are
left out and, with --corpora (the folder of the open corpora), also persona and topical chats, typed casually. A line of JSON for each number of replies: reply bits per byte on the person's own
messages held out, the same for all. nbs/bases/teacher.ipynb shows the rows."""
import argparse, json, random, tempfile
from pathlib import Path

import torch

import tinychat.runs as runs
from tinychat.bases.pretrain import casual, read_sources
from tinychat.data import Block, demo_chats, from_chats, to_chatml
from tinychat.fast.many import replies
from tinychat.runs import load_chat, train_file

SHARES = {'chitchat': .6, 'persona': .2, 'topical': .2}

def questions(read, n, rng):
    "Conversations that end with a message of the other, told from either side."
    out = []
    while len(out) < n:
        name, = rng.choices([*SHARES], SHARES.values())
        if name not in read: name = 'chitchat'
        me, rewrite = rng.choice([0, 1]), str if name == 'chitchat' else casual
        talk = [Block('assistant' if who == me else 'user', rewrite(text)) for who, text in rng.choice(read[name])[:rng.randint(1, 6)]]
        while talk and talk[-1].role != 'user': talk.pop()
        if talk: out.append(talk)
    return out

def taught(data, base, pairs, seed, max_iters, path):
    "Train with these conversations before the person's own; what is held out stays the same."
    open_data, base_plan = runs.open_data, runs.plan.base_plan
    def with_pairs(*given, **how):
        train, held_out = open_data(*given, **how)
        return pairs + list(train), held_out
    def plan(windows, distance): return base_plan(min(windows, 640), distance) # as without the replies: its epochs, and batches of four
    runs.open_data, runs.plan.base_plan = with_pairs, plan
    try: return train_file(data, path, base=base, seed=seed, max_iters=max_iters, progress=False)
    finally: runs.open_data, runs.plan.base_plan = open_data, base_plan

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('person', nargs='+')
    p.add_argument('--replies', type=int, nargs='+', default=[0, 3000, 6000])
    for name, kind, default in (('corpora', str, None), ('base', str, 'tiny'), ('seed', int, 0), ('max_iters', int, None), ('out', str, None)):
        p.add_argument(f'--{name}', type=kind, default=default)
    a = p.parse_args()
    asked = questions(read_sources(a.corpora), max(a.replies), random.Random(a.seed))
    for person in a.person:
        with tempfile.TemporaryDirectory() as folder:
            me, chats = demo_chats(person)
            data, large = Path(folder)/'talks.txt', Path(folder)/'large.pt'
            data.write_text(to_chatml(from_chats(chats, me)), encoding='utf-8')
            best = train_file(data, large, base='smollm2', seed=a.seed, max_iters=a.max_iters, progress=False).best
            said = replies(load_chat(large, candidates=1, seed=a.seed, temperature=1.), asked)
            pairs = [talk[-3:] + [Block('assistant', m) for m in reply] for talk, reply in zip(asked, said) if all(reply)]
            for n in a.replies:
                run = taught(data, a.base, pairs[:n], a.seed, a.max_iters, Path(folder)/f'{n}.pt')
                row = dict(person=me[:8], replies=n, base=a.base, seed=a.seed, large=round(best, 4), best=round(run.best, 4), steps=run.options.max_iters,
                           machine=torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU')
                print(json.dumps(row), flush=True)
                if a.out:
                    with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')

if __name__ == '__main__': main()
