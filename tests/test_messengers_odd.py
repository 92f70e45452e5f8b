"What an import points at."
from datetime import datetime, timedelta, timezone

from tinychat.data import Message
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
    assert odd_chats([export('a', 'b'), export('b', 'c')], {'a'}) == ['in 1 of 2 chats several people speak, and you do not (Letters)']

def test_notes_come_once(): assert odd_things([export('a', 'b', notes=['x']), export('b', 'a', notes=['x'])], dict(Letters={'a'})) == ['x']
