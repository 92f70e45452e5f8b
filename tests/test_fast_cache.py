"What is not read twice, and what must not get mixed up."
import copy

import pytest, torch

from tinychat.fast.cache import CachedWriter, Engine, StaticCache
from tinychat.fast.cpu import CpuEngine
from tinychat.gpt import GPT, GPTConfig, Writer, generate

torch.manual_seed(0)
model = GPT(GPTConfig(vocab_size=90, n_layer=2, n_head=4, n_kv_head=2, n_embd=64, context=32)).eval()
for p in model.parameters(): p.data += .2*torch.randn_like(p)
rng = lambda n=1: torch.Generator().manual_seed(n)

class Counting(Engine):
    def hidden(self, ids, cache): self.read = [*getattr(self, 'read', []), ids.shape[1]]; return super().hidden(ids, cache)

def test_a_talk_reads_only_what_is_new():
    writer = CachedWriter(Counting(model))
    writer.logits([1, 2, 3, 4])
    writer.logits([1, 2, 3, 4, 5, 6])
    writer.logits([1, 2, 9, 4])
    assert writer.engine.read == [4, 2, 2]

def test_the_same_text_again_reads_its_last_token():
    writer = CachedWriter(Counting(model))
    first = writer.logits([1, 2, 3]).clone()
    torch.testing.assert_close(writer.logits([1, 2, 3]), first, rtol=1e-4, atol=1e-4)
    assert writer.engine.read == [3, 1]

@pytest.mark.parametrize('stop_at', [0, 1, 5])
def test_an_interrupt_confuses_nothing(stop_at):
    "Wherever in the network it strikes."
    class Trips(Engine):
        steps = 0
        def hidden(self, ids, cache):
            self.steps += 1
            if self.steps == stop_at + 1: self.model.layers[0](torch.zeros(1, ids.shape[1], 64), [t[:ids.shape[1]] for t in (model.cos, model.sin)], cache, 0); raise KeyboardInterrupt
            return super().hidden(ids, cache)
    writer, ids = CachedWriter(Trips(model)), [1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt): list(writer.generate(ids, 9, temperature=0))
    assert list(writer.generate(ids, 9, temperature=0)) == list(generate(model, ids, 9, temperature=0))

def test_two_that_write_in_turns_beyond_the_context():
    writer = CachedWriter(Engine(model))
    a, b = (writer.generate(list(range(k, k + 6)), 60, temperature=0) for k in (0, 40))
    both = [*zip(a, b)]
    assert [x for x, _ in both][:20] == list(generate(model, list(range(6)), 60, temperature=0))[:20]
    assert [y for _, y in both][:20] == list(generate(model, list(range(40, 46)), 60, temperature=0))[:20]

def test_logits_in_between():
    "Somebody asks for logits of another text while a reply is written."
    writer, said = CachedWriter(Engine(model)), []
    for i in writer.generate([1, 2, 3], 12, temperature=0):
        said.append(i)
        if len(said) == 5: writer.logits([7, 8, 9])
    assert said == list(generate(model, [1, 2, 3], 12, temperature=0))

def test_a_copy_goes_on_by_itself():
    writer = CachedWriter(Engine(model))
    list(writer.generate([1, 2, 3], 5, temperature=0))
    twin = copy.deepcopy(writer)
    twin.logits([5, 5, 5])
    assert list(writer.generate([1, 2, 3], 9, temperature=0)) == list(Writer(model).generate([1, 2, 3], 9, temperature=0))

def test_ban_and_stop():
    how = dict(ban=lambda new: range(45), stop=[50], generator=None)
    for n in range(3):
        how['generator'] = rng(n)
        a = list(CachedWriter(Engine(model)).generate([1, 2], 40, **how))
        how['generator'] = rng(n)
        assert a == list(generate(model, [1, 2], 40, **how)) and min(a) >= 45

def test_a_crop_never_makes_longer():
    cache = StaticCache(model)
    cache.length = 5
    cache.crop(9); assert cache.length == 5
    cache.crop(2); assert cache.length == 2

def trained(net):
    optimizer = torch.optim.SGD(net.parameters(), 1.)
    net(torch.tensor([[1, 2, 3]])).logsumexp(-1).sum().backward()
    optimizer.step()

changes = dict(trained=trained, loaded=lambda net: net.load_state_dict({k: v*1.5 for k, v in net.state_dict().items()}),
               replaced=lambda net: setattr(net.embed_tokens.weight, 'data', net.embed_tokens.weight.data.flip(0)))

@pytest.mark.parametrize('engine', [Engine, CpuEngine])
@pytest.mark.parametrize('change', changes.values(), ids=changes)
def test_what_older_weights_have_read_is_forgotten(engine, change):
    net = copy.deepcopy(model)
    writer = CachedWriter(engine(net))
    said = list(writer.generate([1, 2, 3], 9, temperature=0))
    before = writer.logits([1, 2, 3, *said]).clone()
    change(net)
    after = Writer(net).logits([1, 2, 3, *said])
    torch.testing.assert_close(writer.logits([1, 2, 3, *said]), after, rtol=1e-4, atol=1e-4)
    assert (after - before).abs().max() > .1 # and there was something to forget
    assert list(writer.generate([1, 2, 3], 9, temperature=0)) == list(generate(net, [1, 2, 3], 9, temperature=0))
