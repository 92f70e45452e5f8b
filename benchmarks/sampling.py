"""How bold should replies be? Sixteen settings, judged by how often a classifier tells replies from the person's and by
how much sense they make.

    python benchmarks/sampling.py write DATA... --out replies.json --seeds 0 1
        # trains the default model of each person, replies, measures sense; a GPU helps
    python benchmarks/sampling.py judge replies.json benchmarks/runs/sampling.jsonl

nbs/evaluate/likeness.ipynb draws the rows."""
import argparse, itertools, json, time
from functools import partial
from pathlib import Path

import torch
from evaluate import default_run

from tinychat.bases import open_base
from tinychat.chat import Chat
from tinychat.checkpoint import pick_device
from tinychat.data import Block
from tinychat.fast.corpus import load_data
from tinychat.evaluate.likeness import grouped_messages, sense, told_apart
from tinychat.evaluate.asked import Exchange, exchanges
from tinychat.fast import writer_for
from tinychat.fast.half import halve
from tinychat.fast.many import replies
from tinychat.gpt import sample
from tinychat.runs.plan import choose_start

SETTINGS = {f't {t}' + ''.join(f', {k} {v}' for k, v in more.items()): dict(t=t, **more) for t, more in [
    *((t, {}) for t in (.8, .9, 1., 1.1)), *((t, {'top-k': 200}) for t in (.8, .9, 1.)), (1., {'top-k': 40}),
    *((t, {'top-p': p}) for t, p in ((1., .9), (1.1, .9), (.9, .95), (1., .95), (1.1, .95), (1., .98))),
    *((t, {'repetition': 1.1}) for t in (.9, 1.))]}


class Bold(Chat):
    "A chat with every setting there is."
    def sampling(self): return super().sampling() | dict(top_k=self.setting.get('top-k'), top_p=self.setting.get('top-p'))


def without_repeating(scores, rows, penalty, text, **sampling):
    "Draw with what was said lately marked down, but for the ids in `text`, which end messages."
    lately = [(r.ids + [i for ids in r.said for i in ids])[-64:] for r in rows]
    width, kept = max(map(len, lately)), scores[:,text].clone()
    lately = torch.tensor([ids + ids[-1:]*(width - len(ids)) for ids in lately], device=scores.device)
    seen = scores.gather(1, lately)
    scores = scores.scatter(1, lately, torch.where(seen > 0, seen/penalty, seen*penalty))
    scores[:,text] = kept
    return sample(scores, **sampling)


def trained(path, device):
    "The default model of a person: (model, tokenizer, conversations held out)."
    train, held_out = load_data(path)
    run = default_run(choose_start('auto', 'tiny'), train, held_out, device)
    return run.model, run.tok, held_out


def reply_all(model, tok, asked, setting, seed):
    "What a model replies with a setting."
    chat = Bold(model, tok, make_writer=writer_for, temperature=setting['t'], seed=seed)
    chat.setting, draw = setting, None
    if 'repetition' in setting: draw = partial(without_repeating, penalty=setting['repetition'], text=[*tok.special.values()])
    return replies(chat, [e.before for e in asked], 256, draw=draw)


def write(data, out, seeds, device, settings):
    "Replies to everything that was asked in held-out conversations, and their sense."
    judge, judge_tok = open_base('smollm2')
    halve(judge.to(device))
    rows, begun = [], time.perf_counter()
    for path in data:
        model, tok, held_out = trained(path, device)
        asked = exchanges(held_out)
        person = dict(person=Path(path).stem, asked=[[e.conv, e.real] for e in asked])
        for name, seed in itertools.product(settings, seeds):
            made = reply_all(model, tok, asked, SETTINGS[name], seed)
            answered = [e._replace(made=m) for e, m in zip(asked, made)]
            makes = sense(judge, judge_tok, answered, len(answered)).value
            rows.append(dict(setting=name, seed=seed, made=made, sense=makes, **person))
            print(f'{time.perf_counter()-begun:.0f} s', person['person'], name, seed, round(makes, 3), flush=True)
            Path(out).write_text(json.dumps(rows))


def judge(path, out):
    "How often each is told from the person."
    lines = []
    for r in json.loads(Path(path).read_text()):
        asked, length = [], {} # what stood before was not kept, so replies count twice for messages
        for (conv, real), made in zip(r['asked'], r['made']):
            asked.append(Exchange(conv, [Block('user', '')]*length.get(conv, 1), real, made))
            length[conv] = length.get(conv, 1) + 2
        told = told_apart(grouped_messages(asked), grouped_messages(asked, True))
        numbers = dict(one=round(told.one.value, 4), ten=round(told.ten.value, 4), sense=round(r['sense'], 4), n=told.n)
        lines.append(dict(person=r['person'], setting=r['setting'], seed=r['seed'], **numbers))
        print(lines[-1], flush=True)
    Path(out).write_text(''.join(json.dumps(r) + '\n' for r in lines))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('write', 'judge'))
    p.add_argument('files', nargs='+')
    p.add_argument('--out', default='replies.json')
    p.add_argument('--seeds', type=int, nargs='+', default=[0])
    p.add_argument('--device', default='auto')
    p.add_argument('--settings', nargs='+', default=list(SETTINGS), choices=list(SETTINGS), help='all of them if left out')
    a = p.parse_args()
    if a.what == 'write': write(a.files, a.out, a.seeds, pick_device(a.device), a.settings)
    else: judge(*a.files)
