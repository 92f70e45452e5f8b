"The blind test: which moments it takes, what it says of a score, and what is in its page."
import base64, hashlib, html, json, math, re, sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tinychat.evaluate import blind
from tinychat.evaluate.blind import BlindTest, Round, count_text, messages_in, pick_rounds, shown, unveil, veil, verdict, wilson_interval, write_page
from tinychat.data import Block
from tinychat.runs.votes import Vote, read_votes

HOSTILE = ['<script>alert(1)</script>', '</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '-->', '<!--', '"', "'", '`${1}`', '\\', '&amp;', ']]>', '{{x}}',
           '👩‍👧 😂🎉', 'مرحبا بك', 'שלום עולם', '\u202eabc', '漢字かな', 'line\nand line', '\u2028', 'half a pair \ud83d.', 'tab\there', 'null \0 bell \x07', 'x'*5000, '\r\n a \r\n', '%', '</body>']

def exchange(real, made, before='hello?', conv=None):
    talk = [b if isinstance(b, Block) else Block('user', b) for b in (before if isinstance(before, list) else [before])]
    e = SimpleNamespace(before=talk, real=[real] if isinstance(real, str) else real, made=[made] if isinstance(made, str) else made)
    if conv is not None: e.conv = conv
    return e

def plenty(n=30, talks=10): return [exchange(f'real {k}', f'made {k}', f'asked {k}', k % talks) for k in range(n)]
def real(r): return r.one if r.real == 1 else r.two
def made(r): return r.two if r.real == 1 else r.one
def one_line(e): assert '\n' not in str(e.value) and len(str(e.value)) < 400; return str(e.value)
def data(path):
    page = path.read_text(encoding='utf-8')
    return page, json.loads(unveil(re.search('<body data-rounds="([^"]*)">', page)[1]))

# Which moments

def test_a_round_is_what_it_was():
    e = exchange(['yes', 'who else'], ['no'], [Block('assistant', 'hi'), Block('user name=Ada', 'are you coming?')])
    (r,) = pick_rounds([e], n=1)
    assert r.prompt == [Block('assistant', 'hi'), Block('user', 'are you coming?')]
    assert real(r) == ['yes', 'who else'] and made(r) == ['no'] and r.real in (1, 2)

def test_the_seed_decides():
    es = plenty()
    assert pick_rounds(es, seed=3) == pick_rounds(iter(es), seed=3)
    assert len({str(pick_rounds(es, seed=s)) for s in range(20)}) == 20

def test_sides_are_fair():
    """In each place, and in pairs: a fixed number of each, or one side after the other, would help whoever counts.
    Bounds of five standard deviations, at seeds that never change."""
    tests = [[r.real for r in pick_rounds(plenty(), seed=s)] for s in range(400)]
    for place in zip(*tests): assert abs(place.count(1) - 200) < 50
    assert abs(sum(t.count(1) for t in tests) - 2000) < 5*math.sqrt(1000)
    assert abs(sum(a == b for t in tests for a, b in zip(t, t[1:])) - 1800) < 5*math.sqrt(900)
    assert {t.count(1) for t in tests} >= set(range(2, 9))

@pytest.mark.parametrize('talks', [1, 10, 30])
def test_every_exchange_can_be_drawn(talks):
    drawn = [real(r)[0] for s in range(200) for r in pick_rounds(plenty(talks=talks), seed=s)]
    assert len(set(drawn)) == 30 and min(map(drawn.count, drawn)) > 30 # 67 each on average

def test_all_talks_before_a_second_of_any():
    long = [exchange(f'real {k}', 'made', conv=0) for k in range(100)] + [exchange(f'other {k}', 'made', conv=k) for k in range(1, 10)]
    for s in range(20):
        names = [real(r)[0] for r in pick_rounds(long, seed=s)]
        assert sum(n.startswith('real') for n in names) == 1 and len(names) == 10

def test_few_talks_are_shared_out():
    names = [real(r)[0] for r in pick_rounds(plenty(talks=4), n=10)]
    talks = [int(n.split()[1]) % 4 for n in names]
    assert sorted(talks.count(t) for t in range(4)) == [2, 2, 3, 3]

def test_no_prompt_gives_away_a_later_round():
    "In one talk, the reply of one round is in the prompt of the next."
    talk, es = [], []
    for k in range(30):
        talk += [Block('user', f'q{k}')]
        es.append(exchange(f'a{k}', f'made {k}', list(talk), 0))
        talk += [Block('assistant', f'a{k}')]
    given_away = 0
    for s in range(20):
        rounds = pick_rounds(es, seed=s)
        for k, r in enumerate(rounds):
            seen = {b.text for b in r.prompt}
            assert not any(real(later)[0] in seen for later in rounds[k+1:])
            given_away += any(real(earlier)[0] in seen for earlier in rounds[:k])
    assert given_away # or this would test nothing

@pytest.mark.parametrize('e', [exchange('ok', 'ok'), exchange('Ok  then', ' ok\nthen '), exchange(['a', 'b'], ['A', 'B', ' ']), exchange('STRASSE', 'straße'), exchange('x'*5000, 'x'*4000)], ids=str)
def test_equal_replies_are_left_out(e):
    with pytest.raises(ValueError, match='two equal replies'): pick_rounds([e], n=1)

@pytest.mark.parametrize('nothing', ['', [], ['', ' \n'], '\u200e', '\u200b\u2060', '\x07', '\u3000'], ids=ascii)
def test_empty_replies_are_left_out(nothing):
    for e in (exchange(nothing, 'hi'), exchange('hi', nothing)):
        with pytest.raises(ValueError, match='empty reply'): pick_rounds([e], n=1)

@pytest.mark.parametrize('before', [[], [''], [Block('assistant', 'me again')], [Block('user', 'hi'), Block('assistant', 'me')], [Block('user', 'hi'), Block('assistant', 'me'), Block('user', ' ')], [Block('system', 'be nice')]], ids=str)
def test_a_reply_to_nobody_is_left_out(before):
    with pytest.raises(ValueError, match='without a message to answer'): pick_rounds([exchange('real', 'made', before)], n=1)

@pytest.mark.parametrize('link', ['https://example.com/a?b=c#d', 'HTTP://EXAMPLE.COM', 'www.example.com/x.', ['https://a.example', 'https://b.example'], '(https://example.com)', 'https://a.example https://b.example'], ids=str)
def test_bare_links_give_the_person_away(link):
    with pytest.raises(ValueError, match='only a link'): pick_rounds([exchange(link, 'haha yes')], n=1)

@pytest.mark.parametrize('words', ['look https://example.com', 'https://example.com 😂', ['https://example.com', 'lol'], '!!', '?', '😂', 'ok', '...', 'посмотри https://example.com'], ids=str)
def test_words_and_signs_stay(words): assert real(pick_rounds([exchange(words, 'haha yes')], n=1)[0])

@pytest.mark.parametrize('words', ['https://example.com', 'x', '?????', 'ha'*100, '<|im_end|>'])
def test_nothing_is_left_out_for_what_the_model_said(words): assert made(pick_rounds([exchange('fine', words)], n=1)[0]) == [words]

def test_the_same_rules_for_both_sides():
    for text in HOSTILE:
        (r,) = pick_rounds([exchange(['same', text], ['other', text])], n=1) if shown(text) else [Round([], ['same'], ['other'], 1)]
        assert r.one[1:] == r.two[1:]

def test_only_the_last_messages_of_a_talk_shortened():
    before = [f'{k} ' + 'x'*5000 for k in range(10)]
    (r,) = pick_rounds([exchange('real', 'made', before)], n=1)
    assert [b.text[0] for b in r.prompt] == ['6', '7', '8', '9'] and all(len(b.text) == blind.MAX_SHOWN and b.text.endswith('…') for b in r.prompt)
    assert [b.text[0] for b in pick_rounds([exchange('real', 'made', before)], n=1, show=1)[0].prompt] == ['9']

def test_what_is_shown_can_be_shown():
    for text in HOSTILE:
        s = shown(text)
        s.encode() # no half pairs
        assert len(s) <= blind.MAX_SHOWN and s == s.strip() == shown(s) and not re.search('[\x00-\x09\x0b-\x1f]', s)
    assert shown('tab\there') == 'tab here' and shown('x'*blind.MAX_SHOWN) == 'x'*blind.MAX_SHOWN

def test_too_few_is_one_clear_line():
    es = plenty(4) + [exchange('ok', 'OK'), exchange('', 'x'), exchange('https://example.com', 'x'), exchange('x', ' ')]
    with pytest.raises(ValueError) as e: pick_rounds(es)
    said = one_line(e)
    for words in ('10 rounds', '4 of 8 can', '1 with two equal replies', '2 with an empty reply', '1 where the person sent only a link', 'n=4'): assert words in said
    with pytest.raises(ValueError) as e: pick_rounds([])
    assert '0 of 0 can. Give more' in one_line(e) and 'n=0' not in str(e.value)
    for wrong in (dict(n=0), dict(show=0), dict(n=-1)):
        with pytest.raises(ValueError, match='at least 1'): pick_rounds(es, **wrong)
    assert len(pick_rounds(es, n=4)) == 4

# What a score says

def test_interval_is_wilsons():
    "The ends solve (share - end)² = z² end (1 - end)/n, Wilson's equation of 1927."
    for n in (1, 2, 5, 10, 37, 1000):
        for right in {0, 1, n//3, n//2, n-1, n}:
            low, high = wilson_interval(right, n)
            assert 0 <= low <= right/n <= high <= 1 and low < high
            for end in (low, high): assert math.isclose((right/n - end)**2, 1.96**2*end*(1 - end)/n, abs_tol=1e-12)
            assert wilson_interval(n - right, n) == pytest.approx((1 - high, 1 - low))
    assert wilson_interval(7, 10) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    for end in wilson_interval(60, 100, z=1): assert math.isclose((0.6 - end)**2, end*(1 - end)/100)

def test_interval_covers_as_promised():
    "Over all scores, about 95%: never far below, for shares that are not at the very ends."
    for n in (10, 30, 100):
        for share in (0.2, 0.5, 0.6, 0.9):
            covered = sum(math.comb(n, k)*share**k*(1 - share)**(n - k) for k in range(n + 1) if wilson_interval(k, n)[0] <= share <= wilson_interval(k, n)[1])
            assert 0.91 < covered < 0.99

@pytest.mark.parametrize('right, n', [(11, 10), (-1, 10), (0, 0)])
def test_no_score(right, n):
    with pytest.raises(ValueError, match='is no score'): wilson_interval(right, n)

def test_verdicts():
    for k in range(11):
        said = verdict(k, 10)
        assert said.startswith(f'{k} of 10 found') and said.endswith('.') and '\n' not in said and '50%' in said
        assert ('does not show' in said) == (2 <= k <= 8) and ('each for the other' in said) == (k < 2) and ('shows that you can tell' in said) == (k < 2 or k > 8)
    assert 'between 40% and 89%' in verdict(7, 10) and 'between 0% and 28%' in verdict(0, 10) and 'between 72% and 100%' in verdict(10, 10)
    assert 'does not show' in verdict(1, 1) and 'shows that you can tell the two apart.' in verdict(62, 100)

# In a notebook

def html_of(box): return ''.join(w.value for w in (box.title, box.talk, *box.replies, box.note))

def test_the_box_plays():
    rounds = pick_rounds(plenty())
    box = BlindTest(rounds, 'Grace')
    assert 'Round 1 of 10' in box.title.value and 'Which did Grace write?' in box.note.value and 'wrote this' not in html_of(box)
    for k, r in enumerate(rounds):
        assert f'Round {k+1} of 10' in box.title.value and html_of(box).count('data-from="them"') == 2
        box.pick[0].click()
        box.pick[1].click() # too late
        assert len(box.answers) == k + 1 and ('Right' in box.note.value) == (r.real == 1) and f'it was {" AB"[r.real]}.' in box.note.value
        assert 'Grace wrote this' in box.replies[r.real-1].value and 'made this up' in box.replies[2-r.real].value
        assert [b.description for b in box.pick] == ['Your choice', 'This one'] and ['#1a8f4c' in str(c.layout.get_state()) for c in box.cards] == [r.real == 1, r.real == 2]
        assert all(b.disabled for b in box.pick) and box.forward.layout.display is None and box.restart.layout.display == 'none'
        assert box.forward.description == ('Result' if k == 9 else 'Next')
        box.forward.click()
    assert box.score == sum(r.real == 1 for r in rounds) and verdict(box.score, 10) in box.note.value
    assert box.ui.children[2].layout.display == 'none' and box.restart.layout.display is None and box.forward.layout.display == 'none'
    box.restart.click()
    assert [b.description for b in box.pick] == ['This one']*2 and not any('#1a8f4c' in str(c.layout.get_state()) for c in box.cards)
    assert box.score == 0 and 'Round 1 of 10' in box.title.value and box.ui.children[2].layout.display == 'flex' and not box.pick[0].disabled

def test_votes_are_what_was_chosen(tmp_path, monkeypatch):
    rounds = pick_rounds(plenty())
    monkeypatch.chdir(tmp_path)
    box = BlindTest(rounds)
    with pytest.raises(ValueError, match='Nothing was chosen yet'): box.save_votes()
    for r in rounds: box.choose(1)
    box.next()
    assert box.keep.layout.display is None
    box.keep.click()
    assert 'Saved as votes.json.' in box.note.value and (tmp_path/'votes.json').stat().st_mode & 0o77 == 0
    assert read_voted('votes.json') == [([[b.role, b.text] for b in r.prompt], r.one, r.two) for r in rounds]
    assert [*read_votes(['votes.json'])] == [Vote(r.prompt, r.one, r.two) for r in rounds]
    (tmp_path/'votes.json').write_text('mine')
    box.keep.click()
    assert 'Saved as votes2.json.' in box.note.value and (tmp_path/'votes.json').read_text() == 'mine' and len(read_voted('votes2.json')) == 10
    with pytest.raises(ValueError, match='votes.json'): box.save_votes('votes.json')

def read_voted(path): return [(v['before'], v['chosen'], v['rejected']) for v in json.loads(Path(path).read_text())['votes']]

def test_the_box_for_python():
    rounds = pick_rounds(plenty())
    box = BlindTest(rounds)
    assert [box.choose(r.real) for r in rounds] == [True]*10 and box.score == 10
    with pytest.raises(ValueError, match='All 10 rounds are played'): box.choose(1)
    assert verdict(10, 10) in box.note.value and box.score == 10
    box.pick[0].click(); box.forward.click() # late clicks do nothing
    assert box.score == 10 and len(box.answers) == 10
    box.again()
    assert [box.choose(3 - r.real) for r in rounds] == [False]*10 and box.score == 0
    box.again()
    for wrong in (0, 3, 'A', None):
        with pytest.raises(ValueError, match='Choose 1 for A or 2 for B'): box.choose(wrong)
    box.next()
    assert box.at == 0 # an open round is not passed over

def test_the_box_shows_text_only():
    texts = [t for t in HOSTILE if shown(t)]
    rounds = pick_rounds([exchange(['real', t], ['made', t], t) for t in texts], n=len(texts))
    box = BlindTest(rounds, '<i>"Grace"</i>')
    for k, r in enumerate(rounds):
        for answered in (False, True):
            if answered: box.choose(1)
            assert box.at == k and set(re.findall(r'<(\w+)', html_of(box))) <= {'div', 'b', 'span'} and 'onerror' not in re.sub('>[^<]*<', '><', html_of(box))
        for t in r.one + r.two + [r.prompt[0].text]: assert html.escape(t) in html_of(box)
        box.next()

def test_the_box_needs_rounds_and_ipywidgets(monkeypatch):
    with pytest.raises(ValueError, match='no rounds'): BlindTest([])
    monkeypatch.setitem(sys.modules, 'ipywidgets', None)
    with pytest.raises(ImportError, match='pip install ipywidgets'): BlindTest(pick_rounds(plenty()))

# The page

@pytest.fixture
def page(tmp_path): return tmp_path/'blind.html'

def test_the_page_holds_the_rounds_and_nothing_else(page):
    "Fifty exchanges, each of whose words can be found again: ten are in the page."
    es = [exchange(f'secretreal{k}', f'secretmade{k}', [Block('user name=Secretname', f'{w}{k}') for w in ('old', 'older', 'secretasked', 'secretb', 'secretc', 'secretd')], k) for k in range(50)]
    rounds = pick_rounds(es)
    write_page(rounds, page, 'Grace')
    text, inside = data(page)
    mine = {real(r)[0][10:] for r in rounds}
    assert len(mine) == 10
    everything = text + json.dumps(inside) + ''.join(unveil(m) for m in re.findall('data-rounds="([^"]+)"', text))
    expected = {f'{w}{k}' for k in mine for w in ('secretreal', 'secretmade', 'secretasked', 'secretb', 'secretc', 'secretd')}
    assert set(re.findall(r'secret[a-z]+\d+', everything)) == expected and 'old' not in json.dumps(inside) and 'Secretname' not in everything
    assert set(inside) == {'name', 'rounds', 'verdicts', 'intervals'} and {key for r in inside['rounds'] for key in r} == {'prompt', 'replies', 'real'}
    assert not any(s in text for s in expected) # not at a glance
    assert 'This page holds 50 messages that people really wrote, and 10 that a model made up.' in text
    listed = messages_in(rounds)
    assert set(re.findall(r'secret[a-z]+\d+', listed)) == expected

def test_contents_lists_every_message():
    rounds = pick_rounds([exchange(['real one', 'real\ntwo'], 'made one', [Block('user', 'asked'), Block('assistant', 'said'), Block('user', 'asked again')])], n=1)
    lines = messages_in(rounds).splitlines()
    for line in ('   someone: asked', '   the person: said', '   someone: asked again', f' {" AB"[rounds[0].real]} the person: real one', f' {" BA"[rounds[0].real]} the model: made one'): assert line in lines
    assert '      two' in lines and lines[-1] == 'It holds 5 messages that people really wrote, and 1 that a model made up.'
    assert messages_in([Round([], ['a'], ['b', 'c'], 1)]).endswith('It holds 1 message that people really wrote, and 2 that a model made up.')

def test_the_page_is_exact(page):
    rounds = pick_rounds([exchange(f'real {k}', f'made {k}', [Block('user', 'q'), Block('assistant', 'a'), Block('user', f'asked {k}')]) for k in range(10)])
    write_page(rounds, page)
    inside = data(page)[1]
    assert [Round([Block('assistant' if person else 'user', t) for person, t in r['prompt']], *r['replies'], r['real']) for r in inside['rounds']] == rounds
    assert inside['verdicts'] == [verdict(k, 10) for k in range(11)] and inside['intervals'] == [list(wilson_interval(k, 10)) for k in range(11)]

def test_hostile_messages_stay_inside_the_veil(page):
    texts = [t for t in HOSTILE if shown(t)]
    rounds = pick_rounds([exchange(['real', t], ['made', t], t) for t in texts], n=len(texts))
    write_page(rounds, page)
    text, inside = data(page)
    assert [r['replies'] for r in inside['rounds']] == [[r.one, r.two] for r in rounds]
    assert text.count('<script') == text.count('</script') == text.count('<body') == 1 and 'alert' not in text and 'onerror' not in text and '<img' not in text

def test_rounds_made_by_hand_are_written_too(page):
    "Nothing says that rounds come from `pick_rounds`."
    odd = Round([Block('user', '\ud83d</script>')], [''], ['\0'], 2)
    write_page([odd], page)
    assert data(page)[1]['rounds'][0]['prompt'] == [[0, '\ud83d</script>']]

@pytest.mark.parametrize('name', ['<script>alert(1)</script>', '"><img src=x>', '</title>', "O'Hara & Söhne", 'میترا', 'a\nb', '', ' \0 ', 'x'*1000, '\ud83d', "{0}%s\\1"], ids=ascii)
def test_a_name_is_a_name(page, name):
    write_page(pick_rounds(plenty()), page, name)
    text, inside = data(page)
    assert text.count('<script') == 1 and text.count('<title') == text.count('</title') == 1 and '<img' not in text
    assert inside['name'] == blind.display_name(name) and 0 < len(inside['name']) <= 40 and '\n' not in inside['name']
    assert re.search('<h1>(.*)</h1>', text)[1] == html.escape(f'Which did {blind.display_name(name)} write?')

def test_nothing_is_loaded_from_anywhere(page):
    write_page(pick_rounds(plenty()), page)
    text = page.read_text(encoding='utf-8')
    assert not re.search(r'https?:', text, re.I) and not re.search(r'\b(?:src|href|action|srcset|data)=', text) and not re.search(r'@import|url\(|fetch|XMLHttp|WebSocket|sendBeacon|import\(|eval|innerHTML|outerHTML|insertAdjacent|document\.write', text)
    policy = re.search('Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; ") and 'unsafe' not in policy and text.index(policy) < text.index('<style') < text.index('<script')
    for tag in ('script', 'style'):
        inner = re.search(f'<{tag}>(.*?)</{tag}>', text, re.S)[1]
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'" in policy
    assert page.stat().st_size < 20_000

def test_the_veil():
    for text in ('', 'a', 'x'*1000, json.dumps(HOSTILE)):
        assert unveil(veil(text)) == text and re.fullmatch('[A-Za-z0-9+/=]*', veil(text))
    assert 'real' not in base64.b64decode(veil('"real":1')).decode('latin-1') # base64 alone is soon undone

def test_our_page_is_replaced_and_nothing_else(page):
    assert write_page(pick_rounds(plenty()), page) == page
    write_page(pick_rounds(plenty(), seed=1), str(page), 'Grace')
    assert data(page)[1]['name'] == 'Grace'
    first = page.read_text(encoding='utf-8').splitlines()[0]
    for other in (b'my notes', b'', b'\xff\xfe\0', b'<!doctype html>\n<p>mine', f'I saved this:\n{first}\n'.encode()):
        page.write_bytes(other)
        with pytest.raises(ValueError) as e: write_page(pick_rounds(plenty()), page)
        assert 'nothing is lost' in one_line(e) and page.read_bytes() == other
    folder = page.with_name('folder')
    folder.mkdir()
    with pytest.raises(ValueError, match='nothing is lost'): write_page(pick_rounds(plenty()), folder)
    assert sorted(p.name for p in page.parent.iterdir()) == ['blind.html', 'folder']

def test_written_whole_or_not_at_all(page, monkeypatch):
    "The page goes through `write_atomic`, after everything that can go wrong."
    write_page(pick_rounds(plenty()), page)
    before = page.read_bytes()
    with pytest.raises(ValueError, match='no rounds'): write_page([], page)
    def broken(path, data): raise OSError(28, 'disk full', str(path))
    monkeypatch.setattr(blind, 'write_atomic', broken)
    with pytest.raises(OSError): write_page(pick_rounds(plenty(), seed=1), page)
    assert page.read_bytes() == before and list(page.parent.iterdir()) == [page]

def test_folders_are_made_and_home_is_known(tmp_path, monkeypatch):
    write_page(pick_rounds(plenty()), tmp_path/'a'/'b.html')
    assert data(tmp_path/'a'/'b.html')
    for name in ('HOME', 'USERPROFILE'): monkeypatch.setenv(name, str(tmp_path))
    assert write_page(pick_rounds(plenty()), '~/c.html') == tmp_path/'c.html'
