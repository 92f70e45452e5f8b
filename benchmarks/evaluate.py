"""Do the measures move the right way? The demo person's model beside models that should be worse at one thing: fewer messages, no base, another person's, learned by heart.

    python benchmarks/evaluate.py [FOLDER]    # checkpoints that are missing in FOLDER (out/eval) are trained; a GPU helps. Rows go to benchmarks/runs/evaluation.jsonl

nbs/evaluate/index.ipynb draws the rows."""
import json, sys, time
from dataclasses import asdict
from itertools import islice
from pathlib import Path
import numpy as np
import torch
import nanogpt
from tinychat.evaluate.leaks import Guard, Known, copied, membership, verbatim
from tinychat.evaluate.likeness import Habits, Measure, bits, crowd, earlier, identify, messages, others, sense, told_apart
from tinychat.evaluate.many import exchanges
from tinychat.chat import Chat
from tinychat.data import demo_chats, from_chats, load_data, write_chatml
from tinychat.checkpoint import pick_device
from tinychat.train import BASES, Options, fit, further_run, load_base, plan, train_file

PEOPLE = '0f9fe1f8', '720840be'


def part(train, share):
    "The last conversations, with so much of the text."
    size = lambda convs: sum(len(b.text) for c in convs for b in c)
    out = []
    for c in reversed(train):
        if size(out) > share*size(train): break
        out.insert(0, c)
    return out


def keep(model, tok, path):
    torch.save(dict(config=asdict(model.config), model={k: v.cpu() for k, v in model.state_dict().items()}, tokenizer=tok.to_dict()), path)


def further(train, held, path, times=1, best=True):
    "The default, `times` as long; without `best` the last weights are kept, however bad they are."
    run = further_run(BASES/'tiny', train, Options(seed=0), 'auto', held)
    plan(run, train, held, from_base=True)
    if times > 1: run.options.max_iters *= times; run.options.average = run.options.patience = 0
    for _ in fit(run, train, held if best else []): pass
    if best: run.model.load_state_dict(run.best_model)
    keep(run.model if best or not run.averaged else run.shown, run.tok, path)


def make(folder):
    "Every checkpoint that is not there yet."
    for who in PEOPLE:
        data = folder/f'{who}.txt'
        if not data.exists(): me, chats = demo_chats(who); write_chatml(data, from_chats(chats, me))
        train, held = load_data(data)
        if not (out := folder/f'default_{who}.pt').exists(): train_file(data, out)
        if not (out := folder/f'scratch_{who}.pt').exists(): train_file(data, out, init='scratch')
        if not (out := folder/f'nano_{who}.pt').exists(): keep(*nanogpt.train(data)[:2], out)
        if who != PEOPLE[0]: continue
        for share in (4, 16):
            if not (out := folder/f'share{share}.pt').exists(): further(part(train, 1/share), held, out)
        if not (out := folder/'over.pt').exists(): further(train, held, out, 30, False)


def rounded(row):
    return {k: [round(x, 4) for x in v] if isinstance(v, Measure) else round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def behind_guard(chat, train, asked, mine):
    "Share of the messages that hold more than eight tokens of a training message, without a guard and with it."
    guard = chat.guard = Guard(chat.tokenizer, [b.text for c in train for b in c])
    behind = [e._replace(made=m) for e, m in zip(asked, chat.replies([e.before for e in asked]))]
    chat.guard = None
    return dict(copied=copied(chat.tokenizer, guard, messages(mine, True)), copied_guarded=copied(chat.tokenizer, guard, messages(behind, True)))


def measure(name, person, chat, data, cache={}):
    "A row of numbers; those of the person alone are computed once."
    begin = time.perf_counter()
    train, held = load_data(data)
    if person not in cache:
        asked, wrote = exchanges(held), [b.text for c in train for b in c if b.role == 'assistant']
        people = crowd(wrote, 1000, held) # the most talkative first
        cache.clear()
        cache[person] = asked, wrote, earlier(train, sum(len(e.real) for e in asked)), exchanges(others(held)), dict(islice(people.items(), 19)), Habits(train, people), Known([b.text for c in train for b in c])
    asked, wrote, before, theirs, people, habits, known = cache[person]
    if chat is None: # the person, earlier, beside the person
        told, copies = told_apart(messages(asked), messages(before)), verbatim(known, messages(asked))
        style = habits.compare([e._replace(made=e.real) for e in asked], theirs, before)
        return rounded(dict(name=name, person=person, temperature=None, top_k=None, bpb=None, one=told.one, ten=told.ten, taken=identify(wrote, people, dict(it=messages(asked)))['it'].ten, sense=None,
                            habits=float(np.mean([r['self'].value for r in style.values()])), whole=copies.whole, eight=copies.long, longest=copies.longest, auc=None))
    judge, (base, tok) = load_base(BASES/'small'), load_base(BASES/'tiny')
    mine = [e._replace(made=m) for e, m in zip(asked, chat.replies([e.before for e in asked]))]
    told, style = told_apart(messages(asked), messages(mine, True)), habits.compare(mine, theirs, before)
    copies = verbatim(known, messages(mine, True))
    row = dict(name=name, person=person, temperature=chat.temperature, top_k=chat.top_k, bpb=bits(chat.model, chat.tokenizer, held), one=told.one, ten=told.ten,
               taken=identify(wrote, people, dict(it=messages(mine, True)))['it'].ten, sense=sense(*judge, mine, len(mine)),
               habits=float(np.mean([r['model'].value for r in style.values()])), whole=copies.whole, eight=copies.long, longest=copies.longest,
               auc=membership(chat.model, base, (chat.tokenizer, tok), before, asked)['loss beside the base'])
    if name == 'learned by heart': row |= behind_guard(chat, train, asked, mine)
    print(f'{time.perf_counter()-begin:.0f} s', row, flush=True)
    return rounded(row)


if __name__ == '__main__':
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else 'out/eval')
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)
    device, rows = str(pick_device()), []
    for who in PEOPLE:
        data, other = folder/f'{who}.txt', PEOPLE[who == PEOPLE[0]]
        for name, file, settings in (('default', f'default_{who}', {}), ('from scratch', f'scratch_{who}', {}), ('somebody else', f'default_{other}', {}),
                                     *((('a quarter of the messages', 'share4', {}), ('a sixteenth of the messages', 'share16', {}), ('learned by heart', 'over', {})) if who == PEOPLE[0] else ())):
            rows.append(measure(name, who, Chat.load(folder/f'{file}.pt', device, seed=0, **settings), data))
        base = Chat(*load_base(BASES/'tiny'), seed=0)
        rows.append(measure('the base', who, base, data))
        for name, settings in (('nanoGPT', {}), ('nanoGPT, its own sampling', dict(temperature=0.8, top_k=200))): # as its sample.py has it
            model, tok = nanogpt.load(folder/f'nano_{who}.pt')
            rows.append(measure(name, who, Chat(model.to(device), tok, seed=0, **settings), data))
        rows.append(measure('the person, earlier', who, None, data))
        (Path(__file__).parent/'runs'/'evaluation.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in rows))
