"A talk in a terminal, by a script of lines."
import pytest, torch

from tinychat.chat import BREAK, Chat
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig
from tinychat.share.terminal import HELP, NUMBERS, carry_out, show, talk
from tinychat.tokenizer import Tokenizer

tok = Tokenizer.train(['hey, are you coming? yes haha', 'assistant', 'user'], 270)

@pytest.fixture
def chat():
    torch.manual_seed(0)
    return Chat(GPT(GPTConfig(tok.vocab_size, 1, 2, 32, 64)), tok, max_tokens=8, seed=0)

def script(*lines):
    rest = iter(lines)
    def ask(prompt):
        line = next(rest, EOFError)
        if isinstance(line, type): raise line
        return line
    return ask

def test_a_talk_ends_at_the_end_of_input(chat, capsys):
    talk(chat, script('hey', 'again?'))
    assert [b.text for b in chat.talk if b.role == 'user'] == ['hey', 'again?'] and capsys.readouterr().out.count('me: ') >= 2

@pytest.mark.parametrize('word', ['/quit', '/exit', '/quit now'])
def test_ways_to_leave(chat, word):
    talk(chat, script(word, 'never'))
    assert not chat.talk

def test_ctrl_c_at_the_prompt_says_how_to_leave(chat, capsys):
    talk(chat, script(KeyboardInterrupt, '/quit'))
    assert 'Ctrl-D or /quit leaves' in capsys.readouterr().out

def test_ctrl_c_stops_a_reply_and_keeps_it(chat, capsys):
    def stream():
        try: yield 'ha'; raise KeyboardInterrupt
        finally: chat.talk.append(Block('assistant', 'ha'))
    show(stream)
    assert capsys.readouterr().out == 'me: ha (stopped)\n' and chat.talk[-1].text == 'ha'

def test_a_model_cannot_take_the_terminal_over(capsys):
    show(lambda: iter(['\x1b[2J', 'hi', BREAK, 'you\x07']))
    assert capsys.readouterr().out == 'me: [2Jhi\nme: you\n'

def test_what_cannot_be_said_is_one_line(chat, capsys):
    talk(chat, script('half \ud83d', '/quit'))
    assert 'surrogate' in capsys.readouterr().out and len(chat.talk) == 0

def test_slashes(chat):
    talk(chat, script('//hello', '/', '/quit'))
    assert chat.talk[0].text == '/hello'
    for name, (kind, least, most) in NUMBERS.items():
        assert carry_out(chat, f'/{name} {most}') == f'{name} is {kind(most)}.' and getattr(chat, name) == most
        for wrong in ('x', '', 'nan', str(least - 1), str(most*10 + 1)): assert 'takes a number from' in carry_out(chat, f'/{name} {wrong}')
    assert carry_out(chat, '/help') == HELP and carry_out(chat, '/reset') == 'A new conversation.' and not chat.talk
    assert carry_out(chat, '/again').startswith('There is nothing to answer yet') and carry_out(chat, '/save') == 'Not saved: nothing was said yet.'
