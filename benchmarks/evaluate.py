"""Do the measures move the right way? The demo person's model beside models that should be worse at one thing:
fewer messages, no base, another person's, learned by heart.

    python benchmarks/evaluate.py [FOLDER]    # checkpoints that are missing in FOLDER (out/eval) are trained; a GPU helps

Rows go to benchmarks/runs/evaluation.jsonl, and nbs/evaluate/index.ipynb draws them."""
import json, sys, time
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import nanogpt
import numpy as np
import torch

from tinychat.chat import Chat
from tinychat.checkpoint import BASES, load_base, pick_device
from tinychat.data import demo_chats, from_chats, write_chatml
from tinychat.fast.corpus import load_data
from tinychat.evaluate import answer_all
from tinychat.evaluate.leaks import KnownMessages, copied, membership, verbatim
from tinychat.evaluate.likeness import (Habits, Measure, bpb_measure, crowd, grouped_messages, identify, last_replies, other_side,
                                        told_apart)
from tinychat.evaluate.asked import exchanges
from tinychat.fast import evaluate, loss_for, writer_for
from tinychat.fast.cache import CachedWriter, Engine
from tinychat.runs import load_chat, train_file
from tinychat.runs.plan import Dataset, options_for, start_from
from tinychat.runs.resume import SavedRun
from tinychat.share.guard import Guard
from tinychat.train import fit

PEOPLE = '0f9fe1f8', '720840be'


def part(train, share):
    "The last conversations, with so much of the text."
    def size(convs): return sum(len(b.text) for c in convs for b in c)
    last = []
    for c in reversed(train):
        if size(last) > share*size(train): break
        last.insert(0, c)
    return last


def keep(model, tok, path):
    weights = {k: v.cpu() for k, v in model.state_dict().items()}
    torch.save(dict(config=asdict(model.config), model=weights, tokenizer=tok.to_dict()), path)


def default_run(path, train, held_out, device, seed=0, times=1):
    "The default training from a base; with `times`, so many times as long, and then the last weights count, however bad they are."
    start = start_from(path, train, seed)
    data = Dataset.encode(train, held_out, start.tok)
    options, *_ = options_for(start, data, device, seed=seed)
    if times > 1: options = replace(options, max_iters=options.max_iters*times, average=0., patience=0)
    model = start.new_model().to(device)
    run, batches = SavedRun(model, start.tok, options), data.batches(model.config.context, options, device)
    loss_fn = loss_for(model, options.max_iters*options.batch_size*batches.context)
    for _ in fit(run, batches, held_out if times == 1 else (), loss_fn, evaluate): pass
    if times == 1: run.model.load_state_dict(run.best_model)
    return run


def make(folder):
    "Every checkpoint that is not there yet."
    for who in PEOPLE:
        data = folder/f'{who}.txt'
        if not data.exists(): me, chats = demo_chats(who); write_chatml(data, from_chats(chats, me))
        train, held_out = load_data(data)
        if not (path := folder/f'default_{who}.pt').exists(): train_file(data, path, base='tiny')
        if not (path := folder/f'scratch_{who}.pt').exists(): train_file(data, path, init='scratch')
        if not (path := folder/f'nano_{who}.pt').exists(): keep(*nanogpt.train(data)[:2], path)
        if who != PEOPLE[0]: continue
        jobs = [('share4.pt', part(train, 1/4), 1), ('share16.pt', part(train, 1/16), 1), ('over.pt', train, 30)]
        for name, convs, times in jobs:
            if (folder/name).exists(): continue
            run = default_run(BASES/'tiny', convs, held_out, pick_device(), times=times)
            keep(run.model, run.tok, folder/name)


def rounded(row):
    def short(v): return [round(x, 4) for x in v] if isinstance(v, Measure) else round(v, 4) if isinstance(v, float) else v
    return {k: short(v) for k, v in row.items()}


class Person:
    "What a person's models are compared with."
    def __init__(self, who, data):
        self.who, (self.train, self.held_out) = who, load_data(data)
        self.asked = exchanges(self.held_out)
        self.wrote = [b.text for c in self.train for b in c if b.role == 'assistant']
        people = crowd(self.wrote, 1000, self.held_out) # the most talkative first
        self.suspects = dict(islice(people.items(), 19))
        self.before = last_replies(self.train, sum(len(e.real) for e in self.asked))
        self.theirs = exchanges(other_side(self.held_out))
        self.habits = Habits(self.train, people)
        self.known = KnownMessages([b.text for c in self.train for b in c])
    def taken(self, heap): return identify(self.wrote, self.suspects, dict(it=heap))['it'].ten


def row_of(person, name, chat, told, heap, style, whose):
    "What is measured of models and of the person alike; `whose` habits are compared with the person's."
    copies = verbatim(person.known, heap)
    settings = dict(temperature=chat.temperature, top_k=chat.top_k) if chat else dict(temperature=None, top_k=None)
    return dict(name=name, person=person.who, **settings, bpb=None, one=told.one, ten=told.ten, taken=person.taken(heap),
                habits=float(np.mean([r[whose].value for r in style.values()])), whole=copies.whole, eight=copies.long,
                longest=copies.longest, auc=None)


def behind_guard(chat, person, answered):
    "Share of the messages that hold more than eight tokens of a training message, without a guard and with it."
    guard = chat.ban = Guard(chat.tokenizer, [b.text for c in person.train for b in c])
    guarded = answer_all(chat, person.asked)
    chat.ban = None
    free, behind = (copied(chat.tokenizer, guard, grouped_messages(es, True)) for es in (answered, guarded))
    return dict(copied=free, copied_guarded=behind)


def measure(person, name, chat):
    "A row of numbers."
    begun = time.perf_counter()
    answered = answer_all(chat, person.asked)
    heap, base = grouped_messages(answered, True), load_base(BASES/'tiny')
    told, style = told_apart(grouped_messages(person.asked), heap), person.habits.compare(answered, person.theirs, person.before)
    row = row_of(person, name, chat, told, heap, style, 'model')
    row['bpb'] = bpb_measure(chat.model, chat.tokenizer, person.held_out)
    row['auc'] = membership((chat.model, chat.tokenizer), base, person.before, person.asked)[0]['loss beside the base']
    if name == 'learned by heart': row |= behind_guard(chat, person, answered)
    print(f'{time.perf_counter()-begun:.0f} s', row, flush=True)
    return rounded(row)


def measure_person(person):
    "The person's earlier messages beside the later ones."
    heap = grouped_messages(person.asked)
    told, same = told_apart(heap, grouped_messages(person.before)), [e._replace(made=e.real) for e in person.asked]
    style = person.habits.compare(same, person.theirs, person.before)
    return rounded(row_of(person, 'the person, earlier', None, told, heap, style, 'self'))


def models_of(person, folder, device):
    "Yield the name of each model, and a chat with it."
    who, other = person.who, PEOPLE[person.who == PEOPLE[0]]
    files = {'default': f'default_{who}', 'from scratch': f'scratch_{who}', 'somebody else': f'default_{other}'}
    if who == PEOPLE[0]:
        files |= {'a quarter of the messages': 'share4', 'a sixteenth of the messages': 'share16', 'learned by heart': 'over'}
    for name, file in files.items(): yield name, load_chat(folder/f'{file}.pt', device, candidates=1, seed=0)
    yield 'the base', Chat(*load_base(BASES/'tiny'), make_writer=writer_for, seed=0)
    nano, tok = nanogpt.load(folder/f'nano_{who}.pt')
    def writer(model): return CachedWriter(Engine(model)) # no network of ours, so none of our engines
    for name, settings in (('nanoGPT', {}), ('nanoGPT, its own sampling', dict(temperature=0.8, top_k=200))): # as its sample.py has it
        yield name, Chat(nano.to(device), tok, make_writer=writer, seed=0, **settings)


if __name__ == '__main__':
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else 'out/eval')
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)
    device, rows = str(pick_device()), []
    for who in PEOPLE:
        person = Person(who, folder/f'{who}.txt')
        rows += [measure(person, name, chat) for name, chat in models_of(person, folder, device)] + [measure_person(person)]
        (Path(__file__).parent/'runs'/'evaluation.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in rows))
