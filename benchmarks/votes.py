"""Does a model learn a taste from votes, and what does it cost?

    python benchmarks/votes.py CHECKPOINT DATA [PERSON] >> benchmarks/runs/votes.jsonl

A voter dislikes exclamation marks: of two replies of the model they choose the one with fewer messages that have any, and where there are
as many they toss a coin. After 200 votes, on moments of DATA's training messages, the model is asked what stands before 200 others.
The checkpoint is not changed.
"""
import json, random, shutil, sys, tempfile
from pathlib import Path

from tinychat.checkpoint import load_checkpoint
from tinychat.evaluate.asked import exchanges
from tinychat.fast.corpus import open_data
from tinychat.fast.many import replies
from tinychat.runs import load_chat
from tinychat.runs.votes import SHOWN, vote_file

def loud(said): return sum('!' in t for t in said)

def main(checkpoint, data, person=''):
    moments = [e.before for e in random.Random(0).sample(exchanges(open_data(data)[0]), 400)]
    def ask(checkpoint, moments, seed): return replies(load_chat(checkpoint, 'cpu', candidates=1, seed=seed), moments)
    def share(checkpoint):
        said = [t for seed in (5, 6) for texts in ask(checkpoint, moments[200:], seed) for t in texts]
        return round(loud(said)/len(said), 4), len(said)
    shown, coin, votes = [before[-SHOWN:] for before in moments[:200]], random.Random(0), []
    for before, *pair in zip(shown, ask(checkpoint, shown, 0), ask(checkpoint, shown, 1)):
        chosen, rejected = sorted(pair, key=lambda said: (loud(said), coin.random()))
        votes.append(dict(before=[[b.role.split()[0], b.text] for b in before], chosen=chosen, rejected=rejected))
    with tempfile.TemporaryDirectory() as folder:
        file, learned = Path(folder)/'votes.json', Path(folder)/'ckpt.pt'
        file.write_text(json.dumps(dict(votes=votes)))
        shutil.copy(checkpoint, learned)
        was = share(learned)
        run = vote_file([file], data, learned, 'cpu', say=lambda line: print(line, file=sys.stderr))
        now = share(learned)
    print(json.dumps(dict(person=person, base=run.start, votes=len(votes), decided=sum(loud(v['chosen']) < loud(v['rejected']) for v in votes), before=was[0], after=now[0],
                          messages=now[1], bpb_before=round(load_checkpoint(checkpoint)['best'], 4), bpb_after=round(run.best, 4))))

if __name__ == '__main__': main(*sys.argv[1:])
