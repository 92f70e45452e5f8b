"Talks that ask for what was said: the answer stands further up, and nothing of the benchmarks is given away."
import itertools, random, re, sys
from pathlib import Path

import pytest
from tinychat.bases.adapt import Adaptation, open_talks, with_recall
from tinychat.bases.recall import RECALL, Fact, add_fact, ask, draw_fact, recall_talks, stretch, tell, turned, two_facts, untold, FOR_YOU

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'benchmarks'))
import forty, remember
CHATS = [[[i % 2, text] for i, text in enumerate(words.split())] for words in ('one two three four five six', 'seven eight nine ten', 'eleven twelve')]

def phrases(kind): return [p for key in ('told', 'asks', 'asked', 'knows') for p in kind[key]]

def test_every_brace_can_be_filled_and_every_kind_is_whole():
    for kind in RECALL['facts']:
        for phrase in phrases(kind): assert set(re.findall(r'\{(\w+)\}', phrase)) <= set(kind['kinds'])
        main = '{' + kind['kinds'][0] + '}'
        assert all(main in p for p in kind['knows']) and all(main in p for p in kind['told']) # told, so that it can be known
        assert not any(main in p for p in kind['asks'] + kind['asked']) # or the question would be its own answer
    for name, values in RECALL['values'].items(): assert len(set(values)) == len(values) >= 10, name

@pytest.mark.parametrize('owner', [0, 1])
@pytest.mark.parametrize('by_owner', [0, 1])
def test_whose_it_is(owner, by_owner):
    class Always(random.Random):
        def random(self): return 0.9 - 0.8*by_owner # below .65: the owner asks
        def choice(self, seq): return seq[0]
    kind = dict(kinds=['who'], told=['I saw {who}'], asks=['Whom did I see?'], asked=['Whom did you see?'], knows=['You saw {who}'])
    fact = Fact(kind, dict(who='my aunt'), owner)
    assert tell(fact, Always())[0] == [owner, 'I saw my aunt']
    question, answer = ask(fact, Always())[:2]
    asker, mine = (owner, 'You saw your aunt') if by_owner else (1 - owner, 'I saw my aunt')
    assert question[0] == asker and answer == [1 - asker, mine]

def test_the_answer_stands_further_up():
    rng = random.Random(0)
    for kind in RECALL['facts']:
        for _ in range(5):
            fact = draw_fact(kind, rng)
            talk = []
            add_fact(talk, fact, rng)
            (asker, question), (_, answer), *_ = ask(fact, rng)
            theirs = fact.main if asker != fact.owner else turned(fact.main, FOR_YOU)
            assert fact.main.lower() in talk[0][1].lower() and theirs.lower() in answer.lower()

def test_two_facts_cannot_be_mixed_up_and_a_third_is_new():
    rng = random.Random(0)
    for _ in range(300):
        a, b = two_facts(rng)
        assert a.main != b.main and set(a.values) & set(b.values) <= {'name'}
        assert not set(untold([a, b], rng).values) & {*a.values, *b.values}

def test_the_stretch_gives_nothing_away():
    fact = Fact(RECALL['facts'][0], dict(name='Seven'), 0)
    found = [stretch(CHATS, [fact], random.Random(k)) for k in range(200)]
    assert any(found) and not any(text == 'seven' for part in found for _, text in part)
    assert stretch([[[0, 'name'], [1, 'seven']]], [fact], random.Random(0)) == []

def test_the_same_seed_the_same_talks_from_long_enough_ones():
    assert recall_talks(CHATS, 20) == recall_talks(CHATS, 20) != recall_talks(CHATS, 20, seed=1)
    assert not any('eleven' in text for talk in recall_talks(CHATS, 50) for _, text in talk)
    assert recall_talks(CHATS[2:], 5) == [] and recall_talks([], 5) == []
    hopeless = [[[0, 'name'], [1, 'remember'], [0, 'name'], [1, 'remember']]] # every stretch of it would give something away
    assert len(recall_talks(hopeless, 3)) == 3

def test_a_base_reads_them():
    how = Adaptation(sources=('persona', 'recall'), n_recall=4)
    read = with_recall(dict(persona=CHATS), how)
    assert read['recall'] == recall_talks(CHATS, 4) and len(open_talks(read, how)) == 2*(len(CHATS) + 4)

def test_what_is_asked_by_the_benchmarks_is_not_learned():
    asked = {texts[-1].lower() for _, texts in remember.TALKS} | {t.lower() for turns in forty.TALKS for t in turns}
    for kind in RECALL['facts']:
        for values in itertools.islice(itertools.product(*(RECALL['values'][k] for k in kind['kinds'])), 200):
            filled = [re.sub(r'\{(\w+)\}', lambda m: dict(zip(kind['kinds'], values))[m[1]], p).lower() for p in kind['asks'] + kind['asked']]
            assert not asked & set(filled)
    words = {w.lower() for values in RECALL['values'].values() for v in values for w in re.findall(r'[\w:]+', v)}
    assert not words & {'anna', 'bruno', 'sister', 'beach', 'friday', 'library', '12:30'}
