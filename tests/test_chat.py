"A talk with a memory, and the box around it."
import html, sys, threading, time
from pathlib import Path

import pytest, torch

from talking import TRICK, Echo, press_enter
from tinychat.chat import BREAK, Chat, ChatBox, bubble, bubbles
from tinychat.checkpoint import BASES, load_base
from tinychat.data import Block, encode_conversation
from tinychat.fast import writer_for
from tinychat.fast.cache import CachedWriter, Engine
from tinychat.gpt import Writer

model, tok = load_base(BASES/'tiny')
ways = pytest.mark.parametrize('make_writer', [Writer, writer_for])

def chat(make_writer=Writer, **how): return Chat(model, tok, make_writer, **{**dict(seed=0, max_tokens=24), **how})

# A talk

@ways
@pytest.mark.parametrize('temperature', [0, .9])
def test_a_long_talk_equals_a_fresh_one(make_writer, temperature):
    "Whatever the writer remembers: a chat that is handed the same talk says the same."
    me = chat(make_writer, temperature=temperature)
    for n, text in enumerate(['hi there', 'what are you up to?', 'haha really', 'ok, see you then']):
        fresh = chat(Writer, temperature=temperature)
        fresh.talk, me.rng, fresh.rng = list(me.talk), torch.Generator().manual_seed(n), torch.Generator().manual_seed(n)
        assert me.reply(text) == fresh.reply(text)

def test_only_what_is_new_is_read():
    class Counting(Engine):
        read = []
        def hidden(self, ids, cache): self.read.append(ids.shape[1]); return super().hidden(ids, cache)
    me = chat(lambda model: CachedWriter(Counting(model)), temperature=0)
    for text in ('hi there', 'what are you up to?'): me.reply(text)
    Counting.read.clear()
    me.reply('ok, see you then')
    assert Counting.read[0] < 25 < sum(len(me.block_ids(b)) for b in me.talk)

@pytest.mark.parametrize('layer', [0, -1])
def test_an_interrupt_in_the_middle_of_the_network(layer):
    me = chat(lambda model: CachedWriter(Engine(model)), temperature=0)
    me.reply('hello')
    def trip(module, args): raise KeyboardInterrupt
    hook = model.layers[layer].register_forward_pre_hook(trip)
    try:
        with pytest.raises(KeyboardInterrupt): me.reply('are you there?')
    finally: hook.remove()
    fresh = chat(temperature=0)
    fresh.talk, me.rng, fresh.rng = list(me.talk), *(torch.Generator().manual_seed(0) for _ in range(2))
    assert me.reply('sorry?') == fresh.reply('sorry?')

@ways
def test_a_talk_longer_than_the_context(make_writer):
    me = chat(make_writer, max_tokens=16)
    for n in range(10): me.reply(f'and then? number {n} ' * 15)
    assert me.n_dropped and sum(len(me.block_ids(b)) for b in me.talk) > model.config.context
    assert len(me.prompt()) + me.room() <= model.config.context and me.prompt()[0] == tok.end_of_text

def test_a_message_longer_than_everything_keeps_its_end():
    me = chat()
    me.talk = [Block('user', 'why '*2000 + 'not')]
    ids = me.prompt()
    assert len(ids) + me.room() <= model.config.context and 'not<|im_end|>' in tok.decode(ids)

def test_the_ids_are_those_of_training():
    me, talk = chat(), [Block('user', 'hey'), Block('assistant', 'hello'), Block('assistant', 'you?')]
    assert [tok.end_of_text, *(i for b in talk for i in me.block_ids(b))] == encode_conversation(tok, talk)[0]

@ways
def test_closing_a_stream_keeps_what_was_said(make_writer):
    me = chat(make_writer)
    stream = me.stream('tell me a long story')
    heard = next(stream) + next(stream)
    stream.close()
    assert ''.join(b.text for b in me.talk[1:]) == heard.replace('\n', '') and me.reply('go on')

def test_at_most_so_many_messages():
    for n in (1, 2): assert max(len(chat(max_messages=n, seed=s, max_tokens=60).reply('hey')) for s in range(8)) <= n

def test_again():
    me = chat(temperature=1.2)
    with pytest.raises(ValueError, match='nothing to answer yet'): next(me.again())
    first, n = me.reply('hey'), len(me.talk)
    others = [''.join(me.again()).split('\n') for _ in range(6)]
    assert any(o != first for o in others) and [b.role for b in me.talk].count('user') == 1

@ways
def test_the_same_seed_says_the_same(make_writer):
    assert chat(make_writer, seed=5).reply('hey') == chat(make_writer, seed=5).reply('hey')

def test_a_reply_is_remembered_in_the_talk_that_it_answers():
    me = chat()
    stream, old = me.stream('tell me a long story'), me.talk
    heard = next(stream)
    me.reset()
    stream.close()
    assert me.talk == [] and old == [Block('user', 'tell me a long story'), Block('assistant', heard)]

def test_one_reply_at_a_time():
    me = chat()
    stream = me.stream('hey')
    next(stream)
    for begin in (lambda: me.reply('ho'), lambda: next(me.again())):
        with pytest.raises(ValueError, match='^One reply at a time: .* close its stream.$'): begin()
    assert [b.text for b in me.talk] == ['hey']
    stream.close()
    assert me.reply('ho')

def test_after_an_interrupt_it_goes_on(monkeypatch):
    "Whoever keeps the error, as Jupyter does, keeps no reply open."
    me = chat()
    def stopped(pieces): yield [next(pieces)]; raise KeyboardInterrupt
    with monkeypatch.context() as m:
        m.setattr('tinychat.chat.messages_so_far', stopped)
        with pytest.raises(KeyboardInterrupt) as kept: me.reply('hey')
    assert me.reply('sorry?') and kept

def test_threads_get_a_whole_reply_or_one_clear_error():
    class Slow(Writer):
        def generate(self, *args, **how):
            for i in super().generate(*args, **how): time.sleep(.001); yield i
    me, made, errors, start = chat(lambda model: Slow(model)), [], [], threading.Barrier(5)
    def talk(n):
        start.wait()
        try: made.append((f'hello {n}', me.reply(f'hello {n}')))
        except ValueError as e: errors.append(str(e))
    threads = [threading.Thread(target=talk, args=(n,)) for n in range(5)]
    for t in threads: t.start()
    for t in threads: t.join()
    made.sort(key=lambda m: me.talk.index(Block('user', m[0])))
    assert len(made) + len(errors) == 5 and all('One reply at a time' in e for e in errors)
    assert me.talk == [b for text, said in made for b in [Block('user', text), *(Block('assistant', t) for t in said if t)]]

def test_hearing_without_an_answer():
    me = chat()
    me.hear('hey')
    with pytest.raises(ValueError, match='surrogate'): me.hear('\ud83d')
    assert me.talk == [Block('user', 'hey')]
    me.reply('are you there?')
    assert [b.role for b in me.talk][:3] == ['user', 'user', 'assistant']

# The box

def test_nothing_in_a_message_is_html():
    assert TRICK not in bubble(TRICK, True) and html.escape(TRICK) in bubble(TRICK, True)
    assert 'typing…' in bubble('', False) and 'data-from="me"' in bubble('x', True) and 'data-from="them"' in bubble('x', False)

def test_only_the_last_in_a_row_has_the_corner():
    drawn = bubbles([Block('user', 'a'), Block('assistant', 'b'), Block('assistant', 'c')])
    assert drawn.count('18px 18px 18px 5px') == 1 and drawn.count('18px 18px 5px 18px') == 1

def test_the_box_shows_what_the_chat_remembers():
    box = ChatBox(Echo('ha', 'ha ', TRICK, BREAK, 'who ', 'else'))
    assert 'Say something' in box.log.value
    box.say('are you coming?')
    assert box.chat.talk[1:] == [Block('assistant', 'haha ' + TRICK), Block('assistant', 'who else')] and box.log.value == bubbles(box.chat.talk)

def test_enter_sends_when_the_text_arrives():
    box = ChatBox(Echo('ok'))
    box.arrange()
    for text in ('first', 'second'): press_enter(box, text)
    assert [b.text for b in box.chat.talk] == ['first', 'ok', 'second', 'ok'] and box.text.value == ''

def test_leaving_the_field_sends_nothing():
    box = ChatBox(Echo('ok'))
    box.arrange()
    box.text.set_state(dict(value='not ready'))
    assert box.text.value == 'not ready' and not box.chat.talk
    box.button.click()
    assert box.chat.talk[0].text == 'not ready' and box.text.value == ''

def test_without_ipywidgets_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ipywidgets', None)
    with pytest.raises(ImportError, match='pip install ipywidgets'): ChatBox(Echo('ok'))

def test_talks_are_kept_and_nothing_is_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    me = chat(max_tokens=6)
    with pytest.raises(ValueError, match='nothing was said yet'): me.save()
    me.reply('hey')
    assert me.save() == me.save() == Path('talk.txt')
    other = chat(max_tokens=6); other.reply('ho')
    assert other.save() == Path('talk2.txt')
    with pytest.raises(ValueError, match='is there already'): other.save('talk.txt')
    with pytest.raises(ValueError, match='there is no home folder ~nosuchuser'): other.save('~nosuchuser/x')
