"A talk in a terminal: by a script of lines, and on a screen with a pipe for a keyboard."
import io, os, re, signal, subprocess, sys, threading, time

try: import pty, termios
except ImportError: pty = None # Windows
import pytest, torch
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_input, create_pipe_input
from prompt_toolkit.output import create_output
from prompt_toolkit.output.plain_text import PlainTextOutput

from tinychat import commands
from tinychat.chat import BREAK, Chat
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig
from tinychat.share import terminal
from tinychat.share.terminal import COMMANDS, HELP, NUMBERS, Terminal, carry_out, introduce, screen_text, show, talk, talk_in_lines
from tinychat.tokenizer import Tokenizer

tok = Tokenizer.train(['hey, are you coming? yes haha', 'assistant', 'user'], 270)

class Scripted(Chat):
    "Says `pieces`, whatever it hears; each may be a function that is called instead."
    pieces = 'hi', BREAK, 'there'
    def answer(self):
        said = ['']
        try:
            for p in self.pieces:
                if callable(p): p(); continue
                said = [*said, ''] if p is BREAK else [*said[:-1], said[-1] + p]
                yield p
        finally: self.talk += [Block('assistant', t) for t in said if t]

def new(kind=Chat, *pieces):
    torch.manual_seed(0)
    chat = kind(GPT(GPTConfig(tok.vocab_size, 1, 2, 32, 64)), tok, max_tokens=8, seed=0)
    if pieces: chat.pieces = pieces
    return chat

@pytest.fixture
def chat(): return new()

needs_pty = pytest.mark.skipif(pty is None, reason='this system has no pty')

def said(chat, role=None): return [b.text for b in chat.talk if role in (None, b.role)]

# What can be typed

def test_slashes(chat):
    for name, (kind, least, most) in NUMBERS.items():
        assert carry_out(chat, f'/{name} {most}') == f'{name} is {kind(most)}.' and getattr(chat, name) == most
        for wrong in ('x', '', 'nan', str(least - 1), str(most*10 + 1)): assert 'takes a number from' in carry_out(chat, f'/{name} {wrong}')
    assert carry_out(chat, '/help') == HELP and carry_out(chat, '/reset') == 'A new conversation.' and not chat.talk
    assert carry_out(chat, '/again').startswith('There is nothing to answer yet') and carry_out(chat, '/save') == 'Not saved: nothing was said yet.'

def test_every_command_is_known_and_in_the_help(chat):
    assert {'/reset', '/undo', '/again', '/temperature ', '/save', '/help', '/quit'} <= set(COMMANDS) and '//...' not in COMMANDS
    for c in {*COMMANDS} - {'/quit'}: assert 'There is no /' not in carry_out(chat, c)

def test_undo_takes_the_last_exchange_back(chat):
    assert carry_out(chat, '/undo') == 'Taken back: nothing, for nothing was said.'
    turn = [Block('user', 'one'), Block('user', 'two'), Block('assistant', 'a'), Block('assistant', 'b')]
    chat.talk, chat.n_dropped = [Block('user', 'hey'), *turn], 0
    chat.talk[1:1] = [Block('assistant', 'hi')]
    assert carry_out(chat, '/undo') == 'Taken back: 4 messages.' and said(chat) == ['hey', 'hi']
    assert carry_out(chat, '/undo') == 'Taken back: 2 messages.' and not chat.talk

def test_undo_brings_back_into_view_what_fits_again(chat):
    chat.talk = [Block('user', 'hey')] + [Block('assistant', 'yes haha ' * 3), Block('user', 'are you coming? ' * 5)]
    chat.prompt()
    assert chat.n_dropped
    carry_out(chat, '/undo')
    assert chat.n_dropped == 0 and tok.decode(chat.prompt()).count('hey')

# Plain lines

def script(*lines):
    rest = iter(lines)
    def ask(prompt):
        line = next(rest, EOFError)
        if isinstance(line, type): raise line
        return line
    return ask

def test_a_talk_ends_at_the_end_of_input(chat, capsys):
    talk_in_lines(chat, script('hey', 'again?'))
    assert said(chat, 'user') == ['hey', 'again?'] and capsys.readouterr().out.count('me: ') >= 2

@pytest.mark.parametrize('word', ['/quit', '/exit', '/quit now'])
def test_ways_to_leave(chat, word):
    talk_in_lines(chat, script(word, 'never'))
    assert not chat.talk

def test_ctrl_c_at_the_prompt_ends_the_talk(chat):
    with pytest.raises(KeyboardInterrupt): talk_in_lines(chat, script('hey', KeyboardInterrupt, 'never'))
    assert said(chat, 'user') == ['hey']

def test_ctrl_c_stops_a_reply_and_keeps_it(capsys):
    def press(): raise KeyboardInterrupt
    chat = new(Scripted, 'ha', press, 'never')
    talk_in_lines(chat, script('hey', '/quit'))
    assert 'me: ha (stopped)\n' in capsys.readouterr().out and said(chat) == ['hey', 'ha']

def test_a_model_cannot_take_the_terminal_over(capsys):
    show(iter(['\x1b[2J', 'hi\ufffd', BREAK, 'you\x07']))
    assert capsys.readouterr().out == 'me: [2Jhi\nme: you\n'

def test_what_cannot_be_said_is_one_line(chat, capsys):
    talk_in_lines(chat, script('half \ud83d', '/quit'))
    assert 'surrogate' in capsys.readouterr().out and len(chat.talk) == 0

def test_a_message_may_begin_with_a_slash(chat):
    talk_in_lines(chat, script('//hello', '/', '/quit'))
    assert chat.talk[0].text == '/hello'

def test_a_dumb_terminal_gets_lines(monkeypatch, capsys):
    class Keyboard(io.StringIO):
        def isatty(self): return True
    monkeypatch.setattr(sys, 'stdin', Keyboard('hey\n'))
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True, raising=False)
    monkeypatch.setenv('TERM', 'dumb')
    talk(new(Scripted))
    assert 'you: me: hi\nme: there\n' in capsys.readouterr().out

def test_without_a_terminal_the_library_is_not_imported():
    code = 'import sys; from tinychat.share.terminal import talk; talk(None); print("prompt_toolkit" in sys.modules)'
    run = subprocess.run([sys.executable, '-c', code], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert run.stdout.endswith('False\n'), run.stderr

# On a screen

def on_screen(chat, *steps, **options):
    "What a talk shows. A step is keys to press, or a condition to wait for."
    out = io.StringIO()
    with create_pipe_input() as keyboard, create_app_session(keyboard, PlainTextOutput(out)):
        screen = Terminal(chat, **dict(name='mia', you='ada', wait=0, pace=0) | options)
        late, over = [], threading.Event()
        def typist():
            for step in steps:
                if isinstance(step, str): keyboard.send_text(step); continue
                end = time.monotonic() + 20
                while not step(screen, out.getvalue()) and time.monotonic() < end: time.sleep(0.01)
                if time.monotonic() >= end: late.append(step); keyboard.send_text('\x15/quit\r'); return
            if not over.wait(20): late.append('the end'); keyboard.send_text('\x15/quit\r')
        threading.Thread(target=typist, daemon=True).start()
        try: screen.run()
        finally: over.set()
    assert not late, out.getvalue()
    return out.getvalue()

LEAVE = '\x04' # Ctrl-D
def shows(text): return lambda screen, out: text in out
def typed(line): return lambda screen, out: screen.session.default_buffer.text == line
def idle(screen, out): return not screen.inbox.unfinished_tasks
def replied(n): return lambda screen, out: idle(screen, out) and len(screen.chat.talk) >= n

def test_two_messages_get_one_answer_and_the_names_are_shown():
    chat = new(Scripted)
    out = on_screen(chat, 'hey\rare you there?\r', replied(4), LEAVE, wait=0.3, about='mia, base tiny')
    assert [(b.role, b.text) for b in chat.talk] == [('user', 'hey'), ('user', 'are you there?'), ('assistant', 'hi'), ('assistant', 'there')]
    places = [out.index(text) for text in ('mia, base tiny', 'ada: hey', 'ada: are you there?', 'mia: hi', 'mia: there')]
    assert places == sorted(places)

def test_what_is_sent_while_a_reply_comes_is_answered_next():
    waiting, go = threading.Event(), threading.Event()
    def pause(): waiting.set(); assert go.wait(20)
    chat = new(Scripted, 'one ', pause, 'reply')
    out = on_screen(chat, 'hey\r', lambda *_: waiting.is_set(), 'and then?\r', shows('ada: and then?'), lambda *_: go.set() or True, replied(4), LEAVE)
    assert said(chat) == ['hey', 'one reply', 'and then?', 'one reply'] and out.count('mia: one reply') == 2

def test_the_answer_waits_as_long_as_somebody_types():
    chat = new(Scripted)
    screen = Terminal(chat, wait=10)
    screen._touch()
    for line in ('hey', 'you'): screen.inbox.put(line)
    assert screen._next_line(waiting=False) == 'hey' and screen._next_line(waiting=True) == 'you'
    screen.touched -= 10
    assert screen._next_line(waiting=True) is None

@pytest.mark.parametrize('keys', ['\x1b[200~one\rtwo\x1b[201~\r', 'one\x1b\rtwo\r'], ids=['pasted', 'Alt-Enter'])
def test_several_lines_are_one_message(keys):
    chat = new(Scripted)
    out = on_screen(chat, keys, replied(3), LEAVE)
    assert said(chat, 'user') == ['one\ntwo'] and re.search(r'ada: one\s+two', out)

def test_ctrl_c_stops_a_reply_and_what_was_shown_is_remembered():
    chat = new(Scripted, 'well', BREAK, *['ha']*10**6)
    out = on_screen(chat, 'hey\r', shows('mia: well'), '\x03', shows('(stopped)'), idle, LEAVE)
    assert len(chat.talk) == 3 and f'mia: {chat.talk[-1].text}' in out.replace('\r', '') and len(chat.talk[-1].text) < 10**6

def test_ctrl_c_reaches_a_model_that_says_nothing_yet():
    chat, finished = new(Scripted), []
    def drafts(): # they ask at each token
        for _ in range(10**7): chat.ban([])
        finished.append(True)
    chat.pieces = drafts, 'never'
    out = on_screen(chat, 'hey\r', lambda screen, _: screen.typing, '\x03', shows('(stopped)'), idle, LEAVE)
    assert said(chat) == ['hey'] and chat.ban is None and not finished

def test_a_guard_still_bans():
    chat = new(Scripted)
    chat.ban = lambda ids: {7}
    screen = Terminal(chat)
    screen.allowed = chat.ban
    assert screen._ban([1]) == {7}

def test_ctrl_c_at_the_prompt_asks_before_a_talk_is_lost():
    "It empties the line first; with nothing said, there is nothing to lose."
    chat = new(Scripted)
    with pytest.raises(KeyboardInterrupt): on_screen(chat, 'hey\r', replied(3), 'a draft', typed('a draft'), '\x03', typed(''), '\x03', shows('Ctrl-C again leaves'), '\x03')
    out = on_screen(chat, '\x03', shows('Ctrl-C again leaves'), 'more\r', replied(4), '\x03', lambda screen, out: out.count('again leaves') == 2, LEAVE)
    assert out.count('again leaves') == 2 # somebody who goes on is asked anew
    with pytest.raises(KeyboardInterrupt): on_screen(new(Scripted), '\x03')

def test_tab_completes_at_once():
    "Also where Enter follows in the same burst: nothing is left for the next line."
    chat = new(Scripted)
    out = on_screen(chat, 'hey\r', replied(3), '/und\t\r', shows('Taken back'), 'hello\r', replied(3), '/\t', shows('/again'), '\x15', LEAVE)
    assert said(chat, 'user') == ['hello'] and 'There is no' not in out

@pytest.mark.parametrize('word', ['exit', 'quit'])
def test_leaving_without_a_slash_is_asked_once(word):
    chat = new(Scripted)
    out = on_screen(chat, f'{word}\r', shows('again to leave'), f'{word}\r')
    assert not chat.talk and out.count('again to leave') == 1
    out = on_screen(chat, f'{word}\rno\r', replied(3), f'{word}\r/quit\r')
    assert said(chat, 'user') == ['no'] and out.count('again to leave') == 2

def test_commands_on_the_screen():
    chat = new(Scripted)
    out = on_screen(chat, 'hey\r', replied(3), '/again\r', lambda _, out: out.count('mia: there') == 2, idle, '/undo\r', shows('Taken back: 3 messages.'),
                    '//me\r', replied(3), '/temperature 2\r', shows('temperature is 2.0.'), '/quit\r')
    assert said(chat) == ['/me', 'hi', 'there'] and chat.temperature == 2 and 'ada: /undo' in out

def test_again_without_a_talk_is_one_line():
    assert 'There is nothing to answer yet' in on_screen(new(), '/again\r', shows('nothing to answer'), LEAVE)

def test_tab_completes():
    text = lambda what: lambda screen, _: screen.session.default_buffer.text == what
    on_screen(new(), '/und\t', text('/undo'), '\x15/te\t', text('/temperature '), '\x15', text(''), LEAVE)

def test_no_odd_character_reaches_the_screen():
    chat = new(Scripted, '\ufffdhi\x1b[2J\x07', BREAK, '\ufffd')
    out = on_screen(chat, 'hey\r', replied(2), LEAVE)
    assert 'mia: hi[2J' in out and out.count('mia: ') == 1 and '\ufffd' not in out and '\x07' not in out
    assert '(no answer)' in on_screen(new(Scripted, '\ufffd'), 'hey\r', replied(2), LEAVE)

def test_messages_come_at_the_pace_of_a_person(monkeypatch):
    waits = []
    class Halt(threading.Event):
        def wait(self, seconds): waits.append(seconds)
    monkeypatch.setattr(terminal.threading, 'Event', Halt)
    screen = Terminal(new(Scripted, 'hi', BREAK, 'x'*20, BREAK, 'x'*1000), pace=2)
    screen._say = lambda *_: None
    monkeypatch.setattr(terminal.time, 'monotonic', lambda: 100.) # a model that takes no time
    screen._follow(screen.chat.answer())
    screen.pace = 0
    screen._follow(screen.chat.answer())
    assert waits == pytest.approx([2*0.6, 2*1.5, 2*4, 0, 0, 0])

def test_if_the_model_fails_the_talk_ends_with_its_error():
    def fail(): raise RuntimeError('out of memory')
    with pytest.raises(RuntimeError, match='out of memory'): on_screen(new(Scripted, fail), 'hey\r')

@needs_pty
@pytest.mark.parametrize('no_color', ['', '1'])
def test_colours_unless_they_are_not_wanted(monkeypatch, no_color):
    monkeypatch.setenv('NO_COLOR', no_color); monkeypatch.setenv('TERM', 'xterm'); monkeypatch.setenv('PROMPT_TOOLKIT_NO_CPR', '1')
    ours, theirs = pty.openpty()
    before, echoes, over = termios.tcgetattr(theirs), [], threading.Event()
    class Screen(io.FileIO):
        def write(self, data):
            if b'there' in data: echoes.append(termios.tcgetattr(theirs)[3] & termios.ECHO)
            return super().write(data)
    out = b''
    def read():
        nonlocal out
        while b'there' not in out: out += os.read(ours, 4096)
        while not over.wait(0.1): os.write(ours, LEAVE.encode())
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with io.TextIOWrapper(Screen(theirs, 'r+'), write_through=True) as screen:
        os.write(ours, b'hey\r')
        with create_app_session(create_input(screen), create_output(screen)): Terminal(new(Scripted), name='mia', wait=0, pace=0).run()
        over.set()
        assert termios.tcgetattr(theirs) == before and echoes == [0]
    reader.join(); os.close(ours)
    assert bool(re.search(rb'\x1b\[[\d;]*3[26]\b', out)) == (not no_color) and b'mia' in out

@needs_pty
def test_a_shutdown_or_a_closed_terminal_ends_the_talk():
    code = ('from tinychat.share.terminal import talk\nclass Nobody: ban = None\nfor n in range(2):\n'
            '    try: talk(Nobody(), name=f"nobody{n}")\n    except KeyboardInterrupt: print(f"ended{n}")\n')
    pid, fd = pty.fork()
    if not pid: os.environ.update(TERM='xterm', PROMPT_TOOLKIT_NO_CPR='1'); os.execv(sys.executable, [sys.executable, '-c', code])
    out = b''
    def until(text):
        nonlocal out
        while text not in out:
            piece = os.read(fd, 4096)
            assert piece, out
            out += piece
    until(b'nobody0')
    os.kill(pid, signal.SIGTERM); until(b'ended0')
    until(b'nobody1')
    os.kill(pid, signal.SIGHUP); until(b'ended1')
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

# Who is this?

@pytest.mark.parametrize('file, kept, name, about', [
    ('0f9fe1f8.pt', dict(start='tiny', best=1.3638), '0f9fe1f8', '0f9fe1f8, base tiny, 1.364 reply bits per byte'),
    ('ckpt.pt', dict(name='Mia\n\x1b[2J', messages=16417, start='scratch', best=2.), 'Mia [2J', 'Mia [2J, from 16,417 messages, from scratch, 2.000 reply bits per byte'),
    ('ckpt.pt', dict(best=float('inf'), start='checkpoint'), 'tinychat', 'tinychat'),
    ('ckpt.pt', dict(best='x', start=['odd'], messages='many', name=7), '7', "7, base ['odd']")])
def test_a_checkpoint_introduces_itself(tmp_path, file, kept, name, about):
    torch.save(dict(config={}, model={}, tokenizer={}) | kept, tmp_path/file)
    assert introduce(tmp_path/file) == dict(name=name, about=about)

# The command

def test_the_command_hands_over_how_it_looks(monkeypatch, capsys):
    chat, called = new(Scripted, 'h\ufffdi', BREAK, 'there'), []
    monkeypatch.setattr('tinychat.runs.load_chat', lambda *a, **k: chat)
    monkeypatch.setattr(terminal, 'talk', lambda *a, **k: called.append((a, k)))
    commands.tinychat_chat(prompt='hey')
    assert capsys.readouterr().out == 'hi\nthere\n' and not called
    commands.tinychat_chat(checkpoint='c.pt', wait=0, name='mia')
    assert called == [((chat, 'c.pt'), dict(wait=0, pace=1., name='mia'))]
    for wrong in (dict(wait=-1), dict(wait=float('nan')), dict(pace=61)):
        with pytest.raises(ValueError, match='must be from 0 to 60'): commands.tinychat_chat(**wrong)

def test_the_name_is_what_was_said_at_the_import(tmp_path):
    (tmp_path/'talks').mkdir()
    (tmp_path/'out').mkdir()
    import json
    from tinychat.share.terminal import first_name
    for me, name in (['Mia Lund', 'x'], 'Mia'), (['+49 170 1234567', 'Zo\u00eb'], 'Zo\u00eb'), ([], ''), (['7'], ''), ([' '], ''):
        (tmp_path/'talks'/'me.import.json').write_text(json.dumps(dict(me=me)))
        assert first_name(tmp_path/'out'/'ckpt.pt', dict(learned_from='../talks/me.txt')) == name
    for odd in (None, '', 3, '../nowhere/me.txt'): assert first_name(tmp_path/'out'/'ckpt.pt', dict(learned_from=odd)) == ''

def test_what_nobody_has_answered_is_taken_back_at_once():
    chat = new(Scripted)
    out = on_screen(chat, 'one\r', 'two\r', '/undo\r', shows('Taken back: 2 messages.'), LEAVE, wait=60)
    assert not chat.talk and 'mia:' not in out

def test_help_comes_at_once():
    chat = new(Scripted)
    out = on_screen(chat, 'one\r', '/help\r', shows('Tab completes a command'), LEAVE, wait=60)
    assert 'mia:' not in out

@pytest.mark.parametrize('line', ['/reset now', '/undo that', '/again please', '/help me'])
def test_a_command_that_takes_nothing_takes_nothing(chat, line):
    chat.talk = [Block('user', 'hey'), Block('assistant', 'hi')]
    assert 'takes nothing' in carry_out(chat, line) and len(chat.talk) == 2
