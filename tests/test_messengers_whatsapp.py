"WhatsApp exports: every trap of the format, with invented people."
import json, random, zipfile
from datetime import datetime
from pathlib import Path

import pytest

from mutations import survives
from tinychat.messengers import whatsapp
from tinychat.messengers.core import all_files, find_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'/'whatsapp'
needs_exports = pytest.mark.skipif(not EXPORTS.is_dir(), reason='no real exports here')
L, F = '\u200e', '\u202f'

def read(tmp_path, data, name='_chat.txt'):
    path = tmp_path/name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    group, = whatsapp.find(find_files(path))
    return read_group(whatsapp, group)

def texts(export): return [m.text for m in export.chats[0].messages]
def senders(export): return [m.sender for m in export.chats[0].messages]
def times(export): return [m.time for m in export.chats[0].messages]

@needs_exports
def test_date_variants(tmp_path):
    for v in json.loads((EXPORTS/'pustur_date_variants.json').read_text()):
        m, = read(tmp_path, v['line'] + '\n').chats[0].messages
        assert (m.sender, m.text, m.time.isoformat()) == ('a', 'm', v['iso']), v['line']

@needs_exports
@pytest.mark.parametrize('path', sorted(EXPORTS.glob('chatminer_test*.txt')) if EXPORTS.is_dir() else [], ids=lambda p: p.name)
def test_real_files(path):
    group, = whatsapp.find(find_files(path))
    export = read_group(whatsapp, group)
    got = [(m.sender, ' '.join(m.text.split()), m.time.isoformat()) for m in export.chats[0].messages]
    expected = [(m['author'], m['message'], m['timestamp']) for m in json.loads((EXPORTS/'chatminer_target.json').read_text())]
    assert got == expected[::-1]
    assert (export.read, dict(export.dropped)) == (9, dict(system=3))

LOCALES = {
    'dmy': ['31/12/20, 23:59 - ', '31/12/2020 23:59 - ', '31.12.20, 23:59 - ', '31.12.2020 23.59 - ', '31-12-20 23:59 - ', '31.12.2020 klo 23.59 - ', '31.12.2020 г., 23:59 - ', '31. 12. 2020 23:59 - ',
            '31/12/2020 à 23:59 - ', '31/12/20, 11:59 p. m. - ', f'31/12/20, 11:59{F}pm - ', '31/12/20 11:59 p.\u00a0m. - ', '[31/12/20, 23:59:00] ', '[31.12.20, 23:59:00] ', f'{L}[31/12/2020, 11:59:00{F}PM] ', '[31.12.2020 ÖS 11:59:00] ',
            '31.12.20 23:59:00: ', '31. 12. 2020. 23:59:00 ', '[23:59, 31/12/2020] ', '23:59, 31/12/2020 - ', '31/12/2563 23:59 - ', '٣١\u200f/١٢\u200f/٢٠٢٠، ٢٣:٥٩ - ', '٣١\u200f/١٢\u200f/٢٠٢٠، ١١:٥٩ م - ', '31/12/2020, 11:59 μ.μ. - ',
            '[31.12.20, 23:59:00] - ', '\ufeff31/12/20, 23:59 - '],
    'mdy': ['12/31/20, 11:59 PM - ', f'12/31/20, 11:59{F}PM - ', f'[12/31/20, 11:59:00{F}PM] ', '12/31/2020, 23:59 - ', '12-31-20 23:59 - '],
    'ymd': ['2020-12-31 23:59 - ', '2020/12/31, 23:59 - ', '20-12-31 23:59 - ', '2020. 12. 31. 23:59 - ', '2020. 12. 31. 오후 11:59 - ', '2020/12/31 下午11:59 - ', '[2020/12/31 下午11:59:00] ', '2020年12月31日 下午11:59 - ',
            '2020-12-31 23 h 59 - ', '[2020-12-31, 23:59:00] ', '۱۳۹۹/۱۰/۱۱، ۲۳:۵۹ - '],
    'myd': ['[12/2020/31, 23:59:00] ']}

@pytest.mark.parametrize('header', [h for hs in LOCALES.values() for h in hs])
def test_locales(tmp_path, header):
    e = read(tmp_path, f'{header}Ada: hi: there\n{header}Grace: 31/12/20 is fine\n')
    assert times(e) == [datetime(2020, 12, 31, 23, 59)]*2
    assert (senders(e), texts(e)) == (['Ada', 'Grace'], ['hi: there', '31/12/20 is fine'])

@pytest.mark.parametrize('dates, order', [(('3/6/18', '3/13/18'), 'mdy'), (('3/6/18', '13/6/18'), 'dmy'), (('8/3/17', '10/5/17', '6/9/17'), 'dmy'), (('3/8/17', '5/10/17', '9/6/17'), 'mdy'),
                                          (('06/05/18', '06/06/18'), 'mdy'), (('05/06/18', '06/06/18'), 'dmy'), (('18/06/03', '18/06/04'), 'ymd'), (('3/6/18',), 'dmy')])
def test_the_whole_file_decides_the_order_of_dates(tmp_path, dates, order):
    e = read(tmp_path, ''.join(f'{d}, 10:00 - Ada: hi\n' for d in dates))
    day = dict(zip(order, map(int, dates[0].split('/'))))
    assert times(e)[0] == datetime(2000 + day['y'], day['m'], day['d'], 10)

def test_one_date_that_was_typed_does_not_turn_the_order(tmp_path):
    "Thousands of days speak against the one that would exist only the other way round."
    lines = [f'{d:02}/{m:02}/20, 10:00 - Ada: hi\n' for m in range(1, 7) for d in range(1, 13)]
    e = read(tmp_path, ''.join(lines[:30] + ['01/25/20, 10:00 - Alan: look\n'] + lines[30:]))
    assert len(texts(e)) == 72 and 'hi\n01/25/20, 10:00 - Alan: look' in texts(e)
    assert times(e)[-1] == datetime(2020, 6, 12, 10)

def test_noon_and_midnight(tmp_path):
    e = read(tmp_path, ''.join(f'1/1/20, {t} - Ada: x\n' for t in ('12:05 AM', '1:00 AM', '12:05 PM', '1:00 PM', '11:59 PM')))
    assert [t.hour for t in times(e)] == [0, 1, 12, 13, 23]

def test_continuation_lines_and_what_looks_like_a_header(tmp_path):
    e = read(tmp_path, '[03/06/18, 09:15:00] Ada: one\n\ntwo\n3/6/2018, 08:00 - Alan: quoted\n[03/06/2018, 08:00:00] Alan: quoted\n[3/6/18, 8:00:00] Alan: quoted\n[32/06/18, 09:15:00] no day\n2016-04-29 10:30:00\n'
                       '[04/06/18, 09:15:00] Grace: \n  spaces stay \n')
    assert texts(e) == ['one\n\ntwo\n3/6/2018, 08:00 - Alan: quoted\n[03/06/2018, 08:00:00] Alan: quoted\n[3/6/18, 8:00:00] Alan: quoted\n[32/06/18, 09:15:00] no day\n2016-04-29 10:30:00', '\n  spaces stay ']

def test_not_one_character_changes(tmp_path):
    rng = random.Random(0)
    alphabet = ['a', 'ß', 'é', 'e\u0301', 'ﬁ', 'Ａ', '’', '👩\u200d👩\u200d👧', '🏳️\u200d🌈', '\u200d', '\u00a0', '\u2028', '\x85', '\x0b', '\x0c', '\x1c', '\r', '\t', '\n', ' ', ':', ': ', '-', '[', ']', '<', '"', '“', '\u200b', '\u202e', '\ufeff', 'left', 'added']
    sent = ['x' + ''.join(rng.choices(alphabet, k=rng.randrange(30))) + 'y' for _ in range(500)]
    e = read(tmp_path, ''.join(f'01/02/20, 10:00 - {rng.choice(("Ada", "Grace"))}: {t}\n' for t in sent))
    assert texts(e) == sent
    e = read(tmp_path, ''.join(f'[01/02/20, 10:00:00] {rng.choice(("Ada", "Grace"))}: {t}\r\n' for t in sent))
    assert texts(e) == [t.replace('\r\n', '\n') for t in sent]

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    e = read(tmp_path, end.join(['31/12/20, 23:59 - Ada: grüße 🐟', 'und mehr', '31/12/20, 23:59 - Grace: ok']).encode(encoding))
    assert texts(e) == ['grüße 🐟\nund mehr', 'ok']

def test_an_iphones_messages_end_in_crlf_and_their_lines_in_lf(tmp_path):
    e = read(tmp_path, '[31/12/20, 23:59:00] Ada: one\ntwo\nthree\nfour\r\n[31/12/20, 23:59:01] Ada: five\r\n')
    assert texts(e) == ['one\ntwo\nthree\nfour', 'five']

def test_other_encodings_are_refused(tmp_path):
    with pytest.raises(ValueError, match='neither UTF-8 nor UTF-16'): read(tmp_path, b'31/12/20, 23:59 - Ada: hi\n'*1000 + b'31/12/20, 23:59 - Ada: gr\xfc\xdfe\n')

def test_system_lines_android(tmp_path):
    lines = ['Messages and calls are end-to-end encrypted. Tap to learn more.', 'Ada created group "Trip"', 'Ada added Grace', 'Grace left', 'Ada changed the subject from "a: b" to "c: d"',
             'Ada changed the subject from “Trip: Rome” to “Trip: Paris”', 'Ada hat den Betreff von „a: b“ zu „c“ geändert', 'Missed voice call']
    said = ['Ada added Grace', 'I left', 'Grace removed it', 'Messages and calls are end-to-end encrypted', 'Ada changed the subject from "a: b" to "c"', 'he said: "no"']
    e = read(tmp_path, ''.join(f'31/12/20, 10:00 - {l}\n' for l in lines) + ''.join(f'31/12/20, 10:00 - Ada: {t}\n' for t in said))
    assert texts(e) == said
    assert e.dropped == dict(system=7, call=1)

def test_system_lines_iphone(tmp_path):
    e = read(tmp_path, f'[31.12.20, 10:00:00] Trip: Rome: {L}Messages and calls are end-to-end encrypted. No one outside of this chat can read them.\n[31.12.20, 10:00:01] Trip: Rome: {L}Ada created this group\n'
                       f'[31.12.20, 10:00:02] Ada: Ada left\n[31.12.20, 10:00:03] Grace: {L}Grace left\n[31.12.20, 10:00:04] Grace: encrypted\n[31.12.20, 10:00:05] Alan: image omitted\n')
    assert (texts(e), senders(e)) == (['Ada left', 'encrypted', 'image omitted'], ['Ada', 'Grace', 'Alan'])
    assert e.dropped == dict(system=3)
    assert (e.chats[0].name, e.chats[0].group, e.chats[0].me) == ('Trip: Rome', True, set())

def test_placeholders_iphone(tmp_path):
    own = {f'{L}image omitted': 'media', f'{L}sticker omitted': 'sticker', f'{L}Contact card omitted': 'contact', f'{L}This message was deleted.': 'deleted', f'{L}You deleted this message.': 'deleted', f'{L}Missed voice call': 'call',
           f'{L}Video call, {L}5 min': 'call', f'{L}<attached: 00000012-PHOTO-2020-12-31-10-00-00.jpg>': 'media', f'{L}<Anhang: 00000013-STICKER-2020-12-31-10-00-00.webp>': 'sticker', f'{L}<вложение: 00000014-Ada.vcf>': 'contact',
           f'{L}Location: https://maps.google.com/?q=1.5,-2.5': 'contact', f'{L}POLL:\nlunch?\n{L}OPTION: soup ({L}1 vote)\n': 'contact', f'thesis.pdf • {L}3 pages {L}document omitted': 'media'}
    typed = ['image omitted', 'This message was deleted.', 'null', 'a poll: soup or salad', 'look <here>', f'a mark {L}inside']
    e = read(tmp_path, '[31.12.20, 09:59:59] Ada: hi\n' + ''.join(f'{L}[31.12.20, 10:00:{i:02}] Ada: {t}\n' for i, t in enumerate([*own, *typed])))
    assert texts(e) == ['hi', *typed]
    assert dict(e.dropped) == {r: list(own.values()).count(r) for r in set(own.values())}

def test_captions_iphone(tmp_path):
    e = read(tmp_path, f'[31.12.20, 10:00:00] Ada: {L}image omitted\n[31.12.20, 10:00:00] Ada: {L}image omitted\n[31.12.20, 10:00:01] Ada: our cat {L}image omitted\n[31.12.20, 10:00:02] Grace: two\nlines {L}<attached: 00000012-PHOTO.jpg>\n[31.12.20, 10:00:03] Grace: my voice {L}audio omitted\n')
    assert texts(e) == ['our cat', 'two\nlines', 'my voice']
    assert e.dropped == dict(media=2)

@pytest.mark.parametrize('omitted', ['<Media omitted>', '<Medien ausgeschlossen>', '<Multimedia omitido>', '<Mídia oculta>', '<Без медиафайлов>'])
def test_placeholders_android(tmp_path, omitted):
    typed = ['<3', '<sad face>', f'it says {omitted}', f'{omitted} lol', 'This message was deleted lol', 'nullify', 'see IMG-20201231-WA0001.jpg', 'notes.txt (draft)', 'POLL:\nwho cares', 'Location: https://maps.google.com is down', '(file attached)']
    own = {omitted: 'media', 'IMG-20201231-WA0001.jpg (file attached)': 'media', f'{L}PTT-20201231-WA0002.opus (file attached)': 'media', 'STK-20201231-WA0003.webp (file attached)': 'sticker', 'Ada L.vcf (file attached)': 'contact',
           'DOC-20201231-WA0004. (file attached)': 'media', 'my thesis (final).pdf (file attached)': 'media', 'This message was deleted': 'deleted', 'You deleted this message': 'deleted', 'null': 'empty', '': 'empty',
           'location: https://maps.google.com/?q=1.5,-2.5': 'contact', 'POLL:\nlunch?\nOPTION: soup (1 vote)\nOPTION: none (0 votes)\n': 'contact'}
    e = read(tmp_path, ''.join(f'31/12/20, 10:00 - Ada: {t}\n' for t in [*own, *typed]))
    assert texts(e) == typed
    assert dict(e.dropped) == {r: list(own.values()).count(r) for r in set(own.values())}

def test_placeholders_in_languages_that_we_do_not_know(tmp_path):
    say = lambda *ts: read(tmp_path, ''.join(f'31/12/20, 10:00 - Ada: {t}\n' for t in ts))
    e = say('IMG-20201231-WA0001.jpg (fayl ilova qilingan)', 'notes.pdf (fayl ilova qilingan)', *['<Media tashlab ketilgan>']*3, '<grin>', 'IMG_1.jpg (blurry)')
    assert (texts(e), e.dropped) == (['<grin>', 'IMG_1.jpg (blurry)'], dict(media=5))
    e = say(*['<br>']*5, *['<sad face>']*2)
    assert len(texts(e)) == 7

def test_captions_android(tmp_path):
    e = read(tmp_path, '31/12/20, 10:00 - Ada: IMG-20201231-WA0001.jpg (file attached)\nour cat\nasleep\n31/12/20, 10:01 - Ada: <Media omitted>\nlook\n31/12/20, 10:01 - Ada: <Media omitted>\n')
    assert (texts(e), e.dropped) == (['our cat\nasleep', 'look'], dict(media=1))

def test_right_to_left_marks_are_typed(tmp_path):
    e = read(tmp_path, '[31/12/20, 10:00:00] Ada: \u200fשלום\n\u200f[31/12/20, 10:00:01] Grace: \u200fתמונה הושמטה\n[31/12/20, 10:00:02] Grace: \u200fתמונה הושמטה\n[31/12/20, 10:00:02] Grace: \u200f<מצורף: 00000001-PHOTO.jpg>\n')
    assert (texts(e), e.dropped) == (['\u200fשלום'], dict(media=3))

def test_messages_that_are_nearly_empty(tmp_path):
    assert senders(read(tmp_path, '31/12/20, 10:00 - : hi\n')) == ['']
    assert read(tmp_path, f'[31/12/20, 10:00:00] Ada: {L}image omitted\n').dropped == dict(media=1)
    assert read(tmp_path, f'[31/12/20, 10:00:00] Trip: {L}Messages and calls are end-to-end encrypted.\n').dropped == dict(system=1)
    assert read(tmp_path, '31/12/20, 25:00 - Ada: hi\n').dropped == dict(malformed=1)
    assert [t.year for t in times(read(tmp_path, '01/01/1970, 10:00 - Ada: hi\n01/01/2100, 10:00 - Ada: hi\n31/12/9999, 10:00 - Ada: hi\n'))] == [1970, 2100, 9999]

def test_edited(tmp_path):
    e = read(tmp_path, f'31/12/20, 10:00 - Ada: teh {L}<This message was edited>\n31/12/20, 10:00 - Ada: two\nlines <This message was edited>\n31/12/20, 10:00 - Ada: x {L}<Wiadomość edytowana>\n31/12/20, 10:00 - Ada: I <3 you <grin>\n')
    assert texts(e) == ['teh', 'two\nlines', 'x', 'I <3 you <grin>']
    e = read(tmp_path, f'[31/12/20, 10:00:00] Ada: teh {L}<This message was edited.>\n[31/12/20, 10:00:00] Ada: {L}<attached: 00000030-PHOTO.jpg> <This message was edited>\n')
    assert (texts(e), e.dropped) == (['teh'], dict(media=1))

def test_no_line_has_the_shape_of_most(tmp_path):
    lines = '3/06/20, 09:00 - Ada: a', '03/6/20, 09:00 - Ada: b', '03/06/20, 9:00 - Ada: c'
    (tmp_path/'x.txt').write_text('\n'.join(lines))
    assert whatsapp.find(find_files(tmp_path/'x.txt')) == []

def test_names(tmp_path):
    names = ['Mum: mobile', 'Dr. Ada "the countess" L.', '🦖', 'a:b', "O'Brien", '~ Grace', f'~{F}Alan', 'Ada left', 'Ada (work) - new']
    e = read(tmp_path, ''.join(f'31/12/20, 10:00 - {n}: {t}\n' for t in ('hi', 'so: no', 'bye') for n in names) + '31/12/20, 10:00 - \u202a+44 7700 900123\u202c: hi\n')
    assert senders(e) == names*3 + ['+44 7700 900123']
    assert texts(e)[:-1] == [t for t in ('hi', 'so: no', 'bye') for _ in names]
    assert e.chats[0].group

def test_order_of_time(tmp_path):
    e = read(tmp_path, '31/12/20, 10:02 - Ada: c\n31/12/20, 10:01 - Ada: a\n31/12/20, 10:01 - Grace: b\n')
    assert texts(e) == ['a', 'b', 'c']

def test_cut_at_the_beginning_or_empty(tmp_path):
    e = read(tmp_path, 'the end of something\nmore\n31/12/20, 10:00 - Ada: hi\n31/12/20, 10:00 - Ada: hi\n31/12/20, 10:00 - Ada: hi\n')
    assert (len(texts(e)), e.dropped) == (3, dict(malformed=1))
    e = read(tmp_path, '\ufeff\n\n31/12/20, 10:00 - Ada: hi')
    assert (texts(e), e.read) == (['hi'], 1)
    e = read(tmp_path, '31/12/20, 10:00 - Messages and calls are end-to-end encrypted.\n')
    assert (texts(e), e.dropped) == ([], dict(system=1))

def test_who_is_me(tmp_path):
    chat = '31/12/20, 10:00 - Ada: hi\n31/12/20, 10:00 - Grace: hi\n'
    c, = read(tmp_path, chat, 'WhatsApp Chat with Ada.txt').chats
    assert (c.name, c.me, c.group) == ('Ada', {'Grace'}, False)
    c, = read(tmp_path, chat, 'Chat de WhatsApp con Ada (2).txt').chats
    assert (c.name, c.me) == ('Ada', {'Grace'})
    c, = read(tmp_path, chat, 'WhatsApp Chat with Trip with Ada.txt').chats
    assert (c.name, c.me) == ('Trip with Ada', set())
    c, = read(tmp_path, chat).chats
    assert (c.name, c.me) == ('', set())

def test_zip_and_folder(tmp_path):
    ios = f'[31.12.20, 10:00:00] Ada: {L}Messages and calls are end-to-end encrypted.\n[31.12.20, 10:00:01] Ada: hi\n{L}[31.12.20, 10:00:02] Grace: {L}<attached: 00000003-PHOTO.jpg>\n'
    with zipfile.ZipFile(tmp_path/'WhatsApp Chat - Ada.zip', 'w') as z:
        z.writestr('_chat.txt', ios); z.writestr('__MACOSX/._chat.txt', ios); z.writestr('00000003-PHOTO.jpg', b'\xff\xd8'); z.writestr('notes.txt', 'milk\neggs\n'); z.writestr('empty.txt', '')
    group, = whatsapp.find(find_files(tmp_path/'WhatsApp Chat - Ada.zip'))
    e = read_group(whatsapp, group)
    assert (texts(e), e.chats[0].name, e.chats[0].me, e.dropped) == (['hi'], 'Ada', {'Grace'}, dict(system=1, media=1))
    (tmp_path/'WhatsApp Chat with Alan.txt').write_text('31/12/20, 10:00 - Alan: hi\n')
    assert sorted(read_group(whatsapp, g).chats[0].name for g in whatsapp.find(all_files(tmp_path))) == ['Ada', 'Alan']

@pytest.mark.parametrize('name, text', [('a.txt', '[LINE] Chat history with Ada\nSaved on: 2024/01/15\n\n2024/01/15(Mon)\n10:00\tAda\thi\n'), ('b.txt', 'May 17, 2022  5:29:42 PM\nMe\nHello\n\n'), ('chat.md', '[2024-05-01 12:34:56] Me: hi\n'),
                                        ('c.txt', '[31.12.2020 23:59] ada\nhi\n'), ('d.log', '[2020-12-31 23:59:59] <ada> hi\n'), ('e.log', '2020-12-31 23:59:59 INFO: started\n2020-12-31 23:59:59,123 - root - INFO: x\n'),
                                        ('f.txt', '2020년 12월 31일 오후 11:59, Ada : hi\n'), ('g.txt', ''), ('h.txt', 'Ada, [31.12.20 23:59]\nhi\n'), ('i.json', '{"a": "31/12/20, 10:00 - Ada: hi"}'), ('j.txt', 'she wrote\n31/12/20, 10:00 - Ada: hi\nand so on\n')])
def test_others_are_left_alone(tmp_path, name, text):
    (tmp_path/name).write_text(text)
    assert whatsapp.find(find_files(tmp_path/name)) == []

def test_huge_lines_are_read_in_linear_time(tmp_path):
    for piece in ('x', ': ', '(a.b (', '<a: ', f'{L}<a>', '"', '31/12/20, '):
        e = read(tmp_path, '31/12/20, 10:00 - Ada: ' + piece*300_000 + 'y\n31/12/20, 10:00 - Ada: hi\n')
        assert texts(e)[-1] == 'hi'

SAMPLES = [f'31/12/2020, 23:58 - Messages are end-to-end encrypted.\n31/12/2020, 23:59 - Ada: hi 🐟\n01/01/2021, 00:00 - Grace: two\nlines\n01/01/2021, 00:01 - Mum: mobile: <Media omitted>\n01/01/2021, 00:02 - Ada: teh {L}<This message was edited>\n',
           f'[12/31/20, 11:58:01{F}PM] Trip: {L}Messages are end-to-end encrypted.\r\n[12/31/20, 11:59:01{F}PM] Ada: hi 🐟\r\n{L}[1/1/21, 12:00:01{F}AM] Grace: {L}image omitted\r\n[1/1/21, 12:00:02{F}AM] Grace: x {L}<attached: 1-a.jpg>\nb\r\n']

@pytest.mark.parametrize('sample', SAMPLES)
def test_damaged_files(sample):
    read, refused, unknown = survives(whatsapp, {'WhatsApp Chat with Ada.txt': sample.encode()*3}, 150)
    assert read + refused + unknown == 150 and read > 75

def test_the_caption_of_the_only_picture(tmp_path):
    e = read(tmp_path, f'[31.12.20, 23:58:00] Ada: hi\n{L}[31.12.20, 23:59:00] Grace: {L}image omitted\nour cat\n')
    assert (texts(e), dict(e.dropped)) == (['hi', 'our cat'], {})

@pytest.mark.parametrize('tail', ['contact in Rome', 'location?', 'sticker on the door', 'image omitted, why?'])
def test_a_pasted_mark_inside_a_message(tmp_path, tail):
    e = read(tmp_path, f'[31.12.20, 23:58:00] Ada: hi\n[31.12.20, 23:59:00] Grace: ask my {L}{tail}\n')
    assert texts(e) == ['hi', f'ask my {L}{tail}']

@pytest.mark.parametrize('left_out', ['image omitted', 'Bild weggelassen', 'Kontaktkarte ausgelassen', 'sticker omitted', 'image omise', 'imagen omitida', 'immagine omessa', 'afbeelding weggelaten', 'изображение пропущено', 'görüntü dahil edilmedi'])
def test_a_caption_before_a_file_left_out(tmp_path, left_out):
    assert texts(read(tmp_path, f'[31.12.20, 23:58:00] Ada: hi\n[31.12.20, 23:59:00] Grace: look {L}{left_out}\n')) == ['hi', 'look']
