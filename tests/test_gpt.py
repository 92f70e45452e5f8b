"The network: what the story promises its reader, and odd shapes."
import pytest, torch

from tinychat.gpt import GPT, GPTConfig, KVCache, Writer, causal_attention, generate, sample
from tinychat.checkpoint import pick_device
from notebooks import run_cells

def model(**how):
    torch.manual_seed(0)
    return GPT(GPTConfig(**{**dict(vocab_size=90, n_layer=2, n_head=4, n_embd=64, context=32, n_kv_head=2), **how})).eval()

def test_try_to_see_the_future():
    "The exercise of the notebook: without the mask the loss collapses."
    checks = 'test_eq(noticed.tolist(), [False]*7 + [True])', 'test_close(F.scaled_dot_product_attention(q, k, v, is_causal=True), causal_attention(q, k, v), eps=1e-5)'
    told = run_cells('02_gpt', until="ladder['look back'] = learn", change=[('.masked_fill(future, -torch.inf)', ''), ('steps=300', 'steps=150'),
                     *((check, '') for check in checks), ("test_eq(ladder['look back'] < ladder['pair counts'], True)", '')])
    assert told['ladder']['look back'] < .6 < 1.3 < told['ladder']['pair counts']

@torch.no_grad()
def test_what_is_trained_is_what_is_shown():
    "The mask is in the network's own attention, on the device that trains: a changed end changes nothing before it."
    net, ids = model().train(), torch.randint(0, 90, (2, 20))
    other = ids.clone(); other[:,-1] = (other[:,-1] + 1) % 90
    torch.testing.assert_close(net(ids)[:,:-1], net(other)[:,:-1])
    assert (net(ids)[:,-1] != net(other)[:,-1]).any()

def test_queries_belong_to_the_last_positions():
    q, k, v = torch.randn(3, 1, 2, 9, 8)
    torch.testing.assert_close(causal_attention(q[:,:,6:], k, v), causal_attention(q, k, v)[:,:,6:])

def test_a_context_is_not_overrun():
    net = model()
    with pytest.raises(ValueError, match='33 tokens do not fit a context of 32'): net(torch.zeros(1, 33, dtype=torch.long))
    cache = KVCache()
    net(torch.zeros(1, 30, dtype=torch.long), cache)
    with pytest.raises(ValueError, match='33 tokens do not fit'): net(torch.zeros(1, 3, dtype=torch.long), cache)

@pytest.mark.parametrize('how', [dict(temperature=0), dict(temperature=1e-9), dict(top_k=1)])
def test_one_token_is_left(how):
    logits = torch.tensor([[0., 3., 2.], [5., 1., 1.]])
    assert sample(logits, **how).tolist() == [[1], [0]]

def test_stop_and_ban():
    ids, net = [1, 2, 3], model()
    new = list(generate(net, ids, 50, generator=torch.Generator().manual_seed(1)))
    assert len(new) == 50 and ids == [1, 2, 3]
    stopped = list(generate(net, ids, 50, stop=[new[4]], generator=torch.Generator().manual_seed(1)))
    assert stopped == new[:new.index(new[4]) + 1]
    only = list(Writer(net).generate(ids, 9, ban=lambda said: [i for i in range(90) if i != len(said)]))
    assert only == list(range(9))

def test_a_long_text_is_read_from_its_end():
    net = model()
    assert list(generate(net, list(range(80)), 3, temperature=0)) == list(generate(net, list(range(48, 80)), 3, temperature=0))
    torch.testing.assert_close(Writer(net).logits(list(range(80))), Writer(net).logits(list(range(48, 80))))

def test_no_device_of_that_name():
    for name in ('abacus', 'meta', 'cuda:99'):
        with pytest.raises(ValueError, match='cannot be used here'): pick_device(name)
