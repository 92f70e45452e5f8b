"""Does a model sound more like the person if it learns to prefer the person's replies to its own? (Self-play, Chen et al. 2024)

    python benchmarks/selfplay.py PERSON [--base tiny] [--pairs 800] [--rates 3e-6 1e-5] [--out FILE]

The default training, whose last weights count, answers some of the questions that it was trained on. The person's replies are chosen, its own rejected, and it learns from these votes
once. A line of JSON for the model before that, and for each learning rate; judged as in members.py. nbs/runs/selfplay.ipynb shows the rows."""
import argparse, copy, json, random, statistics

import torch

from members import Person, averaged, found, rounded
from tinychat.checkpoint import pick_device
from tinychat.evaluate import answer_all
from tinychat.evaluate.asked import exchanges
from tinychat.fast import evaluate, writer_for
from tinychat.runs.loops import LoopFreeChat
from tinychat.runs.plan import choose_start, start_from
from tinychat.runs.votes import Vote, VoteOptions, learn_votes


def own_votes(model, tok, asked):
    "Who is asked always prefers the person."
    chat = LoopFreeChat(model, tok, make_writer=writer_for, seed=1)
    made = [e._replace(made=[t for t in e.made if t.strip()]) for e in answer_all(chat, asked)]
    return [Vote(e.before, e.real, e.made) for e in made if e.made and e.made != e.real and all(t.strip() for t in e.real)]

def main(a):
    device, where = pick_device('auto'), choose_start('base', a.base)
    person = Person(a.person, where, device)
    person.listen()
    model = averaged(start_from(where, person.train, 0), person.train, device, 0)
    def show(model, rate, **how):
        row = dict(person=person.who[:8], base=a.base, **how, bpb=evaluate(model, person.tok, person.held_out), **found([person], [person.scores(model)], 0), **person.told(model, 1, 0))
        print(line := json.dumps(dict(rate=rate) | rounded(row | dict(machine=torch.cuda.get_device_name() if device.type == 'cuda' else 'two CPU cores'))), flush=True)
        if a.out:
            with open(a.out, 'a') as f: f.write(line + '\n')
    show(model, rate=0)
    asked = exchanges(person.train)
    votes = own_votes(model, person.tok, random.Random(0).sample(asked, min(a.pairs, len(asked))))
    for rate in a.rates:
        learner = copy.deepcopy(model).requires_grad_(True)
        history = learn_votes(learner, person.tok, votes, VoteOptions(epochs=1, lr=rate))
        show(learner.eval(), rate=rate, pairs=len(votes), **{which: statistics.mean(h[which] for h in history[-20:]) for which in ('chosen', 'rejected')})


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('person'); p.add_argument('--base', default='tiny'); p.add_argument('--pairs', type=int, default=800)
    p.add_argument('--rates', type=float, nargs='+', default=[3e-6, 1e-5]); p.add_argument('--out')
    main(p.parse_args())
