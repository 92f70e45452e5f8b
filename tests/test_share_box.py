"The comfortable box: what it adds to the plain one, and what it leaves as it is."
import time
from itertools import repeat

from talking import Echo
from tinychat.data import Block
from tinychat.share.box import SettingsBox

def test_reset_forgets():
    box = SettingsBox(Echo('who is there?'))
    box.say('knock knock'); box.reset()
    assert 'Say something' in box.log.value and not box.chat.talk

def test_save_says_where_and_refuses_a_folder(tmp_path):
    box = SettingsBox(Echo('who is there?'), tmp_path/'talk.txt')
    box.say('hello'); box.save()
    assert (tmp_path/'talk.txt').read_text() == 'hello\nwho is there?' and 'talk.txt' in box.note.value
    box.path = tmp_path
    box.save()
    assert 'Not saved' in box.note.value

def test_while_a_reply_comes_nothing_is_forgotten_or_saved(tmp_path):
    box = SettingsBox(Echo(*repeat('ha ', 1_000_000)), tmp_path/'talk.txt')
    box.text.value = 'knock knock'
    box.send()
    while 'ha ha' not in box.log.value: time.sleep(0.01)
    box.reset(); box.save()
    box.stop(); box.thread.join(60)
    assert [b.role for b in box.chat.talk] == ['user', 'assistant'] and not (tmp_path/'talk.txt').exists()

def test_a_fast_reply_is_drawn_now_and_then_and_at_its_end():
    box, drawn = SettingsBox(Echo(*repeat('ha ', 500))), []
    box.log.observe(lambda change: drawn.append(change['new']), 'value')
    box.say('tell me a joke')
    assert 0 < len(drawn) < 250 and drawn[-1].count('ha ') == 500

def test_buttons_and_sliders():
    box = SettingsBox(Echo('ok'))
    box.arrange()
    box.sliders['temperature'].value, box.sliders['top_k'].value, box.sliders['max_tokens'].value = 1.5, 40, 64
    assert (box.chat.temperature, box.chat.top_k, box.chat.max_tokens) == (1.5, 40, 64)
    assert [*box.buttons] == ['Send', 'Stop', 'Again', 'Reset', 'Save'] and [n for n, b in box.buttons.items() if b.disabled] == ['Stop']
    box.text.value = 'click'
    box.buttons['Send'].click(); box.thread.join(60)
    box.buttons['Reset'].click()
    assert not box.chat.talk

def test_a_setting_outside_of_the_usual_range_is_shown_as_it_is():
    chat = Echo('ok')
    chat.temperature, chat.max_tokens = 3., 8
    box = SettingsBox(chat)
    box.arrange()
    assert box.sliders['temperature'].value == 3 and box.sliders['max_tokens'].value == 8 and chat.temperature == 3
