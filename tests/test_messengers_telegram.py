"Telegram Desktop's result.json."
import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from mutations import survives
from tinychat.messengers import telegram
from tinychat.messengers.core import File, all_files, read_group

EXPORTS = Path(__file__).resolve().parents[2]/'shared'/'exports'/'telegram'

def message(text='hi', name='Ada', n='user11', when='1700000000', **more):
    return {'id': 1, 'type': 'message', 'date': '2023-11-14T23:13:20', 'date_unixtime': when, 'from': name, 'from_id': n, 'text': text, 'text_entities': [], **more}

def chat(*messages, name='Grace', type='personal_chat', id=22): return {'name': name, 'type': type, 'id': id, 'messages': list(messages)}

def account(*chats, **more): return {'about': 'x', **more, 'chats': {'about': 'y', 'list': list(chats)}}

def read(tmp_path, data, encoding='utf-8', **dump):
    path = tmp_path/'result.json'
    path.write_bytes((data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, indent=1)).encode(encoding))
    group, = telegram.find(all_files(path))
    return read_group(telegram, group)

def texts(export): return [m.text for c in export.chats for m in c.messages]

def test_one_chat_and_account(tmp_path):
    one = chat(message(), message('yo', 'Grace', 'user22'))
    for data in (one, account(one)):
        export = read(tmp_path, data)
        (c,) = export.chats
        assert (c.name, c.me, c.group, export.read, export.kept) == ('Grace', {'Ada'}, False, 2, 2)
        assert c.messages[0].time == datetime.fromtimestamp(1700000000, timezone.utc)

def test_left_chats(tmp_path):
    export = read(tmp_path, {**account(chat(message('a'))), 'left_chats': {'about': '', 'list': [chat(message('b'), type='private_supergroup', name='Left', id=5)]}})
    assert texts(export) == ['a', 'b'] and [c.group for c in export.chats] == [False, True]

def test_text_is_string_or_list(tmp_path):
    odd = ' \u200ea\n\u00a0 👩‍👩‍👧 \u2028'
    parts = ['see ', {'type': 'link', 'text': 'example.org'}, '\n', {'type': 'custom_emoji', 'text': '🐟', 'document_id': 'x'}, odd]
    assert texts(read(tmp_path, chat(message(odd), message(parts)))) == [odd, 'see example.org\n🐟' + odd]

def test_old_exports(tmp_path):
    old = lambda text, name, n: {'id': 1, 'type': 'message', 'date': '2018-12-05T10:39:10', 'edited': '1970-01-01T03:00:00', 'from': name, 'from_id': n, 'text': text}
    export = read(tmp_path, account(chat(old('a', 'Ada', 11), old('b', 'Grace', 22)), personal_information={'user_id': 11}))
    (c,) = export.chats
    assert [m.time for m in c.messages] == [datetime(2018, 12, 5, 10, 39, 10)]*2 and c.me == {'Ada'}

def test_what_is_not_a_message(tmp_path):
    bare = lambda **more: message('', **more)
    records = [{'type': 'service', 'action': 'phone_call', 'actor': 'Ada', 'text': ''}, {'type': 'service', 'action': 'pin_message', 'text': ''}, {'type': 'service', 'action': ['x']},
               bare(media_type='sticker', sticker_emoji='🐟', file='f'), bare(photo='p'), bare(media_type='voice_message', file='f'), bare(media_type='video_message'),
               bare(location_information={}), bare(poll={}), bare(contact_information={}), bare(), message(forwarded_from=None), message(forwarded_from='X', saved_from='X'),
               message(via_bot='@gif'), {'type': 'unsupported'}, None, 5, [], message(None, text_entities=3), message(7), message([3]), message(name=['x'])]
    export = read(tmp_path, chat(*records, message('a caption', photo='p'), message('Ada joined the group')))
    assert texts(export) == ['a caption', 'Ada joined the group'] and export.read == len(records) + 2
    assert export.dropped == Counter(call=1, system=2, sticker=1, media=3, contact=3, empty=1, forwarded=2, bot=1, malformed=8)

def test_bots(tmp_path):
    export = read(tmp_path, account(chat(message('/start'), message('Hello!', 'Bot', 'user9'), type='bot_chat', name='Bot', id=9), chat(message('Login code: 1', 'Telegram', 'user777000'), name='Telegram', id=777000)))
    assert export.kept == 0 and export.dropped == Counter(bot=3)

def test_deleted_accounts(tmp_path):
    gone = {k: v for k, v in message('c', None).items() if k != 'from_id'}
    export = read(tmp_path, chat(message('a', None, 'user9'), message('b'), gone, name=None, id=9))
    (c,) = export.chats
    assert (c.name, [m.sender for m in c.messages], c.me, export.dropped) == ('', ['user9', 'Ada'], {'Ada'}, dict(nameless=1)) # the chat is with user9

def test_a_message_of_nobody_makes_nobody_me(tmp_path):
    old = lambda text, name: dict(type='message', date='2018-12-05T10:39:10', text=text, **{'from': name})
    export = read(tmp_path, chat(old('a', 'Grace'), old('b', None), old('c', 'Grace')))
    assert export.chats[0].me == set() and export.dropped == dict(nameless=1)

@pytest.mark.parametrize('date', ['2023-11-14T22:13:20Z', '2023-11-14T22:13:20+00:00', '2023-11-15T00:13:20+02:00', '2023-11-15 00:13:20+0200', '14.11.2023 23:13:20 UTC+01:00', '14.11.2023 22:13:20 UTC', '2023-11-14 22:13:20 Z', 1700000000, '1700000000'])
def test_every_form_of_a_moment(tmp_path, date):
    old = [{k: v for k, v in message(text).items() if k != 'date_unixtime'} | {'date': date} for text in 'ab']
    export = read(tmp_path, chat(*old))
    assert [m.time for m in export.chats[0].messages] == [datetime.fromtimestamp(1700000000, timezone.utc)]*2 and not export.notes

@pytest.mark.parametrize('date', ['2023-11-14T23:13:20', '2023-11-14 23:13:20', '14.11.2023 23:13:20'])
def test_every_form_of_a_clock(tmp_path, date):
    (c,) = read(tmp_path, chat({k: v for k, v in message().items() if k != 'date_unixtime'} | {'date': date})).chats
    assert c.messages[0].time == datetime(2023, 11, 14, 23, 13, 20)

def test_lost_times_are_told(tmp_path):
    export = read(tmp_path, chat(message('b'), message('a', when='soon') | {'date': 'then'}))
    assert texts(export) == ['b', 'a'] and '1 of 2 messages have no time' in export.notes[0]

def test_me_by_saved_messages(tmp_path):
    group = chat(message('a', 'Ada B.'), message('b', 'Grace', 'user22'), message('c', 'Alan', 'user33'), type='private_group', id=44, name='Sewing')
    for data in (account(group, {'type': 'saved_messages', 'id': 11, 'messages': []}), account(group, personal_information={'user_id': 11}), account(group, chat(message(), message('b', 'Grace', 'user22')))):
        assert read(tmp_path, data).chats[0].me == {'Ada B.'}
    assert read(tmp_path, account(group)).chats[0].me == set() and read(tmp_path, account(group)).chats[0].group

def test_two_people_of_one_name(tmp_path):
    (c,) = read(tmp_path, chat(message('a', 'Sam', 'user11'), message('b', 'Sam', 'user22'))).chats
    assert [m.sender for m in c.messages] == ['Sam', 'Sam (user22)'] and c.me == {'Sam'}

def test_order_of_time_is_stable(tmp_path):
    export = read(tmp_path, chat(message('b', when='1700000060'), message('?', when='soon'), message('a'), message('a2')))
    assert texts(export) == ['a', 'a2', 'b', '?'] and export.chats[0].messages[-1].time is None

@pytest.mark.parametrize('when', [None, 5.5, float('nan'), float('inf'), True, [], {}, '', 'x', '-1', -1, 10**40, '9'*30, '１７'])
def test_senseless_times(tmp_path, when):
    (m,) = read(tmp_path, chat({k: v for k, v in message(when=when).items() if k != 'date'})).chats[0].messages
    assert m.time is None

def test_far_times(tmp_path):
    times = [m.time.year for m in read(tmp_path, chat(message(when='0'), message(when='4102444800'))).chats[0].messages]
    assert times == [1970, 2100]

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_encodings(tmp_path, encoding): assert texts(read(tmp_path, chat(message('grüße 🐟')), encoding)) == ['grüße 🐟']

def test_pieces_across_the_step(tmp_path):
    said = ['x'*n + '"\\{}[]🐟' for n in (1, 1 << 19, 3 << 20, 7)]
    assert texts(read(tmp_path, account(chat(*map(message, said))))) == said

def test_wrong_types_everywhere(tmp_path):
    for odd in (None, 3, 'x', [], {}, True, [[]]):
        for key in ('name', 'id', 'type'): read(tmp_path, account({**chat(message()), key: odd}))
        for key in message(): read(tmp_path, account(chat({**message(), key: odd}, message())))
        for data in (account(odd), {**account(), 'chats': {'list': odd}}, {**chat(message()), 'messages': odd}, account(chat(message()), personal_information=odd)):
            try: read(tmp_path, data)
            except ValueError as e: assert 'Telegram' in str(e) and '\n' not in str(e)

@pytest.mark.parametrize('text', ['{"name": "a", "type": "personal_chat", "messages": [', '{"name": "a", "type": "personal_chat"}', '{"type": "personal_chat", "messages": []}}', '{"type": "personal_chat", "messages": ' + '['*100_000, '{"type": "personal_chat", "id": ' + '1'*5000 + '}'])
def test_damage_is_one_sentence(tmp_path, text):
    with pytest.raises(ValueError, match='looks like an export of Telegram, but its JSON'): read(tmp_path, text)

def test_not_telegram(tmp_path):
    for n, data in enumerate(({'participants': [], 'messages': [{'sender_name': 'a', 'content': 'b'}]}, {'messages': [{'role': 'user', 'content': 'x'}]}, [{'type': 'message', 'ts': '1', 'text': 'x'}],
                              {'guild': {}, 'channel': {'type': 'DirectTextChat'}, 'messages': [{'type': 'Default', 'content': 'x'}]}, {'chats': 5})):
        (tmp_path/f'{n}.json').write_text(json.dumps(data))
    assert telegram.find(all_files(tmp_path)) == []

@pytest.mark.skipif(not EXPORTS.is_dir(), reason='no exports here')
def test_real_exports():
    exports = {Path(g[0].path).name: read_group(telegram, g) for g in telegram.find(all_files(EXPORTS))}
    assert set(exports) == {'chatminer_batch.json', 'chatminer_single.json', 'langchain_result.json'}
    answers = json.loads((EXPORTS/'chatminer_target.json').read_text())
    for name in ('chatminer_batch.json', 'chatminer_single.json'):
        got = [(m.time.replace(tzinfo=None).isoformat(), m.sender, m.text) for m in exports[name].chats[0].messages]
        # the answer has a space between two pieces of a text; the file has none, and we add none
        assert got == [(a['timestamp'], a['author'], a['message'].replace('Link: ', 'Link:')) for a in answers]
    assert exports['langchain_result.json'].kept == 4

def test_damaged_files_are_read_or_refused():
    one = account(chat(message(), message(['see ', {'type': 'bold', 'text': 'x'}], 'Grace', 'user22'), message('', photo='p')), {'type': 'saved_messages', 'id': 11, 'messages': [message('note')]}, personal_information={'user_id': 11})
    read_, refused, unknown = survives(telegram, {'result.json': json.dumps(one, indent=1, ensure_ascii=False).encode()}, 300)
    assert read_ > 30 and refused > 100

# Pages

def typed(text): return '<div class="text">\n' + text.replace('&', '&amp;').replace('<', '&lt;').replace("'", '&apos;').replace('\n', '<br>') + '\n  </div>\n'

def media(classes, title='Photo', status='Not included, change data exporting settings to download.'):
    return f'<div class="media_wrap clearfix"><div class="media clearfix pull_left {classes}"><div class="fill pull_left"></div><div class="body"><div class="title bold">\n{title}\n</div><div class="status details">\n{status}\n</div></div></div></div>'

def entry(body, name='', minute=0, classes='default clearfix', n=7, zone=' UTC+01:00'):
    shown = f'<div class="pull_left userpic_wrap"><div class="userpic userpic3" style="width: 42px"><div class="initials">\n{name[:1]}\n</div></div></div>' if name else ''
    name = f'<div class="from_name">\n{name} \n       </div>\n' if name else ''
    return f'\n     <div class="message {classes}" id="message{n}">\n{shown}<div class="body">\n<div class="pull_right date details" title="14.11.2023 23:{minute:02}:20{zone}">\n23:{minute:02}\n</div>{name}{body}</div>\n</div>\n'

def service(text, n=1): return f'<div class="message service" id="message{n}">\n<div class="body details">\n{text}\n</div></div>'

def page(*entries, name='Grace'):
    return ('<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8"/><title>Exported Data</title><link href="css/style.css" rel="stylesheet"/><script src="js/script.js" type="text/javascript">\n</script></head>'
            f'<body onload="CheckLocation();"><div class="page_wrap"><div class="page_header"><a class="content block_link" href="../../lists/chats.html" onclick="return GoBack(this)"><div class="text bold">\n{name} \n</div></a></div>'
            f'<div class="page_body chat_page"><div class="history">{"".join(entries)}</div></div></div></body>\n</html>')

def read_all(root, **files):
    for name, text in files.items():
        path = root/name.replace('__', '/').replace('_html', '.html').replace('_json', '.json')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    return [read_group(telegram, g) for g in telegram.find(all_files(root))]

def test_joined_messages_keep_the_name(tmp_path):
    export, = read_all(tmp_path, messages_html=page(entry(typed('a'), 'Ada'), entry(typed('b'), classes='default clearfix joined'), entry(typed('c'), 'Grace')),
                       messages2_html=page(entry(typed('d'), 'Grace', 1), entry(typed('e'), minute=1, classes='default clearfix joined')), messages10_html=page(entry(typed('f'), 'Ada', 1)))
    (c,) = export.chats
    assert [(m.sender, m.text) for m in c.messages] == [('Ada', 'a'), ('Ada', 'b'), ('Grace', 'c'), ('Grace', 'd'), ('Grace', 'e'), ('Ada', 'f')]
    assert (c.name, c.me, c.guess, c.group, export.read) == ('Grace', {'Ada'}, True, False, 6)
    assert c.messages[0].time == datetime(2023, 11, 14, 22, 0, 20, tzinfo=timezone.utc)

def test_a_page_says_exactly_what_was_typed(tmp_path):
    said = ["it's <b>bold</b> & 'so'", 'two\n\nlines', 'grüße 🐟  twice', '<div class="message">']
    inside = '<div class="text">\n<strong>see</strong> <a href="https://example.org">example.org</a><span class="spoiler hidden" onclick="ShowSpoiler(this)"><span aria-hidden="true">!</span></span>\n</div>'
    export, = read_all(tmp_path, messages_html=page(*(entry(typed(t), 'Ada') for t in said), entry(inside, 'Ada')))
    assert texts(export) == said + ['see example.org!']

def test_what_is_not_a_message_on_a_page(tmp_path):
    forward = '<div class="pull_left forwarded userpic_wrap"></div><div class="forwarded body"><div class="from_name">\nZed <span class="date details" title="1"> 13.11.2023 10:00:00</span></div>' + typed('wise words') + '</div>'
    reply = '<div class="reply_to details">\nIn reply to <a href="#go_to_message1">this message</a>\n</div>'
    entries = [service('14 November 2023', -1), service('Ada pinned this message'), entry(forward, 'Ada'), entry(forward, classes='default clearfix joined'), entry(media('media_photo', 'Sticker'), 'Ada'),
               entry('<div class="media_wrap clearfix"><a class="sticker_wrap clearfix pull_left"><img class="sticker"/></a></div>', 'Ada'), entry(media('media_photo'), 'Ada'), entry(media('media_voice_message', 'Voice message'), 'Ada'),
               entry('<div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left"><img class="photo" src="p_thumb.jpg"/></a></div>', 'Ada'), entry(media('media_call success', 'Grace', 'Outgoing (5 seconds)'), 'Ada'), entry(media('media_location', 'Location'), 'Ada'),
               entry('<div class="media_wrap clearfix"><div class="media_poll"><div class="question bold">\nwhen?\n</div></div></div>', 'Ada'), entry(typed('a gif'), 'Ada via @gif'), entry('', 'Ada'),
               entry(typed('menu') + '<table class="bot_buttons_table"></table>', 'Shop'), entry(typed('lost')), entry(typed('lost too'), classes='default clearfix joined'),
               entry(media('media_photo') + typed('a caption'), 'Ada'), entry(reply + typed('a reply'), 'Grace'), entry(typed('via @you'), 'Ada')]
    export, = read_all(tmp_path, messages_html=page(*entries))
    assert texts(export) == ['a caption', 'a reply', 'via @you'] and export.read == len(entries) - 1
    assert export.dropped == Counter(system=1, forwarded=2, sticker=2, media=3, call=1, contact=2, bot=2, empty=1, nameless=2)

def test_an_account_of_pages(tmp_path):
    info = '<div class="personal_info clearfix"><div class="rows names"><div class="row"><div class="label details">\nFirst name\n</div><div class="value bold">\nAda\n</div></div><div class="row"><div class="label details">\nLast name\n</div><div class="value bold">\nByron\n</div></div></div><div class="rows info"><div class="row"><div class="value bold">+1</div></div></div></div>'
    listed = lambda n, name, kind: f'<a class="entry block_link clearfix" href="../chats/chat_{n}/messages.html#allow_back"><div class="body"><div class="pull_right info details">\n{kind}\n</div><div class="name bold">\n{name} \n</div></div></a>'
    chats = '<html><body>' + listed(1, 'Grace', 'private') + listed(2, 'Shop', 'bot') + listed(3, 'Sewing', 'group') + listed(4, 'Saved messages', 'private') + '</body></html>'
    pages = dict(chats__chat_1__messages_html=page(entry(typed('hi'), 'Ada Byron'), entry(typed('yo'), 'Grace')), chats__chat_2__messages_html=page(entry(typed('buy'), 'Shop'), name='Shop'),
                 chats__chat_3__messages_html=page(entry(typed('x'), 'Ada Byron'), name='Sewing'), chats__chat_4__messages_html=page(entry(typed('note'), 'Ada Byron'), name='Ada Byron'))
    for n, more in enumerate((dict(export_results_html=f'<html><body>{info}</body></html>', lists__chats_html=chats), dict(lists__chats_html=chats), dict(export_results_html=f'<html><body>{info}</body></html>'))):
        (root := tmp_path/str(n)).mkdir()
        export, = read_all(root, **pages, **more)
        by_name = {c.name: c for c in export.chats}
        assert by_name['Grace'].me == by_name['Sewing'].me == {'Ada Byron'} and not by_name['Grace'].guess
        assert by_name['Sewing'].group == ('lists__chats_html' in more) and export.dropped == (dict(bot=1) if 'lists__chats_html' in more else {})

def test_damage_on_the_pages_about_an_account_costs_no_chat(tmp_path):
    for n, bad in enumerate(('<html><body><div class="personal_info">', '', '<a class="entry" href="a/b/c"></a>', '<div class="personal_info"><div class="names"></div></div>')):
        (root := tmp_path/str(n)).mkdir()
        export, = read_all(root, chats__chat_1__messages_html=page(entry(typed('hi'), 'Ada'), entry(typed('yo'), 'Grace')), export_results_html=bad, lists__chats_html=bad)
        assert texts(export) == ['hi', 'yo'] and export.chats[0].me == {'Ada'}

def test_a_single_message_in_few_tags(tmp_path):
    export, = read_all(tmp_path, any_html='<html><body><div class="history"><div id="message1" class="message default clearfix"><div class="body"><div class="date" title="14.11.2023 23:13:20 UTC+01:00">23:13</div><div class="from_name">Zed</div><div class="text">hi</div></div></div></div></body></html>')
    assert [(m.sender, m.text, m.time) for m in export.chats[0].messages] == [('Zed', 'hi', datetime.fromtimestamp(1700000000, timezone.utc))]

def test_a_page_that_was_cut_short(tmp_path):
    with pytest.raises(ValueError, match='looks like an export of Telegram, but its HTML is cut short'): read_all(tmp_path, messages_html=page(entry(typed('hi'), 'Ada'))[:-20])

def test_damaged_pages_are_read_or_refused():
    pages = {'messages.html': page(service('14 November 2023', -1), entry(typed('a'), 'Ada'), entry(typed('b'), classes='default clearfix joined'), entry(media('media_photo'), 'Grace'), entry(typed('c'), 'Grace')).encode(),
             'messages2.html': page(entry(typed('d'), 'Ada')).encode()}
    read_, refused, unknown = survives(telegram, pages, 300)
    assert read_ > 100 and refused > 20
