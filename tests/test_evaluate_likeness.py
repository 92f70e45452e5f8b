"How much a model sounds like its person: intervals, telling apart, sense, habits."
import math, random, sys

import numpy as np
import pytest, torch
from evaluating import WORDS, chat, talks, tok # fixtures among them

from tinychat.data import Block
from tinychat.evaluate import likeness as K
from tinychat.evaluate.asked import Exchange, exchanges
from tinychat.fast import evaluate

def test_ngram_is_a_distribution():
    rng = random.Random(0)
    grams = K.NGram([[rng.randrange(7) for _ in range(60)] for _ in range(3)], 9)
    for n in range(6):
        for _ in range(5):
            history = [rng.randrange(9) for _ in range(n)]
            assert math.isclose(sum(grams.p(history, i) for i in range(9)), 1, abs_tol=1e-9) and min(grams.p(history, i) for i in range(9)) > 0

def test_ngram_bits_falls_with_what_it_has_read(tok):
    held_out = talks(3, 9)
    assert K.ngram_bpb(tok, talks(30), held_out).value < K.ngram_bpb(tok, talks(2), held_out).value

def test_bits_is_reply_bpb(chat):
    held_out = talks(6, 3)
    m = K.bpb_measure(chat.model, chat.tokenizer, held_out)
    assert math.isclose(m.value, evaluate(chat.model, chat.tokenizer, held_out), rel_tol=1e-4) and m.low <= m.value <= m.high

def test_bits_of_some_windows(chat):
    "Each of these conversations is one window."
    convs = [c[:3] for c in talks(6, 3)]
    some = K.bpb_measure(chat.model, chat.tokenizer, convs, most=3)
    assert math.isclose(some.value, evaluate(chat.model, chat.tokenizer, convs[::2]), rel_tol=1e-4)

def test_told_apart():
    rng = random.Random(1)
    same = [((n//20, 0), ' '.join(rng.choices(WORDS, k=5))) for n in range(400)]
    coin = K.told_apart(same[::2], same[1::2])
    assert coin.one.low < .5 < coin.one.high and coin.n == 200
    shouted = K.told_apart(same, [(g, t.upper()) for g, t in same])
    assert shouted.one.value > .95 and shouted.ten.value > .99
    assert K.told_apart(same[:39], same) is None and K.told_apart([((0, 0), t) for _, t in same], [((0, 0), t) for _, t in same]) is None
    assert K.told_apart([], same) is None and K.told_apart([((0, 0), t) for _, t in same], same) is None # one conversation against twenty

def known_heaps(train, said, model, n=30):
    "What a judge is shown: the person later says `said`, and the model `model`."
    heap = lambda say: [((g, 0), say()) for g in range(n) for _ in range(4)]
    earlier = [((e.conv, 0), t) for e in K.last_replies(train, 120) for t in e.real]
    return {'the person': heap(said), 'the model': heap(model), 'the base': heap(lambda: 'as an assistant'), 'the person, earlier': earlier}

def test_judges_who_know_the_person_tell_whom_they_do_not_know():
    rng, train = random.Random(3), talks(60)
    say = lambda: ' '.join(rng.choices(WORDS, k=5))
    yes = lambda t: t.upper() + ' zzz'
    for c in train: c[:] = [Block(b.role, yes(b.text)) if b.role == 'assistant' else b for b in c]
    alike, unlike = (K.judge_apart(train, known_heaps(train, lambda: yes(say()), model)) for model in (lambda: yes(say()), say))
    assert [*alike] == ['a stranger', 'an acquaintance', 'a friend']
    for name in ('an acquaintance', 'a friend'):
        assert unlike[name].model.ten.value > .95 and unlike[name].gap.low > 0
        assert alike[name].model.ten.value < .75 and alike[name].gap.low < .1
    assert alike['a friend'].model.n == 120

def test_judges_have_not_read_what_they_judge(monkeypatch):
    train, read = [[Block(b.role, f'{b.text} {n}') for b in c] for n, c in enumerate(talks(60))], []
    make = K.judge_who_read
    monkeypatch.setattr(K, 'judge_who_read', lambda person, *rest: read.append(person) or make(person, *rest))
    heaps = known_heaps(train, lambda: 'oh', lambda: 'ah')
    K.judge_apart(train, heaps)
    assert [len(r) for r in read] == [0]*10 + [100]*10 + [len(read[-1])]*10 and len(read[-1]) > 500
    assert not {*read[-1]} & {t for _, t in heaps['the person, earlier']}

def test_without_enough_to_read_nobody_judges():
    train = talks(60)
    heaps = known_heaps(train, lambda: 'oh', lambda: 'ah')
    assert K.judge_apart(talks(3), heaps) == {} and K.judge_apart(train, heaps | {'the base': []}) == {}
    assert K.judge_apart(train, heaps | {'the model': heaps['the model'][:39]}) == {}

def test_a_gap_is_as_unsure_as_both():
    found = K.gap(K.Measure(.8, .77, .84), K.Measure(.6, .57, .64))
    for is_, should_be in zip(found, (.2, .15, .25)): assert math.isclose(is_, should_be, abs_tol=1e-9)

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
    K.message_features(texts)
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
    assert style['capital letters']['other'].value == K.total_variation([['none']], [['ALL']]) == 1 and math.isnan(style['emoji']['self'].value)
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
    ours, theirs = exchanges(convs), exchanges(K.other_side(convs))
    cut = dict(zip([(e.conv, len(e.before)) for e in ours], K.stretches(ours)))
    assert 12 <= len(set(cut.values())) <= 40
    assert K.stretches(theirs[:10], ours) == K.stretches(theirs, ours)[:10] != K.stretches(theirs[:10])
    for e, g in zip(theirs, K.stretches(theirs, ours)):
        near = min((k for k in cut if k[0] == e.conv), key=lambda k: abs(k[1] - len(e.before)))
        assert g[0] == e.conv and abs(g[1] - cut[near][1]) <= 1

def test_what_nobody_does_is_no_habit():
    "Emoji alone: no words, no apostrophes."
    asked = [Exchange(n//5, [Block('user', '😂')]*(2*(n % 5) + 1), ['👍'], ['😂😂']) for n in range(60)]
    style = K.Habits([[Block('user', '👍'), Block('assistant', '😂')]]*9).compare(asked, asked, asked)
    assert not {'apostrophes', 'favourite words'} & set(style) and style['emoji']['model'].value == 1

def test_ties_are_half_right():
    same = [((n//20, 0), '😂') for n in range(400)]
    told = K.told_apart(same, same)
    assert told is None or told.one.value == .5 == told.ten.value
    assert K.told_apart([(g, '') for g, _ in same], same) is None
    assert K.told_in_heaps(np.zeros(40), np.repeat([0, 1], 20), np.zeros(40), 10, np.random.default_rng(0)) == .5
    assert K.identify(['hello'], {}, {'it': same}) == {}

def test_near():
    for word in ('dog', 'dgo', 'doog', 'do', 'dig', 'dogs'): assert K.one_letter_away(word, {'dog'}), word
    for word in ('cat', 'god', 'doggs'): assert not K.one_letter_away(word, {'dog'}), word

def test_distance_is_a_metric():
    rng = random.Random(0)
    a, b, c = ([[rng.choice('xyz') for _ in range(4)] for _ in range(20)] for _ in range(3))
    assert K.total_variation(a, a) == 0 and math.isclose(K.total_variation(a, b), K.total_variation(b, a)) and K.total_variation(a, c) <= K.total_variation(a, b) + K.total_variation(b, c) + 1e-9

def test_sense_is_a_share_of_the_persons(chat, monkeypatch):
    "A judge who is surprised by each word that the question did not have, and a person who repeats questions."
    monkeypatch.setattr(K, 'token_bits', lambda judge, tok, talks, texts: [(np.array([float(w not in t[-1].text) for m in said for w in m.split()]), None) for t, said in zip(talks, texts)])
    rng = random.Random(0)
    say = lambda: ' '.join(f'{rng.randrange(10**6):06}' for _ in range(6))
    asked = [Exchange(n//10, [Block('user', q)], [q]) for n in range(100) for q in [say()]]
    sense = lambda change: K.sense(None, None, [e._replace(made=[change(e.real[0])]) for e in asked])
    assert sense(lambda t: t) == (1, 1, 1) and sense(lambda t: say()).value == 0
    assert math.isclose(sense(lambda t: t[:21] + say()[21:]).value, .5, abs_tol=.1)

def test_a_judge_reads_many_as_it_reads_one(chat):
    asked = exchanges(talks(2))
    talk, said = [e.before for e in asked], [e.real for e in asked]
    def of(talk, said): return np.array([bits.sum() for bits, _ in K.token_bits(chat.model, chat.tokenizer, talk, said)])
    bits, one = of(talk, said), [of([t], [s])[0] for t, s in zip(talk, said)]
    assert len(bits) > 16 and (bits > 0).all() and np.allclose(bits, one, rtol=.01)
    assert (of(talk, [[]]*len(talk)) == 0).all()
    row, n = K.question_and_reply(chat.tokenizer, 96, talk[0], said[0])
    with torch.no_grad(): by_hand = -chat.model(torch.tensor([row[:-1]]))[0].log_softmax(-1)[range(n, len(row) - 1), row[n+1:]].sum()/math.log(2)
    assert math.isclose(bits[0], by_hand, rel_tol=.01)

def test_sense_needs_a_judge_who_knows(monkeypatch):
    asked, rng = [e._replace(made=e.real) for e in exchanges(talks(30))], np.random.default_rng(0)
    monkeypatch.setattr(K, 'token_bits', lambda judge, tok, talks, texts: [(rng.normal(30, 3, 1), None) for _ in talks]) # who guesses
    assert math.isnan(K.sense(None, None, asked).value)

def test_others_sees_the_one_who_wrote_most():
    conv = [Block('user name=A', '1'), Block('user name=B', '2'), Block('assistant', '3'), Block('user name=B', '4')]
    assert [b.role for b in K.other_side([conv])[0]] == ['user', 'assistant', 'user', 'assistant']
    assert K.other_side([[Block('assistant', 'x')]]) == []

def test_crowd_leaves_the_person_out():
    most = next(iter(K.crowd(n=1).items()))
    assert most[0] not in K.crowd(most[1][:500], 30) and most[0] in K.crowd(['something nobody there has ever said, surely'], 30)

def test_crowd_leaves_out_what_was_held_out():
    who, said = next(iter(K.crowd(n=1).items()))
    long = next(t for t in said if len(t) > 30)
    assert long not in K.crowd(n=1, held_out=[[Block('user', long)]])[who] and len(K.crowd(n=1, held_out=[[Block('user', 'ok')]])[who]) == len(said)

def test_without_scikit_learn(monkeypatch):
    for name in [m for m in sys.modules if m.split('.')[0] == 'sklearn'] + ['sklearn', 'sklearn.feature_extraction.text']: monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=r"pip install 'tinychat\[evaluate\]'"): K.make_classifier()
    with pytest.raises(ValueError, match='scikit-learn'): K.identify(['a'], {}, {})
