"Judging a model: replies side by side, likeness, leaks, the report."
import copy, json, math, os, random, re, subprocess, sys
import numpy as np
import pytest, torch
import tinychat.evaluate as E
from tinychat.evaluate import leaks as L, likeness as K
from tinychat.evaluate.many import Exchange, Writer, exchanges, read, write
from tinychat.chat import Chat
from tinychat.commands import tinychat_evaluate
from tinychat.data import Block, to_chatml, write_chatml
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer
from tinychat.train import train_file

WORDS = 'well so maybe tomorrow never always the big small red dog cat train runs late again tonight hello there my friend dont know why'.split()


def talks(n=30, seed=0, size=24):
    "Invented conversations; the person double-texts."
    rng, out = random.Random(seed), []
    say = lambda: ' '.join(rng.choice(WORDS) for _ in range(rng.randint(1, 9))) + rng.choice(['', '!', '?', '...'])
    for _ in range(n):
        conv = []
        while len(conv) < size: conv += [Block('user', say())] + [Block('assistant', say()) for _ in range(rng.choice([1, 1, 2, 3]))]
        out.append(conv)
    return out

@pytest.fixture(scope='module')
def tok(): return Tokenizer.train([b.text for c in talks() for b in c] + ['assistant', 'user'], 320)

@pytest.fixture
def chat(tok):
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, 2, 2, 32, 96))
    for p in model.parameters(): # livelier than at the start, so that replies differ and end
        if p.dim() == 2: torch.nn.init.normal_(p, std=.2)
    return Chat(model, tok, temperature=0, max_tokens=40, max_messages=3, seed=0)

def alone(chat, talk):
    one = copy.copy(chat)
    one.reset()
    one.talk = list(talk)
    for _ in one._reply(): pass
    return [b.text for b in one.talk[len(talk):]] or ['']


# Replies side by side

@pytest.mark.parametrize('batch', [1, 3, 64])
def test_side_by_side_is_one_by_one(chat, batch):
    asked = [e.before for c in talks(4) for e in exchanges([c])] + [[Block('user', 'why '*500)], [Block('user', '')], [Block('user name=Ada', 'hi')]]
    assert chat.replies(asked, batch) == [alone(chat, t) for t in asked]

@pytest.mark.parametrize('every', [2, 7, 100])
def test_how_often_one_looks_changes_nothing(chat, every):
    "As a GPU does, whose replies are looked at every eighth step only. Rows are shared, and used again."
    chat.max_tokens, rows = 60, None
    for some in (talks(6), talks(3, 2)): # conversations
        asked = [e.before for c in some for e in exchanges([c])]
        writers = [Writer(copy.copy(chat), t) for t in asked]
        rows = write(chat, writers, rows, every=every)
        assert [w.texts() for w in writers] == [alone(chat, t) for t in asked]

@pytest.mark.parametrize('batch', [1, 4])
def test_changed_weights_are_noticed(chat, batch):
    chat.replies([[Block('user', 'hello')]], batch)
    with torch.no_grad(): chat.model.layers[0].mlp.up_proj.weight.mul_(-1)
    asked = [e.before for c in talks(2) for e in exchanges([c])]
    assert chat.replies(asked, batch) == [alone(Chat(chat.model, chat.tokenizer, temperature=0, max_tokens=chat.max_tokens), t) for t in asked]

def test_settings_hold(chat):
    chat.max_messages, chat.max_tokens, chat.temperature = 2, 6, 1.
    for said in chat.replies([[Block('user', 'hello')]]*50):
        assert len(said) <= 2 and len(''.join(said).encode()) <= 6*max(map(len, chat.tokenizer.ranks))

def test_seed_and_chat_are_untouched(chat):
    chat.temperature = 1.
    chat.talk = [Block('user', 'kept')]
    before = [chat.rng.manual_seed(5) and chat.replies([[Block('user', 'hello')]]*20) for _ in range(2)]
    assert before[0] == before[1] and len(set(map(tuple, before[0]))) > 1
    assert chat.talk == [Block('user', 'kept')] and chat.replies([]) == []

def test_read_shares_equal_rows(chat):
    rows = [[1, 2, 3], [4], [1, 2, 3]]
    hidden, cache = read(chat.model, rows, 5)
    assert torch.allclose(hidden[0], hidden[2]) and cache.k.shape[1] == 3 and cache.k.shape[3] == 8
    assert torch.allclose(hidden[1], chat.model.hidden(torch.tensor([[4]]))[0,-1], atol=1e-4)

@pytest.mark.parametrize('row', [0, 1, 2])
def test_the_last_row_does_not_see_its_filling(chat, row):
    rows, said = [[5]*9, [1, 2], list(range(20))], 7
    _, cache = read(chat.fused, rows, 5)
    cache.keep(torch.tensor([row]))
    for n in range(1, 4): ours = chat.fused(torch.tensor([[said]]), cache)[0,0].clone()
    assert torch.allclose(ours, chat.model(torch.tensor([rows[row] + [said]*3]))[0,-1], atol=1e-4)

def test_pairs_are_one_by_one(chat):
    "In a pair one row is soon alone, and was filled up in half of the cases."
    asked = [e.before for c in talks(4) for e in exchanges([c])]
    random.Random(1).shuffle(asked)
    chat.max_tokens = 60
    for n in range(0, 24, 2): assert chat.replies(asked[n:n+2], 2) == [alone(chat, t) for t in asked[n:n+2]]
    with pytest.raises(ValueError, match='at least 1'): chat.replies(asked, -1)

def test_exchanges():
    b = lambda r: Block(r, 'x')
    assert exchanges([[b('assistant'), b('user')]]) == []
    assert [(e.conv, len(e.before), len(e.real)) for e in exchanges([[b('user')], [b('system'), b('user name=A'), b('user name=B'), b('assistant'), b('assistant')]])] == [(1, 3, 2)]


# Likeness

def test_ngram_is_a_distribution():
    rng = random.Random(0)
    grams = K.NGram([[rng.randrange(7) for _ in range(60)] for _ in range(3)], 9)
    for n in range(6):
        for _ in range(5):
            history = [rng.randrange(9) for _ in range(n)]
            assert math.isclose(sum(grams.p(history, i) for i in range(9)), 1, abs_tol=1e-9) and min(grams.p(history, i) for i in range(9)) > 0

def test_ngram_bits_falls_with_what_it_has_read(tok):
    held = talks(3, 9)
    assert K.ngram_bits(tok, talks(30), held).value < K.ngram_bits(tok, talks(2), held).value

def test_bits_is_reply_bpb(chat):
    from tinychat.train import reply_bpb
    held = talks(6, 3)
    m = K.bits(chat.model, chat.tokenizer, held)
    assert math.isclose(m.value, reply_bpb(chat.model, chat.tokenizer, held), rel_tol=1e-4) and m.low <= m.value <= m.high

def test_told_apart():
    rng = random.Random(1)
    same = [((n//20, 0), ' '.join(rng.choices(WORDS, k=5))) for n in range(400)]
    coin = K.told_apart(same[::2], same[1::2])
    assert coin.one.low < .5 < coin.one.high and coin.n == 200
    shouted = K.told_apart(same, [(g, t.upper()) for g, t in same])
    assert shouted.one.value > .95 and shouted.ten.value > .99
    assert K.told_apart(same[:39], same) is None and K.told_apart([((0, 0), t) for _, t in same], [((0, 0), t) for _, t in same]) is None
    assert K.told_apart([], same) is None and K.told_apart([((0, 0), t) for _, t in same], same) is None # one conversation against twenty

def test_topics_do_not_leak():
    "What gives a message away in its own stretch only is of no use elsewhere."
    rng = random.Random(2)
    topic = lambda: ''.join(rng.choices('abcdefghijklmnopqrstuvwxyz', k=6))
    real, made = ([((g, part), f'{t} {rng.choice(WORDS)}') for g in range(30) for t in [topic()] for part in range(2) for _ in range(4)] for _ in range(2))
    alone = lambda heap: [((n, 0), t) for n, (_, t) in enumerate(heap)]
    assert K.told_apart(alone(real), alone(made)).one.value > .9 # with every message a group of its own, the topics are known
    assert K.told_apart(real, made).one.value < .65

@pytest.mark.parametrize('texts', [[''], ['😂'], ['元気ですか'], ['\u200f שלום'], ['a'*5000], ['\ud83d'], ["'’'", '...', ' ']])
def test_habits_take_anything(texts):
    K.habits(texts)
    conv = [Block('user', texts[0]), *(Block('assistant', t) for t in texts)]
    habits = K.Habits([conv, *talks(3)])
    asked = exchanges([conv, *talks(5, 4)])
    asked = [e._replace(made=e.real[::-1]) for e in asked]
    style = habits.compare(asked, asked, asked)
    for name, row in style.items():
        assert row['self'].value == 0 and math.isclose(sum(row['real'].values()), 1) or not row['real']
        K.examples(habits, name, asked)
    assert style['capital letters']['model'].value == 0

def test_habits_notice():
    asked = exchanges(talks(20))
    habits = K.Habits(talks(20, 8), dict(somebody=[b.text for c in talks(3, 5) for b in c]))
    row = lambda change: habits.compare([e._replace(made=change(e.real)) for e in asked], asked, asked)
    assert row(lambda m: [t.upper() for t in m])['capital letters']['model'].value > .9
    assert row(lambda m: [' '.join(m)])['messages in a row']['model'].value > .3
    assert row(lambda m: [t + ' haha' for t in m])['laughing']['model'].value > .9
    assert row(lambda m: [t.replace('dog', 'dgo') for t in m])['typos']['model'].value > .05
    assert row(lambda m: [t + ' 😂' for t in m])['emoji']['model'].value > .9

def test_habits_of_others_are_theirs():
    "The distance to somebody who shouts is that distance, not one between draws; to nobody it is no number."
    asked = [e._replace(made=e.real) for e in exchanges(talks(20))]
    loud = [e._replace(real=[t.upper() for t in e.real]) for e in asked]
    style = K.Habits(talks(5, 8)).compare(asked, loud, [])
    assert style['capital letters']['other'].value == K.distance([['none']], [['ALL']]) == 1 and math.isnan(style['emoji']['self'].value)
    assert 'typos' not in style # nobody was there whose spelling is known

def test_intervals():
    rng = np.random.default_rng(0)
    inside = 0
    for n in range(60): # of sixty intervals some fifty-seven hold the truth
        x = rng.exponential(size=40)
        m = K.bootstrap(lambda i: x[i].std(), range(40), seed=n)
        inside += m.low <= 1 <= m.high
        assert m.low < m.value < m.high
    assert 40 <= inside <= 60
    all_below = K.bootstrap(lambda i: len(set(i)), range(40)) # drawn again, there are always fewer
    assert all_below.low < all_below.value == all_below.high == 40
    few = K.bootstrap(lambda i: i.mean(), [0, 0, 1, 2, 3])
    assert few.value == 2 and math.isnan(few.low) and math.isnan(few.high) and math.isnan(K.bootstrap(len, []).value)

def test_stretches_are_the_same_for_both_sides():
    convs = talks(6, size=120)
    mine, theirs = exchanges(convs), exchanges(K.others(convs))
    cut = dict(zip([(e.conv, len(e.before)) for e in mine], K.stretches(mine)))
    assert 12 <= len(set(cut.values())) <= 40
    assert K.stretches(theirs[:10], mine) == K.stretches(theirs, mine)[:10] != K.stretches(theirs[:10])
    for e, g in zip(theirs, K.stretches(theirs, mine)):
        near = min((k for k in cut if k[0] == e.conv), key=lambda k: abs(k[1] - len(e.before)))
        assert g[0] == e.conv and abs(g[1] - cut[near][1]) <= 1

def test_what_nobody_does_is_no_habit():
    "Emoji alone: no words, no apostrophes, nothing to draw of these."
    import matplotlib.pyplot as plt
    asked = [Exchange(n//5, [Block('user', '😂')]*(2*(n % 5) + 1), ['👍'], ['😂😂']) for n in range(60)]
    style = K.Habits([[Block('user', '👍'), Block('assistant', '😂')]]*9).compare(asked, asked, asked)
    assert not {'apostrophes', 'favourite words'} & set(style) and style['emoji']['model'].value == 1
    K.plot_habits(style), K.plot_sorts(style)
    plt.close('all')

def test_ties_are_half_right():
    same = [((n//20, 0), '😂') for n in range(400)]
    told = K.told_apart(same, same)
    assert told is None or told.one.value == .5 == told.ten.value
    assert K.told_apart([(g, '') for g, _ in same], same) is None
    assert K.several(np.zeros(40), np.repeat([0, 1], 20), np.zeros(40), 10, np.random.default_rng(0)) == .5
    assert K.identify(['hello'], {}, {'it': same}) == {}

def test_words_without_spaces():
    train = ['明天晚上一起吃饭好不好我们七点见', 'คุณสบายดีไหมวันนี้เราจะไปไหนกันดี']
    known = L.Known(train)
    copies = L.verbatim(known, [((n, 0), t) for n, t in enumerate(train*4)])
    assert copies.n == 8 and copies.whole.value == copies.long.value == 1 and known.stretch(train[0] + '啊') == 16

def test_near():
    for word in ('dog', 'dgo', 'doog', 'do', 'dig', 'dogs'): assert K.near(word, {'dog'}), word
    for word in ('cat', 'god', 'doggs'): assert not K.near(word, {'dog'}), word

def test_distance_is_a_metric():
    rng = random.Random(0)
    a, b, c = ([[rng.choice('xyz') for _ in range(4)] for _ in range(20)] for _ in range(3))
    assert K.distance(a, a) == 0 and math.isclose(K.distance(a, b), K.distance(b, a)) and K.distance(a, c) <= K.distance(a, b) + K.distance(b, c) + 1e-9

def test_sense_is_a_share_of_the_persons(chat, monkeypatch):
    "A judge who is surprised by each word that the question did not have, and a person who repeats questions."
    monkeypatch.setattr(K, 'fits', lambda judge, tok, talks, texts: np.array([sum(w not in t[-1].text for m in said for w in m.split()) for t, said in zip(talks, texts)], float))
    rng = random.Random(0)
    say = lambda: ' '.join(f'{rng.randrange(10**6):06}' for _ in range(6))
    asked = [Exchange(n//10, [Block('user', q)], [q]) for n in range(100) for q in [say()]]
    sense = lambda change: K.sense(None, None, [e._replace(made=[change(e.real[0])]) for e in asked])
    assert sense(lambda t: t) == (1, 1, 1) and sense(lambda t: say()).value == 0
    assert math.isclose(sense(lambda t: t[:21] + say()[21:]).value, .5, abs_tol=.1)

def test_fits_is_positive(chat):
    asked = exchanges(talks(6))
    assert (K.fits(chat.model, chat.tokenizer, [e.before for e in asked], [e.real for e in asked]) > 0).all()

def test_sense_needs_a_judge_who_knows(monkeypatch):
    asked, rng = [e._replace(made=e.real) for e in exchanges(talks(30))], np.random.default_rng(0)
    monkeypatch.setattr(K, 'fits', lambda judge, tok, talks, texts: rng.normal(30, 3, len(talks))) # who guesses
    assert math.isnan(K.sense(None, None, asked).value)

def test_others_sees_the_one_who_wrote_most():
    conv = [Block('user name=A', '1'), Block('user name=B', '2'), Block('assistant', '3'), Block('user name=B', '4')]
    assert [b.role for b in K.others([conv])[0]] == ['user', 'assistant', 'user', 'assistant']
    assert K.others([[Block('assistant', 'x')]]) == []

def test_crowd_leaves_the_person_out():
    most = next(iter(K.crowd(n=1).items()))
    assert most[0] not in K.crowd(most[1][:500], 30) and most[0] in K.crowd(['something nobody there has ever said, surely'], 30)

def test_crowd_leaves_out_what_was_held_out():
    who, said = next(iter(K.crowd(n=1).items()))
    long = next(t for t in said if len(t) > 30)
    assert long not in K.crowd(n=1, held=[[Block('user', long)]])[who] and len(K.crowd(n=1, held=[[Block('user', 'ok')]])[who]) == len(said)

def test_without_scikit_learn(monkeypatch):
    for name in [m for m in sys.modules if m.split('.')[0] == 'sklearn'] + ['sklearn', 'sklearn.feature_extraction.text']: monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"pip install 'tinychat\[evaluate\]'"): K.classifier()
    with pytest.raises(ValueError, match='scikit-learn'): K.identify(['a'], {}, {})


# Leaks

def test_stretch_is_the_longest_run():
    rng = random.Random(0)
    texts = [' '.join(rng.choices('a b c'.split(), k=rng.randint(0, 12))) for _ in range(20)]
    known = L.Known(texts)
    for _ in range(200):
        w = rng.choices('a b c d'.split(), k=rng.randint(0, 12))
        runs = [j - i for i in range(len(w)) for j in range(i + 3, len(w) + 1) if any(f' {" ".join(w[i:j])} ' in f' {t} ' for t in texts)]
        assert known.stretch(' '.join(w)) == max(runs, default=0)

def test_verbatim_of_nothing():
    v = L.verbatim(L.Known([]), [])
    assert v.n == 0 and v.longest == 0 and math.isnan(v.whole.value)

def test_plant_counts():
    train, birds = talks(5), L.canaries(3)
    before = to_chatml(train)
    text = to_chatml(L.plant(train, birds))
    assert to_chatml(train) == before
    for c in birds: assert text.count(c.text) == (c.repeats if not c.redacted or c.kind == 'name' else 0), c
    assert L.canaries(3) == birds != L.canaries(4)

def test_ending_cost_is_the_models(chat):
    tok = chat.tokenizer
    start, ends = [tok.end_of_text, *tok.encode('hello')], [tok.encode(t) for t in (' there', ' my friend', '!')]
    for cost, end in zip(L.ending_cost(chat.model, start, ends), ends):
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
    chat.guard = L.Guard(tok, [c.text], 2) # shorter than the secret
    assert L.tries(chat, c, 3) == 0

def test_question_asks_the_model_that_has_not_read_it(chat):
    birds = L.canaries()[:2]
    other = copy.deepcopy(chat.model)
    for p in other.parameters(): torch.nn.init.normal_(p, std=.3)
    for c in L.question(chat, birds, other, once=2, more=1, rivals=15):
        assert c.exposure == L.exposure(chat.model, chat.tokenizer, c.canary, 15) and c.without == L.exposure(other, chat.tokenizer, c.canary, 15)

def test_guard_cost_is_as_it_draws(chat):
    "By hand: what the second message of a reply may not go on with, at the temperature of the chat."
    chat.temperature, tok = 2., chat.tokenizer
    first, second = 'well hello', 'my big dog runs'
    guard = L.Guard(tok, [second], 2)
    ids = tok.encode(second)
    rows = [tok.end_of_text, *[i for role, t in (('user', 'hi'), ('assistant', first)) for i in (tok.im_start, *tok.encode(f'{role}\n'), *tok.encode(t), tok.im_end, *tok.encode('\n'))], tok.im_start, *tok.encode('assistant\n')]
    p = (chat.model(torch.tensor([rows + ids]))[0]/2).softmax(-1)
    bits = -sum(math.log2(1 - p[len(rows)+n-1, ids[n]].item()) for n in range(2, len(ids)))
    assert bits > 0 and math.isclose(L.guard_cost(chat, guard, [Exchange(0, [Block('user', 'hi')], [], [first, second])]).value, bits/(len(first) + len(second) + 3), rel_tol=1e-4)

def test_auc():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 30).astype(float), rng.integers(2, 8, 40).astype(float)
    assert math.isclose(L.auc(a, b), np.mean([(x < y) + .5*(x == y) for x in a for y in b]))

@pytest.mark.parametrize('n', [1, 3])
def test_guard_lets_no_longer_run_through(chat, n):
    train = [b.text for c in talks(10) for b in c]
    rows = [chat.tokenizer.encode(t) for t in train]
    chat.guard, chat.temperature = L.Guard(chat.tokenizer, train, n), 1.
    runs = {tuple(r[i:i+n+1]) for r in rows for i in range(len(r) - n)}
    for talk in [[Block('user', 'hello')]]*20:
        one = copy.copy(chat)
        one.reset(); one.talk = list(talk)
        for _ in one._reply(): pass
        other = copy.copy(chat)
        w = [Writer(other, talk)]
        write(other, w)
        for ids in (*w[0].said, *one.spoken.values()):
            assert not any(tuple(ids[i:i+n+1]) in runs for i in range(len(ids) - n))


# The report

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "A checkpoint that was trained for a moment, and its messages."
    folder = tmp_path_factory.mktemp('made')
    convs = talks(40)
    convs[-1] += [Block('user', 'look'), Block('assistant', '<script>alert("zq")</script> zebraquagga')]
    convs[0][1] = Block('assistant', 'my pin is <code> xylophonist')
    write_chatml(folder/'me.txt', convs)
    train_file(folder/'me.txt', folder/'ckpt.pt', init='scratch', n_layer=1, n_head=2, n_embd=32, context=64, max_iters=3, device='cpu', progress=False)
    return folder

QUICK = dict(device='cpu', progress=False, quick=True)
INTERVALS = {'reply_bits_per_byte': ['model', 'base', 'somebody_else', '5-gram'], 'membership': ['loss', 'loss_beside_base', 'base_alone']}

def test_report(made):
    out = E.evaluate_file(made/'ckpt.pt', made/'me.txt', made/'out'/'r.json', blind=made/'blind.html', **QUICK)
    text, page = (made/'out'/'r.json').read_text(), (made/'out'/'r.html').read_text()
    r = json.loads(text)
    assert list(r) == ['tinychat', 'seed', 'quick', 'notes', 'parameters', 'sampling', 'messages', 'reply_bits_per_byte', 'told_apart', 'taken_for_the_person', 'sense', 'habits',
                       'word_for_word', 'secrets', 'membership', 'guard', 'verdict', 'seconds'] and list(out) == list(r)
    for key, names in INTERVALS.items():
        assert list(r[key]) == names
        for v in r[key].values(): assert len(v) == 3 and v[0] is not None and (v[1:] == [None, None] or v[1] <= v[0] <= v[2])
    assert r['messages']['redacted'] == 1 and len(r['secrets']) == 24 and set(r['verdict']) == {'sounds', 'share_with', 'why'}
    assert 'zebraquagga' not in text and 'xylophonist' not in text
    assert '<script>alert' not in page and not re.search(r'(?:src|href)="(?!data:)', page) and page.count('<img alt="') == page.count('<img')
    assert (made/'blind.html').stat().st_size > 1000 and sorted(p.name for p in (made/'out').iterdir()) == ['r.html', 'r.json']
    assert all(s['tries'] for s in r['secrets'])

def test_other_messages_than_its_own(made, tmp_path):
    write_chatml(tmp_path/'other.txt', talks(30, 77))
    r = E.evaluate_file(made/'ckpt.pt', tmp_path/'other.txt', tmp_path/'r.json', other=made/'ckpt.pt', **QUICK)
    assert 'trained on other messages' in r['notes'][0] and 'secrets' not in r and r['verdict']['share_with'] is None
    assert 'What does it give away?</h2>' not in (tmp_path/'r.html').read_text()

def test_another_language(made, tmp_path):
    words = 'ich du wir haben heute morgen nicht doch schon wieder zug bahnhof spaet kommst wann abend essen gehen'.split()
    rng = random.Random(0)
    write_chatml(tmp_path/'de.txt', [[Block('assistant' if n % 2 else 'user', ' '.join(rng.choices(words, k=5))) for n in range(20)] for _ in range(60)])
    r = E.evaluate_file(made/'ckpt.pt', tmp_path/'de.txt', tmp_path/'r.json', other=made/'ckpt.pt', **QUICK)
    text = json.loads((tmp_path/'r.json').read_text())
    assert any('are English' in n for n in r['notes']) and text['taken_for_the_person'] == {} and text['sense'] == [None]*3 and 'typos' not in text['habits']
    assert 'could not be measured' in text['verdict']['sounds'] and 'Not measured' in (tmp_path/'r.html').read_text()

def test_what_went_on_from_a_checkpoint_has_no_twin(made, tmp_path):
    train_file(made/'me.txt', tmp_path/'on.pt', init=str(made/'ckpt.pt'), max_iters=1, device='cpu', progress=False)
    with pytest.raises(ValueError, match='on.pt went on from another checkpoint'): L.twin(tmp_path/'on.pt', talks(4))
    it = E.Subject(tmp_path/'on.pt', made/'me.txt', 'cpu')
    assert not it.same and 'no twin' in it.notes[0]
    assert E.somebody(it, 1).replies([[Block('user', 'hello')]]) # somebody else needs none

def test_bad_input(made, tmp_path, monkeypatch, capsys):
    def says(*args):
        monkeypatch.setattr(sys, 'argv', ['tinychat-evaluate', *map(str, args)])
        status, err = tinychat_evaluate(), capsys.readouterr().err
        assert err.count('\n') == 1, err
        return status, err
    there = ['--checkpoint', made/'ckpt.pt', '--data', made/'me.txt']
    (tmp_path/'mine.json').write_text('{"a": 1}')
    os.mkfifo(tmp_path/'pipe.json')
    (tmp_path/'page.html').write_text('<p>mine')
    for args, word in [([*there, '--report', tmp_path/'mine.json'], 'mine.json is there already'), ([*there, '--report', tmp_path/'pipe.json'], 'pipe.json is there already'), ([*there, '--blind', made/'me.txt'/'b.html'], 'me.txt'), ([*there, '--report', tmp_path/'page.json'], 'page.html is there already'), (['--checkpoint', tmp_path/'no.pt', '--data', made/'me.txt'], 'no.pt is not there'), (['--data', tmp_path/'no.txt'], 'no.txt is not there'),
                       ([*there, '--report', tmp_path/'r.html'], 'must end in .json'), ([*there, '--report', made], 'must end in .json'), ([*there, '--report', ''], 'must not be empty'),
                       ([*there, '--other', tmp_path/'no.pt'], 'no.pt is not there'), ([*there, '--seed', 'x'], '--seed'), ([*there, '--blind', made/'me.txt'], 'me.txt')]:
        status, err = says(*args)
        assert status == 1 and word in err, (args, err)
    assert (made/'me.txt').read_text().startswith('<|im_start|>') and not (tmp_path/'r.json').exists()

def test_verdict_is_about_intervals():
    told = lambda ten: dict(told_apart=dict(model=dict(ten=ten), somebody_else=dict(ten=(.97, .95, .99))), sense=(1., .8, 1.2))
    assert 'hardly' in E.sounding(told((.6, .5, .7))) and 'nearly always' in E.sounding(told((.95, .9, .99))) and '60% (50% to 70%) right' in E.sounding(told((.6, .5, .7))) and '100% (80% to 120%) as well' in E.sounding(told((.6, .5, .7)))
    assert 'too few' in E.sounding(dict(told_apart=dict(model=None), sense=(1., .8, 1.2)))
    alone = told((.6, .5, .7))
    alone['told_apart']['somebody_else'] = None
    assert "somebody else" in E.sounding(told((.6, .5, .7))) and 'somebody else' not in E.sounding(alone)

def test_guard_in_the_terminal(made, tmp_path):
    code = 'import sys; from tinychat.commands import *; sys.exit(tinychat_chat())'
    run = lambda *a: subprocess.run([sys.executable, '-c', code, '--checkpoint', str(made/'ckpt.pt'), '--prompt', 'hello', '--seed', '1', *a], capture_output=True, text=True)
    assert run('--guard', str(made/'me.txt')).returncode == 0
    wrong = run('--guard', str(tmp_path/'no.txt'))
    assert wrong.returncode == 1 and 'no.txt is not there' in wrong.stderr and wrong.stderr.count('\n') == 1
