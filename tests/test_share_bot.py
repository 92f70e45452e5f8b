"The bot as Telegram and friends meet it: python-telegram-bot against a stand-in of its interface, and our server behind."
import json, os, re, signal, subprocess, sys, threading, time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from test_commands import call, refused
from test_share_web import root, served, soon, talker

from tinychat.share import bot as bots

TOKEN, OWNER, MIA, BO = '12345:telegram-token', 7, 1, 2

class Telegram:
    "As much of api.telegram.org as the bot asks for."
    def __init__(self):
        self.log, self.updates, self.n = [], [], 0
        self.fails, self.refuses, self.toasts = {}, None, [] # how often a method fails; a text that is never sent; what is shown for a moment
        telegram = self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def log_message(self, *_): pass
            def handle(self):
                with suppress(OSError): super().handle() # the bot may end at any time
            def do_POST(self):
                asked = dict(parse_qsl(self.rfile.read(int(self.headers['Content-Length'] or 0)).decode()))
                _, token, what = self.path.split('/')
                good = token == f'bot{TOKEN}'
                if telegram.fails.get(what): telegram.fails[what] -= 1; good = False
                if telegram.refuses and asked.get('text') == telegram.refuses: good = False
                data = json.dumps(dict(ok=True, result=telegram.answer(what, asked)) if good else dict(ok=False, error_code=400 if token == f'bot{TOKEN}' else 401, description='Bad Request: no')).encode()
                self.send_response(200 if good else 400 if token == f'bot{TOKEN}' else 401)
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)
        self.http = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.http.server_port}'
        threading.Thread(target=self.http.serve_forever, args=(.02,), daemon=True).start()
    def answer(self, what, asked):
        if what == 'getMe': return dict(id=99, is_bot=True, first_name='bot', username='a_bot')
        if what == 'getUpdates':
            self.updates = [u for u in self.updates if u['update_id'] >= int(asked.get('offset', 0))]
            if not self.updates: time.sleep(.05)
            return self.updates
        if what == 'sendMessage':
            self.n += 1
            self.log.append(SimpleNamespace(n=self.n, to=int(asked['chat_id']), text=asked['text'], buttons='inline_keyboard' in asked.get('reply_markup', '')))
            return self.message(self.n, int(asked['chat_id']))
        if what == 'answerCallbackQuery': self.toasts.append(asked.get('text', ''))
        if what == 'editMessageReplyMarkup': next(m for m in self.log if m.n == int(asked['message_id'])).buttons = False
        return True
    def message(self, n, chat, kind='private', **more): return dict(message_id=n, date=int(time.time()), chat=dict(id=chat, type=kind, first_name=f'friend{chat}'), **more)
    def happens(self, **what):
        self.n += 1
        self.updates.append(dict(update_id=self.n, **what))
    def person(self, who): return {'from': dict(id=who, is_bot=False, first_name=f'friend{who}')}
    def says(self, who, text, kind='private', **more):
        command = dict(entities=[dict(type='bot_command', offset=0, length=len(text.split()[0]))]) if text[0] == '/' else {}
        self.sends(who, kind, text=text, **command, **more)
    def sends(self, who, kind='private', **what):
        self.n += 1
        self.happens(message=self.message(self.n, who, kind, **self.person(who), **what))
    def taps(self, who, n, what): self.happens(callback_query=dict(id='1', chat_instance='1', data=what, message=self.message(n, who), **self.person(who)))
    def to(self, who): return [m for m in list(self.log) if m.to == who]
    def texts(self, who): return [m.text for m in self.to(who)]
    def drafts(self): return [m for m in self.to(OWNER) if m.buttons]

@pytest.fixture(scope='module')
def model(tmp_path_factory): return talker(tmp_path_factory.mktemp('bot')/'ckpt.pt', 2, 2, 64) # quick, for how long a reply takes is not looked at

@pytest.fixture(scope='module')
def server(model):
    pytest.importorskip('uvicorn')
    with served(model) as s: yield s

@pytest.fixture
def telegram():
    t = Telegram()
    yield t
    t.http.shutdown()

@contextmanager
def running(telegram, server, **how):
    "The bot in a process of its own; what it says in `out`, its code in `code`."
    pytest.importorskip('telegram')
    code = f'import tinychat.share.bot as b; b.TRY_AGAIN = 1; b.run_bot({TOKEN!r}, {server!r}, telegram={telegram.url!r}, **{dict(wait=.3) | how!r})'
    p = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, start_new_session=True)
    b = SimpleNamespace(process=p, line=p.stdout.readline(), err='')
    try:
        b.code = (re.findall(r'/start (\S+)', b.line) or [None])[0]
        yield b
    finally:
        p.send_signal(signal.SIGINT)
        try: b.err = p.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired: p.kill(); b.err = p.communicate()[1]

@pytest.fixture
def bot(telegram, server):
    with running(telegram, server.url) as b:
        telegram.says(OWNER, f'/start {b.code}')
        soon(lambda: telegram.to(OWNER), 'the owner is known')
        yield b
    assert TOKEN not in b.err and 'friend' not in b.err and 'dinner' not in b.err

def draft(telegram, n=1):
    soon(lambda: telegram.drafts() and len(telegram.to(OWNER)) > n, 'a draft')
    return telegram.drafts()[-1]

def test_two_messages_one_draft_and_nothing_is_sent_before_a_tap(telegram, bot):
    telegram.says(MIA, 'dinner?')
    telegram.says(MIA, 'at eight?')
    d = draft(telegram)
    time.sleep(.6)
    assert [t.startswith('This is a machine') and 'A person reads' in t for t in telegram.texts(MIA)] == [True] and len(telegram.drafts()) == 1
    head, reply = d.text.split('\n\n', 1)
    assert head == 'friend1: dinner?\nfriend1: at eight?' and reply # all that is not answered yet
    telegram.taps(OWNER, d.n, 'Send')
    soon(lambda: '\n'.join(telegram.texts(MIA)[1:]) == reply, 'it is sent')
    soon(lambda: not telegram.drafts(), 'its buttons are gone')
    telegram.taps(OWNER, d.n, 'Send') # once more
    telegram.says(BO, 'hello')
    draft(telegram, 2)
    assert '\n'.join(telegram.texts(MIA)[1:]) == reply

def test_again_makes_another_and_edit_sends_ones_own_words(telegram, bot):
    telegram.says(MIA, 'dinner?')
    first = draft(telegram)
    telegram.taps(OWNER, first.n, 'Again')
    second = draft(telegram, 2)
    assert not first.buttons and second.n != first.n and len(telegram.texts(MIA)) == 1
    telegram.taps(OWNER, second.n, 'Edit')
    soon(lambda: 'Write what it should say' in telegram.texts(OWNER)[-1], 'it asks')
    telegram.says(OWNER, 'yes!\n\nat eight')
    soon(lambda: telegram.texts(MIA)[1:] == ['yes!', 'at eight'], 'it is sent')
    telegram.says(MIA, 'great')
    third = draft(telegram, 4)
    telegram.says(OWNER, 'see you', reply_to_message=telegram.message(third.n, OWNER))
    soon(lambda: telegram.texts(MIA)[-1] == 'see you', 'an answered draft is replaced')
    telegram.says(OWNER, 'nobody asked')
    soon(lambda: 'Tap Edit' in telegram.texts(OWNER)[-1], 'it says how')

def test_a_new_message_takes_the_old_drafts_buttons(telegram, bot):
    telegram.says(MIA, 'dinner?')
    old = draft(telegram)
    telegram.says(MIA, 'or lunch?')
    new = draft(telegram, 2)
    soon(lambda: not old.buttons, 'the old one is withdrawn')
    assert new.text.startswith('friend1: dinner?\nfriend1: or lunch?\n\n')

def test_strangers_decide_nothing(telegram, bot):
    telegram.says(BO, '/start')
    telegram.says(BO, '/start wrong')
    telegram.says(MIA, 'dinner?')
    d = draft(telegram)
    telegram.taps(BO, d.n, 'Send')
    telegram.says(BO, 'yes', kind='group')
    telegram.says(BO, 'hello')
    soon(lambda: len(telegram.drafts()) == 2, 'a draft for the other')
    assert len(telegram.texts(MIA)) == 1 and all(t.startswith('This is a machine') for t in telegram.texts(BO)) and len(telegram.texts(BO)) == 1

def test_who_wrote_before_the_owner_came_gets_a_draft(telegram, server):
    with running(telegram, server.url) as b:
        telegram.says(MIA, 'dinner?')
        soon(lambda: telegram.texts(MIA), 'it greets')
        time.sleep(.6)
        telegram.says(OWNER, f'/start {b.code}')
        assert draft(telegram).text.startswith('friend1: dinner?')

def test_by_itself_only_if_asked(telegram, server):
    with running(telegram, server.url, automatic=True, name='Ada') as b:
        assert '/start' not in b.line
        telegram.says(MIA, 'dinner?')
        soon(lambda: len(telegram.texts(MIA)) > 1, 'it answers')
        assert 'sounds like Ada. Nobody reads' in telegram.texts(MIA)[0] and {m.to for m in telegram.log} == {MIA}

def test_a_server_that_is_gone_is_told_and_missed_no_longer_than_it_is_gone(telegram, model):
    with served(model) as s, running(telegram, s.url) as b:
        telegram.says(OWNER, f'/start {b.code}')
        soon(lambda: telegram.to(OWNER), 'the owner is known')
        s.process.terminate(); s.process.wait(30)
        telegram.says(MIA, 'dinner?')
        soon(lambda: 'The model does not answer' in telegram.texts(OWNER)[-1], 'the owner is told')
        with served(model, port=s.port): assert draft(telegram, 2).text.startswith('friend1: dinner?\n\n')
    assert b.err.startswith('The model does not answer. It is asked again. Is tinychat-web running?\nTraceback') and b.err.count('does not answer') == 1 and 'dinner' not in b.err and TOKEN not in b.err

def test_what_comes_between_a_draft_and_its_sending_is_answered_too(telegram, server):
    with running(telegram, server.url, wait=1.5) as b: # the tap comes first
        telegram.says(OWNER, f'/start {b.code}')
        soon(lambda: telegram.to(OWNER), 'the owner is known')
        telegram.says(MIA, 'dinner?')
        first = draft(telegram)
        telegram.says(MIA, 'and bring the keys')
        soon(lambda: not telegram.updates, 'it was taken')
        telegram.taps(OWNER, first.n, 'Send')
        second = draft(telegram, 2)
        assert second.text.startswith('friend1: and bring the keys\n\n') and len(telegram.texts(MIA)) > 1

def test_what_it_is_comes_first_whatever_fails(telegram, server):
    with running(telegram, server.url, automatic=True):
        telegram.fails['sendMessage'] = 1
        telegram.says(MIA, 'dinner?')
        soon(lambda: not telegram.fails['sendMessage'], 'it failed once')
        telegram.says(MIA, 'hello?')
        soon(lambda: len(telegram.texts(MIA)) > 1, 'it answers')
        assert telegram.texts(MIA)[0].startswith('This is a machine') and telegram.texts(MIA).count(telegram.texts(MIA)[0]) == 1
        telegram.sends(BO, photo=[dict(file_id='1', file_unique_id='1', width=1, height=1)])
        soon(lambda: len(telegram.texts(BO)) == 2, 'it says that it reads text only')
        assert telegram.texts(BO)[0].startswith('This is a machine') and 'text only' in telegram.texts(BO)[1]

def test_a_draft_whose_sending_failed_is_still_there(telegram, bot):
    telegram.says(MIA, 'dinner?')
    d = draft(telegram)
    telegram.fails.update(sendMessage=1, answerCallbackQuery=1)
    telegram.taps(OWNER, d.n, 'Send')
    soon(lambda: 'Telegram: BadRequest.' in telegram.texts(OWNER), 'the owner is told')
    assert len(telegram.texts(MIA)) == 1 and d.buttons
    telegram.taps(OWNER, d.n, 'Send')
    soon(lambda: len(telegram.texts(MIA)) > 1 and not d.buttons, 'it is sent')
    telegram.taps(OWNER, d.n, 'Send')
    soon(lambda: telegram.toasts[-1] == 'That draft is gone.', 'and only once')

def test_again_works_when_a_part_was_sent_before_it_failed(telegram, bot):
    telegram.says(MIA, 'dinner?')
    d, telegram.refuses = draft(telegram), 'not this'
    telegram.says(OWNER, 'this\nnot this', reply_to_message=telegram.message(d.n, OWNER))
    soon(lambda: 'Telegram: BadRequest.' in telegram.texts(OWNER), 'the owner is told')
    assert telegram.texts(MIA)[-1] == 'this' and d.buttons
    telegram.taps(OWNER, d.n, 'Again')
    soon(lambda: not d.buttons and telegram.drafts(), 'another draft')

def test_the_owner_learns_that_somebody_else_has_said_the_code(telegram, bot):
    telegram.says(BO, f'/start {bot.code}')
    soon(lambda: 'Somebody else has said the code' in telegram.texts(OWNER)[-1], 'the former owner is told')
    telegram.says(MIA, 'dinner?')
    soon(lambda: any(m.buttons for m in telegram.to(BO)), 'drafts go to the new one')

def test_any_length_and_either_address(telegram, server):
    with running(telegram, server.url + 'v1') as b:
        telegram.says(OWNER, f'/start {b.code}')
        for n in range(30): telegram.says(MIA, '長'*4096)
        soon(lambda: telegram.drafts(), 'a draft')
        assert len(telegram.drafts()[-1].text) <= 4096

def test_what_cannot_begin_is_told_in_one_line(telegram, server, model):
    pytest.importorskip('telegram')
    def says(*args, **how):
        with pytest.raises(ValueError) as e: bots.run_bot(*args, **how)
        assert '\n' not in str(e.value) and TOKEN not in str(e.value)
        return str(e.value)
    assert 'no tinychat-web at http://127.0.0.1:9' in says(TOKEN, 'http://127.0.0.1:9') and 'no tinychat-web' in says(TOKEN, telegram.url) and 'no tinychat-web' in says(TOKEN, 'nonsense')
    assert '@BotFather' in says('1:wrong', server.url, telegram=telegram.url) and '@BotFather' in says('', server.url, telegram=telegram.url)
    assert 'network' in says(TOKEN, server.url, telegram='http://127.0.0.1:9')
    with served(model, token='open sesame') as s:
        url = s.url.partition('#')[0]
        assert 'TINYCHAT_TOKEN' in says(TOKEN, url) and 'TINYCHAT_TOKEN' in says(TOKEN, url, 'wrong') and '@BotFather' in says('1:wrong', url, 'open sesame', telegram=telegram.url)

def test_what_is_not_installed_is_named(monkeypatch):
    for m in [m for m in sys.modules if m.split('.')[0] == 'telegram']: monkeypatch.delitem(sys.modules, m)
    monkeypatch.setitem(sys.modules, 'telegram', None)
    with pytest.raises(ValueError, match=r"python-telegram-bot.*pip install 'tinychat\[bot\]'"): bots.run_bot(TOKEN)

def test_no_token_is_an_argument_or_stays_in_the_environment(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(bots, 'run_bot', lambda *args, **how: seen.append((args, how, os.environ.get('TELEGRAM_TOKEN'), os.environ.get('TINYCHAT_TOKEN'))))
    monkeypatch.setenv('TELEGRAM_TOKEN', TOKEN); monkeypatch.setenv('TINYCHAT_TOKEN', 'open sesame')
    assert call(tmp_path, 'tinychat-bot', '--automatic')[0] == 0
    assert seen == [((TOKEN, 'http://127.0.0.1:8866', 'open sesame'), dict(automatic=True, wait=2.), None, None)]
    refused(call(tmp_path, 'tinychat-bot', '--token', TOKEN), 'unrecognized')
    refused(call(tmp_path, 'tinychat-bot', '--wait', '-1'), '--wait')

@pytest.mark.skipif(os.name != 'posix', reason='signals as in POSIX')
@pytest.mark.parametrize('how', ['SIGINT', 'SIGTERM', 'SIGHUP'])
def test_the_command_ends_at_once(telegram, server, how):
    pytest.importorskip('telegram')
    code = f'''import sys, functools, tinychat.share.bot as b; b.run_bot = functools.partial(b.run_bot, telegram={telegram.url!r}); sys.argv = ["tinychat-bot", "--server", {server.url!r}]
from tinychat.commands import tinychat_bot; sys.exit(tinychat_bot())'''
    p = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env={**os.environ, 'TELEGRAM_TOKEN': TOKEN}, start_new_session=True)
    assert 'https://t.me/a_bot' in p.stdout.readline()
    assert p.poll() is None
    p.send_signal(getattr(signal, how))
    out, err = p.communicate(timeout=20)
    assert (p.returncode, err) == (130, '')

def test_without_a_terminal_nobody_is_asked(tmp_path, monkeypatch):
    monkeypatch.delenv('TELEGRAM_TOKEN', raising=False)
    refused(call(tmp_path, 'tinychat-bot'), 'TELEGRAM_TOKEN')
