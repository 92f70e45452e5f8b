"What only a GPU can show. Skipped where there is none."
import pytest, torch
import tinychat.gpt as G
import tinychat.train as T
from tinychat.chat import Chat
from tinychat.data import Block, Corpus, write_chatml
from tinychat.gpt import GPT, Fused, generate
from tinychat.train import GPTConfig, Options, Tokenizer, fit, new_run, resume_run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA')

said = 'on my way', 'so glad you came', 'what a day', 'where are you?', 'see you there', 'no idea', 'good night!'
convs = [[Block(('user', 'assistant')[n % 2], said[(n*k) % len(said)]) for n in range(40)] for k in range(1, 13)]
tok = Tokenizer.train([b.text for c in convs for b in c], 300)
held = convs[:2]


def run(**options):
    return new_run(convs, tok, GPTConfig(tok.vocab_size, 2, 2, 64, 32, dropout=0.2), Options(max_iters=24, eval_every=6, batch_size=4, average=0.3, **options), 'cuda')

def numbers(r): return [(h['step'], h['train'], h['held']) for h in r.history]

def trained(r):
    for _ in fit(r, convs, held): pass
    return r

def same(a, b):
    assert numbers(a) == numbers(b)
    for k, v in a.model.state_dict().items(): assert torch.equal(v, b.model.state_dict()[k]), k

@pytest.fixture(params=[torch.bfloat16, torch.float16])
def half(request, monkeypatch): monkeypatch.setattr(T, 'half_type', lambda device: request.param if device.type == 'cuda' else None)


def test_recorded_is_plain(half, monkeypatch):
    "Dropout included: a recording draws the random numbers that plain calls draw."
    fast = trained(run())
    assert fast.history[-1]['held'] < fast.history[0]['held']
    monkeypatch.setattr(T.Recorded, '__call__', lambda self, *given: self.work(*given))
    same(fast, trained(run()))

def test_resume(half, tmp_path):
    straight, broken = trained(run()), run()
    for _ in fit(broken, convs, held):
        if broken.step == 10: broken.save(tmp_path/'c.pt'); break
    torch.manual_seed(99)
    same(straight, trained(resume_run(tmp_path/'c.pt', convs)))

def test_batches_from_a_file_give_the_same(tmp_path):
    "The ids of a large file stay on the disk, and each batch goes to the GPU while that is busy."
    write_chatml(tmp_path/'c.txt', convs)
    listed, filed = trained(run()), run()
    for _ in fit(filed, Corpus(tmp_path/'c.txt'), held): pass
    same(listed, filed)

def test_others_weight_and_seed_matter():
    a = numbers(trained(run()))
    assert a != numbers(trained(run(seed=1))) and a != numbers(trained(run(others_weight=0.1)))

def test_memory_comes_back():
    trained(run())
    torch.cuda.empty_cache(); before = torch.cuda.memory_allocated()
    for _ in range(3): trained(run())
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20

def test_memory_of_replies_comes_back(talker):
    "At once, and not only when Python looks for circles."
    import gc, tinychat.evaluate.many
    def replies():
        chat = Chat(talker, tok, temperature=1., max_tokens=12, seed=0)
        chat.replies([[Block('user', t)] for t in said]*40)
        assert chat.fused.gpu.tapes
    replies(); gc.collect(); gc.disable()
    try:
        before = torch.cuda.memory_allocated()
        for _ in range(3): replies()
        assert torch.cuda.memory_allocated() <= before + 2**20
    finally: gc.enable()

def test_replies_side_by_side_are_one_by_one():
    from tinychat.evaluate.leaks import Canary, exposure, tries
    from tinychat.evaluate.many import exchanges
    from tinychat.chat import Chat
    chat = Chat(trained(run()).shown, tok, temperature=0, max_tokens=12, seed=0)
    asked = [e.before for c in convs for e in exchanges([c])][:20]
    def alone(talk):
        chat.reset(); chat.talk = list(talk)
        for _ in chat._reply(): pass
        return [b.text for b in chat.talk[len(talk):]] or ['']
    assert chat.replies(asked, 7) == [alone(t) for t in asked]
    c = Canary('code', 1, False, 'see', '123456')
    assert 0 <= exposure(chat.model, tok, c, 15) <= 4 and tries(chat, c, 5) == 0

# The kernels of tinychat.fast.kernels against the plain network

@pytest.fixture
def talker():
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, 2, 4, 64, 96, n_kv_head=2)).cuda().eval()
    for p in model.parameters(): p.data *= 3 # scores that differ
    return model

@pytest.mark.parametrize('how', [dict(temperature=0), dict(temperature=0.9), dict(temperature=1.2, top_k=20), dict(temperature=0.7, top_p=0.8)])
def test_what_is_written_is_the_same(talker, how):
    rng = lambda: {} if not how['temperature'] else dict(generator=torch.Generator('cuda').manual_seed(3))
    for ids in ([5], [7, 8, 9], list(range(40))):
        slow = list(generate(talker, ids, 200, **how, **rng())) # beyond the context, so it starts anew in between
        fused = Fused(talker)
        assert slow == list(generate(fused, ids, 200, **how, **rng())) and fused.gpu.tapes
        assert slow == list(generate(fused, ids, 200, **how, **rng()))
    torch.manual_seed(4); slow = list(generate(talker, [5], 20))
    torch.manual_seed(4); assert slow == list(generate(fused, [5], 20))

def test_settings_and_weights_may_change(talker):
    fused = Fused(talker)
    def both(**how): assert list(generate(talker, [5, 6], 30, **how)) == list(generate(fused, [5, 6], 30, **how))
    both(temperature=0)
    talker.layers[0].mlp.up_proj.weight.data.mul_(-1)
    with torch.no_grad(): talker.embed_tokens.weight.mul_(1.1) # noticed by its version
    both(temperature=0)
    both(temperature=0, ban=lambda said: [said[-1]] if said else [])
    both(temperature=0, repetition_penalty=1.3)

def test_a_chat_is_the_same(talker):
    fast, slow = Chat(talker, tok, seed=0), Chat(talker, tok, seed=0)
    slow.fused = talker
    for text in ('hey', 'how are you?', 'a b c '*40, 'so', 'see you'): assert fast.reply(text) == slow.reply(text)
    fast.reset(); slow.reset()
    assert fast.reply('again') == slow.reply('again') and fast.fused.gpu

def test_kernels_learn_the_same(monkeypatch):
    "In 16 bits throughout, so not to the last digit."
    def losses(quick):
        monkeypatch.setattr(T, 'MUCH', 0 if quick else 2**60)
        r = trained(run())
        assert r.model.quick == quick
        return r
    fast, slow = losses(True), losses(False)
    for a, b in zip(fast.history, slow.history): assert abs(a['held'] - b['held']) < 0.05, (fast.history, slow.history)
    again = losses(True)
    same(fast, again) # nothing is left to the order in which the GPU happens to work

def test_few_messages_wait_for_no_compiler():
    r = trained(run())
    assert not r.model.quick
