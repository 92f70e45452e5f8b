"""The page for the phone: its file, its program beside Python's in a real browser, and what a person meets who opens it.
The browser opens it from a file, as a phone does, and everything that it asks the network for is counted."""
import base64, itertools, json, os, random, re, shutil, signal, subprocess, sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from conftest import missing
from test_commands import call, refused
from test_share_web import soon
from test_share_web_browser import PHONE, READY

from tinychat.checkpoint import BASES, load_base
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs.candidates import WEIGHT, CandidateChat, log_likelihoods
from tinychat.runs.loops import LoopFreeChat
from tinychat.share import phone
from tinychat.share.phone import PROGRAM, borders, eight_bits, export_page, lock_file, pack_model, phone_page, rounded, what_it_says
from tinychat.tokenizer import Tokenizer

root = Path(__file__).resolve().parent.parent
WHO = dict(name='<b>Ada</b>', about='<img src=x onerror=alert(1)>', note='</script><script>document.title="hacked"</script>')

@pytest.fixture(scope='module')
def tiny(): return load_base(BASES/'tiny')

@pytest.fixture(scope='module')
def small():
    "A network with fewer heads of keys, an own output and widths that no four divide, and a tokenizer of few words."
    torch.manual_seed(0)
    tok = Tokenizer.train([(root/'training_data'/'sample.txt').read_text(encoding='utf-8')], 400)
    return GPT(GPTConfig(tok.vocab_size, 2, 6, 30, context=64, n_kv_head=2, n_hidden=10, head_dim=6, qk_norm=False, tied=False)), tok

@pytest.fixture(scope='module')
def file(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp('page')/'me.html'
    path.write_text(phone_page(*tiny, WHO), encoding='utf-8')
    return path

# The file

def test_a_byte_a_weight_is_near():
    torch.manual_seed(0)
    w = torch.randn(50, 64)*torch.logspace(-6, 3, 50)[:,None]
    w[7] = 0
    whole, scale = eight_bits(w)
    assert whole.dtype == torch.int8 and (w - whole*scale[:,None]).abs().le(scale[:,None]*.50001).all() and (whole[7] == 0).all()

@pytest.mark.parametrize('expression', [r'\p{L}', r'\p{N}', r'\s'])
def test_every_character_is_in_its_class(expression):
    import tiktoken
    steps, at, inside = borders(expression), 0, set()
    for n in range(0, len(steps), 2):
        first = at + steps[n]
        at = first + steps[n + 1]
        inside |= {*range(first, at + 1)}
    find = tiktoken.Encoding('find', pat_str=expression, mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={})
    rng = random.Random(0)
    for c in [*range(0x3000), *rng.sample(range(0x3000, 0xD800), 2000), *rng.sample(range(0xE000, 0x110000), 4000)]:
        assert (c in inside) == bool(find.encode_ordinary(chr(c))), hex(c)

def test_the_machine_code_is_what_the_text_says():
    sys.path.insert(0, str(root/'tools'))
    try:
        pytest.importorskip('wasmtime')
        from kernel import assembled
        assert assembled() == phone.KERNEL and len(base64.b64decode(phone.KERNEL)) < 500
    finally: sys.path.remove(str(root/'tools'))

def test_what_the_page_cannot_hold_is_refused_with_a_way_out(tiny, small):
    for model, tok in ((GPT(GPTConfig(50_000, 2, 2, 288)), small[1]), (GPT(GPTConfig(small[1].vocab_size, 1, 2, 32, qkv_bias=True)), small[1]), (small[0], Tokenizer(tiny[1].ranks, r'\S+|\s+'))):
        with pytest.raises(ValueError, match='--base tiny') as e: pack_model(model, tok, WHO)
        assert '\n' not in str(e.value)

def test_small_enough_and_nobody_else_may_read_it(tiny, tmp_path):
    model, tok = tiny
    torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict(), name='Ada'), tmp_path/'ckpt.pt')
    page = export_page(tmp_path/'ckpt.pt', tmp_path/'me.html')
    text = page.read_text()
    assert page.stat().st_size <= 11e6 and page.stat().st_mode & 0o777 == 0o600 and str(tmp_path) not in text
    rules = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in rules and "connect-src 'none'" in rules and 'unsafe-inline' not in rules and '*' not in rules and 'http' not in rules
    assert not re.search(r'\s(?:src|href)="(?!data:)', text)
    with pytest.raises(ValueError, match='exists'): export_page(tmp_path/'ckpt.pt', tmp_path/'me.html')
    assert export_page(tmp_path/'ckpt.pt', tmp_path/'me.html', overwrite=True) == page
    (tmp_path/'link.html').symlink_to('ckpt.pt')
    before = (tmp_path/'ckpt.pt').read_bytes()
    for out in ('ckpt.pt', 'link.html'): # nothing but a page of ours is replaced
        with pytest.raises(ValueError, match='is no page of tinychat'): export_page(tmp_path/'ckpt.pt', tmp_path/out, overwrite=True)
    assert (tmp_path/'ckpt.pt').read_bytes() == before

def test_it_says_what_its_evaluation_says(tiny, tmp_path):
    model, tok = tiny
    torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict(), name='Ada'), tmp_path/'ckpt.pt')
    assert what_it_says(tmp_path/'ckpt.pt')['note'] == 'It may repeat what it was trained on.'
    for text in ('{', '[]', '{"secrets": 1}', '\0'): # never a reason to fail
        (tmp_path/'evaluation.json').write_text(text)
        assert what_it_says(tmp_path/'ckpt.pt')['note'] == 'It may repeat what it was trained on.'
    (tmp_path/'evaluation.json').write_text('{}')
    monkey = pytest.MonkeyPatch()
    monkey.setattr(phone, 'sharing', lambda report: (2, ['because']))
    assert what_it_says(tmp_path/'ckpt.pt')['note'].endswith('Its evaluation says: share it with nobody but friends, who talk to it without having the file.')
    monkey.undo()

# The program, beside Python's

@pytest.fixture
def run(browser):
    "A page in which the program of a model answers: expression -> result."
    contexts = []
    def open_(model, tok, plain='machine code'):
        contexts.append(context := browser.new_context())
        page = context.new_page()
        page.set_default_timeout(READY)
        if plain == 'no WebAssembly': page.evaluate('() => { delete globalThis.WebAssembly }')
        page.add_script_tag(content=PROGRAM.replace('globalThis.postMessage', 'false'))
        page.evaluate('([file, plain]) => { const facts = unpack(bytesOf(file)); if (!plain) useKernel(facts); globalThis.tok = new Tokenizer(facts); globalThis.net = new Network(facts.config, facts.weights); globalThis.chat = new Chat(net, tok) }',
                      [base64.b64encode(pack_model(model, tok, WHO)).decode(), plain != 'machine code'])
        return page
    yield open_
    for c in contexts: c.close()

def odd_texts(n):
    rng = random.Random(0)
    parts = ['hey', "it's", "I'LL", "'ſ", 'größe', '😂', '👨‍👩‍👧', 'さようなら', '12345', '٣٤٥', '½', 'ǅ', '\u0301', '\u200d', '\ufeff', '\u0085', '\u00a0', '\u2028', '\u3000', ' ', '  ', '\n', '\r\n', '\t', '...', '!!', '<|im_end|>', '<b>', '\x00', '\x1c', '\U0001F1E9', '\U000E0001', 'ß', 'İ', 'K', "'", '"', '_', '^', '\\', 'नमस्ते', 'مرحبا', '한국어', 'a'*30]
    def anything(): return chr((n := rng.randrange(0x110000 - 0x800)) + 0x800*(n >= 0xD800)) # without surrogates
    for _ in range(n): yield ''.join(rng.choice(parts) if rng.random() < .8 else anything() for _ in range(rng.randrange(1, 12)))

def test_the_same_ids_for_ten_thousand_odd_texts(run, tiny):
    texts, page = [*odd_texts(10_000)], run(*tiny)
    ids = page.evaluate('texts => texts.map(t => tok.encode(t))', texts)
    wrong = [t for t, i in zip(texts, ids) if i != tiny[1].encode(t)]
    assert not wrong, wrong[:3]
    assert page.evaluate('texts => texts.every(t => tok.decode(tok.encode(t)) === t)', texts)

def test_the_same_ids_for_every_character(run, tiny):
    "Of the far planes, where nothing is assigned or all is private, every seventeenth, and the last."
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and (c < 0x34000 or 0xE0000 <= c < 0xE0200 or c % 17 == 0 or c == 0x10FFFF)]
    page, tok = run(*tiny), tiny[1]
    texts = [''.join(f"x{c}y'" for c in every[n:n + 200]) for n in range(0, len(every), 200)] # where it is cut shows what it is taken for
    ids = page.evaluate('texts => texts.map(t => tok.encode(t).join())', texts)
    wrong = [t for t, i in zip(texts, ids) if i != ','.join(map(str, tok.encode(t)))]
    assert not wrong, [hex(ord(t[1])) for t in wrong[:5]]

@pytest.mark.parametrize('plain', ['machine code', 'plain', 'no WebAssembly'])
@pytest.mark.parametrize('which', ['tiny', 'small'])
def test_the_same_logits(run, request, which, plain):
    model, tok = request.getfixturevalue(which)
    page, near = run(model, tok, plain), rounded(model).eval()
    for text in ('hey', 'so what are you doing tonight? 😂 I think we could go somewhere', ''):
        ids = [tok.end_of_text, *tok.encode(text)][:model.config.context]
        with torch.no_grad(): ours = near(torch.tensor([ids]))[0,-1]
        theirs = torch.tensor(page.evaluate('ids => [...net.logits(ids)]', ids))
        assert (ours - theirs).abs().max() < 1e-3, which

QUESTIONS = [f'{a} {b}' for a in ('hey,', 'so', 'haha', 'ok but', 'tell me:') for b in ('how are you?', 'what did you do today?', 'any plans for the weekend?', 'did you eat?', 'who told you that?',
             'where do you live', 'i am so tired', 'that was fun!', 'do you like music?', 'why not??')]

def greedy(model, tok, talk, max_tokens, max_messages):
    "What Python says: the likeliest token each time, and one more message where that is likelier than not."
    chat = LoopFreeChat(model, tok, temperature=0, max_tokens=max_tokens, max_messages=max_messages)
    def goes_on(ids):
        logits = chat.writer.logits([*ids, *tok.encode('\n'), tok.im_start])[0]
        return (logits[tok.encode('assistant')[0]] > logits[tok.encode('user')[0]]).item()
    chat.goes_on, chat.talk = goes_on, [*talk]
    return ''.join(chat.answer())

def test_the_same_replies_to_fifty_questions(run, tiny):
    model, tok = rounded(tiny[0]).eval(), tiny[1]
    page = run(*tiny)
    page.evaluate('dice = () => () => .5') # whose turn it is, is drawn; so it is the likelier one's
    same = []
    for q in QUESTIONS:
        theirs = page.evaluate("q => [...chat.answer([{me: true, text: q}], {drafts: 1, temperature: 0, max_tokens: 24, max_messages: 3})].join('')", q)
        same.append(theirs == greedy(model, tok, [Block('user', q)], 24, 3))
    assert len(QUESTIONS) == 50 and all(same), [q for q, s in zip(QUESTIONS, same) if not s]

def test_a_talk_that_outgrows_the_view_is_cut_alike(run, small):
    model, tok = rounded(small[0]).eval(), small[1]
    page, chat, talk = run(*small), LoopFreeChat(model, tok, max_tokens=16), []
    for turn in range(30):
        talk.append(Block('user', f'number {turn} '*(1 + turn % 4) if turn % 9 < 3 else str(turn)))
        chat.talk = [*talk]
        ours = chat.prompt()
        theirs = page.evaluate('talk => chat.prompt(talk, 16)', [dict(me=b.role == 'user', text=b.text) for b in talk])
        assert theirs == ours and len(ours) <= 64 - 16, turn
        talk.append(Block('assistant', f'ok {turn}' if turn % 9 < 3 else 'k'))
    assert chat.n_dropped > 20

def test_long_words_do_not_stall(run, tiny):
    page, long = run(*tiny), ['a'*10_000, '😂'*3000, 'ab'*4000, '!'*5000]
    assert page.evaluate('texts => texts.map(t => tok.encode(t))', long) == [tiny[1].encode(t) for t in long]

def test_a_seed_draws_the_same_and_others_differ(run, tiny):
    page = run(*tiny)
    said = page.evaluate("[1, 1, 2, 3].map(seed => [...chat.answer([{me: true, text: 'how are you?'}], {seed, max_tokens: 40})].join(''))")
    assert said[0] == said[1] and len({*said}) == 3
    counts = page.evaluate("""() => { const random = dice(7), got = {}; for (let n = 0; n < 4000; n++) { const id = sample(Float32Array.of(0, Math.log(3), -Infinity), 1, random); got[id] = (got[id] || 0) + 1 } return got }""")
    assert set(counts) == {'0', '1'} and abs(counts['1'] - 3000) < 120

def test_what_was_read_is_not_read_again(run, tiny):
    page = run(*tiny)
    n = page.evaluate("""() => { let n = 0; const hidden = net.hidden.bind(net); net.hidden = (...a) => { n++; return hidden(...a) }
      const talk = []; const counts = []
      for (let t = 0; t < 8; t++) { talk.push({ me: true, text: 'and then?' }); n = 0; let pieces = 0; const said = []; for (const p of chat.answer(talk, { drafts: 2, seed: t, max_tokens: 12, max_messages: 1 })) { pieces++; said.push(p) }
        talk.push({ text: said.join('') }); counts.push(n) }
      return counts }""")
    assert max(n[1:]) < 60 # a question, two drafts of an answer, what stands between them

def test_the_best_draft_by_the_scores_of_the_other_program(run, tiny):
    other, tok, page = CandidateChat(rounded(tiny[0]).eval(), tiny[1]), tiny[1], run(*tiny)
    nothing, best = [tok.end_of_text, *other.header('assistant')], []
    for q in QUESTIONS[:3]:
        sent, drafts = page.evaluate("""q => { const talk = [{ me: true, text: q }], how = { temperature: TEMPERATURE, max_tokens: 30, random: dice(5) }, all = []
          for (let n = 0; n < 6; n++) { const text = [], steps = chat.draft(talk, how); let step; while (!(step = steps.next()).done) text.push(step.value); all.push([text.join(''), step.value.drawn]) }
          return [[...chat.answer(talk, { drafts: 6, seed: 5, max_tokens: 30 })].join(''), all] }""", q)
        other.talk = [Block('user', q)]
        drafts = [(text, drawn) for text, drawn in drafts if text.strip()]
        likely, anywhere = (log_likelihoods(other, before, [drawn for _, drawn in drafts]) for before in (other.prompt(), nothing))
        score = [(a - WEIGHT*b)/len(drawn) for a, b, (_, drawn) in zip(likely, anywhere, drafts)]
        best.append((sent, drafts[score.index(max(score))][0]))
    assert all(ours == theirs for theirs, ours in best) and len({ours for ours, _ in best}) > 1, best

# The page

class Phone:
    def __init__(self, browser, file, **device):
        self.context = browser.new_context(**PHONE | device)
        self.page = self.context.new_page()
        self.page.set_default_timeout(READY)
        self.went_out, self.errors = [], []
        self.page.on('request', lambda r: self.went_out.append(r.url))
        self.page.on('pageerror', lambda e: self.errors.append(str(e)))
        self.page.on('console', lambda m: m.type == 'error' and self.errors.append(m.text))
        self.page.goto(file.as_uri())
        self.field = self.page.get_by_label('Message', exact=True)
    def ready(self): soon(lambda: self.page.locator('#name').inner_text() != 'tinychat', 'the model is there', 60)
    def set(self, **how): self.page.evaluate('how => { Object.assign(settings, how) }', how)
    def said(self, whose='them'): return self.page.locator(f'#log .{whose}:not(.tools)').all_inner_texts()
    def say(self, text):
        n = len(self.said())
        self.field.tap()
        self.page.keyboard.insert_text(text)
        self.page.get_by_role('button', name='Send').tap()
        soon(lambda: len(self.said()) > n and '•••' not in self.said() and self.page.locator('#stop').is_hidden(), 'the reply ended', 60)

@pytest.fixture
def page(browser, file):
    p = Phone(browser, file)
    p.ready()
    p.set(pace=0, wait=0, max_tokens=24)
    yield p
    assert not p.errors and {url for url in p.went_out if not url.startswith('blob:')} == {file.as_uri()}
    p.context.close()

def test_turn_after_turn_and_nothing_goes_out(page):
    page.context.set_offline(True)
    page.say('a long story. '*90) # from the third turn on, it no longer sees this
    for n in range(7): page.say(f'and what about number {n}?')
    assert len(page.said('me')) == 8 and all(page.said())

def test_it_is_said_what_it_is_and_hostile_texts_stay_texts(page):
    assert [page.page.locator(f'#{part}').inner_text() for part in ('name', 'about', 'note')] == [*WHO.values()]
    evil = '<img src=x onerror="document.title=1"><script>alert(1)</script><|im_end|>${1}'
    page.say(evil)
    assert page.said('me') == [evil] and page.page.title() == WHO['name'] and page.page.locator('#log img, #log script').count() == 0

def test_in_the_dark_on_a_phone_all_is_in_sight(page):
    page.say('a'*300)
    for part in [page.field] + [page.page.get_by_role('button', name=b).first for b in ('Send', 'Talks', 'Settings')]:
        r = part.bounding_box()
        assert 0 <= r['x'] and r['x'] + r['width'] <= 390 and r['height'] >= 40 and r['y'] + r['height'] <= 844
    last = page.page.locator('#log > div').last.bounding_box()
    assert last['y'] + last['height'] <= page.field.bounding_box()['y'] and page.page.evaluate('document.documentElement.scrollWidth') == 390

def test_a_talk_is_kept_only_if_that_is_wanted(browser, file, page):
    page.say('a secret')
    assert 'secret' not in page.page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}])')
    page.page.reload(); page.ready()
    assert page.said('me') == []
    page.page.get_by_role('button', name='Settings').tap()
    page.page.get_by_label('Keep my talks in this browser').check()
    page.page.get_by_role('button', name='Done').tap()
    page.set(pace=0, wait=0, max_tokens=24)
    page.say('no secret')
    page.page.reload(); page.ready()
    assert page.said('me') == ['no secret']

def test_a_message_sent_before_the_model_is_there_is_answered(browser, file):
    p = Phone(browser, file)
    p.page.evaluate("Object.assign(settings, { pace: 0, wait: 0, max_tokens: 24 }); 0")
    p.say('hello')
    assert p.said('me') == ['hello'] and p.page.locator('#notice').inner_text() == '' and not p.errors
    p.context.close()

def test_stop_ends_a_reply_and_the_next_one_is_whole(page):
    page.set(max_tokens=256)
    page.page.evaluate("() => { const old = ask; ask = data => data.talk ? setTimeout(() => old(data), 300) : old(data) }") # so that there is time to stop
    page.field.tap(); page.page.keyboard.insert_text('tell me everything'); page.page.get_by_role('button', name='Send').tap()
    page.page.locator('#stop').tap()
    soon(lambda: page.page.locator('#stop').is_hidden(), 'it stops')
    page.say('and now?')
    assert page.said()[-1]

def test_locked_it_opens_for_the_password_alone(browser, tiny, tmp_path):
    pytest.importorskip('cryptography')
    path = tmp_path/'locked.html'
    path.write_text(phone_page(*tiny, dict(name='Ada Lee', about='', note=''), 'open sesame'), encoding='utf-8')
    assert 'Ada Lee' not in path.read_text().split('id="model"')[0] and pack_model(*tiny, {})[-60:] not in path.read_bytes()
    p = Phone(browser, path)
    p.page.get_by_label('This page is locked.').fill('close sesame')
    p.page.get_by_role('button', name='Go on').tap()
    p.page.get_by_label('That is not the password').fill('open sesame')
    p.page.get_by_role('button', name='Go on').tap()
    p.ready()
    p.set(pace=0, wait=0, max_tokens=24)
    p.say('hello')
    assert not p.errors and p.page.locator('#name').inner_text() == 'Ada Lee' and 'sesame' not in p.page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}])')
    p.context.close()

def test_a_locked_page_leaves_nothing_behind(browser, tiny, tmp_path):
    pytest.importorskip('cryptography')
    path = tmp_path/'locked.html'
    path.write_text(phone_page(*tiny, dict(name='Ada', about='', note=''), 'open sesame'), encoding='utf-8')
    p = Phone(browser, path)
    p.page.get_by_label('This page is locked.').fill('open sesame')
    p.page.get_by_role('button', name='Go on').tap()
    p.ready()
    p.page.get_by_role('button', name='Settings').tap()
    assert p.page.get_by_label('Keep my talks in this browser').is_hidden()
    p.page.get_by_role('button', name='Done').tap()
    p.set(pace=0, wait=0, max_tokens=24, keep=True) # even so
    p.say('a secret')
    p.page.reload()
    p.page.get_by_label('This page is locked.').wait_for()
    assert p.said('me') == [] == p.said()
    p.context.close()

def test_a_damaged_file_is_told(browser, file, tmp_path):
    text = file.read_text(encoding='utf-8')
    at = text.index('id="model">') + 60_000
    (tmp_path/'cut.html').write_text(text[:at] + text[at + 4000:], encoding='utf-8')
    p = Phone(browser, tmp_path/'cut.html')
    p.page.get_by_text('This file is damaged. Fetch it again.').wait_for()
    p.context.close()

def test_where_no_program_runs_it_says_so(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert 'this viewer runs no programs' in page.locator('#notice').inner_text()
    context.close()

def test_editing_can_be_left_without_an_escape_key(page):
    page.say('one')
    page.page.get_by_role('button', name='Edit: the last message').tap()
    page.page.get_by_role('button', name='Cancel').tap()
    assert page.field.input_value() == '' and page.page.get_by_role('button', name='Cancel').is_hidden()
    page.page.get_by_role('button', name='Edit: the last message').tap()
    page.field.fill('')
    page.page.get_by_role('button', name='Send').tap()
    page.say('two')
    assert page.said('me') == ['one', 'two']

def test_the_end_of_the_list_stays_in_sight_when_a_keyboard_opens(page):
    for n in range(6): page.say(f'number {n}')
    page.page.set_viewport_size(dict(width=390, height=450))
    soon(lambda: page.page.locator('#log > div').last.bounding_box()['y'] < page.field.bounding_box()['y'], 'the end is in sight')

def test_axe_finds_nothing(browser, file):
    try: from axe_playwright_python.sync_playwright import Axe
    except ImportError as e: missing(e.name)
    p = Phone(browser, file, bypass_csp=True)
    p.ready()
    p.set(pace=0, wait=0, max_tokens=24)
    p.say('hello')
    found = Axe().run(p.page)
    assert found.response['passes'] and not found.response['violations'], found.generate_report()
    p.context.close()

# Firefox, too: driven by WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), which it speaks by itself

@contextmanager
def firefox(folder):
    "A function that runs an expression in a page of Firefox's: (address or expression) -> value."
    websocket = pytest.importorskip('websocket')
    program = next(filter(None, map(shutil.which, ('firefox-esr', 'firefox'))), None) or pytest.skip('Firefox is missing.')
    log, ids = folder/'firefox.log', itertools.count(1)
    with open(log, 'w') as f:
        p = subprocess.Popen([program, '--headless', '--no-remote', '--profile', str(folder), '--remote-debugging-port', '0'], stdout=f, stderr=f, start_new_session=True, env={**os.environ, 'MOZ_DISABLE_CONTENT_SANDBOX': '1', 'HOME': str(folder)})
    try:
        soon(lambda: 'BiDi listening on' in log.read_text(), 'Firefox is there', 90)
        line = websocket.create_connection(re.search(r'BiDi listening on (ws://\S+)', log.read_text())[1] + '/session', timeout=120, suppress_origin=True)
        def ask(method, **params):
            line.send(json.dumps(dict(id=(n := next(ids)), method=method, params=params)))
            while (said := json.loads(line.recv())).get('id') != n: pass
            assert said['type'] == 'success', said
            return said['result']
        ask('session.new', capabilities={})
        context = ask('browsingContext.getTree')['contexts'][0]['context']
        def run(what):
            if what.startswith('file:'): return ask('browsingContext.navigate', context=context, url=what, wait='complete')
            got = ask('script.evaluate', expression=f'(async () => JSON.stringify(await ({what})))()', target=dict(context=context), awaitPromise=True, resultOwnership='none')
            assert got['type'] == 'success', got
            return json.loads(got['result'].get('value', 'null'))
        yield run
    finally:
        os.killpg(p.pid, signal.SIGTERM)
        p.wait(30)

def test_firefox_says_the_same(file, tiny, tmp_path):
    model, tok = rounded(tiny[0]).eval(), tiny[1]
    with firefox(tmp_path) as run:
        run(file.as_uri())
        assert run('engine.about()') == WHO
        for q in QUESTIONS[:5]:
            pieces = run(f"new Promise((done, fail) => {{ const got = []; engine.reply([{{ me: true, text: {json.dumps(q)} }}], {{ drafts: 1, temperature: 0, max_tokens: 24, max_messages: 1 }}, p => {{ got.push(p) }}, new AbortController().signal).then(() => done(got.join('')), fail) }})")
            assert pieces == greedy(model, tok, [Block('user', q)], 24, 1) != ''
        run("(() => { Object.assign(settings, { pace: 0, wait: 0 }); $('text').value = 'hello'; $('form').requestSubmit() })()")
        soon(lambda: run("$('stop').hidden && document.querySelectorAll('#log .them:not(.tools)').length"), 'a reply is shown', 60)
        assert run("performance.getEntriesByType('resource').map(e => e.name)") in ([], None) and run("document.querySelectorAll('#log img').length") == 0

# The command

def test_the_command_writes_a_page_and_says_what_it_gives_away(tiny, tmp_path, monkeypatch):
    model, tok = tiny
    (tmp_path/'out').mkdir()
    torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), tmp_path/'out'/'ckpt.pt')
    code, out, err = call(tmp_path, 'tinychat-export', '--to', 'page')
    assert (code, err) == (0, '') and 'out/me.html is written' in out and 'has the model. It may repeat' in out and (tmp_path/'out'/'me.html').exists()
    refused(call(tmp_path, 'tinychat-export', '--to', 'page'), '--overwrite')
    refused(call(tmp_path, 'tinychat-export', '--to', 'page', '--half'), '--half')
    refused(call(tmp_path, 'tinychat-export', '--to', 'hf', '--password'), '--to page')
    refused(call(tmp_path, 'tinychat-export', '--to', 'page', '--password', '--overwrite'), 'TINYCHAT_PASSWORD')
    monkeypatch.setenv('TINYCHAT_PASSWORD', 'short')
    refused(call(tmp_path, 'tinychat-export', '--to', 'page', '--password', '--overwrite'), '8 characters')
    monkeypatch.setenv('TINYCHAT_PASSWORD', 'open sesame\n')
    refused(call(tmp_path, 'tinychat-export', '--to', 'page', '--password', '--overwrite'), 'typed')
    monkeypatch.setenv('TINYCHAT_PASSWORD', 'open sesame')
    code, out, err = call(tmp_path, 'tinychat-export', '--to', 'page', '--password', '--out', 'locked.html')
    assert code == 0 and 'it and the password' in out and 'sesame' not in (tmp_path/'locked.html').read_text()

def test_a_lock_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cryptography.hazmat.primitives.ciphers.aead', None)
    with pytest.raises(ValueError, match=r"pip install 'tinychat\[page\]'"): lock_file(b'x', 'open sesame')
