"What an import points at."
import zipfile
from datetime import datetime, timedelta, timezone

from tinychat.data import Message
from tinychat.messengers import import_exports
from tinychat.messengers.core import ChatLog, Export
from tinychat.messengers.odd import bare_name, odd_chats, odd_dates, odd_names, odd_things

NOW = datetime(2025, 5, 1, 12, tzinfo=timezone.utc)

def export(*senders, times=(), **more):
    times = list(times) or [NOW]*len(senders)
    return Export('Letters', 'a.txt', [ChatLog('', [Message(s, 'hi', t) for s, t in zip(senders, times)])], **more)

def test_dates():
    ok = export('a', 'b', times=[NOW - timedelta(1), NOW + timedelta(hours=20)])
    assert odd_dates(ok, NOW.timestamp()) == [] and odd_dates(export('a', times=[None])) == []
    bad = export('a', 'b', 'c', times=[NOW + timedelta(2), datetime(1999, 1, 2), NOW])
    assert odd_dates(bad, NOW.timestamp()) == ['1 of 3 messages lie in the future, up to 2025-05-03 (Letters, a.txt)', '1 of 3 messages are older than 2005, from 1999-01-02 on (Letters, a.txt)']

def test_names():
    assert bare_name(' Zo\u00eb  L\u00f6we\U0001f338') == 'zoelowe' == bare_name('ZOE LOWE') and bare_name('\U0001f338') == ''
    assert odd_names([export('Zo\u00eb', 'Bo', '\U0001f338', '\U0001f339')], {'Bo'}) == []
    one, = odd_names([export('Zo\u00eb', 'zoe', 'Bo')], {'zoe'})
    assert one == "'Zo\u00eb' and 'zoe' may be one person (Letters); if all are you, say --me 'Zo\u00eb' --me 'zoe'"
    assert odd_names([export('Zo\u00eb', 'zoe')], {'Zo\u00eb', 'zoe'}) == [] and 'if all' not in odd_names([export('a b', 'ab', 'c')], {'c'})[0]

def test_chats():
    assert odd_chats([export('a', 'b')], {'a'}) == [] and odd_chats([export('a')], {'a'}) == []
    assert odd_chats([export('a', 'a')], {'b'}) == ['all 2 messages are from one sender (Letters, a.txt)']
    assert odd_chats([export('a', 'b'), export('b', 'c')], {'a'}) == ['in 1 of 2 chats several people speak, and you do not (Letters): in a.txt are b, c; if one of them is you, add --me with that name']

def test_notes_come_once(): assert odd_things([export('a', 'b', notes=['x']), export('b', 'a', notes=['x'])], dict(Letters={'a'})) == ['x']

def test_who_you_are_in_one_export_helps_in_the_next(tmp_path):
    "WhatsApp Web says You, the phone a name; the chat is known by its name, or by what is said in it."
    web = '[7/14/26, 9:02:05 AM] You: hi there: all well?\n[7/14/26, 9:03:05 AM] Zed: sure am\n[7/14/26, 9:04:05 AM] Kim: me too\n'
    phone = '14.07.26, 09:02 - Ann: hi there: all well?\n14.07.26, 09:03 - Zed: sure am\n14.07.26, 09:04 - Kim: me too\n14.07.26, 09:05 - Ann: good\n'
    with zipfile.ZipFile(tmp_path/'Lake.zip', 'w') as z: z.writestr('chat.txt', web)
    (tmp_path/'WhatsApp Chat mit Lake.txt').write_text(phone)
    done = import_exports(tmp_path)
    assert done.me == {'WhatsApp': {'You', 'Ann'}} and done.report['duplicates'] == 3 and not done.odd
    assert [(b.role, b.text) for c in done.convs for b in c if b.role == 'assistant'] == [('assistant', 'hi there: all well?'), ('assistant', 'good')]

def test_a_name_in_one_chat_leaves_the_guesses_of_the_others(tmp_path):
    (tmp_path/'WhatsApp Chat with Zed.txt').write_text('1/13/26, 9:02 - Mari: hi\n1/13/26, 9:03 - Zed: yo\n')
    (tmp_path/'WhatsApp Chat with Kim.txt').write_text('1/14/26, 9:02 - Marisol: hey\n1/14/26, 9:03 - Kim: ho\n')
    done = import_exports(tmp_path, me=['Marisol'])
    assert done.me == {'WhatsApp': {'Mari', 'Marisol'}} and done.report['mine'] == 2 and not done.report['dropped']

def whatsapp(tmp_path, **chats):
    for name, lines in chats.items(): (tmp_path/f'WhatsApp Chat with {name}.txt').write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')

def test_the_same_words_in_two_chats_make_no_friend_me(tmp_path):
    "A link that somebody sent to both, and an ok in the same minute; a wish at New Year."
    whatsapp(tmp_path, Trip=['1/13/26, 9:00 AM - Zed: https://e.org/form please fill in', '1/13/26, 9:01 AM - Ann: done', '1/14/26, 9:02 AM - Ann: ok'],
             Work=['1/13/26, 9:00 AM - Zed: https://e.org/form please fill in', '1/13/26, 9:05 AM - Kim: thanks', '1/14/26, 9:02 AM - Kim: ok'])
    assert import_exports(tmp_path, me=['Ann']).me == {'WhatsApp': {'Ann'}}
    for name in ('Trip', 'Work'): # now they have one name
        (tmp_path/name).mkdir()
        (tmp_path/f'WhatsApp Chat with {name}.txt').rename(tmp_path/name/'WhatsApp Chat with Family.txt')
    assert import_exports(tmp_path, me=['Ann']).me == {'WhatsApp': {'Ann'}}

def test_an_echo_in_the_same_minute_does_not_hide_who_you_are(tmp_path):
    talk = [('You', 'haha'), ('Kim', 'haha'), *((who, f'{who} {n}') for n in range(8) for who in ('You', 'Zed', 'Kim'))]
    web = ''.join(f'[7/14/26, 9:{n//2:02}:{n%2*30:02} AM] {who}: {text}\n' for n, (who, text) in enumerate(talk))
    with zipfile.ZipFile(tmp_path/'Lake.zip', 'w') as z: z.writestr('chat.txt', web)
    (tmp_path/'WhatsApp Chat mit Lake.txt').write_text(''.join(f'14.07.26, 09:{n//2:02} - {who.replace("You", "Ann")}: {text}\n' for n, (who, text) in enumerate(talk)))
    done = import_exports(tmp_path)
    assert done.me == {'WhatsApp': {'You', 'Ann'}} and done.report['duplicates'] == len(talk)

def test_a_guess_counts_in_its_own_chat(tmp_path):
    "In one chat I am Alex; in another Alex is a friend."
    whatsapp(tmp_path, Zed=['1/13/26, 9:00 AM - Alex: hi', '1/13/26, 9:01 AM - Zed: yo'],
             Trip=['1/14/26, 9:00 AM - Alex B: morning', '1/14/26, 9:01 AM - Alex: hello', '1/14/26, 9:02 AM - Kim: hey'])
    done = import_exports(tmp_path, me=['Alex B'])
    assert [b.text for c in done.convs for b in c if b.role == 'assistant'] == ['hi', 'morning']
