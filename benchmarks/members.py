"""What keeps a stranger from finding the messages that a model was trained on, and what it costs.

    python benchmarks/members.py PERSON... [--base smollm2] [--settings ...] [--seeds 0] [--told] [--out FILE]

PERSON is a participant of chitchat-dataset, or the beginning of their id. A line of JSON a training, and for several people one more of all their replies together, as one in a
thousand of the others can only be told of a thousand; --out adds the lines to a file. --told measures as well how often the model's
replies are told from the person's, by whom, and what the replies have in common with what it learned from. A GPU helps.

Each training is the default one but for its setting, and its last weights count, not the best. Found are replies of the last thousand that it learned from, by who is wrong about one in a hundred of those held out;
and once more only among those like which the person wrote nothing else (alone).
nbs/evaluate/leaks.ipynb draws the rows."""
import argparse, copy, json, math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from tinychat.bases.lora import add_lora, merge_lora
from tinychat.chat import Chat
from tinychat.checkpoint import pick_device
from tinychat.data import demo_chats, from_chats, split_by_time
from tinychat.evaluate import SIDES, answer_all, slips
from tinychat.evaluate.asked import exchanges
from tinychat.evaluate.leaks import KnownMessages, auc, error_zone, ez_score, found_at, verbatim
from tinychat.evaluate.likeness import bootstrap, grouped_messages, judge_apart, last_replies, stretches, token_bits, told_apart
from tinychat.fast import evaluate, loss_for, writer_for
from tinychat.fast.half import autocast, half_type
from tinychat.runs.candidates import CandidateChat
from tinychat.runs.loops import LoopFreeChat
from tinychat.runs.plan import PRIVATE_RANK, Dataset, choose_start, options_for, start_from, train_window
from tinychat.runs.resume import SavedRun
from tinychat.train import fit

SETTINGS = {
    'default': {}, 'half the steps': dict(steps=.5), 'a quarter of the steps': dict(steps=.25),
    'LoRA of rank 16': dict(lora=16), 'LoRA of rank 8': dict(lora=8), 'LoRA of rank 4': dict(lora=4), 'LoRA of rank 2': dict(lora=2),
    'LoRA of rank 16, half the steps': dict(lora=16, steps=.5), 'LoRA of rank 8, half the steps': dict(lora=8, steps=.5),
    '--private': dict(lora=PRIVATE_RANK, steps=.5),
    'LoRA of rank 16, as on a CPU': dict(lora=16, steps=.42), # in five minutes on two cores
    'dropout 0.1': dict(dropout=.1), 'dropout 0.2': dict(dropout=.2), 'LoRA of rank 4, dropout 0.05': dict(lora=4, dropout=.05),
    'two halves, averaged': dict(parts=2), 'four quarters, averaged': dict(parts=4), 'two halves with LoRA of rank 4, averaged': dict(parts=2, lora=4),
    'two halves with LoRA of rank 16, averaged': dict(parts=2, lora=16),
    'label smoothing 0.1': dict(smoothing=.1), 'label smoothing 0.2': dict(smoothing=.2),
    'tokens above 6 nats do not count': dict(most=6.), 'rare tokens count less': dict(power=.2)}


def other_loss(smoothing=0., most=math.inf, power=0.):
    "As `weighted_loss`: with label smoothing, without tokens of more nats than `most`, or with p**power as the weight of each (Zhang and Sabuncu 2018)."
    def loss(model, x, y, weight):
        with autocast(model.device): logits = model(x).float().flatten(0, 1)
        nats, used = (F.cross_entropy(logits, y.flatten(), reduction='none', label_smoothing=s).view_as(y) for s in (0., smoothing))
        plain = nats.detach()
        return (used*weight*(plain < most)*torch.exp(-power*plain)).sum()/weight.sum().clamp_min(1), plain
    return loss


def trained(start, train, device, seed, steps=1., lora=None, dropout=None, **how):
    "The default training but for a setting."
    start = copy.copy(start)
    start.model = copy.deepcopy(start.model)
    if dropout is not None:
        for part in (start.model.config, *start.model.layers): part.dropout = dropout
    data = Dataset.encode(train, [], start.tok)
    o, *_ = options_for(start, data, device, seed=seed, lora=lora)
    o = replace(o, max_iters=math.ceil(steps*o.max_iters))
    model = start.new_model().to(device)
    if lora: add_lora(model, lora, half_type(model.device))
    batches = data.batches(train_window(model.config), o, model.device)
    run = SavedRun(model, start.tok, o, lora=lora and dict(rank=lora))
    for _ in fit(run, batches, loss_fn=other_loss(**how) if how else loss_for(model, o.max_iters*o.batch_size*batches.context)): pass
    return merge_lora(run.shown) if lora else run.shown

def averaged(start, train, device, seed, parts=1, **how):
    "The mean of models that have each read a part."
    model, *others = (trained(start, train[n::parts], device, seed, **how) for n in range(parts))
    with torch.no_grad():
        for ps in zip(model.parameters(), *(m.parameters() for m in others)): ps[0].copy_(sum(ps)/parts)
    return model.eval()


def without_like(texts, others, own):
    "For each text, is there none among the others that shares half of it? `own`: its own place there, or None. Cosine of TF-IDF of three to five characters within words."
    from sklearn.feature_extraction.text import TfidfVectorizer
    shape = TfidfVectorizer(analyzer='char_wb', ngram_range=(3, 5), sublinear_tf=True).fit(others)
    rows, columns, alone = shape.transform(texts), shape.transform(others).T.tocsc(), []
    for n, place in enumerate(own):
        near = (rows[n] @ columns).toarray()[0]
        if place is not None: near[place] = 0
        alone.append(near.max() < .5)
    return np.array(alone)


class Person:
    "What a person's models are judged by."
    def __init__(self, who, base, device):
        self.who, chats = demo_chats(who)
        self.train, self.held_out = split_by_time(from_chats(chats, self.who))
        every, self.asked = exchanges(self.train), exchanges(self.held_out)[:1000]
        self.learned = every[-1000:]
        both = self.learned + self.asked
        self.talks, self.said, self.inside = [e.before for e in both], [e.real for e in both], np.arange(len(both)) < len(self.learned)
        places = [*range(len(every))][-1000:] + [None]*len(self.asked)
        self.alone = without_like(['\n'.join(said) for said in self.said], ['\n'.join(e.real) for e in every], places)
        self.groups = [('in', g) for g in stretches(self.learned)] + stretches(self.asked)
        start = start_from(base, self.train)
        self.base, self.tok = start.model.to(device).eval(), start.tok
        self.base_bits = token_bits(self.base, self.tok, self.talks, self.said)

    def scores(self, model):
        "How suspicious each reply is, as `membership` has it, which would ask the base again each time."
        own = token_bits(model, self.tok, self.talks, self.said)
        return ez_score(np.array([error_zone(bits, before, right) for (bits, right), (before, _) in zip(own, self.base_bits)]))

    def listen(self):
        "What judges read and hear besides a model."
        base = Chat(self.base, self.tok, make_writer=writer_for, seed=0)
        self.earlier = grouped_messages(last_replies(self.train, sum(len(e.real) for e in self.asked)))
        self.later, self.by_base = grouped_messages(self.asked), grouped_messages(answer_all(base, self.asked), True)
        self.known = KnownMessages([b.text for c in self.train for b in c])
        self.own = told_apart(self.later, self.earlier).ten

    def told(self, model, drafts, seed):
        "Whom the model deceives, and what it repeats."
        chat = LoopFreeChat(model, self.tok, make_writer=writer_for, seed=seed) if drafts == 1 else CandidateChat(model, self.tok, candidates=drafts, seed=seed)
        made = answer_all(chat, self.asked)
        heap = grouped_messages(made, True)
        judges = judge_apart(self.train, {'the model': heap, 'the base': self.by_base, 'the person, earlier': self.earlier, 'the person': self.later})
        copies = verbatim(self.known, heap)
        return dict(drafts=drafts, ten=told_apart(self.later, heap).ten, own=self.own, gaps={name.split()[-1]: j.gap for name, j in judges.items()},
                    slips={name: slips(made, which, self.tok) for name, which in SIDES.items()}, copied=copies.whole, longest=copies.longest)


def found(people, scores, seed):
    "What a stranger finds among the replies of one or several people."
    score, inside, alone = np.concatenate(scores), np.concatenate([p.inside for p in people]), np.concatenate([p.alone for p in people])
    groups = [(n, g) for n, p in enumerate(people) for g in p.groups]
    def measure(stat, some, **how): return bootstrap(lambda n: stat(score[n][(inside & some)[n]], score[n][(~inside & some)[n]], **how), groups, seed=seed)
    everyone, row = np.ones(len(score), bool), {}
    for name, some in ('', everyone), ('_alone', alone):
        row |= {'found' + name: measure(found_at, some, rate=.01), 'auc' + name: measure(auc, some)}
        if (~inside & some).sum() >= 1000: row['found at 0.1%' + name] = measure(found_at, some, rate=.001)
    return row | dict(alone=[int((alone & side).sum()) for side in (inside, ~inside)])


def rounded(x):
    if isinstance(x, dict): return {k: rounded(v) for k, v in x.items()}
    return [rounded(v) for v in x] if isinstance(x, (tuple, list)) else round(x, 4) if isinstance(x, float) else x

def main(a):
    device, where = pick_device('auto'), choose_start('base', a.base)
    people = [Person(who, where, device) for who in a.people]
    def tell(**row):
        line = json.dumps(rounded(dict(row, machine=torch.cuda.get_device_name() if device.type == 'cuda' else 'two CPU cores')))
        print(line, flush=True)
        if a.out:
            with open(a.out, 'a') as f: f.write(line + '\n')
    for person in people if a.told else (): person.listen()
    for seed in a.seeds:
        for name in a.settings:
            how, scores = dict(base=a.base, setting=name, seed=seed), []
            for person in people:
                model = averaged(start_from(where, person.train, seed), person.train, device, seed, **SETTINGS[name])
                scores.append(person.scores(model))
                row = found([person], scores[-1:], seed)
                for drafts in a.drafts if a.told else ():
                    told = person.told(model, drafts, seed)
                    row |= told if drafts == a.drafts[0] else {f'with {drafts} drafts': told}
                tell(person=person.who[:8], **how, bpb=evaluate(model, person.tok, person.held_out), **row)
            if len(people) > 1: tell(person='all', people=[p.who[:8] for p in people], **how, **found(people, scores, seed))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('people', nargs='+', metavar='PERSON'); p.add_argument('--base', default='smollm2'); p.add_argument('--settings', nargs='+', default=list(SETTINGS), choices=list(SETTINGS))
    p.add_argument('--seeds', type=int, nargs='+', default=[0]); p.add_argument('--told', action='store_true'); p.add_argument('--drafts', type=int, nargs='+', default=[1])
    p.add_argument('--out')
    main(p.parse_args())
