"The blind test's page as a friend meets it: a file, opened in a real browser, played by mouse, finger and keyboard."
import os, re

import pytest
from test_evaluate_blind import HOSTILE, exchange, plenty

from tinychat.data import Block
from tinychat.evaluate.blind import pick_rounds, shown, verdict, wilson_interval, write_page
from tinychat.runs.votes import Vote, read_votes

SHOTS = os.environ.get('TINYCHAT_SCREENSHOTS') # a folder for pictures of the page
WIDE, PHONE = dict(viewport=dict(width=1000, height=800)), dict(viewport=dict(width=360, height=640), is_mobile=True, has_touch=True, device_scale_factor=2)
DARK = dict(color_scheme='dark')

class Page:
    "What a friend sees of the page, and does to it."
    def __init__(self, browser, path, rounds, **device):
        self.rounds, self.context = rounds, browser.new_context(**device)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.trouble, self.asked, self.went_out = [], [], []
        self.page.on('pageerror', lambda e: self.trouble.append(str(e)))
        self.page.on('console', lambda m: self.trouble.append(m.text))
        self.page.on('dialog', lambda d: (self.trouble.append(d.message), d.dismiss()))
        self.page.on('request', lambda r: self.asked.append(r.url))
        self.page.on('requestfinished', lambda r: self.went_out.append(r.url))
        self.page.on('requestfailed', lambda r: r.failure != 'csp' and self.went_out.append(r.url))
        self.page.goto(path.as_uri())
        self.status, self.next = self.page.get_by_role('status'), self.page.locator('#next')
    def choice(self, which): return self.page.get_by_role('button', name=f'This one: {" AB"[which]}', exact=True)
    def button(self, name): return self.page.get_by_role('button', name=name, exact=True)
    def title(self): return self.page.locator('h2').inner_text()
    def said(self, where): return self.page.locator(f'{where} li span').evaluate_all('all => all.map(e => e.textContent)')
    def focus(self): return self.page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
    def style(self, what, name): return self.page.locator(what).first.evaluate(f'e => getComputedStyle(e).{name}')
    def shot(self, name):
        if SHOTS: self.page.screenshot(path=os.path.join(SHOTS, f'blind_{name}.png'))
    def play(self, answers):
        for which in answers:
            self.choice(which).click()
            self.next.click()
    def fine(self):
        assert self.trouble == [] and self.asked == [self.page.url], (self.trouble, self.asked)
        assert self.page.evaluate('document.documentElement.scrollWidth <= innerWidth')

@pytest.fixture
def opened(browser, tmp_path):
    "Open a page of some rounds; at the end, nothing may have gone wrong or gone out."
    pages = []
    def open_(rounds, name='Grace', **device):
        pages.append(Page(browser, write_page(rounds, tmp_path/f'blind{len(pages)}.html', name), rounds, **device))
        return pages[-1]
    yield open_
    for p in pages:
        p.fine()
        p.context.close()

@pytest.fixture
def rounds():
    es = plenty()
    es[3] = exchange(['the train is late', 'so am i', 'keep me a plate? 🍝'], ['yes i think so', 'i am so tired'], [Block('user', 'we said eight'), Block('assistant', 'we did'), Block('user', 'and it is nine')], 3)
    return pick_rounds(es, seed=5)

def test_play_it_through(opened, rounds):
    p = opened(rounds, **WIDE)
    assert p.page.title() == p.page.locator('h1').inner_text() == 'Which did Grace write?'
    found = 0
    for k, r in enumerate(rounds):
        assert p.title() == f'Round {k+1} of 10 · {found} found' and not p.next.is_visible() and p.status.inner_text() == ''
        assert p.said('main > ul') == [b.text for b in r.prompt] and p.said('.card:nth-child(1)') == r.one and p.said('.card:nth-child(2)') == r.two
        whose = ['Grace' if b.role == 'assistant' else 'someone' for b in r.prompt]
        assert p.page.locator('main > ul small').all_inner_texts() == [w for w, before in zip(whose, [None, *whose]) if w != before]
        assert p.page.locator('.card small').count() == 0 and 'wrote this' not in p.page.locator('main').inner_text()
        which = 1 + k % 2
        p.choice(which).click()
        found += which == r.real
        assert p.status.inner_text() == f'{"Right" if which == r.real else "Wrong"}: it was {" AB"[r.real]}.'
        assert p.page.locator(f'.card:nth-child({r.real}) h3').inner_text() == f'{" AB"[r.real]}: Grace wrote this'
        assert p.page.locator(f'.card:nth-child({3-r.real}) h3').inner_text() == f'{" BA"[r.real]}: the model made this up'
        assert p.page.locator(f'.card:nth-child({which}) button').inner_text() == 'Your choice' and p.page.locator('.card button:enabled').count() == 0
        assert p.title() == f'Round {k+1} of 10 · {found} found' and p.next.inner_text() == ('Next' if k < 9 else 'Result')
        if k == 0: p.shot('wide')
        p.next.click()
    assert p.title() == 'The result' and p.page.locator('.score').inner_text() == f'{found} of 10'
    assert p.page.get_by_text(verdict(found, 10), exact=True).is_visible() and not p.next.is_visible()
    p.shot('wide_result')

@pytest.mark.parametrize('found', [0, 4, 10])
def test_score_interval_and_verdict(opened, rounds, found):
    p = opened(rounds, **WIDE)
    p.play([r.real if k < found else 3 - r.real for k, r in enumerate(rounds)])
    assert p.page.locator('.score').inner_text() == f'{found} of 10' and p.page.get_by_text(verdict(found, 10), exact=True).is_visible()
    box = lambda what: (lambda r: (r['x'], r['x'] + r['width']))(p.page.locator(what).bounding_box())
    left, right = box('.scale')
    share = lambda x: (x - left)/(right - left)
    assert [share(x) for x in box('.scale i')] == pytest.approx(wilson_interval(found, 10), abs=0.011)
    assert share(sum(box('.scale b'))/2) == pytest.approx(found/10, abs=0.01)

def test_by_keyboard_alone(opened, rounds):
    "Tab and Enter; the focus goes where the play goes."
    p = opened(rounds, **WIDE)
    press = p.page.keyboard.press
    for k, r in enumerate(rounds):
        for which in range(1, 1 + r.real):
            press('Tab')
            assert p.focus() == f'This one: {" AB"[which]}'
        press('Enter' if k % 2 else 'Space')
        assert p.status.inner_text().startswith('Right') and p.focus() == ('Next' if k < 9 else 'Result')
        assert p.style('#next', 'outlineStyle') == 'solid' and p.next.get_attribute('aria-describedby') == 'said'
        press('Enter')
        assert p.focus() == p.page.locator('h2').text_content()
    assert p.page.locator('.score').inner_text() == '10 of 10'
    press('Tab'); press('Tab')
    assert p.focus() == 'Save votes'
    press('Tab')
    assert p.focus() == 'Again'
    press('Enter')
    assert p.title() == 'Round 1 of 10 · 0 found' and p.said('.card:nth-child(1)') == rounds[0].one
    press('Tab'); press('Enter')
    assert p.status.inner_text()

def test_again_is_the_same_test(opened, rounds):
    p = opened(rounds, **WIDE)
    for found in (10, 0):
        p.play([r.real if found else 3 - r.real for r in rounds])
        assert p.page.locator('.score').inner_text() == f'{found} of 10'
        p.button('Again').click()

def test_what_a_screen_reader_hears(opened, rounds):
    p = opened(rounds, **WIDE)
    heard = p.page.locator('body').aria_snapshot()
    for line in ('heading "Which did Grace write?" [level=1]', 'heading "Round 1 of 10 · 0 found" [level=2]', 'heading "A" [level=3]', 'heading "B" [level=3]', 'button "This one: A"', 'button "This one: B"', 'status', 'someone'): assert line in heard, heard
    assert 'progress' not in heard and 'wrote this' not in heard
    assert heard.index('someone') < heard.index('"A" [') < heard.index('This one: A') < heard.index('"B" [')
    assert p.page.evaluate('document.documentElement.lang') == 'en'

CLIPBOARD = 'navigator.clipboard.writeText = async text => { if (window.refused) throw 0; window.copied = text }'

@pytest.mark.parametrize('way', ['new', 'old', 'none'])
def test_copy_result(opened, rounds, way):
    p = opened(rounds, **WIDE)
    p.page.evaluate(f"() => {{ window.refused = {'false' if way == 'new' else 'true'}; {CLIPBOARD}; document.execCommand = what => {{ window.copied = {'getSelection().toString() || document.activeElement.value' if way == 'old' else 'null'}; return {'true' if way == 'old' else 'false'} }} }}")
    p.play([r.real if k < 7 else 3 - r.real for k, r in enumerate(rounds)])
    p.button('Copy result').click()
    text = 'I found the real one 7 of 10 times.'
    p.page.get_by_text(f'{"To be copied by hand" if way == "none" else "Copied"}: {text}', exact=True).wait_for()
    assert p.page.evaluate('window.copied') == (None if way == 'none' else text)
    assert p.focus() == 'Copy result' and p.page.locator('textarea').count() == 0

def test_copy_from_a_file_really_copies(opened, rounds, browser):
    p = opened(rounds, **WIDE)
    p.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    p.play([r.real for r in rounds])
    p.button('Copy result').click()
    p.page.get_by_text('Copied: ').wait_for()
    assert p.page.evaluate('navigator.clipboard.readText()') == 'I found the real one 10 of 10 times.'

def test_votes_are_saved(opened, rounds, tmp_path):
    p = opened(rounds, **WIDE)
    p.play([1]*10)
    p.button('Again').click()
    p.play([2]*10)
    with p.page.expect_download() as got: p.button('Save votes').click()
    got.value.save_as(tmp_path/'votes.json')
    assert got.value.suggested_filename == 'votes.json' and 'Send it to nobody but Grace' in p.status.inner_text()
    assert read_votes([tmp_path/'votes.json']) == [Vote(r.prompt, r.two, r.one) for r in rounds]
    p.asked[:] = [url for url in p.asked if not url.startswith('blob:')] # which is no address

def test_hostile_messages_are_text(opened):
    texts = [t for t in HOSTILE if shown(t)]
    rounds = pick_rounds([exchange(['real', t], ['made', t, 'x'*400], [t, 'and?']) for t in texts], n=len(texts))
    p = opened(rounds, name='<img src=x onerror=alert(1)>"\'', **PHONE)
    tags = "[...new Set([...document.body.querySelectorAll('*')].map(e => e.localName))].sort().join(' ')"
    for r in rounds:
        assert p.said('main > ul') == [b.text for b in r.prompt] and p.said('.card:nth-child(1)') == r.one and p.said('.card:nth-child(2)') == r.two
        p.choice(1).tap()
        assert p.page.evaluate(tags) == 'button div footer h1 h2 h3 header li main p progress script section small span ul'
        p.fine() # no word wider than the phone
        p.next.tap()
    assert p.page.locator('.score').is_visible() and p.page.locator('h1').inner_text() == 'Which did <img src=x onerror=alert(1)>"\' write?'

def test_the_policy_holds(opened, rounds):
    "If HTML ever slipped in, it could run and load nothing."
    p = opened(rounds, **WIDE)
    p.page.evaluate("""() => { document.body.insertAdjacentHTML('beforeend', '<img src="https://example.invalid/a.png" onerror="window.ran = 1"><iframe src="https://example.invalid/"></iframe>')
        const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)
        return fetch('https://example.invalid/').catch(() => 0) }""")
    p.page.wait_for_timeout(200)
    assert p.page.evaluate('window.ran') is None
    assert len(p.trouble) >= 4 and all('Content Security Policy' in t or 'violates' in t for t in p.trouble), p.trouble
    assert p.went_out == [p.page.url], p.went_out
    p.trouble.clear(); del p.asked[1:]

def test_right_to_left_runs_from_the_right(opened):
    rounds = pick_rounds([exchange('مرحبا بك', 'hello', 'שלום')], n=1)
    p = opened(rounds, **WIDE)
    directions = p.page.locator('.card li span').evaluate_all("all => all.map(e => [e.textContent, getComputedStyle(e).direction])")
    assert dict(directions) == {'مرحبا بك': 'rtl', 'hello': 'ltr'}

def test_it_fits_a_phone(opened, rounds):
    p = opened(rounds, **PHONE)
    p.shot('phone_0')
    for k, r in enumerate(rounds):
        cards = [p.page.locator(f'.card:nth-child({n})').bounding_box() for n in (1, 2)]
        assert cards[0]['x'] == cards[1]['x'] >= 8 and cards[0]['y'] + cards[0]['height'] <= cards[1]['y'] # one below the other
        assert min(p.choice(n).bounding_box()['height'] for n in (1, 2)) >= 44
        p.choice(1).tap()
        p.page.evaluate('scrollTo(0, 0)') # to compare the two once more
        seen = p.next.bounding_box()
        assert 0 <= seen['y'] and seen['y'] + seen['height'] <= 640 # Next is in sight wherever the cards are
        if k == 0: p.shot('phone')
        p.next.tap()
        top = p.page.locator('h2').bounding_box()['y']
        assert 0 <= top < 200 # and so is the next round
        p.fine()
    p.shot('phone_result')

def test_wide_windows_have_the_cards_side_by_side(opened, rounds):
    p = opened(rounds, **WIDE)
    a, b = [p.page.locator(f'.card:nth-child({n})').bounding_box() for n in (1, 2)]
    assert a['y'] == b['y'] and a['x'] + a['width'] <= b['x'] and a['width'] == pytest.approx(b['width'], abs=1)

def luminance(colour):
    "Of a colour as the browser names it; WCAG 2."
    parts = [int(c)/255 for c in re.findall(r'\d+', colour)[:3]]
    return sum(w*(c/12.92 if c <= 0.04045 else ((c + 0.055)/1.055)**2.4) for w, c in zip((0.2126, 0.7152, 0.0722), parts))

@pytest.mark.parametrize('device', [WIDE, WIDE | DARK], ids=['light', 'dark'])
def test_everything_can_be_read(opened, rounds, device):
    "Contrast of at least 4.5 to 1, in light and dark."
    p = opened(rounds, **device)
    assert (luminance(p.style('body', 'backgroundColor')) < 0.1) == ('color_scheme' in device)
    seen = {}
    def look():
        for tag, text, colour, back in p.page.evaluate("""() => [...document.querySelectorAll('h1, h2, h3, p, footer, small, li span, button, .where, .ends span')].filter(e => e.offsetParent && e.textContent && getComputedStyle(e).visibility === 'visible').map(e => {
            let b = e; while (b && getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)') b = b.parentElement
            return [e.localName + '.' + e.className + '#' + e.id, e.textContent, getComputedStyle(e).color, getComputedStyle(b || document.body).backgroundColor] })"""):
            a, b = sorted((luminance(colour), luminance(back)))
            seen[tag] = (b + 0.05)/(a + 0.05)
            assert seen[tag] >= 4.5, (tag, text, colour, back, seen[tag])
    look()
    for right in (True, False):
        real = rounds[0 if right else 1].real
        p.choice(real if right else 3 - real).click()
        look()
        if right: p.shot('dark' if 'color_scheme' in device else 'light')
        p.next.click()
    p.play([1]*8)
    look()
    assert {t.split('.')[0] for t in seen} == {'h1', 'h2', 'h3', 'p', 'footer', 'small', 'span', 'button'}
    if 'color_scheme' in device: p.shot('dark_result')

def test_without_javascript_it_says_so(browser, tmp_path, rounds):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_page(rounds, tmp_path/'blind.html').as_uri())
    assert page.get_by_text('This page needs JavaScript').is_visible() and page.get_by_text('30 messages').count() == 0
    assert not any(t in page.content() for r in rounds for t in r.one + r.two)
    context.close()
