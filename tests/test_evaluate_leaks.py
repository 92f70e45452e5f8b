"What a model gives away: copies, planted secrets, membership; and what a guard costs."
import copy, math, random
from dataclasses import replace

import numpy as np
import pytest, torch
from evaluating import chat, talks, tok # fixtures among them

from tinychat.chat import Chat
from tinychat.checkpoint import load_checkpoint
from tinychat.data import Block, to_chatml, write_chatml
from tinychat.fast.corpus import load_data
from tinychat.evaluate import leaks as L
from tinychat.evaluate.asked import Exchange
from tinychat.evaluate.likeness import question_and_reply
from tinychat.fast.half import halve
from tinychat.fast.many import Reply, write_side_by_side
from tinychat.gpt import GPT, Writer
from tinychat.runs import train_file
from tinychat.share.guard import Guard
from tinychat.tokenizer import Tokenizer

class Recorder(Writer):
    "A writer that keeps the ids of every message."
    def __init__(self, model): super().__init__(model); self.messages = []
    def generate(self, *args, **how):
        self.messages.append([])
        for i in super().generate(*args, **how):
            self.messages[-1].append(i)
            yield i

def test_stretch_is_the_longest_run():
    rng = random.Random(0)
    texts = [' '.join(rng.choices('a b c'.split(), k=rng.randint(0, 12))) for _ in range(20)]
    known = L.KnownMessages(texts)
    for _ in range(200):
        w = rng.choices('a b c d'.split(), k=rng.randint(0, 12))
        runs = [j - i for i in range(len(w)) for j in range(i + 3, len(w) + 1) if any(f' {" ".join(w[i:j])} ' in f' {t} ' for t in texts)]
        assert known.stretch(' '.join(w)) == max(runs, default=0)

def test_verbatim_of_nothing():
    v = L.verbatim(L.KnownMessages([]), [])
    assert v.n == 0 and v.longest == 0 and math.isnan(v.whole.value)

def test_words_without_spaces():
    train = ['明天晚上一起吃饭好不好我们七点见', 'คุณสบายดีไหมวันนี้เราจะไปไหนกันดี']
    known = L.KnownMessages(train)
    copies = L.verbatim(known, [((n, 0), t) for n, t in enumerate(train*4)])
    assert copies.n == 8 and copies.whole.value == copies.long.value == 1 and known.stretch(train[0] + '啊') == 16

def test_plant_counts():
    train, birds = talks(5), L.canaries(3)
    before = to_chatml(train)
    text = to_chatml(L.plant(train, birds))
    assert to_chatml(train) == before
    for c in birds: assert text.count(c.text) == (c.repeats if not c.redacted or c.kind == 'name' else 0), c
    assert L.canaries(3) == birds != L.canaries(4)

def test_ending_bits_are_the_models(chat):
    tok = chat.tokenizer
    start, ends = [tok.end_of_text, *tok.encode('hello')], [tok.encode(t) for t in (' there', ' my friend', '!')]
    for cost, end in zip(L.ending_bits(chat.model, start, ends), ends):
        p = chat.model(torch.tensor([start + end]))[0].log_softmax(-1)
        assert math.isclose(cost, -sum(p[len(start)+n-1, i].item() for n, i in enumerate(end))/math.log(2), rel_tol=1e-3)

def test_a_model_that_knows_the_secret_is_found_out(chat):
    "Trained on one sentence alone, it has it at full exposure and says it; before, it has not."
    c = L.Canary('code', 1, False, 'the code for the gate is', '314159')
    assert L.exposure(chat.model, chat.tokenizer, c) < 8 and L.tries(chat, c, 3) == 0
    tok, opt = chat.tokenizer, torch.optim.Adam(chat.model.parameters(), 1e-2)
    ids = torch.tensor([[tok.end_of_text, tok.im_start, *tok.encode('assistant\n'), *tok.encode(c.text), tok.im_end]])
    for _ in range(60):
        opt.zero_grad()
        torch.nn.functional.cross_entropy(chat.model(ids[:,:-1])[0], ids[0,1:]).backward()
        opt.step()
    assert L.exposure(chat.model, tok, c) == 8 and L.tries(chat, c, 3) == 3
    chat.ban = Guard(tok, [c.text], 2) # shorter than the secret
    assert L.tries(chat, c, 3) == 0

def test_question_asks_the_model_that_has_not_read_it(chat):
    birds = L.canaries()[:2]
    other = copy.deepcopy(chat.model)
    for p in other.parameters(): torch.nn.init.normal_(p, std=.3)
    for c in L.ask_for_secrets(chat, birds, other, L.Effort(tries_once=2, tries_more=1, rivals=15)):
        assert c.exposure == L.exposure(chat.model, chat.tokenizer, c.canary, 15) and c.without == L.exposure(other, chat.tokenizer, c.canary, 15)

def test_guard_cost_is_as_it_draws(chat):
    "By hand: what the second message of a reply may not go on with, at the temperature of the chat."
    chat.temperature, tok = 2., chat.tokenizer
    first, second = 'well hello', 'my big dog runs'
    guard = Guard(tok, [second], 2)
    ids = tok.encode(second)
    rows = [tok.end_of_text, *[i for role, t in (('user', 'hi'), ('assistant', first)) for i in (tok.im_start, *tok.encode(f'{role}\n'), *tok.encode(t), tok.im_end, *tok.encode('\n'))], tok.im_start, *tok.encode('assistant\n')]
    p = (chat.model(torch.tensor([rows + ids]))[0]/2).softmax(-1)
    bits = -sum(math.log2(1 - p[len(rows)+n-1, ids[n]].item()) for n in range(2, len(ids)))
    assert bits > 0 and math.isclose(L.guard_cost(chat, guard, [Exchange(0, [Block('user', 'hi')], [], [first, second])]).value, bits/(len(first) + len(second) + 3), rel_tol=1e-4)

def test_guard_cost_in_half_precision(chat):
    "As `load_chat` opens a large model."
    guard = Guard(chat.tokenizer, ['my big dog runs'], 2)
    asked = [Exchange(0, [Block('user', 'hi')], [], ['my big dog runs'])]
    exact = L.guard_cost(chat, guard, asked).value
    halve(chat.model)
    assert math.isclose(L.guard_cost(chat, guard, asked).value, exact, rel_tol=.1)

def test_auc():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 30).astype(float), rng.integers(2, 8, 40).astype(float)
    assert math.isclose(L.auc(a, b), np.mean([(x < y) + .5*(x == y) for x in a for y in b]))
    assert all(map(math.isnan, (L.auc(a, b[:0]), L.auc(a[:0], b), L.found_at(a[:0], np.arange(100.), .01)))) # as a draw of conversations may be

def test_found_at_a_rate():
    "Every threshold is tried, and the best one that is wrong about few enough is as good."
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = rng.normal(0, 1, 50).round(1), rng.normal(1, 1, 120).round(1)
        best = max((a < t).mean() for t in [*a, *b, np.inf] if (b < t).sum() <= len(b)*.02)
        assert L.found_at(a, b, .02) == best
    assert math.isnan(L.found_at(a, b[:99], .01)) and L.found_at(a, np.full(100, 9.), .01) == 1

def test_errors_beside_the_base(chat, monkeypatch):
    "By hand, for one reply; and without them, if the two read other tokens."
    tok, base = chat.tokenizer, copy.deepcopy(chat.model)
    for p in base.parameters(): p.data += .05*torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    asked = [Exchange(n, [Block('user', 'hello there')], [t]) for n, t in enumerate(['my big dog runs', 'so maybe tomorrow', '', 'again?'])]
    inside, found = L.membership((chat.model, tok), (base, tok), asked[:2], asked[2:])
    def score(e):
        ids, n = question_and_reply(tok, 96, e.before, e.real)
        gained = lost = 1
        logits, before = (m(torch.tensor([ids[:-1]]))[0].detach() for m in (chat.model, base))
        for k in range(n, len(ids) - 1):
            gain = (logits[k].log_softmax(-1) - before[k].log_softmax(-1))[ids[k+1]].item()/math.log(2)
            if logits[k].argmax() != ids[k+1]: gained, lost = gained + max(gain, 0), lost + max(-gain, 0)
        return -gained/lost
    a, b, c, d = map(score, asked)
    assert math.isclose(inside['errors beside the base'].value, L.auc(np.array([a, b]), np.array([c, d])), abs_tol=1e-6)
    zones = np.array([[1., 2], [3, 0], [0, 5], [2, 2]])
    monkeypatch.setattr(L, 'error_zone', lambda *_, left=[*zones]: left.pop(0))
    one = [e._replace(conv=0) for e in asked[:2]] # two replies of one conversation are judged together
    assert L.membership((chat.model, tok), (base, tok), one, asked[2:])[0]['errors, whole conversations'].value == L.auc(L.ez_score(zones[:2].sum(0, keepdims=True)), L.ez_score(zones[2:])) == 1
    assert [*found] == [.01, .001] and all(math.isnan(m.value) for m in found.values())
    other = Tokenizer.train(['hello my dog'], 265)
    inside, _ = L.membership((chat.model, tok), (GPT(replace(chat.model.config, vocab_size=other.vocab_size)), other), asked[:2], asked[2:])
    assert [*inside] == ['loss', 'loss beside the base', 'the base alone']

@pytest.mark.parametrize('n', [1, 3])
def test_guard_lets_no_longer_run_through(chat, n):
    train = [b.text for c in talks(10) for b in c]
    rows = [chat.tokenizer.encode(t) for t in train]
    chat.ban, chat.temperature = Guard(chat.tokenizer, train, n), 1.
    runs = {tuple(r[i:i+n+1]) for r in rows for i in range(len(r) - n)}
    plain = Chat(chat.model, chat.tokenizer, make_writer=Recorder, ban=chat.ban, temperature=1., max_tokens=40, max_messages=3, seed=0)
    replies = [Reply(copy.copy(chat), [Block('user', 'hello')]) for _ in range(20)]
    write_side_by_side(chat, replies)
    for _ in range(20): plain.reset(); plain.reply('hello')
    messages = [ids for r in replies for ids in r.said] + plain.writer.messages
    assert len(messages) > 40 and not any(tuple(ids[i:i+n+1]) in runs for ids in messages for i in range(len(ids) - n))

def test_a_twin_on_the_same_messages_is_the_model(tmp_path):
    "From the same start, by the same plan, with the same random numbers: dropout is on."
    write_chatml(tmp_path/'me.txt', talks(40))
    how = dict(n_layer=1, n_head=2, n_embd=32, context=64, max_iters=4, device='cpu', progress=False)
    run = train_file(tmp_path/'me.txt', tmp_path/'ckpt.pt', init='scratch', **how)
    assert run.best == run.history[-1]['held'] and run.model.config.dropout # what the file holds is the last model
    seen, weights = [], load_checkpoint(tmp_path/'ckpt.pt')['model']
    train, _ = load_data(tmp_path/'me.txt')
    other = L.twin(tmp_path/'ckpt.pt', train, 'cpu', progress=lambda *at: seen.append(at))
    assert seen == [(n, 4) for n in range(1, 5)]
    for name, w in other.model.state_dict().items(): assert torch.equal(w, weights[name]), name

def test_a_twin_of_what_lora_learned(tmp_path, monkeypatch):
    "Its chat says what the network with its slim changes says; without them it would be the base."
    from tinychat.bases import open_base
    from tinychat.checkpoint import BASES
    from tinychat.runs.plan import start_from
    from tinychat.train import Options
    convs = [[Block('user', f'is it {w}?'), Block('assistant', f'yes, {w} it is')] for w in 'red late cold far near good bad small open shut early warm'.split()]*3
    start = start_from(BASES/'tiny', convs)
    options = Options(max_iters=6, batch_size=2, lr=5e-3, muon_lr=0, weight_decay=0.)
    run = L.train_quietly(start, convs, options, 'cpu', lora=4)
    ids = torch.arange(40)[None]
    with torch.no_grad(): learned, plain = run.shown.eval()(ids), open_base('tiny')[0](ids)
    chat = L.chat_of(run)
    with torch.no_grad(): assert (chat.model(ids) - learned).abs().max() < 0.1*(chat.model(ids) - plain).abs().max()
    assert chat.reply('hey') and not any('lora' in name for name, _ in chat.model.named_parameters())
