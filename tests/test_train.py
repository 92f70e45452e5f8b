"The loop: what it keeps, when it stops, what it refuses."
import math

import pytest, torch

from tinychat.data import Batches, Block, encode_all
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer
from tinychat.train import AdamW, Muon, Options, Run, fit, make_optimizers, padded_windows, reply_bpb, schedule, weighted_loss

said = 'on my way', 'so glad you came', 'what a day', 'where are you?', 'see you there', 'no idea', 'good night!'
convs = [[Block(('user', 'assistant')[n % 2], said[(n*k) % len(said)]) for n in range(40)] for k in range(1, 13)]
tok = Tokenizer.train([b.text for c in convs for b in c], 300)
batches = Batches(*encode_all(tok, convs), 32, 4)

def run(**options):
    torch.manual_seed(0)
    return Run(GPT(GPTConfig(tok.vocab_size, 1, 2, 32, 32)), tok, Options(**{**dict(max_iters=12, eval_every=3, batch_size=4), **options}))

def trained(r, **how):
    for _ in fit(r, batches, convs[:2], **how): pass
    return r

def test_the_best_weights_are_kept_and_not_the_last():
    evals = iter([3., 2., 2.5, 2.6])
    r = trained(run(), evaluate=lambda *_: next(evals))
    assert r.best == 2. and [h['held'] for h in r.history] == [3., 2., 2.5, 2.6] and [h['step'] for h in r.history] == [3, 6, 9, 12]
    assert any(not torch.equal(v, r.model.state_dict()[k]) for k, v in r.best_model.items())

def test_it_stops_when_nothing_gets_better():
    evals = iter([2., 1.9, 1.95, 1.91, 1.5])
    r = trained(run(max_iters=30, patience=2), evaluate=lambda *_: next(evals))
    assert r.step == 12 and r.done and r.best == 1.9

def test_a_loss_that_is_nan_ends_it():
    with pytest.raises(ValueError, match='Training diverged at step 3: the loss is NaN'): trained(run(), evaluate=lambda *_: math.nan)

def test_nothing_held_out_keeps_nothing():
    r = run()
    assert list(fit(r, batches)) == [None]*12 and r.best_model is None and r.best == math.inf

def test_others_weight():
    "At 0 a window counts only by the person's tokens; where there are none, nothing counts."
    r, (x, y, mine) = run(), batches[0]
    loss, nats = weighted_loss(r.model, x, y, torch.where(mine, 1., 0.))
    assert loss.item() == pytest.approx(nats[mine].mean().item(), abs=1e-5) and not nats.requires_grad
    assert weighted_loss(r.model, x, y, torch.zeros(x.shape))[0].item() == 0

def test_what_is_shown_for_training_is_the_person_s_own():
    r = run(max_iters=3, lr=0., muon_lr=1e-12)
    trained(r)
    bits = sum((weighted_loss(r.model, x, y, mine.float())[1]*mine).sum().item() for x, y, mine in (batches[n] for n in range(3)))/math.log(2)
    size = sum((r.sizes[y]*mine).sum().item() for _, y, mine in (batches[n] for n in range(3)))
    assert r.history[0]['train'] == pytest.approx(bits/size, abs=1e-3)

def test_every_token_is_judged_once():
    rows = padded_windows(tok, convs[0], 16)
    _, mine = encode_all(tok, convs[:1])
    assert sum(judged.sum().item() for _, _, judged in rows) == mine[1:].sum().item()
    assert all(len(x) == len(y) == len(judged) == 16 for x, y, judged in rows)

def test_padding_and_batches_change_nothing():
    r = run()
    assert reply_bpb(r.model, tok, convs[:3], batch_size=1) == pytest.approx(reply_bpb(r.model, tok, convs[:3], batch_size=50), abs=1e-6)
    assert r.model.training # as it was

def test_every_weight_has_one_optimizer():
    model = run().model
    for muon_lr, kinds in ((0.01, [AdamW, Muon]), (0, [AdamW])):
        optimizers = make_optimizers(model, muon_lr=muon_lr)
        assert [type(o) for o in optimizers] == kinds
        ps = [p for o in optimizers for g in o.param_groups for p in g['params']]
        assert len(ps) == len({id(p) for p in ps}) == len(list(model.parameters()))

def test_the_schedule_of_a_short_run():
    assert [schedule(s, 1, warmup=1) for s in range(1)] == [1.] and schedule(5, 5, warmup=1) == pytest.approx(.1)

def test_where_the_person_says_nothing_nothing_is_computed():
    "Somebody pastes a book: the windows in it are as many as before, and none of them is judged."
    book = [Block('user', 'ha '*5000), Block('assistant', 'wow'), Block('user', 'ha '*5000)]
    rows, seen = padded_windows(tok, book, 16), []
    assert rows and all(judged.any() for _, _, judged in rows)
    def logits(model, x): seen.append(len(x)); return GPT.__call__(model, x)
    net = GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=32, context=16))
    with_book = reply_bpb(net, tok, [book], logits=logits)
    assert sum(seen) == len(rows) < 5 and with_book > 0
