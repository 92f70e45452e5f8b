"The chat box as a person meets it: JupyterLab with the box's notebook in a real browser, typed into and clicked."
import json, os, socket, subprocess, sys, time, urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import missing

root = Path(__file__).resolve().parent.parent
READY, RUN = 90_000, 400_000 # ms: for a page to be there, and for the notebook to run

# A last cell for the copy: whoever says "count" gets a reply that only Stop ends.
ENDLESS = """
def count():
    said = ''
    try:
        for n in range(1_000_000):
            time.sleep(0.02)
            said += f'{n} '
            yield f'{n} '
    finally: chat.talk.append(Block('assistant', said))
def again(real=chat.again):
    if chat.talk[0].text != 'count' or len(chat.talk) > 2: yield from real(); return
    del chat.talk[1:]
    yield from count()
chat.again, box.patience, box.pace = again, 0.5, 0
'all cells ran'
"""

@contextmanager
def jupyter_lab(folder, notebook):
    "Serve `notebook`, with settings and logs in `folder`; give its address. The server is ended, and with it its kernels."
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    token = os.urandom(16).hex()
    env = dict(os.environ, JUPYTER_CONFIG_DIR=str(folder/'config'), JUPYTER_DATA_DIR=str(folder/'data'), JUPYTER_RUNTIME_DIR=str(folder/'runtime'),
               JUPYTERLAB_SETTINGS_DIR=str(folder/'settings'), JUPYTERLAB_WORKSPACES_DIR=str(folder/'workspaces'), IPYTHONDIR=str(folder/'ipython'),
               OMP_NUM_THREADS=os.environ.get('OMP_NUM_THREADS') or str(max(1, (os.cpu_count() or 1)//2)), # the browser needs a core too
               PYTHONPATH=os.pathsep.join(filter(None, [str(root), os.environ.get('PYTHONPATH')])))
    # A question about news would lie over the buttons, and cells out of sight would not be in the page.
    for name, value in {'apputils-extension/notification': {'fetchNews': 'false'}, 'notebook-extension/tracker': {'windowingMode': 'none'}}.items():
        path = folder/'settings'/'@jupyterlab'/f'{name}.jupyterlab-settings'
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(value))
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', '--ip=127.0.0.1', f'--port={port}', '--ServerApp.port_retries=0',
               f'--IdentityProvider.token={token}', f'--ServerApp.root_dir={notebook.parent}',
               '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    log = folder/'server.log'
    with open(log, 'w') as out: server = subprocess.Popen(command, cwd=notebook.parent, env=env, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 90
        while True:
            try: urllib.request.urlopen(f'http://127.0.0.1:{port}/api?token={token}', timeout=5).close(); break
            except OSError:
                if server.poll() is not None or time.monotonic() > end: pytest.fail(f'JupyterLab did not start:\n{log.read_text()[-3000:]}', pytrace=False)
                time.sleep(0.2)
        yield f'http://127.0.0.1:{port}/doc/tree/{notebook.name}?token={token}'
    finally:
        server.terminate()
        try: server.wait(30)
        except subprocess.TimeoutExpired: server.kill(); server.wait()

def run_all(page):
    "Run every cell, and wait until the last has run or one has failed."
    page.locator('.jp-Notebook-ExecutionIndicator[data-status=idle]').wait_for(timeout=READY)
    last = page.locator('.jp-OutputArea-output', has_text="'all cells ran'")
    failed = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"], .jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]:has-text("Traceback")')
    # Right after the kernel turns idle the menu may still do nothing: choose it until the first cell shows that it was run.
    started = page.locator('.jp-CodeCell .jp-InputPrompt').filter(has_text='[*]').or_(page.locator('.jp-CodeCell .jp-InputPrompt').filter(has_text='[1]'))
    end = time.monotonic() + READY/1000
    while not started.count():
        assert time.monotonic() < end, 'JupyterLab would not run the notebook.'
        page.keyboard.press('Escape') # a menu left open
        page.locator('.jp-Notebook .jp-CodeCell .cm-content').first.click()
        page.get_by_role('menuitem', name='Run', exact=True).click()
        page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        soon = time.monotonic() + 5
        while not started.count() and time.monotonic() < soon: page.wait_for_timeout(100)
    try: last.or_(failed).first.wait_for(timeout=RUN)
    except Exception:
        running = page.locator('.jp-CodeCell').filter(has=page.locator('.jp-InputPrompt', has_text='[*]'))
        raise AssertionError(f'After {RUN/1000:.0f} s this cell is still running:\n' + (running.first.inner_text() if running.count() else 'none')) from None
    assert not failed.count(), failed.first.inner_text()[-3000:]

@pytest.fixture(scope='module')
def page(browser, tmp_path_factory):
    "The notebook in JupyterLab, all its cells run; a page that has `errors`."
    try: import jupyterlab # noqa
    except ImportError as e: missing(e.name)
    folder = tmp_path_factory.mktemp('lab')
    (folder/'root').mkdir()
    notebook = folder/'root'/'box.ipynb'
    nb = json.loads((root/'nbs'/'share'/'box.ipynb').read_text(encoding='utf-8'))
    for c in nb['cells']:
        if c['cell_type'] == 'code': c.update(outputs=[], execution_count=None)
    nb['cells'].append(dict(cell_type='code', id='endless', metadata={}, execution_count=None, outputs=[], source=ENDLESS.strip()))
    nb['metadata']['kernelspec'] = dict(display_name='Python 3', language='python', name='python3')
    notebook.write_text(json.dumps(nb), encoding='utf-8')
    with jupyter_lab(folder, notebook) as url:
        page = browser.new_page(viewport=dict(width=1000, height=1000))
        page.errors = []
        page.on('pageerror', lambda e: page.errors.append(str(e)))
        # On a busy machine it may ask, at any moment, which kernel: whatever a click is waiting for, this is answered first.
        page.add_locator_handler(page.locator('.jp-Dialog .jp-mod-accept'), lambda accept: accept.click())
        page.goto(url, wait_until='domcontentloaded', timeout=READY)
        run_all(page)
        page.set_default_timeout(60_000)
        page.get_by_placeholder('Message').scroll_into_view_if_needed()
        yield page

@pytest.fixture
def box(page):
    "The box with nothing said in it yet."
    return Box(page)

class Box:
    "What a person sees of the box, and does to it."
    def __init__(self, page):
        self.page, self.field = page, page.get_by_placeholder('Message')
        self.ui = page.locator('.jp-OutputArea-output', has=self.field)
        self.idle()
        self.press('Reset')
        self.ui.get_by_text('Say something').wait_for()
    def button(self, name): return self.ui.get_by_role('button', name=name, exact=True)
    def press(self, name): self.button(name).click()
    def bubbles(self, whose): return self.ui.locator(f'[data-from={whose}]')
    def idle(self):
        "Wait for the end of a turn. The buttons change one after the other; Save is the last."
        self.until(lambda: self.button('Stop').is_disabled() and self.button('Save').is_enabled(), 'the reply ended')
    def until(self, true, what):
        end = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end, f'Waited in vain: {what}'
            self.page.wait_for_timeout(50)
    def replied(self):
        "Wait for the end of a reply; its messages."
        self.bubbles('them').first.wait_for()
        self.idle()
        return [t for t in self.bubbles('them').all_inner_texts() if t]

def test_enter_sends_and_a_reply_follows(box):
    box.field.fill('hey, how are you?')
    box.field.press('Enter')
    box.ui.locator('[data-from=me]', has_text='hey, how are you?').wait_for()
    box.until(lambda: box.field.input_value() == '', 'the field is empty again')
    assert box.replied()
    assert box.bubbles('me').all_inner_texts() == ['hey, how are you?']
    if os.environ.get('TINYCHAT_SCREENSHOT'): box.ui.screenshot(path=os.environ['TINYCHAT_SCREENSHOT'])

def test_fast_typing_loses_nothing(box):
    text = 'a message typed in one go, and Enter at once, the last letters included'
    box.field.click()
    box.page.keyboard.type(text)
    box.page.keyboard.press('Enter')
    box.replied()
    assert box.bubbles('me').all_inner_texts() == [text]
    box.until(lambda: box.field.input_value() == '', 'the field is empty again')

def test_two_messages_in_a_row_get_one_answer(box):
    box.field.click()
    for text in ('hey!', 'are you coming tonight?'):
        box.page.keyboard.type(text)
        box.page.keyboard.press('Enter')
        box.until(lambda: box.field.input_value() == '', 'the field is empty again')
    box.replied()
    assert box.ui.locator('[data-from]').evaluate_all('all => all.slice(0, 3).map(b => b.dataset.from)') == ['me', 'me', 'them']
    assert box.bubbles('me').all_inner_texts() == ['hey!', 'are you coming tonight?']

def test_enter_after_looking_elsewhere(box):
    box.field.fill('hello?')
    box.field.blur()
    box.page.wait_for_timeout(500)
    assert box.bubbles('me').count() == 0 and box.field.input_value() == 'hello?'
    box.field.press('Enter')
    box.ui.locator('[data-from=me]', has_text='hello?').wait_for()
    box.replied()
    assert box.bubbles('me').count() == 1

def test_send_streams_and_stop_stops(box):
    box.field.fill('count')
    box.press('Send')
    box.bubbles('them').filter(has_text='0 1 2').wait_for()
    early = box.bubbles('them').inner_text()
    box.until(lambda: len(box.bubbles('them').inner_text()) > len(early), 'the reply grows')
    box.field.fill('wait')
    box.field.press('Enter')
    box.ui.locator('[data-from=me]', has_text='wait').wait_for() # it stands there, and waits
    assert box.button('Again').is_disabled() and box.button('Stop').is_enabled()
    box.press('Stop')
    box.until(lambda: box.bubbles('me').count() == 2 and box.ui.locator('[data-from]').last.get_attribute('data-from') == 'them', 'it is answered')
    box.idle()
    said = box.bubbles('them').first.inner_text()
    assert said.startswith(early.strip()) and said.split() == [str(n) for n in range(len(said.split()))]

def test_a_message_can_be_copied(box):
    text = 'copy <me> & me'
    box.field.fill(text)
    box.field.press('Enter')
    box.replied()
    box.ui.get_by_role('button', name='Copy this message').first.click()
    box.field.focus()
    box.page.keyboard.press('Control+V')
    box.until(lambda: box.field.input_value() == text, 'the text is in the field')
    box.field.fill('')

def test_every_control_has_a_name_and_the_gear_opens_the_settings(box):
    words = box.ui.get_by_label('Calm to wild')
    assert not words.is_visible()
    box.press('⚙ Settings')
    words.wait_for()
    words.select_option('bold (1.2)')
    names = box.ui.locator('input, select, button').evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || (e.tagName == 'BUTTON' && e.innerText.trim()))")
    assert len(names) == 12 and all(names) and 'Message' in names # nobody has to guess from a gray hint
    if path := os.environ.get('TINYCHAT_SCREENSHOT'): box.ui.screenshot(path=path.replace('.png', '_settings.png'))
    words.select_option('lively (0.9)')
    box.press('⚙ Settings')
    box.until(lambda: not words.is_visible(), 'the settings are hidden')

def test_a_message_is_text_and_never_html(box):
    title = box.page.title()
    text = '''<img src=x onerror="document.title='pwned'"><b>hi</b>'''
    box.field.fill(text)
    box.field.press('Enter')
    box.replied()
    assert box.bubbles('me').all_inner_texts() == [text]
    assert box.ui.locator('img, [data-from] b').count() == 0 and box.page.title() == title

def test_the_newest_message_is_in_sight(box):
    for n in range(8):
        box.field.fill(f'message {n} ' + 'and more ' * 20)
        box.field.press('Enter')
        box.ui.locator('[data-from=me]', has_text=f'message {n} ').wait_for()
        box.idle()
    def seen(bubble): return bubble.evaluate("b => { const r = b.getBoundingClientRect(), s = b.closest('.widget-box').getBoundingClientRect(); return r.bottom <= s.bottom && r.bottom > s.top }")
    assert seen(box.ui.locator('[data-from]').last) and not seen(box.ui.locator('[data-from]').first)

def test_again_and_reset(box):
    def counting(): # a reply that only Stop ends, so that no moment in which the box writes can be missed
        box.until(box.button('Stop').is_enabled, 'a reply began')
        box.bubbles('them').filter(has_text='0 1 2').wait_for()
        box.press('Stop')
        box.idle()
    box.field.fill('count')
    box.field.press('Enter')
    counting()
    box.bubbles('them').evaluate("b => b.setAttribute('data-old', '')") # each drawing makes new bubbles
    box.press('Again')
    counting()
    assert box.bubbles('them').get_attribute('data-old') is None and box.bubbles('me').all_inner_texts() == ['count']
    box.press('Reset')
    box.ui.get_by_text('Say something').wait_for()
    assert box.ui.locator('[data-from]').count() == 0

def test_the_page_had_no_errors(box):
    assert box.page.errors == []
