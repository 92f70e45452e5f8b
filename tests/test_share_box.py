"The comfortable box: what it adds to the plain one, and what it leaves as it is."
import os, re, sys, threading, time, xml.etree.ElementTree as ET
from itertools import repeat
from pathlib import Path

import pytest, torch

from talking import TRICK, Echo, press_enter
from tinychat.chat import BREAK
from tinychat.data import Block
from tinychat.share.box import SETTINGS, SettingsBox, box_picture, bubble_to_copy
from tinychat.share.terminal import introduce

def box_for(*pieces, chat=None, path=None, patience=0., pace=0., **more):
    box = SettingsBox(chat or Echo(*pieces), path, **more)
    box.patience, box.pace = patience, pace
    box.arrange()
    return box

def until(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)

def said(box, role='user'): return [b.text for b in box.chat.talk if b.role == role]

# What is sent quickly

def test_two_messages_sent_quickly_get_one_answer():
    box = box_for('ok', patience=.3)
    press_enter(box, 'first'); press_enter(box, 'second')
    assert 'first' in box.log.value and 'second' in box.log.value and box.text.value == ''
    until(lambda: not box.busy.locked())
    assert [b.text for b in box.chat.talk] == ['first', 'second', 'ok']

def test_what_is_sent_during_a_reply_is_shown_at_once_and_answered_next():
    box = box_for(*repeat('ha ', 1_000_000))
    press_enter(box, 'knock knock')
    until(lambda: 'ha ha' in box.log.value)
    press_enter(box, 'stop it')
    assert 'stop it' in box.log.value and said(box) == ['knock knock']
    box.stop()
    until(lambda: said(box) == ['knock knock', 'stop it'] and 'ha ha' in box.log.value.split('stop it')[1])
    box.stop(); box.thread.join(60)
    assert [b.role for b in box.chat.talk] == ['user', 'assistant']*2 and not box.waiting and not box.busy.locked()

def test_a_message_of_the_last_moment_is_answered_too():
    box, first = box_for('ok'), [True]
    def answer(patient, real=box.answer):
        real(patient)
        if first: first.clear(); box.waiting.append('and?') # after the last look, before the turn is over
    box.answer = answer
    box.say('hey')
    box.thread.join(60)
    assert [b.text for b in box.chat.talk] == ['hey', 'ok', 'and?', 'ok'] and not box.waiting

def test_stop_while_it_waits_keeps_the_message_and_again_answers_it():
    box = box_for('ok', patience=60)
    press_enter(box, 'never mind')
    box.stop(); box.thread.join(60)
    assert box.chat.talk == [Block('user', 'never mind')]
    box.again(wait=True)
    assert said(box, 'assistant') == ['ok']

def test_a_click_that_comes_before_its_text():
    box = box_for('ok')
    box.button.click()
    box.text.set_state(dict(value='typed, then clicked'))
    until(lambda: said(box, 'assistant') == ['ok'])
    assert said(box) == ['typed, then clicked'] and box.text.value == ''

def test_enter_on_text_that_the_browser_had_sent_already():
    box = box_for('ok')
    box.text.set_state(dict(value='typed before, then looked elsewhere'))
    box.text._handle_custom_msg(dict(event='submit'), [])
    until(lambda: said(box, 'assistant') == ['ok'])
    assert len(said(box)) == 1

def test_a_refused_message_returns_to_the_field():
    box = box_for('hi')
    box.say('\0')
    assert box.text.value == '\0' and 'I cannot read that.' in box.note.value and not box.busy.locked() and not box.chat.talk and not box.waiting

def test_an_error_of_the_chat_is_a_line_and_the_box_goes_on():
    box = box_for('hi')
    def again(): raise MemoryError('no memory left'); yield
    box.chat.again, again = again, box.chat.again
    box.say('hey')
    assert 'no memory left' in box.note.value and not box.busy.locked()
    box.chat.again = again
    box.say('you?')
    assert said(box, 'assistant') == ['hi']

# A reply as it comes

def shown(box):
    "What the box shows, each time that it changes: of their messages."
    drawn = []
    def look(change): drawn.append(re.findall('data-from="them"[^>]*>(<svg|[^<]*)', change['new']))
    box.log.observe(look, 'value')
    return drawn

def test_messages_come_whole_and_dots_before_them():
    box = box_for('ha', 'ha', BREAK, 'who ', 'else', pace=.001)
    drawn = shown(box)
    box.say('knock knock')
    assert [d for n, d in enumerate(drawn) if d and d not in drawn[:n]] == [['<svg'], ['haha', '<svg'], ['haha', 'who else']]

def test_pauses_are_as_long_as_typing_takes(monkeypatch):
    box, waits = box_for('short', BREAK, 'l' + 'o'*18 + 'ng', BREAK, 'x'*1000, pace=2.), []
    monkeypatch.setattr(box.halt, 'wait', waits.append)
    box.say('hey')
    assert [round(w, 1) for w in waits] == [1.5, 3.1, 8.]

def test_stop_ends_a_pause():
    box = box_for('one', BREAK, 'two', pace=1000.)
    press_enter(box, 'hey')
    until(lambda: '<svg' in box.log.value)
    box.stop(); box.thread.join(60)
    assert said(box, 'assistant') == ['one'] and not box.busy.locked()

def test_a_fast_reply_is_drawn_now_and_then_and_at_its_end():
    box, drawn = box_for(*repeat('ha ', 500)), []
    box.log.observe(lambda change: drawn.append(change['new']), 'value')
    box.say('tell me a joke')
    assert 0 < len(drawn) < 250 and drawn[-1].count('ha ') == 500

def test_half_a_character_is_not_shown():
    box = box_for('ok \ufffd')
    box.say('hey')
    assert '\ufffd' not in box.log.value and said(box, 'assistant') == ['ok \ufffd']

def test_in_colab_all_is_done_when_the_callback_returns(monkeypatch):
    "What a thread draws is not shown there."
    monkeypatch.setitem(sys.modules, 'google.colab', sys)
    box, before = box_for('ok', patience=60), threading.active_count()
    assert box.buttons['Stop'] not in box.ui.children[2].children # nobody would hear it
    for text in ('first', 'second'): box.text.value = text; box.send()
    assert [b.text for b in box.chat.talk] == ['first', 'ok', 'second', 'ok'] and threading.active_count() == before

def test_in_colab_an_interrupt_stops_the_reply(monkeypatch):
    monkeypatch.setitem(sys.modules, 'google.colab', sys)
    def pieces(): yield 'half a'; raise KeyboardInterrupt
    box = box_for(chat=Echo())
    box.chat.pieces = pieces()
    box.text.value = 'hey'; box.send()
    assert said(box, 'assistant') == ['half a'] and 'Stopped' in box.note.value and not box.busy.locked()

COLAB_CELL = """
import google.colab
from talking import Echo
from tinychat.chat import BREAK
from tinychat.share.box import SettingsBox
box = SettingsBox(Echo('who ', BREAK, 'is there?'))
box.pace = 0.01
box.arrange()
print(box.text.model_id, box.log.model_id)
"""

def test_in_colab_every_picture_belongs_to_the_press_of_enter(monkeypatch):
    "On a real kernel: all that is drawn is an answer to the message that brought the text, and comes before that message is done."
    from jupyter_client.manager import start_new_kernel
    tests = Path(__file__).parent
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(map(str, (tests, tests/'colab_stub', tests.parent))))
    manager, client = start_new_kernel(kernel_name='python3', startup_timeout=120)
    try:
        def answers(to):
            "What the kernel says in answer to a message, until it is done with it."
            found = []
            while True:
                m = client.get_iopub_msg(timeout=120)
                if m['parent_header'].get('msg_id') == to: found.append(m)
                if found and found[-1]['content'].get('execution_state') == 'idle': return found
        printed = [m['content']['text'] for m in answers(client.execute(COLAB_CELL)) if m['msg_type'] == 'stream']
        text, log = printed[0].split()
        def browser_sends(**data):
            m = client.session.msg('comm_msg', dict(comm_id=text, data=data))
            client.shell_channel.send(m)
            return answers(m['header']['msg_id'])
        browser_sends(method='custom', content=dict(event='submit'))
        pictures = [m['content']['data']['state']['value'] for m in browser_sends(method='update', state=dict(value='knock knock'), buffer_paths=[])
                    if m['msg_type'] == 'comm_msg' and m['content']['comm_id'] == log]
        assert 'typing' in pictures[1] and 'who ' in pictures[2] and pictures[-1].count('data-from="them"') == 2 and 'is there?' in pictures[-1]
    finally:
        client.stop_channels(); manager.shutdown_kernel(now=True)

# What it looks like

def test_the_header_says_who_it_is(tmp_path):
    assert 'texts like the person' in box_for('ok').title.value and 'Echo' not in box_for('ok').title.value
    torch.save(dict(config={}, model={}, tokenizer={}, name='Ada', messages=16417, start='tiny', best=1.364), tmp_path/'ckpt.pt')
    title = box_for('ok', **introduce(tmp_path/'ckpt.pt')).title.value
    assert title.count('Ada') == 1 and '>from 16,417 messages, base tiny, 1.364 ' in title
    assert 'texts like the person' in box_for('ok', name='Ada', about='Ada').title.value
    assert TRICK not in box_for('ok', name=TRICK, about=TRICK + TRICK).title.value

def test_each_message_can_be_copied():
    assert bubble_to_copy('hi', True).count('aria-label="Copy this message"') == 1 and '<button' not in bubble_to_copy('', False)
    assert TRICK not in bubble_to_copy(TRICK, False)
    box = box_for('who', BREAK, 'is there?')
    box.say('knock knock')
    assert box.log.value.count('<button') == 3

def test_every_control_has_a_name():
    box = box_for('ok')
    def controls(w): return [w] if not hasattr(w, 'children') else [c for child in w.children for c in controls(child)]
    named = [c for c in controls(box.ui) if type(c).__name__ != 'HTML']
    assert len(named) == 12 and all(c.description for c in named)

def test_the_picture_holds_what_was_said():
    talk = [Block('user', 'hey <b>you</b>\n\0there'), Block('assistant', 'a long answer ' * 9), Block('assistant', '')]
    svg = ET.fromstring(box_picture(talk, 'Ada', 'a line'))
    texts = [t.text for t in svg.iter('{http://www.w3.org/2000/svg}text')]
    assert {'Ada', 'a line', 'hey <b>you</b>', 'there', 'Send'} <= {*texts} and ' '.join(texts).count('a long answer') == 9
    assert all(float(r.get('x', 0)) >= 0 for r in svg.iter('{http://www.w3.org/2000/svg}rect'))

def test_a_saved_notebook_keeps_a_picture(monkeypatch):
    import IPython.display
    kept = []
    monkeypatch.setattr(IPython.display, 'display', lambda data, raw: kept.append(data))
    box = box_for('ok')
    box.say('nobody else may read this')
    box._ipython_display_()
    assert kept[0]['image/svg+xml'].startswith('<svg') and 'nobody' not in str(kept) and kept[0]['application/vnd.jupyter.widget-view+json']['model_id']

# Buttons and settings

def test_reset_forgets():
    box = box_for('who is there?')
    box.say('knock knock'); box.reset()
    assert 'Say something' in box.log.value and not box.chat.talk

def test_save_says_where_and_refuses_a_folder(tmp_path):
    box = box_for('who is there?', path=tmp_path/'talk.txt')
    box.say('hello'); box.save()
    assert (tmp_path/'talk.txt').read_text() == 'hello\nwho is there?' and 'talk.txt' in box.note.value
    box.path = tmp_path
    box.save()
    assert 'Not saved' in box.note.value

def test_while_a_reply_comes_nothing_is_forgotten_or_saved(tmp_path):
    box = box_for(*repeat('ha ', 1_000_000), path=tmp_path/'talk.txt')
    press_enter(box, 'knock knock')
    until(lambda: 'ha ha' in box.log.value)
    box.reset(); box.save(); box.again()
    box.stop(); box.thread.join(60)
    assert [b.role for b in box.chat.talk] == ['user', 'assistant'] and not (tmp_path/'talk.txt').exists()

def test_again():
    box = box_for('who ', 'is ', 'there?')
    box.again(wait=True)
    assert 'nothing to answer' in box.note.value
    box.say('knock knock'); box.again(wait=True)
    assert box.chat.talk == [Block('user', 'knock knock'), Block('assistant', 'who is there?')]

def test_buttons():
    box = box_for('ok')
    assert [*box.buttons] == ['Stop', 'Again', 'Reset', 'Save'] and [n for n, b in box.buttons.items() if b.disabled] == ['Stop']
    box.text.value = 'click'
    box.button.click(); box.thread.join(60)
    assert said(box, 'assistant') == ['ok']
    box.buttons['Reset'].click()
    assert not box.chat.talk

def test_settings_in_words_with_their_numbers():
    box = box_for('ok')
    assert [*box.settings] == ['temperature', 'max_tokens', 'top_k', 'patience', 'pace'] # this chat writes no drafts
    for name, word in dict(temperature='wild (1.6)', max_tokens='short (32 tokens)', top_k='likely ones (40)', patience='longer (4 s)', pace='as people (1)').items():
        box.settings[name].label = word
    assert (box.chat.temperature, box.chat.max_tokens, box.chat.top_k, box.patience, box.pace) == (1.6, 32, 40, 4., 1.)

def test_drafts_are_a_setting_where_there_are_some():
    chat = Echo('ok'); chat.candidates = 8
    box = box_for(chat=chat)
    box.settings['candidates'].value = 4
    assert chat.candidates == 4

def test_a_number_that_is_not_in_the_list_is_shown_as_it_is():
    chat = Echo('ok')
    chat.temperature, chat.max_tokens = 3., 8
    box = box_for(chat=chat)
    assert box.settings['temperature'].label == 'as now (3)' and box.settings['max_tokens'].value == 8 and chat.temperature == 3
    assert 'as now' not in SETTINGS['temperature'][2]

def test_the_gear_shows_and_hides_the_settings():
    box = box_for('ok')
    gear, panel = box.ui.children[3].children[3], box.ui.children[4]
    assert (gear.description, panel.layout.display) == ('⚙ Settings', 'none')
    gear.value = True
    assert panel.layout.display != 'none' and panel.children == tuple(box.settings.values())
