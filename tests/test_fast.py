"What this machine gets is what the story has."
import torch

import tinychat.fast as fast
from tinychat.data import Block
from tinychat.fast import cpu, engine_for, evaluate, loss_for, writer_for
from tinychat.fast.cache import Engine
from tinychat.fast.team import SharedLoss, Team
from tinychat.gpt import GPT, GPTConfig, Writer
from tinychat.tokenizer import Tokenizer
from tinychat.train import reply_bpb, weighted_loss

tok = Tokenizer.train(['are you coming tonight? yes', 'haha no'], 265)
torch.manual_seed(0)
model = GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=32, context=32)).eval()

def test_a_cpu_gets_its_engine_and_odd_weights_the_plain_one():
    assert type(engine_for(model)) is cpu.CpuEngine
    assert type(engine_for(GPT(model.config).to(torch.bfloat16))) is Engine

def test_the_same_reply():
    a, b = (list(w.generate(tok.encode('are you'), 50, generator=torch.Generator().manual_seed(2))) for w in (writer_for(model), Writer(model)))
    assert a == b

def test_losses_agree():
    x, y, weight = *torch.randint(0, tok.vocab_size, (2, 2, 32)), torch.rand(2, 32)
    expected = weighted_loss(model, x, y, weight)[0].item()
    for loss_fn in (loss_for(model), loss_for(model, recompute=True), loss_for(model, n_tokens=fast.KERNEL_TOKENS), SharedLoss(model, Team(), cpu.logits)):
        loss, nats = loss_fn(model, x, y, weight)
        assert abs(loss.item() - expected) < .02 and nats.shape == (2, 32) and loss.requires_grad

def test_evaluation_agrees():
    convs = [[Block('user', 'are you coming?'), Block('assistant', 'yes'), Block('assistant', 'haha no')]]*2
    assert abs(evaluate(model, tok, convs) - reply_bpb(model, tok, convs)) < .02
