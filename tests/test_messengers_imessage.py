"iMessage: chat.db of macOS and the text files of imessage-exporter."
import os, plistlib, shutil, signal, sqlite3, tempfile, threading, zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from mutations import survives
from tinychat.messengers import imessage
from tinychat.messengers.core import REASONS, File, all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'
MODERN = '''CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT, text TEXT, attributedBody BLOB, subject TEXT, handle_id INTEGER DEFAULT 0, date INTEGER, is_from_me INTEGER DEFAULT 0,
  associated_message_type INTEGER DEFAULT 0, item_type INTEGER DEFAULT 0, group_title TEXT, group_action_type INTEGER DEFAULT 0, balloon_bundle_id TEXT, cache_has_attachments INTEGER DEFAULT 0,
  is_system_message INTEGER DEFAULT 0, is_auto_reply INTEGER DEFAULT 0, date_edited INTEGER DEFAULT 0, date_retracted INTEGER DEFAULT 0, message_summary_info BLOB);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, service TEXT);
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, chat_identifier TEXT, display_name TEXT, style INTEGER);
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER, PRIMARY KEY (chat_id, message_id));
CREATE TABLE chat_recoverable_message_join (chat_id INTEGER, message_id INTEGER);
INSERT INTO handle VALUES (1, '+15550100', 'iMessage'), (2, '+15550100', 'SMS'), (3, 'grace@example.com', 'iMessage');
INSERT INTO chat VALUES (1, '+15550100', '', 45), (2, '+15550100', NULL, 45), (3, 'chat1815', 'Engines', 43);'''

def attributed(text, mutable=False):
    "A typedstream as Messages writes it."
    data = text.encode()
    n = len(data)
    size = bytes([n]) if n < 0x80 else b'\x81' + n.to_bytes(2, 'little') if n < 0x8000 else b'\x82' + n.to_bytes(4, 'little')
    kind = (b'\x19NSMutableAttributedString\x00\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x95\x84\x01+' if mutable
            else b'\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+')
    return b'\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84' + kind + size + data + b'\x86\x84\x02iI\x01' + size + b'\x92\x84\x84\x84\x0cNSDictionary\x00'

def make(path, *rows, schema=MODERN, more=''):
    "Each row: its chat (or None) and its columns."
    con = sqlite3.connect(path)
    con.executescript(schema)
    for n, (chat, row) in enumerate(rows):
        row = dict(date=(700_000_000 + 60*n)*10**9) | row
        at = con.execute(f"INSERT INTO message ({','.join(row)}) VALUES ({','.join('?'*len(row))})", list(row.values())).lastrowid
        for c in chat if isinstance(chat, tuple) else [chat] if chat else []: con.execute('INSERT INTO chat_message_join (chat_id, message_id) VALUES (?, ?)', (c, at))
    con.executescript(more)
    con.commit(); con.close()
    return path

def load(path):
    "The one export at a path."
    (group,) = imessage.find(all_files(path))
    return read_group(imessage, group)

def said(export): return [(m.sender, m.text) for c in export.chats for m in c.messages]

@pytest.fixture
def db(tmp_path): return lambda *rows, **kw: load(make(tmp_path/'chat.db', *rows, **kw))

def test_the_words_may_be_in_the_archive(db):
    texts = ['a', 'é'*63, 'b'*127, 'c'*128, 'd'*255, 'e'*256, 'f'*40000, '🐟'*20000, '👩‍👩‍👧 \u200e\u202f', ' two\n\nlines ', 'NSString\x01\x94\x84\x01+\x02no', '\x00nul']
    rows = [(1, dict(attributedBody=attributed(t, mutable=n % 2), handle_id=1)) for n, t in enumerate(texts)]
    export = db(*rows)
    assert said(export) == [('+15550100', t) for t in texts] and export.read == len(texts)

def test_text_wins_over_the_archive(db): assert said(db((1, dict(text='right', attributedBody=attributed('other'), handle_id=1)))) == [('+15550100', 'right')]

def test_a_keyed_archive_is_read_too(db):
    archive = {'$top': {'root': plistlib.UID(1)}, '$objects': ['$null', {'NSString': plistlib.UID(2)}, 'new kind']}
    rows = [(1, dict(attributedBody=plistlib.dumps(a, fmt=plistlib.FMT_BINARY), handle_id=1)) for a in (archive, {'$objects': []}, {'$top': 3}, {'$top': {'root': 1}, '$objects': 2})]
    export = db(*rows)
    assert said(export) == [('+15550100', 'new kind')] and export.dropped == {'malformed': 3}

@pytest.mark.parametrize('blob', [b'\x00', b'\x04\x0bstreamtyped', attributed('cut short')[:80], attributed('x'*300)[:100], attributed('ab').replace(b'ab', b'\xff\xfe'), attributed('a').replace(b'+\x01a', b'+\x83a'), b'bplist00\xff'])
def test_an_archive_that_cannot_be_read_is_counted(db, blob):
    export = db((1, dict(attributedBody=blob, handle_id=1)), (1, dict(text='next', handle_id=1)))
    assert said(export) == [('+15550100', 'next')] and export.dropped == {'malformed': 1}

def test_dates_are_seconds_or_nanoseconds(db):
    dates = [700_000_000, 700_000_000*10**9, 700_000_000.5, '700000001', None, 0, 'NaN', float('nan'), float('inf'), 10**18*9, -10**9, 3_124_137_600*10**9]
    times = [m.time for m in db(*[(1, dict(text=str(n), handle_id=1, date=d)) for n, d in enumerate(dates)]).chats[0].messages]
    assert len(times) == len(dates) and times.count(None) == 5
    known = [t for t in times if t]
    assert known == sorted(known) and all(t.tzinfo is timezone.utc for t in known)
    assert datetime(2023, 3, 8, 20, 26, 40, tzinfo=timezone.utc) in known and known[-1].year == 2286 and datetime(2100, 1, 1, tzinfo=timezone.utc) in known

def test_order_is_that_of_time_and_ties_keep_that_of_the_table(db):
    rows = [(1, dict(text=t, date=d*10**9, handle_id=1)) for t, d in (('c', 7000), ('a', 5000), ('b', 5000))]
    assert [t for _, t in said(db(*rows))] == ['a', 'b', 'c']

def test_my_own_messages_have_any_handle(db):
    export = db(*[(1, dict(text=str(n), is_from_me=1, handle_id=h)) for n, h in enumerate((None, 0, 1, 99))], (1, dict(text='you', handle_id=1)))
    assert [s for s, _ in said(export)] == ['Me']*4 + ['+15550100'] and export.chats[0].me == {'Me'} and not export.chats[0].group

def test_a_sender_whose_handle_is_gone(db):
    export = db((1, dict(text='a', handle_id=77)), (3, dict(text='b', handle_id=77)), (9, dict(text='c', handle_id=77)))
    assert said(export) == [('+15550100', 'a'), ('', 'b'), ('', 'c')]

def test_a_company_called_me_is_not_me(db):
    export = db((None, dict(text='sale!', handle_id=4)), more="INSERT INTO handle VALUES (4, 'Me', 'SMS')")
    assert said(export)[0][0] != 'Me'

def test_one_person_under_several_chats_and_handles_is_one_chat(db):
    export = db((1, dict(text='blue', handle_id=1)), (2, dict(text='green', handle_id=2)), (1, dict(text='yes', is_from_me=1)))
    assert len(export.chats) == 1 and export.chats[0].name == '+15550100' and said(export) == [('+15550100', 'blue'), ('+15550100', 'green'), ('Me', 'yes')]

def test_groups(db):
    export = db((3, dict(text='a', handle_id=3)), (3, dict(text='b', is_from_me=1)), (8, dict(text='a', handle_id=3)), (8, dict(text='b', handle_id=1)), (8, dict(text='c', is_from_me=1)))
    assert [(c.name, c.group) for c in export.chats] == [('Engines', True), ('+15550100, grace@example.com', True)]

def test_a_message_in_two_chats_is_one_and_in_none_is_one(db):
    export = db(((1, 3), dict(text='twice', handle_id=1)), (None, dict(text='nowhere', handle_id=3)), (None, dict(text='mine', handle_id=3, is_from_me=1)), (None, dict(text='to whom', is_from_me=1)))
    assert export.read == 4 and [[m.text for m in c.messages] for c in export.chats] == [['twice'], ['nowhere', 'mine'], ['to whom']]
    assert said(export)[1:] == [('grace@example.com', 'nowhere'), ('Me', 'mine'), ('Me', 'to whom')]

def test_recently_deleted(db):
    export = db((None, dict(text='a', handle_id=1)), (1, dict(text='b', handle_id=1)), more='INSERT INTO chat_recoverable_message_join VALUES (1, 1), (1, 2)')
    assert said(export) == [('+15550100', 'b')] and export.dropped == {'deleted': 1}

@pytest.mark.parametrize('row,why', [
    *((dict(associated_message_type=t, text='Loved “a”'), 'reaction') for t in (2000, 2005, 2006, 2007, 3000, 3007)),
    (dict(associated_message_type=1000, text='\ufffc'), 'sticker'), (dict(associated_message_type=4000), 'contact'),
    *((dict(item_type=t, group_title='x', text='y'), 'system') for t in (1, 2, 3, 4, 5)), (dict(item_type=6), 'call'), (dict(is_system_message=1, text='x'), 'system'),
    (dict(group_title='renamed'), 'system'), (dict(group_action_type=1), 'system'), (dict(is_auto_reply=1, text='driving'), 'bot'),
    (dict(text='\ufffc'), 'media'), (dict(text='\ufffc \ufffc\n'), 'media'), (dict(cache_has_attachments=1), 'media'), (dict(attributedBody=attributed('\ufffc')), 'media'),
    (dict(balloon_bundle_id='com.apple.messages.MSMessageExtensionBalloonPlugin:0:com.apple.messages.Polls', text='x'), 'contact'),
    (dict(balloon_bundle_id='com.apple.Handwriting.HandwritingProvider'), 'media'), (dict(text='$(kIMTranscriptPluginBreadcrumbTextReceiverIdentifier) closed a ring'), 'system'),
    (dict(), 'empty'), (dict(text=''), 'empty'), (dict(text=' \n'), 'empty'), (dict(date_retracted=5), 'deleted'), (dict(date_retracted=5, text='x'), 'deleted'),
    (dict(date_edited=5, message_summary_info=plistlib.dumps({'rp': [0], 'otr': {'0': {}}})), 'deleted'),
    (dict(date_edited=5, message_summary_info=b'bplist00junk'), 'empty'), (dict(text=sqlite3.Binary(b'\xff\xfe')), 'malformed')])
def test_what_is_not_a_message_is_dropped_by_its_columns(db, row, why):
    assert why in REASONS and db((1, dict(handle_id=1) | row)).dropped == {why: 1}

@pytest.mark.parametrize('text', ['Loved “a”', 'You unsent a message', 'Ada named the conversation x', 'image omitted', 'Attachment missing!', 'deleted', 'Tapbacks:', '\u200etext', '\ufffd'])
def test_words_decide_nothing(db, text): assert said(db((1, dict(text=text, handle_id=1)))) == [('+15550100', text)]

def test_links_are_typed_and_other_types_are_messages(db):
    rows = [dict(text='https://example.com', balloon_bundle_id='com.apple.messages.URLBalloonProvider', cache_has_attachments=1), dict(text='a', associated_message_type=2), dict(text='b', associated_message_type='x'), dict(text='c', associated_message_type=None)]
    assert [t for _, t in said(db(*[(1, r | dict(handle_id=1)) for r in rows]))] == ['https://example.com', 'a', 'b', 'c']

def test_edited_and_partly_unsent(db):
    edits = {'ec': {'0': [{'t': attributed('one')}, {'t': attributed('two')}], '10': [{'t': attributed('!')}], '2': [{'t': attributed('?')}]}}
    odd = [{'ec': 3}, {'ec': {'0': 4}}, {'ec': {'0': [5]}}, {'ec': {'0': [{'t': 'x'}]}}, {'ec': {'0': []}}]
    export = db((1, dict(date_edited=9, message_summary_info=plistlib.dumps(edits, fmt=plistlib.FMT_BINARY), handle_id=1)),
                (1, dict(date_edited=9, date_retracted=9, text='stays', message_summary_info=plistlib.dumps({'rp': [1], 'otr': {'0': {}, '1': {}}}), handle_id=1)),
                (1, dict(date_edited=9, attributedBody=attributed('newest'), message_summary_info=plistlib.dumps(edits), handle_id=1)),
                *[(1, dict(date_edited=9, message_summary_info=plistlib.dumps(o), handle_id=1)) for o in odd])
    assert [t for _, t in said(export)] == ['two?!', 'stays', 'newest'] and export.dropped == {'empty': 5}

def test_a_subject_is_not_lost(db): assert [t for _, t in said(db((1, dict(subject='Tea', text='at five', handle_id=1)), (1, dict(subject='Only this', handle_id=1))))] == ['Tea\nat five', 'Only this']

def test_an_attachment_leaves_the_words(db): assert [t for _, t in said(db((1, dict(text=' look\ufffc  here ', handle_id=1))))] == [' look  here ']

def test_old_schemas(tmp_path):
    old = 'CREATE TABLE message (ROWID INTEGER PRIMARY KEY, text TEXT, handle_id INTEGER, date INTEGER, is_from_me INTEGER); CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT)'
    make(tmp_path/'sms.db', (None, dict(text='a', handle_id=1, date=320_000_000)), (None, dict(text='b', handle_id=1, date=320_000_001, is_from_me=1)), schema=old + ";INSERT INTO handle VALUES (1, 'ada')")
    export = load(tmp_path/'sms.db')
    assert said(export) == [('ada', 'a'), ('Me', 'b')] and export.chats[0].messages[0].time.year == 2011 and export.chats[0].name == 'ada'

def test_wrong_types_everywhere(tmp_path):
    loose = MODERN.replace(' INTEGER', '').replace(' TEXT', '').replace(' BLOB', '').replace('ROWID PRIMARY KEY AUTOINCREMENT', 'ROWID INTEGER PRIMARY KEY')
    names = [r[1] for r in sqlite3.connect(':memory:').execute('SELECT 1, 2')] and imessage._columns
    rows = [(1, {n: v} | ({} if n == 'text' else dict(text='hi'))) for n in names for v in (None, '', 'x', b'\xff', -1, 2**62, 1e300, float('inf'), b'')]
    export = load(make(tmp_path/'chat.db', *rows, schema=loose, more="UPDATE chat SET style = 'x', chat_identifier = x'ff'; UPDATE handle SET id = NULL; UPDATE chat_message_join SET chat_id = 'abc' WHERE message_id % 2"))
    assert export.read == len(rows)

@pytest.mark.parametrize('encoding', ['UTF-8', 'UTF-16le'])
def test_nothing_beside_the_database_changes(tmp_path, encoding):
    make(tmp_path/'chat.db', (1, dict(text='grüße 🎉', handle_id=1)), schema=f'PRAGMA encoding="{encoding}";' + MODERN)
    with sqlite3.connect(tmp_path/'chat.db') as con: con.execute('PRAGMA journal_mode=WAL')
    con.close()
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()}
    os.chmod(tmp_path/'chat.db', 0o444)
    assert said(load(tmp_path)) == [('+15550100', 'grüße 🎉')]
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()} == before

def test_any_name_of_a_folder(tmp_path):
    folder = tmp_path/'a #?%20 é'
    folder.mkdir()
    make(folder/'chat.db', (1, dict(text='a', handle_id=1)))
    assert said(load(folder)) == [('+15550100', 'a')]
    with zipfile.ZipFile(tmp_path/'x.zip', 'w') as z: z.write(folder/'chat.db', 'sub #/3d0d7e5fb2ce288813306e4d4636395e047a3d28')
    assert said(load(tmp_path/'x.zip')) == [('+15550100', 'a')]

def test_the_newest_messages_are_in_the_wal(tmp_path):
    (tmp_path/'live').mkdir()
    make(tmp_path/'live/chat.db', (1, dict(text='old', handle_id=1)))
    con = sqlite3.connect(tmp_path/'live/chat.db')
    con.execute('PRAGMA journal_mode=WAL'); con.execute('PRAGMA wal_autocheckpoint=0')
    con.execute("INSERT INTO message (text, handle_id, date) VALUES ('new', 1, 800000000)"); con.commit()
    shutil.copytree(tmp_path/'live', tmp_path/'copy'); con.close()
    with zipfile.ZipFile(tmp_path/'both.zip', 'w') as z:
        for p in sorted((tmp_path/'copy').iterdir()): z.write(p, p.name)
    before = {p.name: p.read_bytes() for p in (tmp_path/'copy').iterdir()}
    for path in (tmp_path/'copy', tmp_path/'copy/chat.db', tmp_path/'both.zip'): assert {t for _, t in said(load(path))} == {'old', 'new'}
    assert {p.name: p.read_bytes() for p in (tmp_path/'copy').iterdir()} == before
    (tmp_path/'copy/chat.db-wal').write_bytes(b'junk')
    assert {t for _, t in said(load(tmp_path/'copy'))} == {'old'}

@pytest.mark.parametrize('data', [b'', b'\x93'*5000, b'SQLite format 3\0', b'SQLite format 3\0' + b'\xff'*5000, b'{"a": 1}'])
def test_what_is_not_a_database_is_one_clear_error(tmp_path, data):
    (tmp_path/'chat.db').write_bytes(data)
    assert imessage.find(all_files(tmp_path)) == []
    with pytest.raises(ValueError, match='looks like an export of iMessage, but its [^\n]*$'): read_group(imessage, all_files(tmp_path))

def test_a_cut_database_is_recognised_and_refused(tmp_path):
    make(tmp_path/'chat.db', *[(1, dict(text='x'*500, handle_id=1))]*50)
    (tmp_path/'chat.db').write_bytes((tmp_path/'chat.db').read_bytes()[:20000])
    with pytest.raises(ValueError, match='locked, or damaged'): load(tmp_path)

def test_a_database_without_permission(tmp_path, monkeypatch):
    (tmp_path/'chat.db').write_bytes(b'x')
    def refuse(self): raise PermissionError(1, 'Operation not permitted')
    monkeypatch.setattr(File, 'open', refuse)
    with pytest.raises(ValueError, match='Full Disk Access'): load(tmp_path)

def test_other_databases_and_texts_are_left_alone(tmp_path):
    for name, sql in (('msgstore.db', 'CREATE TABLE message (text, from_me); CREATE TABLE chat (x)'), ('chat.db', 'CREATE TABLE notes (x)'), ('h.db', 'CREATE TABLE handle (id); CREATE TABLE message (x)')):
        con = sqlite3.connect(tmp_path/name); con.executescript(sql); con.close()
    for n, text in enumerate(['', '\n', 'hello\n', '31/12/20, 23:59 - Ada: hi\n', '[31.12.20, 23:59:59] Ada: hi\n', '[LINE] Chat history with Ada\n', 'Nov 03, 2023  7:08:12 PM was good\nyes\n', 'Nov 03, 2023, 7:08:12 PM - Ada: hi\n', 'Mär 03, 2023  7:08:12 PM\nMe\nx\n', 'Nov 03, 2023  7:08:12 PM\n\nx\n']):
        (tmp_path/f'{n}.txt').write_text(text)
    assert imessage.find(all_files(tmp_path)) == []

def test_the_real_sample():
    path = EXPORTS/'imessage'/'langchain_imessage_chat.db'
    if not path.exists(): pytest.skip('no shared folder')
    export = load(path)
    assert export.read == 23 and len(export.chats) == 1 and export.kept + sum(export.dropped.values()) == 23
    con = sqlite3.connect(f'file:{path}?mode=ro&immutable=1', uri=True)
    texts = [t for t, in con.execute('SELECT text FROM message WHERE text IS NOT NULL ORDER BY date')]
    con.close()
    kept = [m.text for m in export.chats[0].messages]
    assert [t for t in kept if t in texts] == texts and 'Woaaaaaah' in kept and 'No 💀 not worth ' in kept

# ---- imessage-exporter

D = 'Nov 03, 2023  7:08:1{} PM'.format

def texts(tmp_path, data, name='Ada.txt'):
    (tmp_path/name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return load(tmp_path)

def one(tmp_path, body):
    "What becomes of a message with this body, between two others."
    export = texts(tmp_path, f'{D(1)}\nMe\nfirst\n\n{D(2)}\nAda\n{body}\n\n{D(3)}\nMe\nlast\n\n')
    assert said(export)[0] == ('Me', 'first') and said(export)[-1] == ('Me', 'last')
    middle = [m.text for m in export.chats[0].messages[1:-1]]
    return middle[0] if len(middle) == 1 else middle or dict(export.dropped)

def test_blocks(tmp_path):
    export = texts(tmp_path, 'Nov 03, 2023  7:08:12 PM (Read by them after 12 minutes, 5 seconds)\nMe\nHello\n\nNov 03, 2023 12:08:12 AM (Read by you after 2 seconds)\nAda: the one\nHi\n\nNov 04, 2023 12:00:00 PM You named the conversation The Mill\n\n')
    assert said(export) == [('Ada: the one', 'Hi'), ('Me', 'Hello')] and export.dropped == {'system': 1} and export.read == 3
    chat = export.chats[0]
    assert (chat.name, chat.me, chat.group, chat.messages[0].time) == ('Ada', {'Me'}, False, datetime(2023, 11, 3, 0, 8, 12))

@pytest.mark.parametrize('body', ['two\n\nparagraphs\n\n\nand more', '  indented\n    so', '\nstarts empty', 'ends empty\n', 'a\rb', 'a\u2028b\x0bc\x0c', 'Tapbacks:\nwhat?', 'Loved by Me', 'Nov 03, 2023  7:08:12 PM', 'x\nNov 03, 2023  7:08:12 PM\ny',
    'x\n\nNov 03, 2023  7:08:12 PM was the day\nwe met', 'Nov 03, 2023, 5:29 PM\nMe', '👩‍👩‍👧\u200e\u202f', 'Sent with Confetti', 'Edited 2 seconds later: x', 'This message responded to an earlier message.\nnot', '/shrug', 'http://x/y/attachments', 'Transcription: x', 'x'*100000, 'after '*20000, ' unsent this message part'*5000])
def test_nothing_that_was_typed_changes(tmp_path, body): assert one(tmp_path, body) == body

@pytest.mark.parametrize('body,out', [
    ('hi\nTapbacks:\n    Loved by Me\n    ☕️ by Ada', 'hi'), ('hi\nReactions:\nLoved by Me\n', 'hi'), ('hi\nThis message responded to an earlier message.', 'hi'), ('hi\nSent with Invisible Ink', 'hi'),
    ('hi\nSent with Slam\nTapbacks:\n    Liked by Me\nThis message responded to an earlier message.', 'hi'),
    (f'{D(2)} onw\nEdited 6 seconds later: one\nEdited 1 minute, 3 seconds later: one!\n\nmore', 'one!\n\nmore'),
    ('look\n/Volumes/me/Library/Messages/Attachments/ab/01/IMG 1.HEIC', 'look'), ('~/Library/Messages/Attachments/ab/01/a.caf\nTranscription: hi', {'media': 1}), ('attachments/ab/12.jpeg', {'media': 1}), ('Attachment missing!', {'media': 1}),
    ('Outline Sticker from Ada: /Volumes/me/Library/Messages/StickerCache/1/2.heic (App: Memoji)', {'sticker': 1}), ('They unsent this message part 2 seconds after sending!', {'deleted': 1}), ('They unsent this message part!\nbut this stays', 'but this stays'),
    ('This message was deleted from the conversation!\nsecret', {'deleted': 1}), ('SharePlay Message\nEnded', {'call': 1}), ('Started sharing location!', {'system': 1}), ('', {'empty': 1}), ('\ufffc', {'media': 1})])
def test_lines_of_the_tool_are_taken_out(tmp_path, body, out):
    got = one(tmp_path, body)
    assert {k: v for k, v in got.items() if k != 'reaction'} == out if isinstance(out, dict) else got == out

def test_reactions_are_counted(tmp_path):
    export = texts(tmp_path, f'{D(1)}\nMe\nhi\nTapbacks:\n    Loved by Ada\n    Sticker from Ada: x\n\n')
    assert export.read == 3 and export.dropped == {'reaction': 2}

def test_notices_need_blank_lines_around_them(tmp_path):
    export = texts(tmp_path, f'{D(1)} You left the conversation.\n\n{D(2)} Ada unsent a message!\n\n{D(3)}\nAda\nhi\n\n{D(4)} Ada changed the group photo.\n')
    assert export.dropped == {'system': 2, 'deleted': 1} and said(export) == [('Ada', 'hi')]

@pytest.mark.parametrize('nested', [f'    {D(2)}\n    Ada\n    two\n\n    lines\n\n\n', f'    {D(2)}\n    Ada\n    two\nlines\n\n\n', f'    {D(2)} (Read by you after 1 second)\n    Ada\n    two\n    Tapbacks:\n        Loved by Me\n\n\n'])
def test_answers_are_shown_twice_and_read_once(tmp_path, nested):
    parent = f'{D(1)}\nMe\nquestion\n'
    export = texts(tmp_path, parent + nested + f'{D(2)}\nAda\ntwo\n\nlines\nThis message responded to an earlier message.\n\n')
    assert said(export) == [('Me', 'question'), ('Ada', 'two\n\nlines')] and export.read == 2
    alone = texts(tmp_path, parent + nested)
    assert len(said(alone)) == 2 and said(alone)[1][1].startswith('two')

def test_several_answers_and_a_second_part(tmp_path):
    export = texts(tmp_path, f'{D(1)}\nMe\nq\n    {D(2)}\n    Ada\n    a1\n\n    {D(3)}\n    Grace\n    ~/Library/Messages/Attachments/a/b.png\n\npart two\n\n')
    assert said(export) == [('Me', 'q\npart two'), ('Ada', 'a1')] and export.dropped == {'media': 1} and export.read == 3

def test_the_owner_may_have_a_name(tmp_path):
    (tmp_path/'Grace.txt').write_text(f'{D(1)} (Read by them after 3 seconds)\nLovelace\nhi\n\n')
    assert all(c.me == {'Lovelace'} for c in texts(tmp_path, f'{D(1)} (Read by Lovelace after 3 seconds)\nAda\nhi\n\n').chats)

@pytest.mark.parametrize('code', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_encodings_and_line_ends(tmp_path, code, end): assert said(texts(tmp_path, f'{D(1)}\nMe\ngrüße\n\nnun\n\n{D(2)}\nÄda\nhi\n\n'.replace('\n', end).encode(code))) == [('Me', 'grüße\n\nnun'), ('Äda', 'hi')]

def test_damage_is_counted(tmp_path):
    export = texts(tmp_path, f'{D(1)}\nMe\nhi\n\nFeb 30, 2022  7:08:12 PM\nAda\nlost\n\nNov 03, 2023 13:08:12 PM\nAda\nlost\n\n{D(2)}')
    assert said(export) == [('Me', 'hi')] and export.dropped == {'malformed': 3}
    for times in (20, 2000):
        with pytest.raises(ValueError, match='neither UTF-8 nor UTF-16'): texts(tmp_path, f'{D(1)}\nMe\nhi\n\n'.encode()*times + b'\xff')

def test_groups_in_text(tmp_path):
    assert [c.group for c in texts(tmp_path, f'{D(1)}\nMe\nhi\n\n{D(2)}\nAda\nhi\n\n{D(3)}\nGrace\nhi\n\n').chats] == [True]

def test_a_database_and_texts_are_two_exports(tmp_path):
    make(tmp_path/'chat.db', (1, dict(text='a', handle_id=1)))
    for folder in ('a', 'b'): (tmp_path/folder).mkdir(); (tmp_path/folder/'1.txt').write_text(f'{D(1)}\nMe\nhi\n\n'); (tmp_path/folder/'2.txt').write_text(f'{D(1)}\nMe\nhi\n\n')
    assert [len(g) for g in imessage.find(all_files(tmp_path))] == [1, 2, 2]

def damaged(tmp_path):
    "A database of every kind of row, and a text file of every kind of block."
    info = plistlib.dumps({'ec': {'0': [{'t': attributed('edited')}]}, 'otr': {'0': {}}}, fmt=plistlib.FMT_BINARY)
    rows = [(1, dict(text='hello', handle_id=1)), (1, dict(attributedBody=attributed('yes 🎉'), is_from_me=1)), (2, dict(text='x\ufffc', handle_id=2)), (3, dict(text='group', handle_id=3)), (1, dict(date_edited=1, message_summary_info=info)),
            (1, dict(associated_message_type=2000, text='Loved')), (None, dict(text='y'*3000, handle_id=3)), (3, dict(item_type=2, group_title='z')), (1, dict(date_retracted=4, message_summary_info=info))]*3
    text = ''.join(f'{D(n)}{" (Read by them after 1 second)"*(n == 1)}\n{"Me" if n % 2 else "Ada"}\n{b}\n\n' for n, b in enumerate(['hi\n\nthere', 'x\nTapbacks:\n    Loved by Me', f'q\n    {D(3)}\n    Me\n    yes\n', 'yes\nThis message responded to an earlier message.', f'{D(4)} a\nEdited 1 second later: b', 'attachments/a/b.png'])) + f'{D(9)} You left the conversation.\n\n'
    con = make(tmp_path/'m.db', *rows) and sqlite3.connect(tmp_path/'m.db')
    con.execute('PRAGMA page_size=512'); con.execute('VACUUM'); con.close()
    return {'chat.db': (tmp_path/'m.db').read_bytes()}, {'x/Ada.txt': text.encode()}

@pytest.mark.parametrize('which', [0, 1])
def test_any_damage_is_an_account_or_one_error(tmp_path, which):
    read, refused, unknown = survives(imessage, damaged(tmp_path)[which], 300)
    assert read and read + refused + unknown >= 300

def test_a_message_without_a_date_stays_behind_the_one_before(db):
    export = db((1, dict(text='one', handle_id=1)), (1, dict(text='two', handle_id=1, date=0)), (1, dict(text='three', handle_id=1)))
    assert [t for _, t in said(export)] == ['one', 'two', 'three'] and export.chats[0].messages[1].time is None

@pytest.mark.parametrize('name', ['x'*300, 'a/..', 'a:b?.db'])
def test_a_zip_may_use_names_that_no_disk_allows(tmp_path, name):
    make(tmp_path/'chat.db', (1, dict(text='hi', handle_id=1)))
    with zipfile.ZipFile(tmp_path/'x.zip', 'w') as z: z.write(tmp_path/'chat.db', name)
    assert said(load(tmp_path/'x.zip')) == [('+15550100', 'hi')]

# Made to never end

ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)'

@pytest.mark.parametrize('table', ['message', 'handle', 'chat', 'chat_message_join', 'chat_recoverable_message_join'])
def test_a_view_is_not_a_table(tmp_path, table):
    "Not one row of it is computed; the two tables that every chat.db has are missing then."
    path = make(tmp_path/'chat.db', (1, dict(text='hi', handle_id=1)))
    con = sqlite3.connect(path)
    columns = [r[1] for r in con.execute(f'PRAGMA table_info({table})')]
    con.execute(f'DROP TABLE {table}')
    con.execute(f'CREATE VIEW {table} AS {ENDLESS} SELECT {", ".join(f"i AS {c}" for c in columns)} FROM n')
    con.commit(); con.close()
    groups = imessage.find(all_files(tmp_path))
    if table in ('message', 'handle'): assert groups == []
    else: assert [t for _, t in said(imessage.read(groups[0]))] == ['hi']

def test_endless_work_and_endless_words_end(tmp_path):
    with imessage.open_database(all_files(make(tmp_path/'chat.db'))[0]) as con:
        with pytest.raises(ValueError, match='more than the whole file'): list(con.rows(f'{ENDLESS} SELECT zeroblob(10000) FROM n'))
    with pytest.raises(sqlite3.OperationalError, match='interrupted'), imessage.open_database(all_files(tmp_path/'chat.db')[0]) as con:
        con.execute(f'{ENDLESS} SELECT COUNT(*) FROM n').fetchone()

@pytest.mark.skipif(not hasattr(sqlite3.Connection, 'setlimit'), reason='from Python 3.11 on')
def test_one_value_is_not_larger_than_the_file(tmp_path):
    with pytest.raises(sqlite3.DataError, match='too big'), imessage.open_database(all_files(make(tmp_path/'chat.db'))[0]) as con:
        con.execute('SELECT hex(zeroblob(100000000))')

@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='no timers there')
def test_ctrl_c_in_a_query_is_no_damage(tmp_path):
    "SQLite asks us whether to go on, so that is where Ctrl-C arrives."
    if threading.current_thread() is not threading.main_thread(): pytest.skip('signals reach the main thread only')
    def press(*_): raise KeyboardInterrupt
    before = signal.signal(signal.SIGALRM, press)
    try:
        with pytest.raises(KeyboardInterrupt), imessage.open_database(all_files(make(tmp_path/'chat.db'))[0]) as con:
            signal.setitimer(signal.ITIMER_REAL, .01)
            con.execute(f'{ENDLESS} SELECT COUNT(*) FROM n').fetchone()
    finally: signal.setitimer(signal.ITIMER_REAL, 0); signal.signal(signal.SIGALRM, before)

def test_no_copy_of_a_database_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path/'tmp')); (tmp_path/'tmp').mkdir()
    make(tmp_path/'chat.db', (1, dict(text='hi', handle_id=1)))
    with zipfile.ZipFile(tmp_path/'x.zip', 'w') as z: z.write(tmp_path/'chat.db', 'chat.db')
    with pytest.raises(KeyboardInterrupt), imessage.open_database(all_files(tmp_path/'x.zip')[0]):
        assert len(os.listdir(tmp_path/'tmp')) == 2
        raise KeyboardInterrupt
    assert os.listdir(tmp_path/'tmp') == []
