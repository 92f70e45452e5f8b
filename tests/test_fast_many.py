"Replies side by side are what a chat replies, one by one."
import copy, math, random
from types import SimpleNamespace

import pytest, torch
from evaluating import alone, chat, talks, tok # fixtures among them
from talking import likeliest_turns

from tinychat.chat import Chat
from tinychat.data import Block
from tinychat.evaluate.asked import exchanges
from tinychat.fast import writer_for
from tinychat.fast.cache import CachedWriter, Engine
from tinychat.fast.many import MaskingEngine, Reply, ReplyRows, batch_for, masking_engine, read_side_by_side, replies, write_side_by_side
from tinychat.gpt import GPTConfig, Writer, sample

@pytest.fixture
def greedy(monkeypatch): likeliest_turns(monkeypatch)

@pytest.mark.usefixtures('greedy')
@pytest.mark.parametrize('batch', [1, 3, 64])
def test_side_by_side_is_one_by_one(chat, batch):
    asked = [e.before for c in talks(4) for e in exchanges([c])] + [[Block('user', 'why '*500)], [Block('user', '')], [Block('user name=Ada', 'hi')]]
    assert replies(chat, asked, batch) == [alone(chat, t) for t in asked]

@pytest.mark.usefixtures('greedy')
@pytest.mark.parametrize('every', [7, 100])
def test_how_often_one_looks_changes_nothing(chat, every):
    "As a GPU does, whose replies are looked at every eighth step only. Rows are shared, and used again."
    chat.max_tokens, rows = 60, None
    for some in (talks(6), talks(3, 2)): # conversations
        asked = [e.before for c in some for e in exchanges([c])]
        made = [Reply(copy.copy(chat), t) for t in asked]
        rows = write_side_by_side(chat, made, rows, every=every)
        assert [r.texts() for r in made] == [alone(chat, t) for t in asked]

@pytest.mark.parametrize('temperature', [0, .6, 2.])
def test_who_goes_on_is_drawn_as_learned(chat, temperature):
    "Whatever the temperature, by the chat itself and side by side: three times in four, if the model has learned that."
    chat.temperature, n, drawn = temperature, 3000, []
    own, other = (chat.tokenizer.encode(role)[0] for role in ('assistant', 'user'))
    logits = torch.zeros(n, chat.tokenizer.vocab_size)
    logits[:,own], logits[:,other] = 1 + math.log(3), 1
    class Rows(ReplyRows):
        def next(self, ids, role): drawn.append(role); return super().next(ids, role)
    Rows(chat, [Reply(chat, [Block('user', 'hello')])]*n).choose(logits, **chat.sampling())
    chat.writer = SimpleNamespace(logits=lambda ids: logits[:1])
    alone = sum(chat.goes_on([1]) for _ in range(n))
    assert [.72 < share < .78 for share in ((drawn[0] == 0).float().mean(), alone/n)] == [True]*2

@pytest.mark.usefixtures('greedy')
@pytest.mark.parametrize('batch', [1, 4])
def test_changed_weights_are_noticed(chat, batch):
    replies(chat, [[Block('user', 'hello')]], batch)
    with torch.no_grad(): chat.model.layers[0].mlp.up_proj.weight.mul_(-1)
    asked = [e.before for c in talks(2) for e in exchanges([c])]
    assert replies(chat, asked, batch) == [alone(Chat(chat.model, chat.tokenizer, temperature=0, max_tokens=chat.max_tokens), t) for t in asked]

def test_settings_hold(chat):
    chat.max_messages, chat.max_tokens, chat.temperature = 2, 6, 1.
    for said in replies(chat, [[Block('user', 'hello')]]*50):
        assert len(said) <= 2 and len(''.join(said).encode()) <= 6*max(map(len, chat.tokenizer.ranks))

def test_seed_and_chat_are_untouched(chat):
    chat.temperature = 1.
    chat.talk = [Block('user', 'kept')]
    before = [chat.rng.manual_seed(5) and replies(chat, [[Block('user', 'hello')]]*20) for _ in range(2)]
    assert before[0] == before[1] and len(set(map(tuple, before[0]))) > 1
    assert chat.talk == [Block('user', 'kept')] and replies(chat, []) == []

def test_read_shares_equal_rows(chat):
    rows = [[1, 2, 3], [4], [1, 2, 3]]
    states, cache = read_side_by_side(masking_engine(chat.model), rows, 5)
    assert torch.allclose(states[0], states[2], atol=1e-5) and cache.k.shape[1] == 3 and cache.k.shape[3] == 8
    assert torch.allclose(states[1], chat.model.hidden(torch.tensor([[4]]))[0,-1], atol=1e-4)

@pytest.mark.parametrize('row', [0, 1, 2])
def test_the_last_row_does_not_see_its_padding(chat, row):
    rows, said, engine = [[5]*9, [1, 2], list(range(20))], 7, masking_engine(chat.model)
    _, cache = read_side_by_side(engine, rows, 5)
    cache.keep(torch.tensor([row]))
    for n in range(1, 4): ours = engine.logits(torch.tensor([[said]]), cache)[0].clone()
    assert torch.allclose(ours, chat.model(torch.tensor([rows[row] + [said]*3]))[0,-1], atol=1e-4)

@pytest.mark.usefixtures('greedy')
def test_pairs_are_one_by_one(chat):
    "In a pair one row is soon alone, and was padded in half of the cases."
    asked = [e.before for c in talks(4) for e in exchanges([c])]
    random.Random(1).shuffle(asked)
    chat.max_tokens = 60
    for n in range(0, 24, 2): assert replies(chat, asked[n:n+2], 2) == [alone(chat, t) for t in asked[n:n+2]]
    with pytest.raises(ValueError, match='at least 1'): replies(chat, asked, -1)

@pytest.mark.usefixtures('greedy')
@pytest.mark.parametrize('make_writer', [Writer, writer_for, lambda model: CachedWriter(Engine(model))], ids=['plain', 'fast', 'cached'])
def test_every_writer_knows_of_padding(chat, make_writer):
    "Also the plain engine, whose network does not."
    asked = [e.before for c in talks(3) for e in exchanges([c])]
    fast = Chat(chat.model, chat.tokenizer, make_writer=make_writer, temperature=0, max_tokens=40, max_messages=3)
    assert replies(fast, asked, 16) == [alone(chat, t) for t in asked]

def test_weights_of_sixteen_bits(chat):
    "They have no engine of their own; the plain one would overlook the padding."
    half = copy.deepcopy(chat.model).bfloat16()
    assert type(masking_engine(half)) is MaskingEngine
    short, long = [1, 2], list(range(20))
    states, _ = read_side_by_side(masking_engine(half), [long, short])
    assert torch.allclose(states[1], half.hidden(torch.tensor([short]))[0,-1], atol=.1)

@pytest.mark.usefixtures('greedy')
def test_a_draw_of_ones_own_sees_what_was_said(chat):
    "At every step, as a repetition penalty or a guard must."
    seen = []
    def draw(logits, rows, **sampling):
        seen.append([copy.deepcopy(r.said) for r in rows])
        return sample(logits, **sampling)
    asked = [e.before for c in talks(2) for e in exchanges([c])][:4]
    assert replies(chat, asked, draw=draw) == [alone(chat, t) for t in asked]
    lengths = [sum(map(len, said[0])) for said in seen]
    assert lengths[0] == 0 and max(lengths) > 3 and sorted(lengths) == lengths

@pytest.mark.parametrize('device, memory, large, expected', [('cpu', None, True, 42), ('cpu', None, False, 119), ('cuda', 15_000_000_000, True, 39), ('cuda', 140_000_000_000, True, 256)])
def test_so_many_rows_as_memory_allows(monkeypatch, device, memory, large, expected):
    "SmolLM2 and tiny: two cores, a T4, an H200."
    config = GPTConfig(49_173, 30, 9, 576, 1024, n_kv_head=3) if large else GPTConfig(8192, 8, 8, 512, 512)
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: SimpleNamespace(total_memory=memory))
    chat = SimpleNamespace(model=SimpleNamespace(config=config, device=torch.device(device)))
    assert batch_for(chat) == expected and batch_for(chat, 7) == 7
