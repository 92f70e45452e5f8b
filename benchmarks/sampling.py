"""How bold should replies be? Sixteen settings, judged by how often a classifier tells replies from the person's and by how much sense they make.

    python benchmarks/sampling.py write DATA... --out replies.json --seeds 0 1   # trains the default model of each person, replies, measures sense; a GPU helps
    python benchmarks/sampling.py judge replies.json benchmarks/runs/sampling.jsonl

nbs/evaluate/likeness.ipynb draws the rows."""
import argparse, itertools, json, time
from pathlib import Path
import torch
from tinychat.evaluate.likeness import messages, sense, told_apart
from tinychat.evaluate.many import exchanges
from tinychat.chat import Chat
from tinychat.data import Block, load_data
from tinychat.gpt import sample
from tinychat.train import BASES, Options, choose_start, fit, further_run, load_base, pick_device, plan, strangeness

SETTINGS = {f't {t}' + ''.join(f', {k} {v}' for k, v in more.items()): dict(t=t, **more) for t, more in [
    *((t, {}) for t in (.8, .9, 1., 1.1)), *((t, {'top-k': 200}) for t in (.8, .9, 1.)), (1., {'top-k': 40}),
    *((t, {'top-p': p}) for t, p in ((1., .9), (1.1, .9), (.9, .95), (1., .95), (1.1, .95), (1., .98))), *((t, {'repetition': 1.1}) for t in (.9, 1.))]}


class Bold(Chat):
    "A chat with every setting there is."
    guard = property(lambda self: 'repetition' in self.setting, lambda self, none: None) # so that what was said is known at every step
    def draw(self, scores, writers, temperature, generator, **_):
        s, text = self.setting, [*self.tokenizer.special.values()]
        more = dict(top_k=s.get('top-k'), top_p=s.get('top-p'))
        if 'repetition' in s: # ends of messages are not marked down
            before = [(w.ids + [i for m in w.said for i in m])[-64:] for w in writers]
            width, kept = max(map(len, before)), scores[:,text].clone()
            before = torch.tensor([b + b[-1:]*(width - len(b)) for b in before], device=scores.device)
            seen = scores.gather(1, before)
            scores = scores.scatter(1, before, torch.where(seen > 0, seen/s['repetition'], seen*s['repetition']))
            scores[:,text] = kept
        return sample(scores, temperature=temperature, generator=generator, **more)


def trained(data, device, seed):
    "The default model of a person: (model, tokenizer, conversations held out)."
    train, held = load_data(data)
    path = choose_start('auto', 'tiny', train)
    run = further_run(path, train, Options(seed=seed), device, held)
    plan(run, train, held, from_base=True, strange=strangeness(run.tok, train))
    for _ in fit(run, train, held): pass
    run.model.load_state_dict(run.best_model)
    return run.model, run.tok, held


def write(data, out, seeds, device, settings):
    "Replies to everything that was asked in held-out conversations, and their sense."
    judge, judges = load_base(BASES/'small')
    judge.to(device)
    rows, begin = [], time.perf_counter()
    for path in data:
        model, tok, held = trained(path, device, 0)
        asked = exchanges(held)
        person = dict(person=Path(path).stem, asked=[[e.conv, e.real] for e in asked])
        for (name, s), seed in itertools.product([(n, SETTINGS[n]) for n in settings], seeds):
            chat = Bold(model, tok, temperature=s['t'], seed=seed)
            chat.setting = s
            made = chat.replies([e.before for e in asked], 256)
            answered = [e._replace(made=m) for e, m in zip(asked, made)]
            rows.append(dict(setting=name, seed=seed, made=made, sense=sense(judge, judges, answered, len(answered)).value, **person))
            print(f'{time.perf_counter()-begin:.0f} s', person['person'], name, seed, round(rows[-1]['sense'], 3), flush=True)
            Path(out).write_text(json.dumps(rows))


def judge(replies, out):
    "How often each is told from the person."
    from tinychat.evaluate.many import Exchange
    lines = []
    for r in json.loads(Path(replies).read_text()):
        asked, far = [], {} # what stood before was not kept, so replies count twice for messages
        for (conv, real), made in zip(r['asked'], r['made']):
            asked.append(Exchange(conv, [Block('user', '')]*far.get(conv, 1), real, made))
            far[conv] = far.get(conv, 1) + 2
        told = told_apart(messages(asked), messages(asked, True))
        lines.append(dict(person=r['person'], setting=r['setting'], seed=r['seed'], one=round(told.one.value, 4), ten=round(told.ten.value, 4), sense=round(r['sense'], 4), n=told.n))
        print(lines[-1], flush=True)
    Path(out).write_text(''.join(json.dumps(r) + '\n' for r in lines))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=('write', 'judge')); p.add_argument('files', nargs='+')
    p.add_argument('--out', default='replies.json'); p.add_argument('--seeds', type=int, nargs='+', default=[0]); p.add_argument('--device', default='auto')
    p.add_argument('--settings', nargs='+', default=list(SETTINGS), choices=list(SETTINGS), help='all of them if left out')
    a = p.parse_args()
    if a.what == 'write': write(a.files, a.out, a.seeds, pick_device(a.device), a.settings)
    else: judge(*a.files)
