"The web page as a person meets it: served by `serve`, in a real browser, typed into and tapped."
import json, re, time

import pytest
from conftest import missing
from test_share_web import served, soon, talker

READY = 60_000 # ms until a reply is there
PHONE = dict(viewport=dict(width=390, height=844), is_mobile=True, has_touch=True, color_scheme='dark')

@pytest.fixture(scope='module')
def model(tmp_path_factory): return talker(tmp_path_factory.mktemp('model')/'out'/'ckpt.pt')

@pytest.fixture(scope='module')
def server(model):
    try: import starlette, uvicorn # noqa
    except ImportError as e: missing(e.name)
    with served(model) as s: yield s

class Tab:
    "What a person sees of the page, and does to it."
    def __init__(self, browser, server, settings='{"wait": 0, "pace": 0, "max_tokens": 16}', **device):
        self.context = browser.new_context(**device)
        if settings: self.context.add_init_script(f"if (!localStorage.settings) localStorage.settings = '{settings}'")
        self.page = self.context.new_page()
        self.page.set_default_timeout(READY)
        self.errors, self.went_out = [], []
        self.page.on('pageerror', lambda e: self.errors.append(str(e)))
        self.page.on('console', lambda m: m.type == 'error' and self.errors.append(m.text))
        self.page.on('request', lambda r: self.went_out.append(r.url))
        self.page.goto(server.url)
        self.field = self.page.get_by_label('Message', exact=True)
    def button(self, name): return self.page.get_by_role('button', name=name)
    def said(self, whose): return self.page.locator(f'#log .{whose}:not(.tools)').all_inner_texts()
    def say(self, text):
        self.field.fill(text)
        self.field.press('Enter')
        self.page.locator('#log .me', has_text=text).wait_for()
    def idle(self, replies=1):
        soon(lambda: len(self.said('them')) >= replies and '•••' not in self.said('them') and self.page.locator('#stop').is_hidden(), 'the reply ended')
    def talks_and_leaves(self):
        self.page.evaluate('Object.assign(settings, { pace: 0, wait: 0, max_tokens: 16 }); 0')
        self.say('hello')
        self.idle()
        assert not self.errors
        self.context.close()
    def wide(self): return self.page.evaluate('document.documentElement.scrollWidth')

@pytest.fixture
def tab(browser, server):
    t = Tab(browser, server, viewport=dict(width=1000, height=800))
    yield t
    assert not t.errors and all(url.startswith(server.url) for url in t.went_out) # nothing went wrong, and nothing went out
    t.context.close()

def test_a_reply_comes_in_pieces_and_a_second_turn_after_it(tab):
    assert tab.page.get_by_role('heading', level=1).inner_text() == 'tinychat' and not tab.said('me')
    tab.page.evaluate("""() => { window.lengths = []; new MutationObserver(() => lengths.push([...document.querySelectorAll('#log .them:not(.tools)')].map(e => e.innerText.length).reduce((a, b) => a + b, 0))).observe(document.getElementById('log'), {childList: true, subtree: true}) }""")
    tab.say('hey, <b>how</b> are you?')
    tab.idle()
    assert len(set(tab.page.evaluate('lengths'))) >= 3 and tab.said('me') == ['hey, <b>how</b> are you?'] and tab.field.input_value() == ''
    n = len(tab.said('them'))
    tab.say('and you?')
    tab.idle(n + 1)
    last, field = tab.page.locator('#log > div').last.bounding_box(), tab.field.bounding_box()
    assert last['y'] + last['height'] <= field['y'] # in sight

def test_two_messages_get_one_answer_and_one_sent_meanwhile_another(browser, server):
    t = Tab(browser, server, '{"wait": 1.5, "pace": 0, "max_tokens": 256}')
    t.say('first')
    t.say('second')
    t.page.locator('#stop').wait_for()
    t.say('third')
    soon(lambda: t.page.locator('#stop').is_hidden() and t.page.evaluate("[...document.querySelectorAll('#log > div:not(.tools)')].map(e => e.classList[0]).join(' ')").startswith('me me them'), 'the first answer')
    order = lambda: re.sub(r'(them )+', 'them ', ' '.join(t.page.evaluate("[...document.querySelectorAll('#log > div:not(.tools)')].map(e => e.classList[0])")) + ' ')
    soon(lambda: order() == 'me me them me them ' and t.page.locator('#stop').is_hidden(), 'the second answer')
    assert not t.errors
    t.context.close()

def test_with_pauses_a_message_comes_whole_after_its_dots(browser, server):
    t = Tab(browser, server, '{"wait": 0, "pace": 1, "max_tokens": 16}')
    t.page.evaluate("""() => { window.seen = []; new MutationObserver(() => seen.push([Date.now(), [...document.querySelectorAll('#log .them:not(.tools)')].map(e => e.innerText)])).observe(document.getElementById('log'), {childList: true, subtree: true}) }""")
    t.say('hello')
    t.idle()
    seen, said = t.page.evaluate('seen'), t.said('them')
    assert {part for _, shown in seen for part in shown} <= {*said, '•••'} and said # never a part of a message
    dots, whole = (next(at for at, shown in seen if shown and shown[0] == what) for what in ('•••', said[0]))
    assert whole - dots >= 500
    t.page.evaluate('settings.pace = 60')
    t.say('and now?')
    t.page.locator('#stop').click()
    soon(lambda: t.page.locator('#stop').is_hidden(), 'stop ends the pause, too', 5)
    assert t.said('them') == said and not t.errors # what was not shown was not said
    t.context.close()

def test_axe_finds_nothing(browser, server):
    "What the rules of axe-core find on the page, in its dialogs, in light and dark, on a phone."
    try: from axe_playwright_python.sync_playwright import Axe
    except ImportError as e: missing(e.name)
    for device in (dict(viewport=dict(width=1000, height=800)), PHONE):
        t = Tab(browser, server, bypass_csp=True, **device) # axe is a script of its own
        t.say('hello')
        t.idle()
        for opens, closes in ((None, None), ('Settings', 'Done'), ('Talks', 'Done')):
            if opens: t.button(opens).click()
            found = Axe().run(t.page)
            assert found.response['passes'] and not found.response['violations'], found.generate_report()
            if closes: t.button(closes).click()
        t.context.close()

def test_twenty_reloads_lose_nothing(tab):
    tab.say('remember this')
    tab.idle()
    said = tab.said('them')
    for _ in range(20):
        tab.page.reload()
        assert (tab.said('me'), tab.said('them')) == (['remember this'], said)
    assert tab.page.get_by_role('heading', level=1).inner_text() == 'tinychat'

def test_a_reload_keeps_what_is_not_sent_yet(tab):
    field = tab.page.locator('#text')
    field.fill('half a thought\nand')
    tab.page.reload()
    assert field.input_value() == 'half a thought\nand' and tab.said('me') == []
    field.press('Enter')
    tab.idle()
    tab.page.reload()
    assert field.input_value() == '' and tab.said('me') == ['half a thought\nand']
    tab.page.evaluate("sessionStorage[engine.shelf + 'text'] = '{}'") # whatever stands there
    tab.page.reload()
    assert field.input_value() == '' and not tab.errors

def test_a_reload_while_a_message_is_edited_doubles_nothing(tab):
    field = tab.page.locator('#text')
    tab.say('hello')
    tab.idle()
    field.fill('not sent yet')
    tab.button('Edit: the last message').click()
    assert field.input_value() == 'hello'
    field.fill('hello you')
    for _ in range(2):
        tab.page.reload()
        assert field.input_value() == 'hello you' and tab.said('me') == ['hello'] and tab.page.get_by_text('takes the place of this message').is_visible()
    field.press('Enter')
    tab.idle()
    assert tab.said('me') == ['hello you'] and field.input_value() == 'not sent yet'
    tab.page.reload()
    assert tab.said('me') == ['hello you'] and field.input_value() == 'not sent yet' and tab.button('Cancel').is_hidden()
    for stored in ('{}', '7', '{"message": 9}', '{"message": current.messages[0].id, "id": "another", "draft": ""}', '{"message": "none", "id": current.id, "draft": ""}', '{"message": current.messages[0].id, "id": current.id, "draft": 5}'): # whatever stands there
        tab.page.evaluate(f'sessionStorage[engine.shelf + "editing"] = JSON.stringify({stored}); 0')
        tab.page.reload()
        assert tab.button('Cancel').is_hidden() and field.input_value() == 'not sent yet'

def test_what_stood_in_the_field_is_there_again_after_an_edit(tab):
    tab.say('hello')
    tab.idle()
    for leave in (lambda: tab.button('Cancel').click(), lambda: tab.field.press('Escape'), lambda: (tab.field.fill(''), tab.field.press('Enter'))):
        tab.field.fill('not sent yet')
        tab.button('Edit: the last message').click()
        tab.button('Edit: the last message').click() # once more
        leave()
        assert tab.field.input_value() == 'not sent yet' and tab.said('me') == ['hello'] and tab.button('Cancel').is_hidden()

def test_a_message_that_is_edited_is_not_answered_meanwhile_and_goes_with_its_talk(tab):
    tab.page.route('**/v1/chat/completions', lambda r: r.fulfill(status=400, content_type='application/json', body='{"error": {"message": "Not now."}}'))
    tab.say('the first')
    tab.page.get_by_text('Not now.').wait_for()
    tab.button('Talks').click()
    tab.button('New talk').first.click()
    tab.say('hello?')
    tab.page.get_by_text('Not now.').wait_for()
    tab.page.unroute('**/v1/chat/completions')
    tab.errors.clear() # the browser notes the 400
    tab.button('Edit: the last message').click()
    tab.page.reload()
    time.sleep(1)
    assert tab.said('them') == [] and tab.page.locator('#text').input_value() == 'hello?'
    tab.button('Talks').click()
    tab.page.once('dialog', lambda d: d.accept())
    tab.button('Delete: hello?').click()
    tab.button('Done').click()
    assert tab.field.input_value() == '' and tab.button('Cancel').is_hidden()
    tab.say('and another')
    tab.idle()
    assert tab.said('me') == ['the first', 'and another']

def test_stop_again_edit_and_copy(tab):
    tab.page.evaluate("localStorage.settings = '{\"wait\": 0, \"pace\": 0, \"max_tokens\": 256}'; settings.max_tokens = 256")
    tab.say('tell me everything')
    tab.page.locator('#stop').click()
    tab.idle(0)
    assert len(''.join(tab.said('them'))) < 1000
    if tab.said('them'):
        tab.page.evaluate('settings.max_tokens = 16')
        tab.button('Again').click()
        tab.idle()
    tab.button('Edit: the last message').click()
    assert tab.field.input_value() == 'tell me everything' and tab.said('me') == ['tell me everything'] # as long as nothing else is sent
    tab.field.press('Escape')
    assert tab.field.input_value() == ''
    tab.button('Edit: the last message').click()
    tab.page.evaluate('settings.max_tokens = 16; 0')
    tab.say('or nothing')
    tab.idle()
    assert tab.said('me') == ['or nothing']

def test_a_reload_at_any_moment_loses_nothing(tab):
    tab.say('remember this')
    tab.page.reload() # in the middle of the reply
    tab.idle()
    for _ in range(5):
        tab.page.reload()
        assert tab.said('me') == ['remember this']
    tab.idle()
    assert tab.said('them')

def test_talks_are_kept_renamed_and_deleted_where_that_is_wanted(browser, server):
    t = Tab(browser, server)
    t.button('Settings').click()
    t.page.get_by_label('Keep my talks in this browser').check()
    t.button('Done').click()
    t.say('the first talk')
    t.idle()
    t.button('Talks').click()
    t.button('New talk').first.click()
    assert t.said('me') == []
    t.say('the second')
    t.idle()
    second = t.context.new_page() # another tab of the same browser
    second.goto(server.url)
    second.get_by_role('button', name='Talks').click()
    assert second.locator('#list li').count() == 2
    second.close()
    t.button('Talks').click()
    t.page.once('dialog', lambda d: d.accept('holidays'))
    t.button('Rename: the first talk').click()
    t.page.once('dialog', lambda d: d.dismiss())
    t.button('Delete: the second').click()
    assert t.page.locator('#list li').count() == 2
    t.page.once('dialog', lambda d: d.accept())
    t.button('Delete: the second').click()
    t.button('Open: holidays').click()
    def kept(where): return t.page.evaluate(f'JSON.stringify({{...{where}}})')
    assert t.said('me') == ['the first talk'] and 'holidays' in kept('localStorage') and 'the second' not in kept('localStorage')
    t.button('Settings').click()
    t.page.get_by_label('Keep my talks in this browser').uncheck()
    assert 'holidays' not in kept('localStorage') and 'holidays' in kept('sessionStorage')
    t.context.close()

def test_it_fits_a_phone_in_the_dark(browser, server):
    t = Tab(browser, server, **PHONE)
    t.field.tap()
    t.page.keyboard.type('a'*300)
    t.button('Send').tap()
    t.idle()
    assert t.wide() == 390 and t.said('me') == ['a'*300]
    for part in [t.field] + [t.button(b).first for b in ('Send', 'Talks', 'Settings', 'Copy')]:
        r = part.bounding_box()
        assert 0 <= r['x'] and r['x'] + r['width'] <= 390 and r['height'] >= 30 and r['y'] + r['height'] <= 844
    style = t.page.evaluate("[getComputedStyle(document.body).backgroundColor, parseFloat(getComputedStyle(document.getElementById('text')).fontSize)]")
    assert style == ['rgb(26, 26, 26)', 16] # with less, phones zoom in on a field that is tapped
    t.context.close()

def test_by_keyboard_alone(tab):
    tab.page.keyboard.type('hello')
    tab.page.keyboard.press('Shift+Enter')
    tab.page.keyboard.type('there')
    tab.page.keyboard.press('Enter')
    tab.idle()
    assert tab.said('me') == ['hello\nthere']
    tab.page.get_by_role('button', name='Settings').press('Enter')
    assert tab.page.get_by_role('dialog', name='Settings').is_visible()
    tab.page.keyboard.press('Escape')
    assert not tab.page.locator('#settings').is_visible()

def test_the_server_goes_and_comes_back(browser, model):
    with served(model) as s:
        t = Tab(browser, s)
        t.say('are you there?')
        t.idle()
        port = s.port
    n = len(t.said('them'))
    t.say('and now?')
    t.page.get_by_text('The server does not answer').wait_for()
    with served(model, port=port) as s:
        assert s.port == port
        t.idle(n + 1)
        assert t.said('me') == ['are you there?', 'and now?']
    t.page.evaluate('window.dispatchEvent(new Event("focus"))') # nothing is sent: somebody comes back to the tab
    t.page.get_by_text('The server does not answer').wait_for()
    with served(model, port=port): t.page.get_by_text('The server is back.').wait_for()
    t.context.close()

def test_a_visitor_needs_the_token_and_the_address_forgets_it(browser, model):
    with served(model, token='open sesame') as s:
        t = Tab(browser, s)
        soon(lambda: 'sesame' not in t.page.url, 'the address is clean')
        t.say('hi')
        t.idle()
        stranger = browser.new_context().new_page()
        stranger.goto(s.url.split('#')[0])
        stranger.get_by_label('This server asks for a token.').fill('open barley')
        stranger.get_by_role('button', name='Go on').click()
        stranger.get_by_label('That is not the token of this server.').wait_for()
        stranger.goto(s.url) # in the same tab: only what stands behind the # is new
        stranger.get_by_role('dialog', name='Token').wait_for(state='hidden')
        soon(lambda: 'sesame' not in stranger.url, 'the address is clean')
        stranger = browser.new_context().new_page()
        stranger.goto(s.url.split('#')[0])
        stranger.get_by_label('This server asks for a token.').fill('open sesame')
        stranger.get_by_role('button', name='Go on').click()
        stranger.get_by_role('dialog', name='Token').wait_for(state='hidden')
        soon(lambda: stranger.evaluate('sessionStorage.token') == 'open sesame', 'the token is kept')
        t.context.close()

def test_a_small_model_can_be_taken_along(tab, browser, server):
    tab.button('Settings').click()
    with tab.page.expect_download() as d: tab.button('Take the model with you').click()
    assert d.value.suggested_filename == 'me.html'
    path = d.value.path()
    assert 'globalThis' in path.read_text(encoding='utf-8') and path.stat().st_size > 1e6
    tab.button('Done').click()

@pytest.mark.parametrize('stored', ['[null]', '1', '{}', '{"id": "a"}', '{"id": "a", "messages": null}', '{"id": "a", "messages": [null]}', '{"id": 5, "messages": []}', '{"id": "a", "messages": [{"text": 5}]}', '{', '"x"'])
def test_what_is_no_talk_in_the_storage_does_no_harm(browser, server, stored):
    t = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": true}')
    t.page.evaluate("s => { localStorage['talk-a'] = s; sessionStorage['talk-b'] = s; sessionStorage.now = s; localStorage.settings = '{\"temperature\": \"hot\", \"max_tokens\": 1e9, \"wait\": 0, \"pace\": -1}' }", stored)
    t.page.reload()
    assert t.page.evaluate('settings.temperature') == 0.8 and t.page.evaluate('settings.max_tokens') == 256
    t.talks_and_leaves()

def test_without_any_storage_it_talks_all_the_same(browser, server):
    t = Tab(browser, server, None)
    t.context.add_init_script("for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })")
    t.page.goto('about:blank') # or only what stands behind the # would be new
    t.page.goto(server.url + '#%')
    t.talks_and_leaves()

def test_two_tabs_keep_each_others_talks(browser, server):
    a = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": true}')
    a.say('from the first')
    a.idle()
    b = a.context.new_page()
    b.goto(server.url)
    b.get_by_role('button', name='Talks').click()
    b.get_by_role('button', name='New talk').first.click()
    b.get_by_label('Message', exact=True).fill('from the second')
    b.get_by_label('Message', exact=True).press('Enter')
    soon(lambda: b.locator('#log .them:not(.tools)').count() and b.locator('#stop').is_hidden(), 'the reply ended')
    n = len(a.said('them'))
    a.say('once more')
    a.idle(n + 1)
    for page in (a.page, b):
        page.reload()
        page.get_by_role('button', name='Talks').click()
        assert page.locator('#list li').count() == 2
    a.context.close()

@pytest.mark.parametrize('kept', [True, False])
def test_to_keep_or_not_takes_no_talk_from_another_tab(browser, server, kept):
    "Each tab still has the talk that it shows, and it lies where the switch now says."
    a = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": %s}' % str(kept).lower())
    a.say('from the first')
    a.idle()
    b = a.context.new_page()
    b.goto(server.url)
    if kept:
        b.get_by_role('button', name='Talks').click()
        b.get_by_role('button', name='New talk').first.click()
    b.get_by_label('Message', exact=True).fill('from the second')
    b.get_by_label('Message', exact=True).press('Enter')
    soon(lambda: b.locator('#log .them:not(.tools)').count() and b.locator('#stop').is_hidden(), 'the reply ended')
    a.button('Settings').click()
    a.page.get_by_label('Keep my talks in this browser').set_checked(not kept)
    soon(lambda: b.evaluate('settings.keep') is not kept, 'the other tab knows')
    in_browser = b.evaluate('JSON.stringify({...localStorage})')
    assert [f'from the {nth}' in in_browser for nth in ('first', 'second')] == [not kept]*2
    for page, said in ((a.page, 'from the first'), (b, 'from the second')):
        page.reload()
        assert page.locator('#log .me:not(.tools)').all_inner_texts() == [said] and page.locator('#log .them:not(.tools)').count()
    a.context.close()

KEPT = '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": true}'
HELD = "() => { engine.reply = async (talk, how, piece) => { const to = talk.at(-1).text; await new Promise(go => { window.go = go }); piece('to ' + to + '\\nyes\\n') } }"

def test_two_tabs_may_write_in_one_talk_at_once(browser, server):
    "No message is lost, none is answered twice, and both tabs show the same."
    a = Tab(browser, server, KEPT)
    a.page.evaluate(HELD)
    a.say('hello')
    a.page.evaluate('window.go()')
    a.idle()
    b = a.context.new_page()
    b.on('dialog', lambda d: d.accept('another name'))
    b.goto(server.url)
    b.evaluate(HELD)
    def say(page, text):
        page.get_by_label('Message', exact=True).fill(text)
        page.get_by_label('Message', exact=True).press('Enter')
        page.wait_for_function('() => window.go && reply') # it is being answered
    a.page.evaluate('delete window.go')
    say(a.page, 'from one')
    soon(lambda: 'from one' in shown(b), 'it is seen in the other')
    say(b, 'from the other')
    soon(lambda: 'from the other' in shown(a.page), 'and the other in this one')
    b.get_by_role('button', name='Talks').click()
    b.get_by_role('button', name='Rename: hello').click()
    b.get_by_role('button', name='Done').click()
    for page in (a.page, b):
        page.evaluate('window.go()')
        page.wait_for_function('() => !reply')
    expected = ['hello', 'to hello', 'yes', 'from one', 'to from one', 'yes', 'from the other', 'to from the other', 'yes']
    for page in (a.page, b): soon(lambda: shown(page) == expected, 'both show all', 5)
    a.page.evaluate("() => { edit(current.messages.findLast(m => m.me).id) }") # what is edited goes, in both
    a.page.evaluate(HELD)
    say(a.page, 'no, this')
    a.page.evaluate('window.go()')
    expected[-3:] = ['no, this', 'to no, this', 'yes']
    for page in (a.page, b):
        soon(lambda: shown(page) == expected, 'both show the edited message', 5)
        page.reload()
        assert shown(page) == expected and page.evaluate('current.name') == 'another name'
    a.context.close()

def two_tabs(browser, server, settings=KEPT):
    "A tab in which hello was said and answered, another with the same talk, and a list of the requests for replies that follow."
    a = Tab(browser, server, settings)
    a.say('hello')
    a.idle()
    b, asked = a.context.new_page(), []
    b.goto(server.url)
    b.locator('#log .me').first.wait_for()
    a.context.on('request', lambda r: r.url.endswith('completions') and asked.append(r.post_data_json['messages'][-1]['content']))
    return a, b, asked

def shown(page): return page.locator('#log > div:not(.tools)').all_inner_texts()

def test_a_message_is_answered_by_the_tab_that_it_was_sent_from(browser, server):
    "Not by one that is opened, reloaded, or led to its talk meanwhile."
    a, b, asked = two_tabs(browser, server)
    a.page.evaluate('settings.wait = 60; 0')
    a.say('and now?')
    b.reload()
    c = a.context.new_page()
    for page in (b, c):
        page.goto(server.url)
        page.wait_for_function('() => met') # now it would have answered
        page.evaluate('go(current)')
    time.sleep(.5)
    assert not a.page.evaluate('reply') and not asked
    a.page.evaluate('answer(), 0')
    soon(lambda: a.page.evaluate('!reply') and asked and shown(a.page) == shown(b) == shown(c), 'the reply is seen in all tabs')
    time.sleep(.5)
    assert asked == ['and now?']
    a.context.close()

def test_tabs_that_write_at_the_same_moment_lose_nothing(browser, server):
    a, b, _ = two_tabs(browser, server)
    for page in (a.page, b): page.evaluate("() => { engine.reply = async (talk, how, piece) => piece('to ' + talk.at(-1).text) }")
    send = "([text, at]) => setTimeout(() => { document.getElementById('text').value = text; document.getElementById('form').requestSubmit() }, at - Date.now())"
    for n in range(5):
        at = time.time()*1000 + 300
        for page, text in ((a.page, f'a{n}'), (b, f'b{n}')): page.evaluate(send, [text, at])
        time.sleep(.5)
    expected = {f'{to}{who}{n}' for to in ('', 'to ') for who in 'ab' for n in range(5)}
    for page in (a.page, b): soon(lambda: expected <= {*shown(page)}, 'all are there', 5)
    soon(lambda: shown(a.page) == shown(b), 'in the same order', 5)
    said = shown(b)
    b.reload()
    assert shown(b) == said and all(said.count(text) == 1 for text in expected)
    a.context.close()

def test_to_keep_no_talks_for_a_while_loses_nothing(browser, server):
    a, b, _ = two_tabs(browser, server)
    def keep(on):
        a.button('Settings').click()
        a.page.get_by_label('Keep my talks in this browser').set_checked(on)
        a.button('Done').click()
        soon(lambda: b.evaluate('settings.keep') is on, 'the other tab knows')
    keep(False)
    for page, text in ((b, 'from b'), (a.page, 'from a')):
        page.get_by_label('Message', exact=True).fill(text)
        page.get_by_label('Message', exact=True).press('Enter')
        page.wait_for_function('() => !reply && !waiting && !current.messages.at(-1).me')
    assert 'from b' not in shown(a.page)
    keep(True)
    for page in (a.page, b): soon(lambda: {'from a', 'from b'} <= {*shown(page)}, 'both are there', 5)
    soon(lambda: shown(a.page) == shown(b), 'in the same order', 5)
    a.context.close()

@pytest.mark.parametrize('does', ['edits', 'again'])
def test_a_reply_to_what_another_tab_has_changed_ends(browser, server, does):
    a, b, _ = two_tabs(browser, server)
    a.page.evaluate("() => { engine.reply = async (talk, how, piece, signal) => { piece('old\\n'); await new Promise((go, fail) => { signal.addEventListener('abort', () => fail(new Failed('', 1))) }) } }")
    a.say('what?')
    soon(lambda: 'old' in shown(b), 'the first message')
    b.evaluate("() => { engine.reply = async (talk, how, piece) => piece('new') }")
    if does == 'again': b.get_by_role('button', name='Again').click()
    else:
        b.get_by_role('button', name='Edit').last.click()
        b.get_by_label('Message', exact=True).fill('where?')
        b.get_by_label('Message', exact=True).press('Enter')
    for page in (a.page, b): soon(lambda: shown(page)[-2:] == [{'edits': 'where?', 'again': 'what?'}[does], 'new'], 'nothing is left of the old one', 5)
    assert a.page.evaluate('reply') is None
    a.context.close()

def test_again_in_one_tab_ends_what_the_other_still_writes(browser, server):
    a, b, _ = two_tabs(browser, server)
    a.page.evaluate("() => { engine.reply = async (talk, how, piece, signal) => { for (const n of [1, 2, 3]) { piece(`old ${n}\\n`); await new Promise(go => { window.go = go }) } } }")
    b.evaluate(HELD.replace("'to '", "'new to '"))
    a.say('what?')
    soon(lambda: 'old 1' in shown(b), 'the first message')
    b.get_by_role('button', name='Again').click()
    soon(lambda: a.page.evaluate('window.go(), reply') is None, 'it ends')
    b.evaluate('window.go()')
    for page in (a.page, b): soon(lambda: shown(page)[-3:] == ['what?', 'new to what?', 'yes'], 'nothing is left of the old one', 5)
    a.context.close()

def test_two_replies_to_one_message_leave_one(browser, server):
    "As in a tab that was duplicated, and so believes that it has sent the message."
    a, b, _ = two_tabs(browser, server)
    for page, text in ((a.page, 'one'), (b, 'two')):
        page.evaluate("text => { engine.reply = async (talk, how, piece) => { await new Promise(go => { window.go = go }); piece(text) } }", text)
    a.say('what?')
    soon(lambda: 'what?' in shown(b), 'it is seen in the other')
    b.evaluate('claim(current.messages.at(-1).id), answer(), 0')
    a.page.evaluate('window.go()')
    soon(lambda: shown(b)[-2:] == ['what?', 'one'], 'the first one is seen in the other')
    b.evaluate('window.go()')
    soon(lambda: b.evaluate('reply') is None, 'the second one ends')
    assert shown(a.page)[-2:] == shown(b)[-2:] == ['what?', 'one']
    a.context.close()

def test_what_waits_is_answered_when_the_talk_before_it_is_deleted(browser, server):
    a = Tab(browser, server, KEPT)
    a.page.on('dialog', lambda d: d.accept())
    a.page.evaluate("() => { window.real = engine.reply; engine.reply = (talk, how, piece, signal) => new Promise((go, fail) => signal.addEventListener('abort', () => fail(new Failed('', 1)))) }")
    a.say('the first')
    a.page.wait_for_function('() => reply')
    a.button('Talks').click()
    a.button('New talk').first.click()
    a.say('the second')
    a.page.evaluate('engine.reply = window.real; 0')
    a.button('Talks').click()
    a.button('Delete: the first').click()
    a.button('Done').click()
    a.idle()
    assert a.said('me') == ['the second']
    a.context.close()

def test_a_talk_that_is_deleted_elsewhere_leaves_the_list(browser, server):
    a, b, _ = two_tabs(browser, server)
    a.button('Talks').click()
    a.button('New talk').first.click()
    a.button('Talks').click()
    a.button('Rename: hello').focus()
    b.evaluate('go(current), current.messages.push({ id: newId(), me: false, text: "new" }), keep(current)')
    soon(lambda: 'new' in a.page.evaluate('JSON.stringify(talks)'), 'it is known here, too')
    assert a.page.evaluate('document.activeElement.getAttribute("aria-label")') == 'Rename: hello' # the list was drawn anew
    b.on('dialog', lambda d: d.accept())
    b.get_by_role('button', name='Talks').click()
    b.get_by_role('button', name='Delete: hello').click()
    a.button('Open: hello').wait_for(state='detached')
    a.context.close()

def test_a_wrong_token_is_tried_once_and_not_every_ten_seconds(browser, model):
    with served(model, token='open sesame') as s:
        t = Tab(browser, s)
        t.say('hi')
        t.idle()
        asked = []
        t.page.on('request', lambda r: asked.append(r.url))
        t.page.evaluate("know('open barley')") # as if the server had another one now
        t.page.evaluate('look()')
        t.page.get_by_label('That is not the token of this server.').wait_for()
        t.page.keyboard.press('Escape')
        t.page.get_by_text('Without it, nobody answers here.').wait_for()
        for _ in range(3): t.page.evaluate('look()')
        assert len(asked) == 1
        t.context.close()

def test_a_tower_of_accents_is_kept_and_not_drawn(tab):
    tower = 'a' + '\u0301'*9000
    tab.field.fill(tower[:2] + ' e\u0301 ' + tower + '\U0001f44d' + '\U0001f3fb'*400)
    tab.field.press('Enter')
    tab.idle()
    assert [len(said) for said in tab.said('me')] == [2 + 4 + 9 + 9]
    assert tab.page.evaluate('[...current.messages[0].text].length') == 2 + 4 + 9001 + 401

FILL = "shelf => { for (let n = 1 << 22; n; n >>= 1) try { window[shelf].filler = (window[shelf].filler || '') + 'x'.repeat(n) } catch {} }"

@pytest.mark.parametrize('kept, full', [(False, 'localStorage'), (True, 'sessionStorage')])
def test_a_full_browser_takes_no_talk_away(browser, server, kept, full):
    t = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": %s}' % str(kept).lower())
    t.say('a talk')
    t.idle()
    t.page.evaluate(FILL, full)
    t.button('Settings').click()
    t.page.get_by_label('Keep my talks in this browser').set_checked(not kept)
    t.page.get_by_text('keeps nothing, or no more').wait_for()
    t.page.reload()
    assert t.said('me') == ['a talk']
    t.context.close()

@pytest.mark.parametrize('same', [True, False])
def test_a_talk_that_is_deleted_in_another_tab_stays_deleted(browser, server, same):
    "Also while a reply is written, to it or to another talk."
    a = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 16, "keep": true}')
    a.say('to be deleted')
    a.idle()
    if not same:
        a.button('Talks').click()
        a.button('New talk').first.click()
    a.page.evaluate("() => { engine.reply = async (talk, how, piece) => { piece('one\\n'); await new Promise(go => { window.go = go }); piece('two\\n') } }")
    a.say('and this?')
    soon(lambda: 'one' in a.said('them'), 'the first message')
    b = a.context.new_page()
    b.on('dialog', lambda d: d.accept())
    b.goto(server.url)
    b.get_by_role('button', name='Talks').click()
    b.get_by_role('button', name='Delete: to be deleted').click()
    soon(lambda: 'to be deleted' not in a.page.evaluate('JSON.stringify(talks)'), 'it is gone here, too')
    a.page.evaluate('window.go()')
    soon(lambda: a.page.locator('#stop').is_hidden(), 'the reply ended')
    assert 'to be deleted' not in a.page.evaluate('JSON.stringify({...localStorage, ...sessionStorage})')
    assert a.said('me') == ([] if same else ['and this?'])
    a.context.close()

def test_a_reply_goes_on_in_its_talk_while_another_is_read(browser, server):
    t = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 256}')
    t.say('the first')
    t.page.locator('#stop').wait_for()
    t.button('Talks').click()
    t.button('New talk').first.click()
    assert t.said('me') == [] == t.said('them') and t.page.locator('#stop').is_hidden()
    t.page.evaluate('settings.max_tokens = 16; 0')
    t.say('the second')
    t.idle()
    t.button('Talks').click()
    t.button('Open: the first').click()
    soon(lambda: t.said('me') == ['the first'] and ''.join(t.said('them')), 'it was answered there')
    t.context.close()

def test_a_talk_that_is_deleted_in_the_middle_of_its_reply_is_gone(browser, server):
    t = Tab(browser, server, '{"wait": 0, "pace": 0, "max_tokens": 256, "keep": true}')
    t.say('delete me')
    t.page.locator('#stop').wait_for()
    t.button('Talks').click()
    t.page.once('dialog', lambda d: d.accept())
    t.button('Delete: delete me').click()
    t.button('Done').click()
    soon(lambda: t.page.evaluate('reply === null'), 'the reply ended')
    assert t.said('me') == [] == t.said('them') and 'delete me' not in t.page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}])')
    t.page.evaluate('settings.max_tokens = 16; 0')
    t.say('and now?')
    t.idle()
    t.context.close()

def test_what_was_not_answered_can_be(tab):
    "After Stop before the first word; and an old reply stays if no new one comes."
    tab.page.evaluate("() => { globalThis.real = engine.reply; engine.reply = (talk, how, piece, signal) => new Promise((done, fail) => signal.addEventListener('abort', () => fail(new Failed('', 1)))) }")
    tab.say('hello?')
    tab.page.locator('#stop').click()
    tab.button('Answer').wait_for()
    tab.page.evaluate('engine.reply = real; 0')
    tab.button('Answer').click()
    tab.idle()
    said = tab.said('them')
    tab.page.evaluate("() => { engine.reply = async () => { throw new Failed('Too many requests at once.', 400) } }")
    tab.button('Again').click()
    tab.page.get_by_text('Too many requests at once.').wait_for()
    assert tab.said('them') == said

def test_an_error_in_a_stream_is_told_and_not_asked_for_again_and_again(tab):
    asked = []
    tab.page.route('**/v1/chat/completions', lambda r: (asked.append(1), r.fulfill(status=200, content_type='text/event-stream', body='data: {"error": {"message": "Something went wrong here."}}\n\n'))[1])
    tab.say('hello?')
    tab.page.get_by_text('Something went wrong here.').wait_for()
    time.sleep(1)
    assert len(asked) == 1 and tab.said('me') == ['hello?']

def test_a_server_that_stops_is_waited_for(tab):
    error = '{"error": {"message": "The server is stopping.", "type": "service_unavailable_error"}}'
    answers = [dict(status=503, content_type='application/json', body=error), dict(status=200, content_type='text/event-stream', body=f'data: {error}\n\n')]
    tab.page.route('**/v1/chat/completions', lambda r: r.fulfill(**answers.pop(0)) if answers else r.continue_())
    tab.say('hello?')
    tab.idle()
    assert tab.said('me') == ['hello?'] and not answers
    tab.errors.clear() # the browser notes the 503

def test_a_talk_of_megabytes_goes_on(tab):
    "What is sent of it fits into a request, however long its messages are and however odd their letters."
    sent = []
    tab.page.on('request', lambda r: r.method == 'POST' and sent.append(r.post_data))
    for text in ('a', '\U0001f642', '\x01'):
        tab.page.evaluate("text => { for (let n = 0; n < 150; n++) current.messages.push({ me: n % 2 === 0, text: text.repeat(9000 / text.length) }) }", text)
        replies = len(tab.said('them'))
        tab.say(f'and {text!r}?')
        tab.idle(replies + 1)
        messages = json.loads(sent[-1])['messages']
        assert len(sent[-1].encode()) < 1 << 20 and messages[-1]['content'] == f'and {text!r}?' and len(messages) >= 2
    tab.page.evaluate("current.messages.push({ me: false, text: 'a'.repeat(2e6) })") # one that is too long by itself
    replies = len(tab.said('them'))
    tab.say('and now?')
    tab.idle(replies + 1)

def test_what_is_sent_of_a_long_talk_begins_alike_for_long(tab):
    "So that the server finds it again. Of short messages it is the last hundreds."
    begins = tab.page.evaluate("""() => {
        const begins = [], messages = []
        for (let n = 0; n < 1500; n++) {
            messages.push({ me: true, text: 'b' + n })
            if (n % 5 === 0) begins.push([n, +recent(messages)[0].text.slice(1)])
        }
        return begins
    }""")
    assert dict(begins)[200] == 0 and len({first for _, first in begins}) < 10
    assert all(100 <= n - first <= 600 for n, first in begins if first)

def test_a_reload_in_a_pause_keeps_what_was_seen(browser, server):
    t = Tab(browser, server, '{"wait": 0, "pace": 1, "max_tokens": 16}')
    t.page.evaluate("() => { engine.reply = async (talk, how, piece) => { piece('one\\ntwo\\nthree'); await new Promise(() => {}) } }")
    t.say('hello')
    soon(lambda: t.said('them')[:1] == ['one'], 'the first message')
    t.page.reload()
    assert t.said('them')[0] == 'one' and t.said('me') == ['hello']
    t.context.close()

def test_a_long_name_breaks_and_nothing_else_does(browser, server):
    t = Tab(browser, server, **PHONE)
    t.page.evaluate("() => { $('name').textContent = $('about').textContent = 'a'.repeat(300) }")
    assert t.wide() == 390
    t.context.close()

def test_copy_copies_all_messages_of_a_turn_also_where_there_is_no_clipboard(browser, server):
    t = Tab(browser, server, '{"wait": 1, "pace": 0, "max_tokens": 16}')
    t.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => { globalThis.copied = document.activeElement.value; return true } }")
    t.say('one')
    t.say('two')
    t.idle()
    t.button('Copy: two').click()
    t.page.get_by_text('Copied.').wait_for()
    assert t.page.evaluate('copied') == 'one\ntwo'
    t.context.close()
