"""Does it help to tell the model whom the person is texting with, or when? Each is trained twice on the same talks, with the others' names in the headers and without.

    python benchmarks/whom.py CASE... [--base smollm2] [--corpora FOLDER] [--seed 0] [--out FILE]

CASE is demo:PERSON (a participant of chitchat-dataset and their real partners), invented:PERSON (the same talks, but each partner is given one of three names at random, and the person's
messages to two of them another style, on purpose), irc:NAME (somebody who helped many in Ubuntu's channel; the last quarter of each talk is held out; --corpora is the folder with
ubuntu_irc_cc_by.jsonl.gz) or year:NAME (the same, with the year in place of the name). A line of JSON a case: reply bits per byte without names, with the right ones, with wrong ones, and of the named model without one; for invented ones also how
it answers ten opening lines of each name, six times each. nbs/runs/trials.ipynb shows the rows."""
import argparse, json, random, re
from pathlib import Path

import torch

from tinychat.bases.pretrain import channel_messages, read_corpus
from tinychat.checkpoint import pick_device
from tinychat.data import Block, conversations, demo_chats, split_by_time, to_blocks, two_sided
from tinychat.evaluate.leaks import chat_of, train_quietly
from tinychat.fast import evaluate
from tinychat.runs.plan import Dataset, choose_start, options_for, start_from

OPENERS = ['hey, what are you doing?', 'how was your day?', 'Do you have any plans for the weekend?', 'good morning!', 'what did you have for dinner?',
           'i am so tired today', 'Did you see the news?', 'can you call me later?', 'what music do you like?', 'have you finished work?']
SHORT = {r'\byou\b': 'u', r'\bare\b': 'r', r'\bokay?\b': 'k', r'\bgoing to\b': 'gonna', r'\bto\b': '2'}


def named(talk, name): return [Block(f'user name={name}' if b.role == 'user' else b.role, b.text) for b in talk]

def demo(who):
    "(partner, conversation) of each, split in time."
    me, chats = demo_chats(who)
    parts = [(c[0].time, next((m.sender for m in chat if m.sender != me), '?')[:6], to_blocks(c, me)) for chat in chats for c in conversations(chat)]
    talks = [(name, talk) for _, name, talk in sorted(parts, key=lambda p: p[0]) if two_sided(talk)]
    n = len(split_by_time([talk for _, talk in talks])[0])
    return talks[:n], talks[n:]

def styled(name, text):
    "How the person texts somebody."
    if name == 'Mum': text = text.strip().rstrip('.!?'); return f'{text[:1].upper()}{text[1:]}. xx'
    if name != 'Alex': return text
    text = re.sub(r"[.!,?']", '', text.lower())
    for long, short in SHORT.items(): text = re.sub(long, short, text)
    return text.strip() or 'k'

def invented(who):
    "The same talks, to three people."
    rng, names = random.Random(0), {}
    def dress(talks):
        for other, talk in talks:
            name = names.setdefault(other, rng.choice(['Mum', 'Alex', 'Sam Clark']))
            yield name, [Block(b.role, styled(name, b.text) if b.role == 'assistant' else b.text) for b in talk]
    return [[*dress(talks)] for talks in demo(who)]

def irc(who, lines, by_year=False):
    "Talks with those who were helped: what either addressed to the other, and what these said to nobody after that. With `by_year`, (year, conversation) instead of (partner, conversation)."
    talks = {}
    for day, line in enumerate(lines):
        messages, met = channel_messages(line), set()
        speakers = {speaker for speaker, *_ in messages}
        for speaker, text, _ in messages:
            addressed = re.match(r'([^\s:,]+)[:,]\s+(.*)', text, re.S)
            to = addressed[1] if addressed and addressed[1] in speakers else None
            if speaker == who and to not in (None, who): met.add(to); talks.setdefault((day, to), []).append(Block('assistant', addressed[2]))
            elif to == who != speaker: met.add(speaker); talks.setdefault((day, speaker), []).append(Block('user', addressed[2]))
            elif speaker in met and not to: talks.setdefault((day, speaker), []).append(Block('user', text))
    train, held_out = [], []
    for (day, name), talk in talks.items():
        first, last = talk[:len(talk)*3//4], talk[len(talk)*3//4:]
        if by_year: name = (re.search(r'20\d\d', lines[day]['conversation_id']) or ['?'])[0]
        if sum(b.role == 'assistant' for b in talk) >= 8 and two_sided(first) and any(b.role == 'assistant' for b in last):
            train.append((name, first)); held_out.append((name, last))
    return train, held_out


def trained_on(talks, where, device, seed):
    start = start_from(where, talks, seed)
    options, *_ = options_for(start, Dataset.encode(talks, [], start.tok), device, seed=seed)
    return chat_of(train_quietly(start, talks, options, device))

def first_words(chat, name):
    "How often does the first message to somebody end in xx, and how often is it small letters without a sign?"
    said, tok = [], chat.tokenizer
    def header(role): # as `encode_conversation` writes a name
        role, space, name = role.partition(' ')
        return [tok.im_start, *tok.encode(role), *(tok.encode(space + name) if name else []), *tok.encode('\n')]
    chat.header = header
    for opener in OPENERS*6:
        chat.reset()
        chat.talk.append(Block(f'user name={name}' if name else 'user', opener))
        said.append(''.join(map(str, chat.answer())).split('\n')[0])
    return dict(xx=sum(t.endswith('xx') for t in said)/len(said), small=sum(t == t.lower() and not re.search(r"[.!,?']", t) for t in said)/len(said))

def measure(case, where, device, a):
    kind, who = case.split(':')
    train, held_out = irc(who, read_corpus(a.corpora, 'irc'), kind == 'year') if kind in ('irc', 'year') else dict(demo=demo, invented=invented)[kind](who)
    names, rng = sorted({name for name, _ in train}), random.Random(1)
    def wrong(name): return rng.choice([n for n in names if n != name] or [name])
    plain, right, false = ([talk for _, talk in held_out], [named(talk, name) for name, talk in held_out], [named(talk, wrong(name)) for name, talk in held_out])
    row = dict(case=case, base=a.base, seed=a.seed, partners=len(names), messages=sum(b.role == 'assistant' for _, talk in train for b in talk))
    def bits(chat, talks): return round(evaluate(chat.model, chat.tokenizer, talks), 4)
    row['without'] = bits(trained_on([talk for _, talk in train], where, device, a.seed), plain)
    chat = trained_on([named(talk, name) for name, talk in train], where, device, a.seed)
    row |= dict(right=bits(chat, right), wrong=bits(chat, false), unnamed=bits(chat, plain))
    if kind == 'invented': row['first words'] = {str(name): {k: round(v, 2) for k, v in first_words(chat, name).items()} for name in [*names, None]}
    return row | dict(machine=torch.cuda.get_device_name() if device == 'cuda' else 'two CPU cores')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('cases', nargs='+'); p.add_argument('--base', default='smollm2'); p.add_argument('--corpora', type=Path); p.add_argument('--seed', type=int, default=0); p.add_argument('--out')
    a = p.parse_args()
    for case in a.cases:
        print(line := json.dumps(measure(case, choose_start('base', a.base), str(pick_device('auto')), a)), flush=True)
        if a.out:
            with open(a.out, 'a') as f: f.write(line + '\n')
