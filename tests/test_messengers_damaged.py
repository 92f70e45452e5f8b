"Small damaged files that once were more than one clear line."
import json
import zipfile

import pytest

from tinychat.messengers import import_exports, read_exports, read_messages
from tinychat.messengers.redact import Redactor, names_to_find

def in_zip(tmp_path, *members):
    with zipfile.ZipFile(tmp_path/'a.zip', 'w') as z:
        for name, data in members: z.writestr(name, data)
    return tmp_path/'a.zip'

def test_a_member_without_a_name(tmp_path):
    path = in_zip(tmp_path, ('x', ''), ('chat.csv', 'sender,text\nada,hi\nbo,yo\n'))
    (tmp_path/'b.zip').write_bytes(bytes.fromhex('504b03041400000000000000210000000000000000000000000000000000504b01021403140000000000000021000000000000000000000000000000000000'
                                                 '00000000000000800100000000504b050600000000010001002e0000001e0000000000'))
    assert [m.text for m in read_messages(path)] == ['hi', 'yo']
    with pytest.raises(ValueError): read_messages(tmp_path/'b.zip')
    both = in_zip(tmp_path, ('inner.zip', (tmp_path/'b.zip').read_bytes()), ('chat.csv', 'sender,text\nada,hi\nbo,yo\n'))
    assert [m.text for m in read_messages(both)] == ['hi', 'yo']

def test_skype_with_what_looks_like_markup(tmp_path):
    (tmp_path/'messages.json').write_text(json.dumps(dict(userId='8:c', conversations=[dict(id='8:b', MessageList=[{'from': '8:b', 'content': '<![x[', 'messagetype': 'RichText'}])])))
    assert [m.text for m in read_messages(tmp_path)] == ['<![x[']

def test_hangouts_with_a_key_twice(tmp_path):
    event = dict(sender_id=dict(gaia_id='1'), event_type='REGULAR_CHAT_MESSAGE', chat_message=dict(message_content=dict(segment=[dict(type='TEXT', text='hi')])))
    one = json.dumps(dict(conversation_id=dict(id='c'), event=[event]))
    (tmp_path/'Hangouts.json').write_text('{"conversation_state":[{"conversation_state":%s,"conversation_state":{}}]}' % one)
    assert [e.kept for e in read_exports(tmp_path)] == [1]

def test_names_are_shown_on_one_line_and_cut(tmp_path):
    long = 'a\nb\x1b[31m' + 'x'*5000
    (tmp_path/'x.json').write_text(json.dumps([dict(sender=long, text='hi'), dict(sender='c', text='ho')]))
    for me in ([], ['nobody ' + 'y'*5000], [long]):
        try: shown = str(import_exports(tmp_path, me=me).me and '')
        except ValueError as e: shown = str(e)
        assert len(shown) < 600 and '\n' not in shown and '\x1b' not in shown
    with pytest.raises(ValueError) as e: read_exports(in_zip(tmp_path, ('z'*5000 + '\n.txt', 'milk')))
    assert len(str(e.value)) < 600 and '\n' not in str(e.value)

def test_handles_by_the_thousand():
    "Each message is looked at once, not once for each handle; a long name is no handle for long."
    names = [f'p{n}x' for n in range(20_000)] + ['a' + '1'*60_000 + '!']
    redactor = Redactor(names)
    assert redactor.redact('ask p77x, or P19999X. p77') == 'ask <name 1>, or <name 2>. p77'
    assert sum(redactor.redact(f'message {n}') == f'message {n}' for n in range(20_000)) == 20_000
    assert set(names_to_find(['ada_l', 'Ada Lovelace'])) == {'@', '@ada_l', 'ada', 'adalovelace', 'lovelaceada'}

def test_a_bomb_in_a_folder_is_called_one(tmp_path):
    "A real archive that is refused would be exported again in vain, if it were called damaged."
    with zipfile.ZipFile(tmp_path/'bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        with z.open('chat.txt', 'w', force_zip64=True) as f:
            for _ in range(600): f.write(bytes(1 << 20))
    (tmp_path/'chat.csv').write_text('sender,text\nada,hi\nbo,yo\n')
    unknown = []
    read_exports(tmp_path, unknown=unknown)
    assert [f.trouble for f in unknown] == ['an archive that unpacks to far too much; if you trust it, unpack it yourself and give the folder']

def test_names_in_one_word_and_what_is_said_of_passwords():
    redact = Redactor(['Jo Park']).redact
    assert 'jopark' not in redact('my snap is jopark.22') + redact('jopark99 on insta')
    for said in ('i know the password thing is annoying', 'the password situation is ridiculous', 'the password stuff is exhausting'): assert redact(said) == said
    assert redact('the password is annoying77') == 'the password is <password>'
