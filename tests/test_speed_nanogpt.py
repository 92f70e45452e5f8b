"The other model of the benchmarks: it may not look ahead either, whichever cache it is given."
import sys
from pathlib import Path

import pytest, torch

from tinychat.fast.cache import CachedWriter, Engine, StaticCache
from tinychat.gpt import GPTConfig, KVCache, generate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'benchmarks'))
from nanogpt import NanoGPT
sys.path.pop(0)

torch.manual_seed(0)
model = NanoGPT(GPTConfig(vocab_size=90, n_layer=2, n_head=4, n_embd=64, context=32)).eval()
for p in model.parameters(): p.data += .2*torch.randn_like(p)

@pytest.mark.parametrize('cache', [KVCache, lambda: StaticCache(model)], ids=['plain', 'static'])
@pytest.mark.parametrize('pieces', [[24], [5, 1, 18]])
@torch.no_grad()
def test_in_pieces_as_at_once(cache, pieces):
    ids, cache = torch.randint(0, 90, (1, 24)), cache()
    torch.testing.assert_close(torch.cat([model(part, cache) for part in ids.split(pieces, 1)], 1), model(ids), rtol=1e-4, atol=1e-4)

def test_the_same_reply_from_either_cache():
    assert list(CachedWriter(Engine(model)).generate([1, 2, 3], 60, temperature=0)) == list(generate(model, [1, 2, 3], 60, temperature=0))
