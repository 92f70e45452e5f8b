"A model that does not get stuck on a word."
from dataclasses import asdict

import pytest, torch

from talking import likeliest_turns
from tinychat.bases import open_base
from tinychat.chat import Chat
from tinychat.data import Block
from tinychat.fast import writer_for
from tinychat.fast.many import replies
from tinychat.gpt import Writer
from tinychat.runs import load_chat
from tinychat.runs.loops import (LONGEST_PHRASE, LoopFreeChat, closes_loop, is_forbidden, is_loop, is_said_again, most_in_a_row, rows_of_phrases,
                                 reply_before, said_so_far, says_again, usual_rows)

model, tok = open_base('tiny')
STUCK = [Block('user', 'hey'), Block('assistant', 'wait wait wait wait wait wait wait wait'), Block('user', 'why wait wait wait wait wait?')]

def talked(chat, talk): chat.talk, chat.n_dropped = list(talk), 0; return chat

@pytest.mark.parametrize('text', ['no no no', 'Wait, wait, wait, what?', 'hahahahahahaha', 'nooooooooo', 'so . . . . yes', '!!!!!!', 'bye bye, bye bye', '', 'ok', '😂😂😂😂', '哈哈哈哈'])
def test_how_people_write_is_no_loop(text): assert not is_loop(tok, text)

@pytest.mark.parametrize('text', ['no no no no', 'Oh wait wait wait wait wait', "I'm Aren't Aren't Aren't Aren't", "I'm not sure. I'm not sure. I'm not sure.", 'what the better the better the better',
                                  'a bit of a bit of a bit of a bit of', 'ha'*200, '. '*40, 'x y z x y z x y z x y z', 'really, really, really, really, really'])
def test_a_loop_is_found_and_cannot_be_drawn(text):
    "Not the whole message: at some place in it, its next token is banned, and before that it is no loop."
    ids = tok.encode(text)
    cut = next(n for n, i in enumerate(ids) if i in closes_loop(tok, ids[:n]))
    assert is_loop(tok, text) and not is_loop(tok, tok.decode(ids[:cut]))

@pytest.mark.parametrize('n', range(1, LONGEST_PHRASE + 1))
def test_every_length_of_a_phrase(n):
    phrase = tok.encode(' one two three four five six seven eight nine ten red blue cold late good bad')[:n]
    most = most_in_a_row(tok.decode(phrase))
    assert len(phrase) == n and phrase[-1] in closes_loop(tok, phrase*most + phrase[:-1]) and phrase[-1] not in closes_loop(tok, phrase*(most - 1) + phrase[:-1])

def test_what_a_person_says_in_a_row_is_style():
    usual = usual_rows(tok, ['Go go go go go go', 'nice'])
    assert usual['go'] >= 5 and not is_loop(tok, 'go go go go go', usual) and is_loop(tok, 'go '*30, usual) and is_loop(tok, 'no no no no no', usual)
    assert rows_of_phrases(tok, 'one two three') == [] and usual_rows(tok, []) == {}

def test_a_message_is_not_said_again():
    sure, ha = tok.encode("I'm not sure."), tok.encode('haha')
    assert says_again(tok, sure[:-1], [sure, ha]) == {sure[-1], tok.im_end}
    cool = tok.encode('that is cool')
    assert says_again(tok, cool, [cool]) == {tok.im_end} and not says_again(tok, cool[:-1], [cool]) # it may go on: that is cool, too
    assert not says_again(tok, sure[:-2], [sure]) and not says_again(tok, ha[:-1], [ha]) and not says_again(tok, [], [[]]) and not says_again(tok, sure[:-1], [])
    assert is_said_again("I'm not sure.", ["I'm not sure."]) and is_said_again('haha', ['haha']) and not is_said_again('I am', [])
    assert is_said_again('I am', [], ['I am']) and not is_said_again('haha', [], ['haha'])

def test_a_word_is_not_said_twice_in_a_reply_but_may_be_in_the_next():
    me, haha = LoopFreeChat(model, tok), [Block('user', 'a joke'), Block('assistant', 'haha')]
    assert is_forbidden(me, haha, 'haha') and not is_forbidden(me, [*haha, Block('user', 'another')], 'haha')

def talk_of(*texts): return [Block('assistant' if t[0] == '*' else 'user', t.lstrip('*')) for t in texts]

def test_lately_is_this_reply_and_the_one_before():
    me = Chat(model, tok)
    def so_far(*texts): return [tok.decode(i) for i in said_so_far(me, talked(me, talk_of(*texts)).prompt())]
    assert so_far('a', '*b', '*c') == ['b', 'c'] and so_far('a', '*b', 'c', '*d') == ['d'] and so_far('*b', '*c') == ['b', 'c'] and so_far('*b', 'a') == [] == so_far()
    assert so_far('*' + 'some words '*2000) == [] # its beginning is out of view
    assert reply_before(talk_of('a', '*b', '*c', 'd')) == ['b', 'c'] and reply_before(talk_of('a', '*b', 'c', '*d', 'e', 'f')) == ['d'] and reply_before([]) == [] == reply_before(talk_of('a'))

def test_what_is_out_of_view_is_still_not_said_again():
    "A long message between two replies fills the context."
    me = LoopFreeChat(model, tok, temperature=0, max_messages=2, max_tokens=40)
    plain = Chat(model, tok, temperature=0, max_messages=1, max_tokens=40)
    long = 'so much of it '*200
    [text] = talked(plain, talk_of('hi', '*I know', )).reply(long)
    assert len(text.split()) > 1 and text not in talked(me, talk_of('hi', '*' + text)).reply(long)

@pytest.mark.parametrize('make_writer', [Writer, writer_for])
@pytest.mark.parametrize('temperature', [0, .5, .9])
def test_a_chat_leaves_a_loop_that_another_stays_in(make_writer, temperature):
    how = dict(make_writer=make_writer, temperature=temperature, max_tokens=48, max_messages=4, seed=0)
    wait = ' '.join(['wait']*11)
    free, mine = (talked(kind(model, tok, **how), talk_of('hey', f'*{wait}', wait)*2).reply(wait) for kind in (Chat, LoopFreeChat))
    assert any(is_loop(tok, t) for t in free) or temperature
    assert not any(is_loop(tok, t) or is_said_again(t, mine[:n]) for n, t in enumerate(mine))

def test_where_nothing_is_banned_nothing_changes():
    "The same draws, as long as no loop is near."
    how = dict(temperature=.9, max_tokens=40, make_writer=writer_for)
    same = [Chat(model, tok, seed=s, **how).reply('hey, what did you do today?') == LoopFreeChat(model, tok, seed=s, **how).reply('hey, what did you do today?') for s in range(6)]
    assert sum(same) >= 5

def test_other_bans_hold_too_and_nothing_is_left_behind():
    me = talked(LoopFreeChat(model, tok, temperature=0, max_tokens=20, max_messages=1), STUCK[:2])
    first = tok.encode(me.reply('hey')[0])[0]
    me.ban = ban = lambda new: [first]
    stream = talked(me, STUCK[:2]).stream('hey')
    next(stream); stream.close()
    assert me.ban is ban and tok.encode(talked(me, STUCK[:2]).reply('hey')[0])[0] != first
    me.ban = None
    assert tok.encode(talked(me, STUCK[:2]).reply('hey')[0])[0] == first

def test_what_is_forbidden():
    me, talk = LoopFreeChat(model, tok), [Block('user', 'hey'), Block('assistant', 'how are you?'), Block('user', 'fine')]
    assert [is_forbidden(me, talk, t) for t in ('how are you?', 'how are you', 'how are you doing?', 'no no no', 'no no no no', '')] == [True, True, False, False, True, False]
    assert me.talk == [] and not is_forbidden(me, [], 'how are you?')

def test_a_chat_that_is_opened_is_free_of_loops(tmp_path):
    torch.save(dict(config=asdict(model.config), tokenizer=tok.to_dict(), model=model.state_dict()), tmp_path/'c.pt')
    me = talked(load_chat(tmp_path/'c.pt', 'cpu', temperature=0, max_tokens=48, seed=0), STUCK[:2])
    assert isinstance(me, LoopFreeChat) and me.max_messages == 8
    said = me.reply(STUCK[2].text)
    assert not any(is_loop(me.tokenizer, t) or is_said_again(t, said[:n]) for n, t in enumerate(said))

@pytest.mark.parametrize('ban', [None, lambda new: tok.encode('I')])
def test_side_by_side_as_one_by_one(ban, monkeypatch):
    likeliest_turns(monkeypatch)
    chat = LoopFreeChat(model, tok, make_writer=writer_for, temperature=0, max_tokens=60, max_messages=4, ban=ban)
    talks = [STUCK, STUCK + [Block('assistant', "I'm not sure."), Block('user', 'are you sure?')], [Block('user', 'hello?')], STUCK[:1]]
    made = replies(chat, talks)
    assert made == [talked(chat, t[:-1]).reply(t[-1].text) for t in talks]
    assert not any(is_loop(tok, t) or is_said_again(t, m[:n]) for m in made for n, t in enumerate(m)) and "I'm not sure." not in made[1]
