"The web page as a person meets it: served by `serve`, in a real browser, typed into and tapped."
import re, time
from pathlib import Path

import pytest
from conftest import missing
from test_share_web import ask, served, soon, talker

READY = 60_000 # ms until a page is there
PHONE = dict(viewport=dict(width=390, height=844), is_mobile=True, has_touch=True, color_scheme='dark')

@pytest.fixture(scope='module')
def server(tmp_path_factory):
    try: import voila, ipykernel # noqa
    except ImportError as e: missing(e.name)
    with served(talker(tmp_path_factory.mktemp('model')/'out'/'ckpt.pt'), minutes=0.1) as s:
        s.checkpoint = s.process.args[2].split("'")[1]
        yield s

class Tab:
    "What a person sees of the page, and does to it."
    def __init__(self, browser, server, box=True, **device):
        self.context = browser.new_context(**device)
        self.page = self.context.new_page()
        self.page.set_default_timeout(READY)
        self.errors, self.went_out = [], []
        self.page.on('pageerror', lambda e: self.errors.append(str(e)))
        self.page.on('requestfinished', lambda r: self.went_out.append(r.url))
        self.page.on('requestfailed', lambda r: r.failure != 'csp' and self.went_out.append(r.url))
        self.page.goto(server.url)
        self.field = self.page.get_by_placeholder('Message')
        if box: self.field.wait_for()
    @property
    def kernel(self): return self.page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    def button(self, name): return self.page.get_by_role('button', name=name, exact=True)
    def said(self, whose): return self.page.locator(f'[data-from={whose}]').all_inner_texts()
    def say(self, text):
        self.field.fill(text)
        self.field.press('Enter')
        self.busy = time.monotonic()
        self.page.locator('[data-from=me]', has_text=text).wait_for()
    def reset(self):
        if self.button('Reset').is_enabled(): self.button('Reset').click()
        self.page.get_by_text('Say something').wait_for()
    def idle(self): soon(lambda: self.button('Stop').is_disabled() and self.button('Send').is_enabled(), 'the reply ended')
    def style(self, what, name): return self.page.locator(what).first.evaluate(f'e => getComputedStyle(e).{name}')
    def wide(self): return self.page.evaluate('document.documentElement.scrollWidth')
    def high(self): return self.page.evaluate('document.documentElement.scrollHeight')

@pytest.fixture(scope='module')
def tab(browser, server): return Tab(browser, server, viewport=dict(width=1100, height=860))

@pytest.fixture(scope='module')
def phone(browser, server): return Tab(browser, server, **PHONE)

def test_the_page_is_the_box(tab):
    assert tab.page.title() == 'tinychat' and tab.page.get_by_role('heading', level=1).inner_text().startswith('tinychat')
    assert tab.page.get_by_text('Say something').is_visible() and tab.button('Send').is_visible()
    assert 'chat_box' not in tab.page.locator('body').inner_text()
    box = tab.field.bounding_box()
    assert box['x'] > 100 and box['x'] + box['width'] < 1000 # in the middle
    assert tab.high() == 860 # all of it in sight

def test_a_reply_streams(tab):
    tab.reset()
    tab.button('⚙ Settings').click()
    tab.page.get_by_label('Pauses while they type').select_option('none (0)')
    tab.button('⚙ Settings').click()
    tab.page.evaluate("""() => { window.lengths = []; new MutationObserver(() => {
        const all = document.querySelectorAll('[data-from=them]'); if (all.length) lengths.push([...all].map(e => e.innerText.length).reduce((a, b) => a + b)) }).observe(document.body, {childList: true, subtree: true, characterData: true}) }""")
    tab.say('hey, how are you?')
    tab.idle()
    lengths = tab.page.evaluate('lengths')
    assert len(set(lengths)) >= 4 and lengths == sorted(lengths), lengths
    assert tab.field.input_value() == '' and tab.said('me') == ['hey, how are you?'] and tab.said('them')[0]

def test_a_second_turn(tab):
    tab.reset()
    tab.say('hey, how are you?')
    tab.idle()
    tab.field.fill('and <b>you</b>?')
    tab.button('Send').click()
    tab.page.locator('[data-from=me]', has_text='and <b>you</b>?').wait_for()
    tab.idle()
    assert tab.said('me') == ['hey, how are you?', 'and <b>you</b>?'] and len(tab.said('them')) >= 2
    last = tab.page.locator('[data-from]').last
    assert last.bounding_box()['y'] + last.bounding_box()['height'] < tab.field.bounding_box()['y'] # in sight
    assert last.evaluate("b => b.closest('.widget-box').clientHeight") > 450 # of 860

def test_two_tabs_know_nothing_of_each_other(tab, phone):
    for t, text in ((tab, 'only in the window'), (phone, 'only on the phone')):
        t.reset()
        t.say(text)
        t.idle()
    assert tab.kernel != phone.kernel
    assert phone.said('me') == ['only on the phone'] and 'only on the phone' not in tab.page.content()
    assert tab.said('me') == ['only in the window'] and 'only in the window' not in phone.page.content()
    phone.button('Reset').tap()
    phone.page.get_by_text('Say something').wait_for()
    assert tab.said('me') == ['only in the window']

def test_it_fits_a_phone(phone):
    phone.reset()
    assert phone.wide() == 390 and phone.high() == 844
    phone.field.tap()
    phone.page.keyboard.type('a'*300)
    phone.button('Send').tap()
    phone.page.locator('[data-from=me]').wait_for()
    phone.idle()
    assert phone.wide() == 390 and phone.said('me') == ['a'*300]
    for part in [phone.field, phone.page.locator('[data-from=me]'), phone.page.locator('[role=log]')] + [phone.button(b) for b in ('Send', 'Stop', 'Again', 'Reset', 'Save')]:
        r = part.bounding_box()
        assert 0 <= r['x'] and r['x'] + r['width'] <= 390 and r['height'] >= 24
    assert phone.field.bounding_box()['width'] >= 200 and phone.field.bounding_box()['y'] + 36 < 844
    assert float(phone.style('input[type=text]', 'fontSize')[:-2]) >= 16 # with less, phones zoom in on a field that is tapped

def test_dark_where_the_device_is_dark(phone, tab):
    light = lambda colour: sum(map(float, re.findall(r'[\d.]+', colour)[:3])) / 3
    for t, dark in ((phone, True), (tab, False)):
        if not t.said('them'): t.say('hi'); t.idle()
        for what in ('body', '[role=log]', 'input[type=text]', '[data-from=them]'): assert (light(t.style(what, 'color')) > 150) is dark, what
        for what in ('body', '#main', 'input[type=text]', '[data-from=them]'): assert (light(t.style(what, 'backgroundColor')) < 100) is dark, what

def test_save_gives_the_talk_to_the_browser(phone):
    phone.reset()
    phone.say('keep this')
    phone.idle()
    phone.button('Save').tap()
    with phone.page.expect_download() as got: phone.page.get_by_text('Keep talk.txt').tap()
    text = open(got.value.path(), encoding='utf-8').read()
    assert got.value.suggested_filename == 'talk.txt' and text.startswith('<|im_start|>user\nkeep this<|im_end|>\n<|im_start|>assistant\n')

def test_nothing_went_wrong_and_nothing_went_out(tab, phone, server):
    for t in (tab, phone):
        assert t.errors == []
        assert not [u for u in t.went_out if not u.startswith((f'http://127.0.0.1:{server.port}/', 'data:', 'blob:'))] and t.went_out

def test_a_missing_checkpoint_is_one_line(browser, server):
    path = Path(server.checkpoint)
    path.rename(path.with_name('away.pt'))
    try:
        t = Tab(browser, server, box=False)
        t.page.get_by_role('alert').wait_for()
        assert 'ckpt.pt is not there' in t.page.get_by_role('alert').inner_text()
        html = t.page.content()
        assert 'Traceback' not in html and 'There was an error' not in html and str(path.parent) not in html and not t.field.count() and t.errors == []
    finally: path.with_name('away.pt').rename(path)

def test_a_closed_tab_ends_and_an_open_one_stays(browser, server, tab):
    other = Tab(browser, server)
    kernel = other.kernel
    assert kernel != tab.kernel and ask(server, f'/api/kernels/{kernel}').status == 200
    other.page.close(run_before_unload=True)
    soon(lambda: ask(server, f'/api/kernels/{kernel}').status == 404, 'the process of a closed tab ended', 5) # a tab that goes away without a word has six seconds
    while time.monotonic() < tab.busy + 10: tab.page.wait_for_timeout(100) # idle for longer than those six
    tab.say('still there?')
    tab.idle()
    assert tab.said('me')[-1] == 'still there?'

def test_a_visitor_without_the_token_is_asked_for_it(browser, server):
    with served(server.checkpoint, token='open sesame') as s:
        s.url = s.url.split('?')[0]
        t = Tab(browser, s, box=False, **PHONE)
        word = t.page.locator('input[type=password]')
        for guess in ('sesame', 'open sesame'):
            assert not t.field.count()
            word.fill(guess)
            word.press('Enter')
            if guess == 'sesame': t.page.get_by_text('Invalid').wait_for()
        t.field.wait_for()
        t.say('thank you')
        t.idle()
        assert t.said('them')[0] and t.page.url == s.url and t.errors == []
