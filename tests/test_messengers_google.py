"Google Voice and Google Chat: pages put together, and dates read or left alone."
import json, zipfile
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import pytest
from mutations import survives
from tinychat.messengers import google
from tinychat.messengers.core import all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'
HEAD = '<?xml version="1.0" ?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>%s</title>\n<style type="text/css">\n.hChatLog { width: 750px; }\n</style></head>\n'
PICTURE, VIDEO, CARD = '<div><img src="x" alt="Image MMS Attachment" /></div>', '<div><a class="video" href="x">Video attachment</a></div>', '<div><a class="vcard" href="x">Contact card attachment</a></div>'

def cite(number='', name='', me=False):
    fn = '<abbr class="fn" title="">Me</abbr>' if me else f'<span class="fn">{escape(name)}</span>'
    return f'<cite class="sender vcard"><a class="tel" href="tel:{number}">{fn}</a></cite>'

ME, ADA, GRACE = cite('+15550199', me=True), cite('+15550100', 'Ada'), cite('+15550111', 'Grace')

def note(who, text, time='2026-03-01T18:00:00.000-05:00', more=''):
    return f'<div class="message"><abbr class="dt" title="{time}">Mar 1, 2026, 6:00:00&#8239;PM\nEastern Time</abbr>:\n{who}:\n<q>{text}</q>\n{more}</div> '

def talk(*notes, title='', people=(), deleted='False'):
    group = f'<div class="participants">Group conversation with:\n{", ".join(people)}</div>\n' if people else '\n'
    return HEAD % title + f'<body><div class="hChatLog hfeed">{group}{"".join(notes)}</div>\n\n<div class="tags">Labels:\n<a rel="tag" href="http://www.google.com/voice#sms">Text</a>, <a rel="tag" href="http://www.google.com/voice#inbox">Inbox</a></div>\n<div class="deletedStatusContainer">User Deleted:\n{deleted}</div></body></html>'

def call(what='Missed call from'):
    return HEAD % what + f'<body><div class="haudio"><span class="album">Call Log for\n</span>\n<span class="fn">{what}\nAda</span>\n<div class="contributor vcard">{what}\n{ADA[28:-7]}</div>\n<span class="full-text">Hello</span>\n<abbr class="published" title="2026-03-01T18:00:00.000-05:00">x</abbr>\n<div class="tags">Labels:\n<a rel="tag" href="http://www.google.com/voice#missed">Missed</a></div></div></body></html>'

def load(tmp_path, *pages, names=()):
    folder = tmp_path/'Takeout'/'Voice'/'Calls'
    folder.mkdir(parents=True, exist_ok=True)
    for n, html in enumerate(pages): (folder/(names[n] if names else f'{n}.html')).write_text(html, encoding='utf-8', newline='')
    [group] = google.find(all_files(tmp_path))
    return read_group(google, group)

def test_one_conversation_on_many_pages(tmp_path):
    export = load(tmp_path, talk(note(ME, 'morning', '2026-03-02T09:00:00.000-05:00'), title='Me to\nAda'), talk(note(ADA, 'hi'), note(ME, 'yo'), title='Ada'))
    [chat] = export.chats
    assert (chat.name, chat.me, chat.group) == ('Ada', {'Me'}, False)
    assert [(m.sender, m.text) for m in chat.messages] == [('Ada', 'hi'), ('Me', 'yo'), ('Me', 'morning')]
    assert chat.messages[0].time == datetime(2026, 3, 1, 23, tzinfo=timezone.utc)

def test_spread_over_zips(tmp_path):
    for n, text in enumerate(('b', 'a')):
        with zipfile.ZipFile(tmp_path/f'takeout-{n}.zip', 'w') as z: z.writestr(f'Takeout/Voice/Calls/{n}.html', talk(note(ADA, text, f'2026-03-0{2-n}T18:00:00.000-05:00')))
    [group] = google.find(all_files(tmp_path))
    assert [[m.text for m in c.messages] for c in read_group(google, group).chats] == [['a', 'b']]

@pytest.mark.parametrize('raw, text', [('Hi,<br>Hello<br />Goodbye', 'Hi,\nHello\nGoodbye'), ('a<br><br>b', 'a\n\nb'), ('1 &lt; 2 &amp;&amp; 3 &gt; 2 it&#39;s &quot;so&quot;', '1 < 2 && 3 > 2 it\'s "so"'),
    ('&amp;lt;b&amp;gt;', '&lt;b&gt;'), ('👩‍🚀 \u202f\u200e  two  spaces ', '👩‍🚀 \u202f\u200e  two  spaces '), ('Me: MMS Received', 'Me: MMS Received'), ('MMS Received', 'MMS Received'),
    ('User Deleted:\nTrue', 'User Deleted:\nTrue'), ('a&nbsp;b', 'a\xa0b'), ('Group Conversation', 'Group Conversation'), ('I <3 u', 'I <3 u'), ('bye<br>', 'bye\n')])
def test_not_one_character_changes(tmp_path, raw, text):
    assert [m.text for c in load(tmp_path, talk(note(ADA, raw))).chats for m in c.messages] == [text]

def test_attachments(tmp_path):
    export = load(tmp_path, talk(note(ADA, '', more=PICTURE), note(ADA, 'MMS Received', more=VIDEO), note(ME, 'MMS Sent', more=PICTURE), note(ADA, 'MMS Received', more=CARD), note(ADA, '😁<br>', more=VIDEO), note(ADA, ''), note(ADA, 'last')))
    assert [m.text for m in export.chats[0].messages] == ['😁', 'last']
    assert export.dropped == {'media': 3, 'contact': 1, 'empty': 1}

def test_calls_and_voicemail(tmp_path):
    export = load(tmp_path, call(), call('Voicemail from'), call('Recorded call with'), talk(note(ADA, 'hi')))
    assert (export.read, export.kept, export.dropped) == (4, 1, {'call': 3})

def test_deleted_conversations(tmp_path):
    export = load(tmp_path, talk(note(ADA, 'gone'), deleted='True'), talk(note(ADA, 'here'), deleted=' False '))
    assert [m.text for m in export.chats[0].messages] == ['here'] and export.dropped == {'deleted': 1}

def test_groups(tmp_path):
    export = load(tmp_path, talk(note(ME, 'both?'), people=[ADA, GRACE]), talk(note(GRACE, 'sure', '2026-03-03T18:00:00.000-05:00'), people=[GRACE, ADA]), talk(note(ADA, 'psst')))
    assert [(c.name, c.group, [m.sender for m in c.messages]) for c in export.chats] == [('Ada, Grace', True, ['Me', 'Grace']), ('Ada', False, ['Ada'])]

def test_numbers_without_names(tmp_path):
    bare = cite('+15550123')
    export = load(tmp_path, talk(note(bare, 'hi')), talk(note(ME, 'who is it?'), title='Me to\n'), talk(note(ME, 'hm'), title=''), names=['a.html', '+15550123 - Text - 2026-03-01T23_00_00Z.html', 'x - y - Text - 2026-03-01T23_00_00Z(1).html'])
    assert {c.name: sorted((m.sender, m.text) for m in c.messages) for c in export.chats} == {'+15550123': [('+15550123', 'hi'), ('Me', 'who is it?')], 'x - y': [('Me', 'hm')]}

def test_an_empty_sender_is_the_other_one(tmp_path):
    export = load(tmp_path, talk(note(cite(), 'a'), note(ADA, 'b')), talk(note(cite(), 'c'), title='Grace'), talk(note(cite(), 'd')))
    assert [(c.name, [(m.sender, m.text) for m in c.messages]) for c in export.chats] == [('Ada', [('Ada', 'a'), ('Ada', 'b')]), ('Grace', [('Grace', 'c')]), ('', [('', 'd')])]

def test_two_people_of_one_name(tmp_path):
    twin, me = cite('+15550222', 'Ada'), cite('+15550333', 'Me')
    export = load(tmp_path, talk(note(ADA, 'a'), note(twin, 'b'), people=[ADA, twin]), talk(note(me, 'c')))
    assert [[m.sender for m in c.messages] for c in export.chats] == [['+15550100', '+15550222'], ['+15550333']]

def test_times(tmp_path):
    export = load(tmp_path, talk(note(ADA, 'c', '2026-03-03T00:00:00Z'), note(ADA, 'd', 'soon'), note(ADA, 'a', '2026-03-01T00:00:00.000+01:00'), note(ADA, 'b', '2026-03-02T00:00:00')))
    assert [(m.text, m.time and m.time.tzinfo) for m in export.chats[0].messages] == [('a', timezone.utc), ('b', None), ('c', timezone.utc), ('d', None)]

def test_pretty_printed(tmp_path):
    html = talk(note(ADA, 'hi'), note(ME, 'yo', more=PICTURE), people=[ADA, GRACE]).replace('<cite class="sender vcard">', '<cite class="sender vcard"\n   >').replace('<div', '\n    <div').replace('User Deleted:\nFalse', 'User Deleted: False')
    assert [m.text for m in load(tmp_path, html).chats[0].messages] == ['hi', 'yo']

def test_damaged_pages(tmp_path):
    html = talk(note(ADA, 'one'), note(ADA, 'two'))
    export = load(tmp_path, html[:html.index('wo</q>')])
    assert (export.read, export.kept, export.dropped) == (2, 1, {'malformed': 1})
    with pytest.raises(ValueError, match='messages are missing'): load(tmp_path, html.replace('</style>', ''))
    try: assert load(tmp_path, html + '<![x[').kept == 2 # newer parsers do not mind
    except ValueError as e: assert 'not HTML' in str(e)
    (tmp_path/'Takeout'/'Voice'/'Calls'/'0.html').write_bytes(html.encode() + b'\xff')
    with pytest.raises(ValueError, match='neither UTF-8'): read_group(google, google.find(all_files(tmp_path))[0])

@pytest.mark.skipif(not EXPORTS.is_dir(), reason='no shared exports here')
def test_real_pages():
    groups = google.find([f for f in all_files(EXPORTS) if not f.name.startswith('reported/')])
    assert [len(g) for g in groups] == [19]
    export = read_group(google, groups[0])
    assert (export.read, export.kept, export.dropped) == (23, 12, {'call': 8, 'media': 2, 'contact': 1})
    said = {m.text for c in export.chats for m in c.messages}
    assert {'Hi,\nHello\nGoodbye', '😁', 'test message', 'hello', 'goodbye', 'Good afternoon.', 'STOP', 'Hello'} <= said
    assert [c.name for c in export.chats if c.group] == ['Bob Smith, Joe Smith', '+11085550100, +11085550180, +11085550119, +11085550194, +11035550112']
    assert sum(m.sender == 'Me' for c in export.chats for m in c.messages) == 4

# Google Chat

def person(name='Ada', **more): return {'name': name, 'email': f'{name.lower()}@example.com', 'user_type': 'Human'} | more

def said(text, who='Ada', date='Monday, March 2, 2026 at 6:02:00\u202fPM UTC', **more):
    return {'creator': person(who), 'created_date': date, 'text': text, 'topic_id': 'a', 'message_id': 'x/a/a'} | more

def chat(tmp_path, *messages, me='Grace', members=('Ada', 'Grace'), folder='DM x', name=None):
    root = tmp_path/'Takeout'/'Google Chat'
    for p in (root/'Groups'/folder, root/'Users'/'User 1'): p.mkdir(parents=True, exist_ok=True)
    (root/'Groups'/folder/'messages.json').write_text(json.dumps({'messages': list(messages)}, indent=2), encoding='utf-8')
    (root/'Groups'/folder/'group_info.json').write_text(json.dumps(({'name': name} if name else {}) | {'members': [person(m) for m in members]}))
    if me: (root/'Users'/'User 1'/'user_info.json').write_text(json.dumps({'user': person(me), 'membership_info': []}))
    [group] = google.find(all_files(tmp_path))
    return read_group(google, group)

def test_chat(tmp_path):
    export = chat(tmp_path, said('b\nb', 'Grace', 'Monday, March 2, 2026 at 6:03:00 PM UTC'), said(' a 😀'))
    [log] = export.chats
    assert (export.format, log.name, log.me, log.group) == ('Google Chat', 'Ada', {'Grace'}, False)
    assert [(m.sender, m.text) for m in log.messages] == [('Ada', ' a 😀'), ('Grace', 'b\nb')]
    assert log.messages[0].time == datetime(2026, 3, 2, 18, 2, tzinfo=timezone.utc)

def test_rooms_and_unknown_owner(tmp_path):
    [log] = chat(tmp_path, said('a'), me=None, folder='Space x', name='Plans').chats
    assert (log.name, log.me, log.group) == ('Plans', set(), True)
    [log] = chat(tmp_path/'b', said('a'), members=('Ada', 'Grace', 'Alan')).chats
    assert (log.name, log.group) == ('Ada, Alan', True)

def test_what_is_not_a_message(tmp_path):
    gone = {'message_state': 'DELETED', 'deleted_date': 'Monday, March 2, 2026 at 6:02:00 PM UTC', 'topic_id': 'a', 'deletion_metadata': {'deletion_type': 'CREATOR'}, 'message_id': 'x'}
    export = chat(tmp_path, said('message_state: DELETED'), gone, said(None, attached_files=[{'export_name': 'File-a.png'}]), said('with', attached_files=[{'export_name': 'File-a.png'}]), said('', annotations=[{'start_index': 0, 'length': 0, 'drive_metadata': {'id': 'x'}}]),
                  said('', annotations=[{'video_call_metadata': {}}]), said(''), said('built', creator=person('Build', user_type='Bot')), said('deleted account', creator={'user_type': 'Human'}), said('no creator', creator=None),
                  None, 7, 'x', [], said(7), said(['a']), said('x', creator='Ada'), said('x', annotations={}), said('odd', created_date=17, creator={'name': None, 'email': 7}))
    assert [m.text for m in export.chats[0].messages] == ['message_state: DELETED', 'with', 'deleted account', 'no creator', 'odd']
    assert export.dropped == {'deleted': 1, 'media': 2, 'call': 1, 'empty': 1, 'bot': 1, 'malformed': 8}
    assert [m.sender for m in export.chats[0].messages][-3:] == ['', '', '']

def test_a_namesake_of_the_owner(tmp_path):
    [log] = chat(tmp_path, said('mine', 'Grace'), said('hers', creator=person('Grace', email='other@example.com')), members=('Grace',)).chats
    assert [m.sender for m in log.messages] == ['grace@example.com', 'other@example.com'] and log.me == {'grace@example.com'}

def test_months_do_not_contradict_each_other():
    lines = google.MONTH_TABLE.splitlines()
    assert len(lines) > 60 and all(len(line.split()) == 12 for line in lines if line)
    for line in filter(None, lines):
        for n, name in enumerate(google.plain_date(line).split(), 1): assert name == 'listopada' or google.MONTH_NAMES[name] == n, name

# One date for each language, as Unicode's collection (CLDR 47, through Babel) writes it in full: month, day and hour, then the sentence. All in 2016, at :04:36
WRITTEN_DATES = """
01-03 09 Sondag 03 Januarie 2016 09:04:36 UTC
02-04 21 ሐሙስ 4 ፌብሩዋሪ 2016 9:04:36 ከሰዓት UTC
03-05 00 السبت، 5 مارس 2016، 12:04:36 ص UTC
04-06 12 Çərşənbə, 6 aprel 2016 12:04:36 UTC
05-07 18 субота, 7 мая 2016 г., 18:04:36, UTC
06-08 09 сряда, 8 юни 2016 г., 9:04:36 ч. UTC
07-09 21 শনিবার, 9 জুলাই, 2016 9:04:36 PM UTC
08-10 00 srijeda, 10. august 2016., 00:04:36 UTC
09-11 12 diumenge, 11 de setembre del 2016, 12:04:36 (UTC)
10-12 18 středa 12. října 2016 18:04:36, UTC
12-14 21 onsdag den 14. december 2016 21.04.36 UTC
01-15 00 Freitag, 15. Januar 2016, 00:04:36 UTC
02-16 12 Τρίτη 16 Φεβρουαρίου 2016 - 12:04:36 μ.μ. UTC
03-17 18 Thursday, March 17, 2016, 6:04:36 PM UTC
04-18 09 Monday, 18 April 2016, 09:04:36 UTC
05-19 21 jueves, 19 de mayo de 2016, 21:04:36 (UTC)
06-20 00 lunes, 20 de junio de 2016, 12:04:36 a.m. UTC
07-21 12 neljapäev, 21. juuli 2016 12:04:36 UTC
08-22 18 2016(e)ko abuztuaren 22(a), astelehena (18:04:36 (UTC))
09-23 09 جمعه 23 سپتامبر 2016، ساعت 9:04:36 (UTC)
10-24 21 maanantai 24. lokakuuta 2016 21.04.36 UTC
11-25 00 Biyernes, Nobyembre 25, 2016, 12:04:36 AM UTC
12-26 12 lundi 26 décembre 2016, 12:04:36 UTC
01-27 18 mercredi 27 janvier 2016, 18 h 04 min 36 s UTC
03-04 21 venres, 4 de marzo de 2016, 21:04:36 UTC
04-05 00 મંગળવાર, 5 એપ્રિલ, 2016 12:04:36 AM UTC
05-06 12 יום שישי, 6 במאי 2016, 12:04:36 UTC
06-07 18 मंगलवार, 7 जून 2016, 6:04:36 pm UTC
07-08 09 petak, 8. srpnja 2016. 09:04:36 (UTC)
08-09 21 2016. augusztus 9., kedd 21:04:36 UTC
09-10 00 2016 թ. սեպտեմբերի 10, շաբաթ, 00:04:36 UTC
10-11 12 Selasa, 11 Oktober 2016 12.04.36 UTC
11-12 18 laugardagur, 12. nóvember 2016, 18:04:36 UTC
12-13 09 martedì 13 dicembre 2016 09:04:36 UTC
01-14 21 2016年1月14日木曜日 21時04分36秒 UTC
02-15 00 ორშაბათი, 15 თებერვალი, 2016, 00:04:36 UTC
03-16 12 2016 ж. 16 наурыз, сәрсенбі, 12:04:36 UTC
04-17 18 អាទិត្យ 17 មេសា 2016, 6:04:36 PM UTC
05-18 09 ಬುಧವಾರ, ಮೇ 18, 2016 09:04:36 AM UTC
06-19 21 2016년 6월 19일 일요일 오후 9시 4분 36초 UTC
07-20 00 2016-ж., 20-июль, шаршемби 00:04:36 UTC
08-21 12 ວັນອາທິດ, 21 ສິງຫາ 2016, 12 ໂມງ 4 ນາທີ 36 ວິນາທີ UTC
09-22 18 2016 m. rugsėjo 22 d., ketvirtadienis 18:04:36 UTC
10-23 09 svētdiena, 2016. gada 23. oktobris 09:04:36 UTC
11-24 21 четврток, 24 ноември 2016 г., 21:04:36 UTC
12-25 00 2016 ഡിസംബർ 25, ഞായറാഴ്‌ച, UTC 12:04:36 AM
02-27 18 शनिवार, 27 फेब्रुवारी, 2016, 6:04:36 PM UTC
03-03 09 Khamis, 3 Mac 2016 9:04:36 PG UTC
04-04 21 2016 ဧပြီ 4၊ တနင်္လာ UTC 21:04:36
05-05 00 torsdag 5. mai 2016, 00:04:36 UTC
06-06 12 2016 जुन 6, सोमबार 12:04:36 UTC
07-07 18 donderdag 7 juli 2016, 18:04:36 UTC
08-08 09 ਸੋਮਵਾਰ, 8 ਅਗਸਤ 2016 9:04:36 AM UTC
09-09 21 piątek, 9 września 2016 21:04:36 UTC
10-10 00 segunda-feira, 10 de outubro de 2016 00:04:36 UTC
11-11 12 sexta-feira, 11 de novembro de 2016, 12:04:36 UTC
12-12 18 luni, 12 decembrie 2016, 18:04:36 UTC
01-13 09 среда, 13 января 2016 г., 09:04:36 UTC
02-14 21 2016 නවම් 14, ඉරිදා 21:04:36 UTC
03-15 00 utorok 15. marca 2016, 0:04:36 UTC
04-16 12 sobota, 16. april 2016 12:04:36 UTC
05-17 18 e martë, 17 maj 2016, 6:04:36 m.d., UTC
06-18 09 субота, 18. јун 2016. 09:04:36 UTC
07-19 21 utorak, 19. jul 2016. 21:04:36 UTC
08-20 00 lördag 20 augusti 2016 00:04:36 UTC
09-21 12 Jumatano, 21 Septemba 2016 12:04:36 UTC
10-22 18 சனி, 22 அக்டோபர், 2016, 6:04:36 PM UTC
11-23 09 23, నవంబర్ 2016, బుధవారం 9:04:36 AM UTC
12-24 21 วันเสาร์ที่ 24 ธันวาคม ค.ศ. 2016 21 นาฬิกา 04 นาที 36 วินาที UTC
01-25 00 25 Ocak 2016 Pazartesi 00:04:36 UTC
02-26 12 пʼятниця, 26 лютого 2016 р., 12:04:36 UTC
03-27 18 اتوار، 27 مارچ، 2016 6:04:36 PM UTC
04-03 09 yakshanba, 3-aprel, 2016, 9:04:36 (UTC)
05-04 21 21:04:36 UTC Thứ Tư, 4 tháng 5, 2016
06-05 00 2016年6月5日星期日 UTC 00:04:36
07-06 12 2016年7月6日 星期三 中午12:04:36 [UTC]
08-07 18 2016年8月7日星期日 下午6:04:36 [UTC]
09-08 09 ULwesine, Septhemba 8, 2016 09:04:36 UTC
"""

@pytest.mark.parametrize('line', WRITTEN_DATES.strip().splitlines())
def test_dates_of_every_language(line):
    month, day, hour, sentence = int(line[:2]), int(line[3:5]), int(line[6:8]), line[9:]
    assert google.parse_sentence_date(sentence) == datetime(2016, month, day, hour, 4, 36, tzinfo=timezone.utc)

def test_one_name_for_two_months():
    for date, month in (('nedjelja, 16. listopada 2016. 21:54:36 UTC', 10), ('niedziela, 13 listopada 2016 21:54:36 UTC', 11)): assert google.parse_sentence_date(date).month == month
    assert google.parse_sentence_date('16 listopada 2016 21:54:36 UTC') is None

def test_dates_that_are_not_certain_are_in_the_account(tmp_path):
    export = chat(tmp_path, said('a', date='Dydd Iau, 15 Rhagfyr 2016, 21:04:36 UTC'), said('b', 'Grace'), said('c'))
    assert [(m.text, bool(m.time)) for m in export.chats[0].messages] == [('a', False), ('b', True), ('c', True)]
    assert len(export.notes) == 1 and '1 of 3 messages' in export.notes[0] and 'English' in export.notes[0]
    assert chat(tmp_path, said('a'), said('b', 'Grace')).notes == []

def test_senders_that_chat_does_not_name_are_in_the_account(tmp_path):
    export = chat(tmp_path, said('gone', creator={'user_type': 'Human'}), said('b', 'Grace'))
    assert [m.sender for m in export.chats[0].messages] == ['', 'Grace'] and export.chats[0].me == {'Grace'}
    assert len(export.notes) == 1 and 'one message does not say who sent it' in export.notes[0]

@pytest.mark.parametrize('date, iso', [('Thursday, November 3, 2016 at 11:59:50 AM UTC', '2016-11-03T11:59:50'), ('Thursday, November 3, 2016 at 12:00:00\u202fAM UTC', '2016-11-03T00:00:00'), ('Thursday, November 3, 2016 at 12:30:00 PM UTC', '2016-11-03T12:30:00'),
    ('Thursday, November 3, 2016 at 17:13:43 UTC', '2016-11-03T17:13:43'), ('2015. február 15., vasárnap 21:54:36 UTC', '2015-02-15T21:54:36'), ('Sonntag, 15. Februar 2015 um 21:54:36 UTC', '2015-02-15T21:54:36'),
    ('domingo, 15 de febrero de 2015, 9:54:36 p. m. UTC', '2015-02-15T21:54:36'), ('воскресенье, 15 февраля 2015 г. в 21:54:36 UTC', '2015-02-15T21:54:36'), ('2015年2月15日星期日 下午9:54:36 UTC', '2015-02-15T21:54:36'), ('15 Şubat 2015 Pazar 21:54:36 UTC', '2015-02-15T21:54:36'),
    ('domingo, 15 de fevereiro de 2015 às 21:54:36 UTC', '2015-02-15T21:54:36'), ('søndag den 15. februar 2015 kl. 21.54.36 UTC', '2015-02-15T21:54:36'), ('dimanche 29 février 2016 à 00:00:00 UTC', '2016-02-29T00:00:00'),
    ('2021年12月31日金曜日 23時59分59秒 UTC', '2021-12-31T23:59:59'), ('วันพฤหัสบดีที่ 3 พฤศจิกายน พ.ศ. 2559 เวลา 11:59:50 UTC', '2016-11-03T11:59:50'), ('2016년 11월 3일 목요일 오전 12시 5분 9초 UTC'.replace(' 9초', ' 09초'), '2016-11-03T00:05:09')])
def test_dates(date, iso): assert google.parse_sentence_date(date) == datetime.fromisoformat(iso + '+00:00')

@pytest.mark.parametrize('date', ['', 'UTC', 'now UTC', 'Thursday, November 31, 2016 at 11:59:50 AM UTC', 'Thursday, November 3, 2016 at 13:00:00 PM UTC', 'Thursday, November 3, 2016 at 0:00:00 PM UTC', 'Thursday, November 3, 2016 at 25:00:00 UTC',
    'Thursday, November 3, 2016 at 11:59:50 at tea UTC', 'Thursday, November 3, 2016 at 11:59:50 UTC 12:00:00', 'Thursday, November 3, 2016 at 11:59:50 UTC UTC', 'Thursday, November 3, 2016 at 11:59:50 AM EST', 'Thursday, November 3, 2016 at 11:59:50 AM', 'May June 3, 2016 at 11:59:50 AM UTC', '3.11.2016 11:59:50 UTC', 'Thursday, November 3 4, 2016 at 11:59:50 AM UTC',
    '2016年3月2日傍晚6:59:50 UTC', '2016年3月2日 6:59:50 傍晚 UTC', '2016年13月3日 11:59:50 UTC', None, 3, {}, [], float('nan'), True])
def test_dates_that_are_left_alone(date): assert google.parse_sentence_date(date) is None

def test_found_by_content(tmp_path):
    for name, text in {'messages.json': '{"messages": [{"sender_name": "Ada", "content": "\\"topic_id\\""}]}', 'result.json': '{"name": "x", "type": "personal_chat", "messages": []}', 'list.json': '[{"ID": 1, "Contents": "x"}]',
                       'jsonl.json': '{"messages": [{"role": "user", "content": "hi"}]}', 'group_info.json': '{"members": [{"user_type": "Human"}]}', 'page.html': '<html><div class="message">x</div></html>'}.items(): (tmp_path/name).write_text(text)
    assert google.find(all_files(tmp_path)) == []

@pytest.mark.parametrize('text', ['{"messages": [{"topic_id": 1}', '{"messages": [{"topic_id": 1}]]}'])
def test_damaged_json(tmp_path, text):
    (tmp_path/'messages.json').write_text(text)
    with pytest.raises(ValueError, match='JSON is damaged'): read_group(google, google.find(all_files(tmp_path))[0])

def test_wrong_types_beside_it(tmp_path):
    export = chat(tmp_path, said('a'))
    for name, data in {'Groups/DM x/group_info.json': '{"name": 7, "members": "user_type"}', 'Users/User 1/user_info.json': '{"user": [], "membership_info": 0}'}.items(): (tmp_path/'Takeout'/'Google Chat'/name).write_text(data)
    [log] = read_group(google, google.find(all_files(tmp_path))[0]).chats
    assert (log.name, log.me, len(log.messages)) == ('', set(), 1)

VOICE_FILES = {'Takeout/Voice/Calls/Ada - Text - 2026-03-01T23_00_00Z.html': talk(note(ADA, 'are you<br>coming? 😀'), note(ME, 'yes &amp; no', more=PICTURE), title='Ada').encode(),
               'Takeout/Voice/Calls/Group Conversation - 2026-03-01T23_00_00Z.html': talk(note(GRACE, 'hi'), note(ME, 'yo'), people=[ADA, GRACE]).encode(), 'Takeout/Voice/Calls/Ada - Missed - 2026-03-01T23_00_00Z.html': call().encode()}
CHAT_FILES = {'Takeout/Google Chat/Groups/DM x/messages.json': json.dumps({'messages': [said('hi 😀'), said('yo', 'Grace'), {'message_state': 'DELETED'}]}, indent=2).encode(),
              'Takeout/Google Chat/Groups/DM x/group_info.json': json.dumps({'members': [person(), person('Grace')]}, indent=2).encode(), 'Takeout/Google Chat/Users/User 1/user_info.json': json.dumps({'user': person('Grace'), 'membership_info': []}, indent=2).encode()}

@pytest.mark.parametrize('files', [VOICE_FILES, CHAT_FILES], ids=['voice', 'chat'])
def test_damaged_files_are_read_or_refused(files):
    read, refused, unknown = survives(google, files, 300)
    assert read + refused + unknown >= 300 and read > 50

# Hangouts

def spoken(minute, who, *segments, **more):
    parts = [{'type': 'LINE_BREAK', 'text': '\n'} if s == '\n' else {'type': 'LINK' if s.startswith('http') else 'TEXT', 'text': s} for s in segments]
    return {'conversation_id': {'id': 'c1'}, 'sender_id': who and {'gaia_id': who, 'chat_id': who}, 'timestamp': str(1450000000000000 + minute * 60_000_000 + 789), 'event_id': 'e', 'event_type': 'REGULAR_CHAT_MESSAGE',
            'chat_message': {'message_content': {'segment': parts}}} | more

def about(id='c1', names=(('11', 'Zoe'), ('22', 'Ann')), me='22', type='STICKY_ONE_TO_ONE', name=None):
    state = {'self_read_state': {'participant_id': {'gaia_id': me, 'chat_id': me}, 'latest_read_timestamp': '1'}, 'view': ['INBOX_VIEW']} if me else {}
    return {'id': {'id': id}, 'type': type, 'self_conversation_state': state, 'participant_data': [{'id': {'gaia_id': i, 'chat_id': i}} | ({'fallback_name': n} if n else {}) for i, n in names]} | ({'name': name} if name else {})

def hangouts(tmp_path, *conversations, wrapped=False, indent=None):
    if wrapped: data = {'continuation_end_timestamp': '0', 'conversation_state': [{'conversation_id': {'id': 'c'}, 'conversation_state': {'conversation_id': {'id': 'c'}, 'conversation': a, 'event': e}} for a, e in conversations]}
    else: data = {'conversations': [{'conversation': {'conversation_id': {'id': 'c'}, 'conversation': a}, 'events': e} for a, e in conversations]}
    (tmp_path/'Hangouts.json').write_text(json.dumps(data, indent=indent))
    [group] = google.find(all_files(tmp_path/'Hangouts.json'))
    return read_group(google, group)

@pytest.mark.parametrize('indent', [None, 2])
@pytest.mark.parametrize('wrapped', [False, True])
def test_hangouts(tmp_path, wrapped, indent):
    pictures = {'message_content': {'attachment': [{'embed_item': {'type': ['PLUS_PHOTO']}}]}}
    events = [spoken(3, '22', 'so: ', 'https://example.org', '\n', '😀 '), spoken(1, '11', 'hi'), spoken(4, '11', chat_message=pictures), spoken(5, '11', event_type='HANGOUT_EVENT', hangout_event={'event_type': 'START_HANGOUT'}),
              spoken(6, '11', event_type='RENAME_CONVERSATION', conversation_rename={'new_name': 'x'}), spoken(7, '11', ' '), spoken(8, '11', 'call me', event_type='VOICEMAIL'), spoken(9, '11', chat_message={'message_content': {'attachment': [{'embed_item': {'type': ['PLACE_V2', 'THING_V2']}}]}}), None, {}]
    export = hangouts(tmp_path, (about(), events), wrapped=wrapped, indent=indent)
    [log] = export.chats
    assert (export.format, log.name, log.me, log.group) == ('Google Hangouts', 'Zoe', {'Ann'}, False)
    assert [(m.sender, m.text) for m in log.messages] == [('Zoe', 'hi'), ('Ann', 'so: https://example.org\n😀 ')]
    assert log.messages[0].time == datetime(2015, 12, 13, 9, 47, 40, 789, tzinfo=timezone.utc)
    assert export.read == 10 and export.dropped == dict(media=1, call=2, system=1, empty=1, contact=1, malformed=2) and export.notes == []

def test_hangouts_groups_names_and_nobody(tmp_path):
    trio = about('c2', (('11', ''), ('22', 'Ann'), ('33', 'Ann')), me=None, type='GROUP', name='plans')
    export = hangouts(tmp_path, (about(), [spoken(1, '11', 'hi')]), (trio, [spoken(1, '11', 'a'), spoken(2, '22', 'b'), spoken(3, '33', 'c'), spoken(4, None, 'd'), spoken(5, '44', 'e')]), (about('c3'), []))
    assert [(c.name, c.id, c.me, c.group) for c in export.chats] == [('Zoe', 'c1', {'Ann'}, False), ('plans', 'c2', {'22'}, True)]
    assert [(m.sender, m.text) for m in export.chats[1].messages] == [('Zoe', 'a'), ('22', 'b'), ('33', 'c'), ('', 'd'), ('44', 'e')] # another Ann, and one whom nobody named
    assert len(export.notes) == 1

def test_no_wrong_type_in_hangouts_breaks_it(tmp_path):
    for wrong in (None, 5, True, 'x', [], [1], {}, {'a': [1]}):
        for key in about(): hangouts(tmp_path, (about() | {key: wrong}, [spoken(1, '11', 'hi')]))
        for key in spoken(1, '11', 'hi'): hangouts(tmp_path, (about(), [spoken(1, '11', 'hi') | {key: wrong}, spoken(2, '22', 'yo')]))

HANGOUTS_FILES = {'Takeout/Hangouts/Hangouts.json': json.dumps({'conversations': [{'conversation': {'conversation': about()}, 'events': [spoken(1, '11', 'hi 😀'), spoken(2, '22', 'yo'), spoken(3, '11', event_type='HANGOUT_EVENT', hangout_event={})]}]}, indent=1).encode()}

def test_damaged_hangouts_are_read_or_refused():
    read, refused, unknown = survives(google, HANGOUTS_FILES, 150)
    assert read + refused + unknown == 150 and read > 5
