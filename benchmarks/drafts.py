"""Which draws, and which way to choose among drafts, make sense and still sound like the person?

    python benchmarks/drafts.py write PERSON... --base smollm2 --out drafts.json.xz
        # trains the default model of each person, and writes drafts of replies to what they were asked in held-out conversations; a GPU helps
    python benchmarks/drafts.py sheet drafts.json.xz sheets
        # the drafts of some questions, shuffled, for readers who write 1 for one that fits and 0 for another
    python benchmarks/drafts.py judge drafts.json.xz sheets benchmarks/runs/draws.jsonl
    python benchmarks/drafts.py write PERSON... --base tiny --only 't .8' --drafts 32 --out many.json.xz
    python benchmarks/drafts.py number many.json.xz benchmarks/runs/number.jsonl
        # how the number of drafts among which one is chosen changes being told apart

The drafts are written once. Then each rule chooses among them: lambda of nbs/runs/candidates.ipynb, a score over the number of tokens or over its root, asked of the person's model or of
the base. A classifier, trained three times, compares ten messages of either side (0.5: a coin), and the readers' marks say how many of the chosen drafts fit. A line of JSON for each
rule and draw; the first line of a person is about their own earlier messages, as many."""
from __future__ import annotations
import argparse, itertools, json, lzma, random
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tinychat.bases import open_base
from tinychat.chat import Chat
from tinychat.data import Block, demo_chats, from_chats, split_by_time, write_chatml
from tinychat.evaluate.asked import Exchange, evenly, exchanges
from tinychat.evaluate.likeness import grouped_messages, last_replies, told_apart
from tinychat.fast.half import halve, is_halved
from tinychat.fast.many import Reply, ban_maker, batch_for, sample_allowed, write_side_by_side
from tinychat.gpt import sample
from tinychat.runs import load_chat, train_file
from tinychat.runs.candidates import WEIGHT, CandidateChat, ScoredRows, log_likelihoods

DRAWS = { # name: temperature, share of the probability (top-p), of the likeliest token's (min-p), drafts
    't 1, top-p .9': (1., .9, None, 16), 't 1': (1., None, None, 8), 't .9': (.9, None, None, 8), 't .8': (.8, None, None, 8),
    't 1, min-p .1': (1., None, .1, 8), 't 1, top-p .8': (1., .8, None, 8), 't 1.2, min-p .1': (1.2, None, .1, 8), 't 1, top-p .95': (1., .95, None, 8)}


def draw(logits, rows, top_p, min_p, ban_in, temperature, **sampling):
    "As `sample_allowed`, but without the tokens that top-p (Holtzman et al. 2019) or min-p (Nguyen et al. 2024) cuts off."
    drawn = sample_allowed(logits, rows, ban_in, temperature=temperature, **sampling) # from here on, what is banned has no chance
    if not top_p and not min_p: return drawn
    best, order = (logits/temperature).softmax(-1).sort(descending=True)
    over = best.cumsum(-1) - best >= top_p if top_p else best < min_p*best[:,:1] # for top-p, the share was reached before this one
    over[:,0] = False # the likeliest always stays
    return sample(logits.masked_fill(over.scatter(1, order, over), -torch.inf), temperature=temperature, **sampling)


def write_drafts(chat, base, talks, setting):
    "For each talk, a list of (messages, tokens, log p in the talk, after nothing, and both of the base)."
    chat.temperature, top_p, min_p, n = setting
    how = partial(draw, top_p=top_p, min_p=min_p, ban_in=ban_maker(chat))
    drafts, size = [[Reply(chat, talk) for _ in range(n)] for talk in talks], batch_for(chat)//n
    order = sorted(range(len(talks)), key=lambda i: len(drafts[i][0].ids))
    nothing, found = [chat.tokenizer.end_of_text, *chat.header('assistant')], [None]*len(talks)
    for some in (order[k:k+size] for k in range(0, len(order), size)):
        rows = [r for i in some for r in drafts[i]]
        write_side_by_side(chat, rows, ScoredRows(chat, rows, how))
        def likely(who, before, replies):
            once = [*{tuple(r.drawn) for r in replies}]
            return dict(zip(once, log_likelihoods(who, before, [list(d) for d in once])))
        anywhere = [likely(who, nothing, rows) for who in (chat, base)]
        for i in some:
            by_base = likely(base, drafts[i][0].ids, drafts[i])
            found[i] = [(r.texts(), len(d := tuple(r.drawn)), *(round(v, 3) for v in (r.log_p, anywhere[0][d], by_base[d], anywhere[1][d]))) for r in drafts[i]]
    return found


def model_of(who, base, chats, folder):
    "The default model of a person: its checkpoint, made if it is not there."
    folder.mkdir(exist_ok=True)
    data, model = folder/f'{who}.txt', folder/f'{base}-{who}.pt'
    write_chatml(data, chats)
    if not model.exists(): train_file(data, model, base=base)
    return model

def write(people, base_name, out, most, folder, draws=DRAWS, seed=0):
    "Drafts of people's models."
    kept = []
    for who in people:
        who, chats = demo_chats(who)
        chats = from_chats(chats, who)
        train, held_out = split_by_time(chats)
        asked = evenly(exchanges(held_out), most)
        made = load_chat(model_of(who[:8], base_name, chats, Path(folder)), candidates=1)
        base = Chat(open_base(base_name)[0].to(made.model.device).eval(), made.tokenizer)
        if is_halved(made.model): halve(base.model)
        for model in (made.model, base.model): model.config = replace(model.config, context=min(512, model.config.context)) # many talks side by side need memory
        chat = CandidateChat(made.model, made.tokenizer, seed=seed, max_tokens=128)
        person = dict(person=who[:8], base=base_name, asked=asked, earlier=last_replies(train, sum(len(e.real) for e in asked)), drafts={})
        kept.append(person)
        for name, setting in draws.items():
            person['drafts'][name] = write_drafts(chat, base, [e.before for e in asked], setting)
            print(who[:8], base_name, name, flush=True)
            Path(out).write_bytes(lzma.compress(json.dumps(kept).encode()))


def read(path):
    "What `write` kept, as it was."
    people = json.loads(lzma.decompress(Path(path).read_bytes()))
    def exchange(conv, before, real, made): return Exchange(conv, [Block(*b) for b in before], real, made)
    for p in people: p |= {k: [exchange(*e) for e in p[k]] for k in ('asked', 'earlier')}
    return people


def text_of(messages): return ' / '.join(m.replace('\n', ' ') for m in messages) or '(nothing)'

def to_read(people, each=14):
    "What readers judge: (base, person, question) and its replies, each once, the person's own among them; in an order that tells nothing."
    found = []
    for p in people:
        for i in evenly(range(len(p['asked'])), each):
            replies = {text_of(p['asked'][i].real), *(text_of(d[0]) for drafts in p['drafts'].values() for d in drafts[i])}
            key = p['base'], p['person'], i
            found.append((key, random.Random(str(key)).sample(sorted(replies), len(replies))))
    random.Random(0).shuffle(found)
    return found

def sheet(people, folder, questions=6):
    "Sheets of a few questions, the replies of every draw among each other."
    asked, folder = {(p['base'], p['person'], i): e for p in people for i, e in enumerate(p['asked'])}, Path(folder)
    folder.mkdir() # a sheet is not added to one that is there
    for n, (key, replies) in enumerate(to_read(people)):
        said = [f"{'B' if b.role == 'assistant' else 'A'}: {b.text}" for b in asked[key].before if b.role != 'system'][-8:]
        with open(folder/f'{n//questions}.txt', 'a') as f: f.write('\n'.join([f'## {n}', *said, '', *(f'{k}. B: {r}' for k, r in enumerate(replies, 1)), '', '']))


def choose(drafts, n, weight, over, judge):
    "The best of n drafts, by a rule; of equals, the first."
    at = dict(own=(2, 3), base=(4, 5))[judge]
    def value(d): return any(d[0]), (d[at[0]] - weight*d[at[1]])/d[1]**dict(n=1, root=.5)[over]
    return max(drafts[:n], key=value)

def rules(most):
    "One draft, and ways to choose among several."
    yield dict(n=1)
    for n in (4, 8, 16):
        if n > most: continue
        for weight, over in itertools.product((.6, .8, .9, 1.), ('n', 'root')): yield dict(n=n, weight=weight, over=over, judge='own')
        for weight in (.8, 1.): yield dict(n=n, weight=weight, over='n', judge='base')

def marks_in(folder, people):
    "What readers made of each reply: {(base, person, question): {reply: share of the readers whom it fits}}."
    given = {}
    for path in sorted(Path(folder).glob('*.json')):
        for key, marks in json.loads(path.read_text()).items(): given.setdefault(key, []).append([int(m) for m in marks])
    found = {}
    for n, (key, replies) in enumerate(to_read(people)):
        by_reader = given[str(n)]
        if any(len(m) != len(replies) for m in by_reader): raise ValueError(f'{n}: {len(replies)} replies, and {[len(m) for m in by_reader]} marks.')
        found[key] = {r: sum(m)/len(m) for r, *m in zip(replies, *by_reader)}
    return found

def fits(p, draw, rule, marks):
    "The share of what is sent that fits, of the questions that readers saw; with fewer drafts than were written, by turns."
    found = []
    for i, drafts in enumerate(p['drafts'][draw]):
        if (mark := marks.get((p['base'], p['person'], i))) is None: continue
        n = rule['n']
        groups = [drafts[k:k+n] for k in range(0, len(drafts), n)]
        sent = [d for d, in groups] if n == 1 else [choose(g, **rule) for g in groups]
        found.append(sum(mark[text_of(d[0])] for d in sent)/len(sent))
    return sum(found)/len(found)

def real_fits(p, marks):
    "The same of what the person sent."
    found = [mark[text_of(p['asked'][i].real)] for (base, who, i), mark in marks.items() if (base, who) == (p['base'], p['person'])]
    return sum(found)/len(found)

def told(p, draw, rule):
    "How often ten messages of what is sent are told from ten of the person's."
    made = [drafts[0] if rule['n'] == 1 else choose(drafts, **rule) for drafts in p['drafts'][draw]] # the first n
    return told_from(p, grouped_messages([e._replace(made=d[0]) for e, d in zip(p['asked'], made)], True))

def told_from(p, made):
    real = grouped_messages(p['asked'])
    return round(sum(told_apart(real, made, k).ten.value for k in (0, 1, 2))/3, 4)


def judge(people, marks, out):
    "Every rule and draw, averaged over the people of a base: the share of the replies that fits, and how often they are told apart."
    rows = []
    for base in dict.fromkeys(p['base'] for p in people):
        some = [p for p in people if p['base'] == base]
        def add(what, values): rows.append(dict(base=base, people=[p['person'] for p in some], **what, **{k: round(sum(v)/len(v), 4) for k, v in values.items()}))
        add(dict(draw='the person'), dict(fits=[real_fits(p, marks) for p in some], told=[told_from(p, grouped_messages(p['earlier'])) for p in some]))
        for name, setting in DRAWS.items():
            if not all(name in p['drafts'] for p in some): continue
            for rule in rules(setting[-1]):
                apart = dict(told=[told(p, name, rule) for p in some]) if rule['n'] in (1, 8) else {} # it takes time
                add(dict(draw=name, **rule), dict(fits=[fits(p, name, rule, marks) for p in some], **apart))
                print(json.dumps(rows[-1]), flush=True)
    Path(out).write_text(''.join(json.dumps(r) + '\n' for r in rows))

def number(people, out):
    "For 1, 2, 4 and so on drafts of as many as there are, how often what is sent is told apart, averaged over the people."
    (draw, drafts), = people[0]['drafts'].items()
    rule, n = dict(weight=WEIGHT, over='n', judge='own'), 1
    with open(out, 'w') as f:
        while n <= len(drafts[0]):
            apart = [told(p, draw, rule | dict(n=n)) for p in people]
            row = dict(base=people[0]['base'], people=[p['person'] for p in people], draw=draw, **rule, n=n, told=round(sum(apart)/len(apart), 4))
            print(json.dumps(row), file=f, flush=True)
            print(json.dumps(row), flush=True)
            n *= 2


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('write', 'sheet', 'judge', 'number'))
    p.add_argument('names', nargs='+', help='people to write for; otherwise files')
    p.add_argument('--base', default='smollm2'); p.add_argument('--out', default='drafts.json.xz'); p.add_argument('--models', default='out/drafts', help='folder of their checkpoints'); p.add_argument('--asked', type=int, default=150, help='questions of each, at most')
    p.add_argument('--only', choices=DRAWS, help='a draw of the table (none: all)'); p.add_argument('--drafts', type=int, help='drafts for each question (none: as in the table)')
    a = p.parse_args()
    if a.what == 'write':
        draws = {name: (*how, a.drafts or n) for name, (*how, n) in DRAWS.items() if a.only in (None, name)}
        write(a.names, a.base, a.out, a.asked, a.models, draws)
    elif a.what == 'sheet': sheet([p for path in a.names[:-1] for p in read(path)], a.names[-1])
    elif a.what == 'number': number([p for path in a.names[:-1] for p in read(path)], a.names[-1])
    else:
        *paths, sheets, out = a.names
        people = [p for path in paths for p in read(path)]
        judge(people, marks_in(sheets, people), out)
