"Every file that is left has a sentence of its own."
import pytest

from tinychat.messengers.core import File
from tinychat.messengers.unread import KINDS, UNKNOWN_KIND, describe_left, kind_of, why_left

def file(folder, name, data=b'?'):
    (folder/name).write_bytes(data)
    return File(name, folder/name)

@pytest.mark.parametrize('name, data, word', [
    ('msgstore-2024-01-01.1.db.crypt14', b'', 'encrypted backup of WhatsApp'), ('ChatStorage.sqlite', b'SQLite format 3\0', "WhatsApp's own"),
    ('signal-2024-01-01-10-00-00.backup', b'', 'backup of Signal'), ('Manifest.db', b'SQLite format 3\0', "iPhone's backup"), ('3d0d7e5fb2ce288813306e4d4636395e047a3d28', b'', "iPhone's backup"),
    ('a.PDF', b'', 'a PDF'), ('scan', b'%PDF-1', 'a PDF'), ('chat.xlsx', b'PK', 'spreadsheet'), ('chat.docx', b'PK', 'text document'), ('all.rar', b'Rar!', 'packed archive'),
    ('x.sqlite', b'', 'database'), ('no_name', b'SQLite format 3\0', 'database'), ('n.txt', b'milk', 'no chat that is known'), ('page.html', b'<p>', 'web page'), ('me.vcf', b'', 'contacts'),
    ('e.txt', b'', 'empty file'), ('x.csv', 'Re\u00e7u;Zo\u00e9'.encode('latin-1'), 'neither UTF-8'), ('style.css', b'a', 'no messages'), ('script.js', b'a', 'no messages'),
    ('IMG.heic', b'', 'photo'), ('no_name', b'\xff\xd8\xff\xe0', 'photo'), ('v.mp4', b'', 'film'), ('PTT.opus', b'', 'sound'), ('.DS_Store', b'', 'system'), ('odd', b'\x07', 'nothing that is known')])
def test_what_it_is(tmp_path, name, data, word): assert word in kind_of(file(tmp_path, name, data)).one

def test_what_may_be_a_chat_comes_with_advice_and_the_rest_without(tmp_path):
    assert why_left(file(tmp_path, 'a.vcf')) == 'a list of contacts'
    assert all(': ' not in k.one and not k.one.endswith('.') for k in KINDS) and UNKNOWN_KIND.todo
    assert 'sender, text and time' in why_left(file(tmp_path, 'odd'))

def test_likely_chats_come_first_and_the_rest_is_counted(tmp_path):
    files = [file(tmp_path, f'{n}.jpg') for n in range(3)] + [file(tmp_path, 'a.txt'), file(tmp_path, 'b.txt'), file(tmp_path, 'msgstore.crypt12'), file(tmp_path, 'x.vcf')]
    files[4].trouble = 'may not be read'
    assert [s.split(':')[0] for s in describe_left(files)] == ['msgstore.crypt12', 'a.txt', 'b.txt', '3 photos', 'a list of contacts']
    assert describe_left(files, 2)[2:] == ['and 3 kinds more'] and describe_left([]) == []
