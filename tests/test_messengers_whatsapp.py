"WhatsApp exports: every trap of the format, with invented people."
import json, random, re, zipfile
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
    assert read(tmp_path, chat, 'chat.txt').chats[0].name == ''

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

WEB = """Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen to them.
Some earlier messages may not be available.
[3/9/26, 8:00:05 AM] - You created group "Boats: all"
[3/9/26, 8:00:06 AM] - Ivy pinned: a message
[3/9/26, 8:01:05 AM] Ivy: are the boats in?
[3/9/26, 8:02:05 AM] You: yes: both
and the small one
[3/9/26, 8:03:05 AM] Ivy: <image omitted> the red one
[3/9/26, 8:03:06 AM] Ivy: <sticker omitted>
[3/9/26, 8:03:07 AM] Ivy: mast.jpg (file attached) the mast
[3/9/26, 8:03:08 AM] You: GIF attached
[3/9/26, 8:04:05 AM] You: [Forwarded] storm warning
[3/9/26, 8:04:06 AM] You: [Forwarded many times] <video omitted> waves
[3/9/26, 8:05:05 AM] Ivy: Poll: when?
    - noon
    - never
[3/9/26, 8:06:05 AM] You: Pier 4: Location: 53.5, -3.25 - https://maps.google.com/?q=53.5,-3.25
[3/9/26, 8:06:06 AM] You: <Live location omitted>
[3/9/26, 8:07:05 AM] Ivy: This message was deleted
[3/9/26, 8:07:06 AM] You: You deleted this message
[3/9/26, 8:07:07 AM] Ivy: Waiting for this message. This may take a while.
[3/9/26, 8:07:08 AM] Unknown: who am I
[3/9/26, 8:07:09 AM] <This message could not be exported>
[3/9/26, 8:08:05 AM] Ivy: [1] is the big one
"""
WEB_KEPT = [('Ivy', 'are the boats in?'), ('You', 'yes: both\nand the small one'), ('Ivy', 'the red one'), ('Ivy', 'the mast'), ('Ivy', '[1] is the big one')]
WEB_DROPPED = dict(system=4, sticker=1, media=1, forwarded=2, contact=3, deleted=2, malformed=2)
MD = """# WhatsApp Chat Export: Ivy
Export date: March 10, 2026 at 8:00 AM

---
_Some earlier messages may not be available._
---

---

## March 9, 2026

[8:00 AM] __You changed the group name to "Boats: all"__

[8:01 AM] **Ivy:** are the boats in?

[8:02 AM] **You:**
> _Ivy: are
the boats in?_
yes: both
and the small one

[8:03 AM] **Ivy:** [Image] the red one

[8:03 AM] **Ivy:** [Sticker](media/a.webp)

[8:03 AM] **Ivy:** [Document](media/mast.pdf) the mast

[8:04 AM] **You:** [Forwarded] [Image] storm

[8:05 AM] **Ivy:** **Poll: when?**
- noon
- never

[8:06 AM] **You:** Pier 4: Location: 53.5, -3.25 — https://maps.google.com/?q=53.5,-3.25

[8:06 AM] **You:** [Contact: Kim]

[8:07 AM] [This message could not be exported]

[8:07 AM] **Ivy:** _This message was deleted_

---

## March 10, 2026

[11:59 PM] **Ivy:** [1] is the big one
"""
OLD = '31/12/2012 23:59:01: Ivy: old\n01/01/2013 00:00:02: Kim: phones\n'
MOVED = """03/02/2019, 10:00 - Ivy: one
04/02/2019, 10:02 - Kim: he wrote this:
[15/01/2019, 09:00:00] Lou: long ago
[16/01/2019, 09:00:00] Lou: and again
14/02/2019, 10:03 - Ivy: three
[15/02/2023, 10:00:11] Ivy: my new phone
it is red
[16/02/2023, 10:01:11] Kim: nice
"""
SAMPLES = [WEB, MD, OLD*3, MOVED, f'31/12/2020, 23:58 - Messages are end-to-end encrypted.\n31/12/2020, 23:59 - Ada: hi 🐟\n01/01/2021, 00:00 - Grace: two\nlines\n01/01/2021, 00:01 - Mum: mobile: <Media omitted>\n01/01/2021, 00:02 - Ada: teh {L}<This message was edited>\n',
           f'[12/31/20, 11:58:01{F}PM] Trip: {L}Messages are end-to-end encrypted.\r\n[12/31/20, 11:59:01{F}PM] Ada: hi 🐟\r\n{L}[1/1/21, 12:00:01{F}AM] Grace: {L}image omitted\r\n[1/1/21, 12:00:02{F}AM] Grace: x {L}<attached: 1-a.jpg>\nb\r\n']

@pytest.mark.parametrize('sample', SAMPLES)
def test_damaged_files(sample):
    name = 'chat.md' if sample is MD else 'WhatsApp Chat with Ada.txt'
    read, refused, unknown = survives(whatsapp, {name: sample.encode()*3}, 100)
    assert read + refused + unknown == 100 and read > 50

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

def said(export): return [(m.sender, m.text) for m in export.chats[0].messages]
def android(*texts, day='13/10/25'): return ''.join(f'{day}, 10:{i:02} - {t}\n' for i, t in enumerate(texts))

def read_zip(tmp_path, name='Ivy.zip', **files):
    with zipfile.ZipFile(tmp_path/name, 'w') as z:
        for stem, text in files.items(): z.writestr(stem.replace('_', '.'), text)
    groups = whatsapp.find(all_files(tmp_path/name))
    assert len(groups) == 1
    return read_group(whatsapp, groups[0])

@pytest.mark.parametrize('files', [dict(chat_txt=WEB), dict(chat_txt=WEB, chat_md=MD)])
def test_the_text_of_whatsapp_web(tmp_path, files):
    e = read_zip(tmp_path, **files)
    assert said(e) == WEB_KEPT
    assert dict(e.dropped) == WEB_DROPPED
    assert times(e)[0] == datetime(2026, 3, 9, 8, 1, 5) # month first, whatever the rest of the file allows
    c, = e.chats
    assert (c.name, c.me, c.guess, c.group) == ('Ivy', {'You'}, False, False)
    assert '2 of its messages do not say who sent them' in ' '.join(e.notes)

def test_the_markdown_of_whatsapp_web(tmp_path):
    e = read(tmp_path, MD, 'chat.md')
    assert said(e) == WEB_KEPT
    assert dict(e.dropped) == dict(system=1, sticker=1, forwarded=1, contact=3, deleted=1, malformed=1)
    assert (times(e)[0], times(e)[-1]) == (datetime(2026, 3, 9, 8, 1), datetime(2026, 3, 10, 23, 59))
    c, = e.chats
    assert (c.name, c.me, c.guess, c.group) == ('Ivy', {'You'}, False, False)

def test_whatsapp_web_in_german(tmp_path):
    e = read_zip(tmp_path, chat_txt='Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt. Niemand kann sie lesen.\n[3/9/26, 8:01:05 AM] Ivy: moin\n[3/9/26, 8:02:05 AM] Du: na\n[3/9/26, 8:03:05 AM] Du: <Bild weggelassen> schau\n'
                                    '[3/9/26, 8:04:05 AM] Ivy: [Weitergeleitet] kauf das\n[3/9/26, 8:05:05 AM] Ivy: Umfrage: wann?\n    - jetzt\n    - nie\n[3/9/26, 8:06:05 AM] Ivy: Diese Nachricht wurde gelöscht\n')
    assert said(e) == [('Ivy', 'moin'), ('Du', 'na'), ('Du', 'schau')]
    assert (e.chats[0].me, dict(e.dropped)) == ({'Du'}, dict(system=1, forwarded=1, contact=1, deleted=1))

@pytest.mark.parametrize('day', ['9 de marzo de 2026', '9. März 2026', '9 mars 2026', '9 марта 2026 г.', '2026年3月9日', '9 במרץ 2026'])
def test_the_days_of_the_markdown_in_other_languages(tmp_path, day):
    e = read(tmp_path, MD.replace('March 9, 2026', day), 'chat.md')
    assert times(e)[0] == datetime(2026, 3, 9, 8, 1)

def test_days_that_nobody_understands_are_named(tmp_path):
    with pytest.raises(ValueError, match='language not known here'): read(tmp_path, MD.replace('## March', '## Tlalpan'), 'chat.md')

def test_a_short_chat_of_whatsapp_web_in_a_renamed_zip(tmp_path):
    e = read_zip(tmp_path, 'export.zip', chat_txt='Messages and calls are end-to-end encrypted. No one outside of this chat can read them.\n[3/9/26, 8:01:05 AM] Ivy: <image omitted> the red one\n')
    assert (said(e), e.dropped, e.chats[0].group) == ([('Ivy', 'the red one')], dict(system=1), False)
    assert times(e)[0].month == 3

def test_an_american_iphone_is_not_whatsapp_web(tmp_path):
    e = read(tmp_path, f'[3/9/26, 8:00:05 AM] Ivy: {L}Messages and calls are end-to-end encrypted.\n[3/9/26, 8:01:05 AM] Ivy: [Forwarded] is what it says\n[3/9/26, 8:02:05 AM] Kim: Contact: me\n')
    assert texts(e) == ['[Forwarded] is what it says', 'Contact: me'] and not e.chats[0].me

def test_placeholders_come_in_many_kinds(tmp_path):
    e = read(tmp_path, android('Ivy: hello', 'Kim: <Video note omitted>', 'Ivy: <Media omitted>', 'Kim: <Video note omitted>', 'Kim: <big grin>', 'Kim: <big grin>', 'Kim: <media omitted>'))
    assert (texts(e), e.dropped) == (['hello', '<big grin>', '<big grin>'], dict(media=4))
    e = read(tmp_path, android('Ivy: <Media omitted>', *['Kim: <sad face>']*5))
    assert (texts(e), e.dropped) == (['<sad face>']*5, dict(media=1))
    e = read(tmp_path, android('Ivy: <Videonachricht weggelassen>', 'Ivy: <lacht laut>'))
    assert (texts(e), e.dropped) == (['<lacht laut>'], dict(media=1))
    e = read(tmp_path, android(*['Ivy: <Picha imeachwa>', 'Kim: <Picha imeachwa>']*2, *['Kim: <Ujumbe imeachwa>']*2, 'Kim: ok', 'Ivy: <Wimbo mzuri>', 'Kim: <Wimbo mzuri>', 'Ivy: <sad face>', 'Ivy: <sad face>'))
    assert (texts(e), e.dropped) == (['ok', '<sad face>', '<sad face>'], dict(media=8))

def test_deleted_by_an_admin(tmp_path):
    gone = ['This message was deleted by admin Zoe', 'Diese Nachricht wurde von Admin Zoe gelöscht', 'El admin. Zoe eliminó este mensaje.', 'Questo messaggio è stato eliminato dall’amministratore Zoe',
            'Ce message a été supprimé par l’admin \u2068+49 170 1234567\u2069', 'This message was deleted by admin ~ Lou', 'This message was deleted by an admin']
    kept = ['Why was my message deleted by the admin?', 'the admin deleted my message', 'Zoe deleted it', 'I am the admin here, Zoe']
    e = read(tmp_path, android('Zoe: hello', *[f'Ivy: {t}' for t in gone + kept]))
    assert (texts(e), e.dropped) == (['hello', *kept], dict(deleted=len(gone)))

@pytest.mark.parametrize('deleted', ['ההודעה נמחקה', 'تم حذف هذه الرسالة', 'Ta wiadomość została usunięta', '此訊息已刪除', 'Pesan ini telah dihapus', 'Denne besked blev slettet.', 'Це повідомлення було видалено'])
def test_deleted_once_in_many_languages(tmp_path, deleted):
    e = read(tmp_path, android('Ivy: hi', f'Kim: {deleted}', f'Kim: {deleted} lol'))
    assert (texts(e), e.dropped) == (['hi', f'{deleted} lol'], dict(deleted=1))

def test_the_same_words_under_several_names(tmp_path):
    own = 'Message ikuroretswe na deleted', 'Turatunze ubu butumwa. Bishobora gufata igihe kirekire.'
    e = read(tmp_path, android(*[f'{n}: {t}' for t in own for n in ('Ivy', 'Kim')], 'Ivy: Happy birthday Zoe', 'Kim: Happy birthday Zoe', 'Lou: Message three is deleted'))
    assert (texts(e), e.dropped) == (['Happy birthday Zoe', 'Happy birthday Zoe', 'Message three is deleted'], dict(deleted=2, system=2))

def test_notices_and_remarks_of_new_androids(tmp_path):
    e = read(tmp_path, android('Zoe created community "Hill: all of us"', 'Zoe pinned a message', 'Zoe turned on disappearing messages. New messages will disappear from this chat 24 hours after they are sent.', '+49 170 1234567 changed to Max Frey',
                               'Ivy: null', 'Ivy: Waiting for this message. This may take a while.', 'Ivy: lunch at two <ההודעה נערכה>', 'Kim: ok <Wiadomość została edytowana>', 'Kim: see <my edit>', 'Kim: null and void'))
    assert texts(e) == ['lunch at two', 'ok', 'see', 'null and void']
    assert e.dropped == dict(system=5, empty=1)

def test_an_iphone_whose_marks_were_lost(tmp_path):
    h = lambda s: f'[31/12/2022 19:{s:02}:40] '
    e = read(tmp_path, f'{h(0)}Ivy: Messages and calls are end-to-end encrypted. Only people in this chat can read them.\n{h(1)}Ivy: <attached: 00000001-AUDIO-2022-12-31-11-40-26.opus>\n{h(2)}+12 345 67 89 00 changed the subject to “Trip: all”\n'
                       f'{h(3)}+12 345 67 89 00: Hello\n{h(4)}Ivy: This message was deleted.\n{h(5)}Ivy: image omitted\n{h(6)}Ivy: he promises\n{h(7)}Ivy: null\n')
    assert (texts(e), e.dropped) == (['Hello', 'he promises', 'null'], dict(system=2, media=2, deleted=1))
    e = read(tmp_path, f'{h(0)}Ivy: hi\n{L}{h(1)}Kim: {L}image omitted\n{h(2)}Ivy: This message was deleted.\n') # here, marks are
    assert (texts(e), e.dropped) == (['hi', 'This message was deleted.'], dict(media=1))

def test_right_to_left_iphones_mark_their_words(tmp_path):
    R = '\u200f'
    e = read(tmp_path, f'[{R}1{R}/9{R}/2026، 8:00:00 ص] قارب: {R}الرسائل والمكالمات مشفرة تمامًا بين الطرفين.\n{R}[{R}21{R}/9{R}/2026، 9:47:45 م] \u202a+966 55 000 0003\u202c: أين القارب؟\n[{R}21{R}/9{R}/2026، 9:48:01 م] \u202a+966 55 000 0003\u202c: {R}لم يتم إدراج الفيديوهات\n'
                       f'[{R}21{R}/9{R}/2026، 10:30:00 م] \u202a+966 55 000 0004\u202c: {R}انضم \u202a+966 55 000 0004\u202c باستخدام رابط المجموعة\n[{R}22{R}/9{R}/2026، 12:05:00 ص] ~ سارة: خريطة.pdf • {R}3 صفحات {R}لم يتم إدراج المستند\n'
                       f'[{R}22{R}/9{R}/2026، 12:06:00 ص] ~ سارة: {R}نعم\n[{R}22{R}/9{R}/2026، 12:30:00 م] ~ سارة: كتبت {R}هنا\n')
    assert said(e) == [('+966 55 000 0003', 'أين القارب؟'), ('~ سارة', f'{R}نعم'), ('~ سارة', f'كتبت {R}هنا')]
    assert (e.dropped, e.chats[0].name, e.chats[0].group) == (dict(system=2, media=2), 'قارب', True)

def test_a_keyboard_that_begins_each_message_with_a_mark(tmp_path):
    sent = [f'\u200fשלום לך {n}' for n in range(30)]
    e = read(tmp_path, ''.join(f'[3.10.2026, 10:{n:02}:00] {"דן" if n % 2 else "נעמה"}: {t}\n' for n, t in enumerate(sent)))
    assert texts(e) == sent

@pytest.mark.parametrize('dates, hours, order', [(('2022/03/05', '2022/04/05', '2022/06/07'), '21:10', 'ymd'), (('2022-03-05', '2022-04-05'), '21:10', 'ymd'), (('2022/13/05', '2022/14/06'), '21:10', 'ydm'),
                                                 (('1/2/25', '2/2/25', '4/3/25'), '9:00 PM', 'mdy'), (('5/6/25', '6/6/25'), '9:00 AM', 'mdy'), (('1/2/25', '2/2/25', '4/3/25'), '21:00', 'dmy'), (('01/02/25', '02/02/25', '04/03/25'), '9:00 PM', 'dmy'),
                                                 (('1/2/25', '2/2/25', '4/3/25'), '9:00 pm', 'dmy'), (('1/02/25', '2/02/25', '4/03/25'), '9:00 PM', 'dmy'), (('2/1/25', '3/1/25', '4/1/25', '5/1/25', '6/1/25'), '9:00 PM', 'dmy'), (('1/2/25', '13/2/25'), '9:00 PM', 'dmy')])
def test_what_decides_sparse_dates(tmp_path, dates, hours, order):
    e = read(tmp_path, ''.join(f'{d}, {hours} - Ivy: hi\n' for d in dates))
    day = dict(zip(order, map(int, dates[0].replace('-', '/').split('/'))))
    assert times(e)[0].date() == datetime(day['y'] % 2000 + 2000, day['m'], day['d']).date()

def test_dates_in_doubt_are_in_the_account_and_can_be_settled(tmp_path):
    sparse = '1/2/25, 9:00 PM - Ivy: hi\n2/2/25, 9:00 PM - Kim: yo\n'
    e = read(tmp_path, sparse, 'WhatsApp Chat with Ivy.txt')
    assert times(e)[0].month == 1
    note, = e.notes
    assert 'were read with the month first' in note and 'write (dmy) at the end of its name' in note
    e = read(tmp_path, sparse, 'WhatsApp Chat with Ivy (dmy).txt')
    assert (times(e)[0].month, e.notes, e.chats[0].name, e.chats[0].me) == (2, [], 'Ivy', {'Kim'})
    for certain in ('13/2/25, 9:00 PM - Ivy: hi\n', '3/3/25, 9:00 PM - Ivy: hi\n', '1.2.25, 21:00 - Ivy: hi\n', '2025-02-01, 21:00 - Ivy: hi\n'):
        assert read(tmp_path, certain).notes == []

def test_two_phones_in_one_file(tmp_path):
    e = read(tmp_path, MOVED)
    assert said(e) == [('Ivy', 'one'), ('Kim', 'he wrote this:\n[15/01/2019, 09:00:00] Lou: long ago\n[16/01/2019, 09:00:00] Lou: and again'), ('Ivy', 'three'), ('Ivy', 'my new phone\nit is red'), ('Kim', 'nice')]
    assert times(e)[-1] == datetime(2023, 2, 16, 10, 1, 11)
    e = read(tmp_path, MOVED + '2/17/24, 9:00 PM - Ivy: a third\n2/18/24, 9:01 PM - Kim: phone\n[01/03/2024, 10:00:11] Ivy: and back\n')
    assert texts(e)[-3:] == ['a third', 'phone', 'and back']
    assert times(e)[-3:] == [datetime(2024, 2, 17, 21), datetime(2024, 2, 18, 21, 1), datetime(2024, 3, 1, 10, 0, 11)]

@pytest.mark.parametrize('ends', [('\n', '\r\n'), ('\r\n', '\n')])
def test_two_phones_end_their_messages_differently(tmp_path, ends):
    old, new = '03/02/2019, 10:00 - Ivy: one#04/02/2019, 10:02 - Kim: two#', f'[15/02/2023, 10:00:11] Ivy: three\nand more#[16/02/2023, 10:01:11] Kim: {L}image omitted#[16/02/2023, 10:01:11] Kim: {L}image omitted#[16/02/2023, 10:01:12] Kim: four#'
    e = read(tmp_path, (old.replace('#', ends[0]) + new.replace('#', ends[1])).encode())
    assert (texts(e), e.dropped) == (['one', 'two', 'three\nand more', 'four'], dict(media=2))

def test_a_plan_is_no_message(tmp_path):
    plan = 'our plan\n[24/12/2019, 20:00:00] Ivy: cooks\n[25/12/2019, 20:00:00] Kim: cooks'
    e = read(tmp_path, f'12/02/2019, 10:00 - Ivy: {plan}\n13/02/2019, 10:05 - Kim: ok\n14/02/2019, 10:05 - Kim: fine\n')
    assert texts(e) == [plan, 'ok', 'fine']

def test_a_long_quotation_is_named(tmp_path):
    e = read(tmp_path, '12/02/2019, 10:00 - Ivy: look\n' + ''.join(f'[{d}/01/2019, 10:00:11] Ivy: {d}\n' for d in range(11, 15)) + '12/02/2019, 10:01 - Kim: two\n' + ''.join(f'1{d}/02/2019, 10:01 - Kim: {d}\n' for d in range(3, 8)))
    assert len(texts(e)) == 7 and texts(e)[0].count('\n') == 4
    assert [n for n in e.notes if 'from line 2 on, 4 lines begin like messages' in n]

@pytest.mark.parametrize('header', ['31/12/2012 23:59:01: ', '31/12/12, 23:59:01: ', '12/31/12, 11:59:01 PM: ', '31.12.12 23:59:01: ', '2012/12/31 23:59:01: ', '2012/12/31 下午11:59:01: ', '31/12/2012, 23:59:01, ', '12/31/12 11:59:01 PM, ', '12/31/12, 11:59:01 p.m.: ', '31-12-12 23:59:01 ', '31/12/2012 23:59:01 ',
                                    '12/31/12 11:59:01 PM '])
def test_old_iphones(tmp_path, header):
    e = read(tmp_path, f'{header}Ivy joined\n{header}Ivy: hi: there\nmore\n{header}Kim: yo\n{header}Kim: <image omitted>\n')
    assert said(e) == [('Ivy', 'hi: there\nmore'), ('Kim', 'yo')]
    assert (times(e), e.dropped) == ([datetime(2012, 12, 31, 23, 59, 1)]*2, dict(system=1, media=1))

@pytest.mark.parametrize('name, text', [('k.txt', '2022. 3. 5. 21:10, Ivy : hi\n2022. 3. 5. 21:11, Kim : yo\n'), ('l.log', '31/12/20 23:59:59 INFO: started\n31/12/20 23:59:59 ERROR: stopped\n'), ('n.log', '2020-12-31 23:59:59, Info   loaded: yes\n2020-12-31 23:59:59, Info   done: no\n'), ('m.md', '# Notes: today\nMood: fine\n\n## March 9, 2026\n\nI said **hi:** to Ivy\n')])
def test_what_only_resembles_old_iphones_or_the_web_is_left_alone(tmp_path, name, text):
    (tmp_path/name).write_text(text)
    assert whatsapp.find(find_files(tmp_path/name)) == []

def test_a_colon_that_ends_a_line_ends_a_name(tmp_path):
    e = read(tmp_path, '02-12-18 22:55:45 Ivy:\nTest\n13-12-18 22:56:45 Kim:\n\n\nOk: good\n  yes\n13-12-18 22:56:46 Kim:\n')
    assert (said(e), e.dropped) == ([('Ivy', 'Test'), ('Kim', 'Ok: good\n  yes')], dict(empty=1))

def test_a_message_without_a_sender_is_nobodys(tmp_path):
    e = read(tmp_path, '31/12/20, 10:00 - Ivy: hi\n31/12/20, 10:00 - : ho\n', 'WhatsApp Chat with Ivy.txt')
    assert (said(e), e.dropped, e.chats[0].me) == ([('Ivy', 'hi')], dict(malformed=1), set())
    assert e.notes == ['WhatsApp Chat with Ivy.txt: 1 of its messages do not say who sent them. They were left out.']

@pytest.mark.parametrize('text, reason', [('Voice call, 3 min', 'call'), ('Video call, No answer', 'call'), ('Videoanruf, 1 Std. 5 Min.', 'call'), ('Llamada perdida', 'call'), ('Llamada de voz, 12 s', 'call'), ('Voice call, 1 hr, 5 min', 'call'), ('Appel vocal, 1 h 5 min', 'call'),
    ('Waiting for this message', 'system'), ('Esperando el mensaje. Esto puede tomar tiempo.', 'system'), ('Auf diese Nachricht wird gewartet. Dies kann etwas dauern.', 'system'), ('Ubicaci\u00f3n en tiempo real compartida', 'contact')])
def test_what_an_android_phone_says_of_calls_and_places(tmp_path, text, reason):
    e = read(tmp_path, android('Ivy: hi', f'Ivy: {text}', 'Kim: yo'))
    assert texts(e) == ['hi', 'yo'] and e.dropped == {reason: 1}

@pytest.mark.parametrize('text', ['Video call, 5 min?', 'video call tomorrow', 'Voice call, ok', 'waiting for this message', 'Waiting for message from Ana all day', 'Esperando el mensaje de Ana', 'Video call, 5 friends and a very long night', 'Video call, 8 pm', 'Videoanruf, 20 Uhr', 'Appel vidéo, 18 h', 'Voice call, 2 people', 'Waiting for message. Call me when you are there', 'Esperando el mensaje. Avísame cuando llegues'])
def test_what_people_say_of_calls_is_theirs(tmp_path, text):
    assert texts(read(tmp_path, android('Ivy: hi', f'Ivy: {text}'))) == ['hi', text]

def test_a_placeholder_of_one_person_where_there_are_others(tmp_path):
    "In any language, if it recurs."
    e = read(tmp_path, android('Ivy: <\u0411\u0435\u0437 \u043c\u0435\u0434\u0438\u0430\u0444\u0430\u0439\u043b\u043e\u0432>', *['Kim: <\u0412\u0438\u0434\u0435\u043e \u043d\u0435 \u0434\u043e\u0431\u0430\u0432\u043b\u0435\u043d\u043e>']*2, 'Ivy: <Sad noises>', 'Ivy: hi'))
    assert texts(e) == ['<Sad noises>', 'hi']
    e = read(tmp_path, android('Ivy: <Media omitted>', *['Kim: <Video note excluded>']*2, *['Ivy: <sad noises>']*2))
    assert texts(e) == ['<sad noises>']*2 # with a small letter: typed

@pytest.mark.parametrize('first, second', [('1/13/19', '16/1/19'), ('13/1/19', '1/16/19')])
def test_two_orders_of_dates_in_one_file_are_pointed_at(tmp_path, first, second):
    "Nobody can tell which is right; silence would be wrong."
    e = read(tmp_path, android(*['Ivy: a', 'Kim: b', 'Ivy: c'], day=first) + android(*['Ivy: d', 'Kim: e', 'Ivy: f'], day=second))
    assert any('dates do not exist as they were read' in n and 'its own file' in n for n in e.notes)
    assert not any('do not exist' in n for n in read(tmp_path, android('Ivy: a', 'Kim: b')).notes)

@pytest.mark.parametrize('dates, order', [(('03.04.25', '04.06.25'), 'dmy'), (('06.05.18', '06.06.18'), 'dmy'), (('03/04/25', '04/06/25'), 'dmy'), (('3/4/25', '4/6/25'), 'dmy'), (('1/13/25', '2/4/25'), 'mdy')])
def test_dots_zeros_and_a_clock_of_24_hours_speak_for_the_day(tmp_path, dates, order):
    e = read(tmp_path, ''.join(f'{d}, 21:00 - Ada: hi\n' for d in dates))
    assert [t.month for t in times(e)] == [int(re.split('[./]', d)[order.index('m')]) for d in dates]
    us = read(tmp_path, ''.join(f'{d}, 9:00 PM - Ada: hi\n' for d in ('3/4/25', '4/6/25')))
    assert [t.month for t in times(us)] == [3, 4] # capitals, and no zeros
