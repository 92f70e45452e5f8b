"Slack: a workspace's folders of days."
import json, shutil
from pathlib import Path
import pytest

from mutations import survives
from tinychat.messengers import slack
from tinychat.messengers.core import all_files, find_files, read_group

USERS = [{'id': 'U1', 'name': 'ann', 'profile': {'display_name': 'Ann', 'real_name': 'Ann Example'}}, {'id': 'U2', 'name': 'bo', 'deleted': True, 'profile': {'display_name': '', 'real_name': 'Bo Example'}},
         {'id': 'U3', 'name': 'beep', 'is_bot': True, 'profile': {'real_name': 'Beep'}}]
def said(user, text, ts='100.000100', **more): return {'type': 'message', 'user': user, 'text': text, 'ts': ts, **more}

def write(root, **files):
    "folder__name = content of a JSON file -> the folder"
    for name, content in files.items():
        path = root/(name.replace('__', '/') + '.json')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return root

def workspace(root, *messages, **more): return write(root, **{'users': USERS, 'channels': [{'id': 'C1', 'name': 'general'}], 'general__2020-01-01': list(messages), **more})
def read(path):
    export, = [read_group(slack, g) for g in slack.find(all_files(path))]
    return export
def texts(export): return [m.text for c in export.chats for m in c.messages]

def test_marks_are_undone(tmp_path):
    pairs = [('<@U1> hi', '@Ann hi'), ('<@U2|bo>', '@Bo Example'), ('<@U77|guest> <@U78>', '@guest @U78'), ('<#C1|> <#C1> <#C2|b>', '#general #general #b'), ('<!here|@here>', '@here'), ('<!subteam^S1|@devs>', '@devs'),
             ('<https://a.example/x|a.example/x>', 'a.example/x'), ('<https://a.example/?a=1&amp;b=2>', 'https://a.example/?a=1&b=2'), ('<mailto:a@b.example|a@b.example>', 'a@b.example'),
             ('&lt;b&gt; &amp;amp; &amp;lt; &quot;', '<b> &amp; &lt; &quot;'), ('1 &lt; 2 | 3', '1 < 2 | 3'), ('<', '<'), ('<>', '<>'), ('  a\n\nb  ', '  a\n\nb  '), ('👩‍👩‍👧 \u200e\u202f e\u0301', '👩‍👩‍👧 \u200e\u202f e\u0301')]
    export = read(workspace(tmp_path, *(said('U1', given, f'{n}.000000') for n, (given, _) in enumerate(pairs))))
    assert texts(export) == [wanted for _, wanted in pairs]

def test_subtypes_and_bots(tmp_path):
    export = read(workspace(tmp_path, said('U1', 'plain'), said('U1', 'x', subtype='channel_join'), said('U1', 'x', subtype='something_new'), said('U1', 'file', subtype='file_share', files=[{}]), said('U1', 'also', subtype='thread_broadcast'),
        said('U3', 'x'), said('U1', 'x', bot_id='B1'), said('USLACKBOT', 'x'), {'type': 'message', 'subtype': 'bot_message', 'text': 'x', 'ts': '1.2', 'bot_id': 'B1'}, said('USLACKBOT', 'x', subtype='tombstone'),
        said('U1', 'x', subtype='huddle_thread'), said('U1', 'null is none', subtype=None, bot_id=None), said('U1', '', files=[{}]), said('U1', ''), said('U1', 'I joined. <@U1> has joined the channel')))
    assert texts(export) == ['plain', 'file', 'also', 'null is none', 'I joined. @Ann has joined the channel']
    assert export.dropped == {'system': 2, 'bot': 4, 'deleted': 1, 'call': 1, 'media': 1, 'empty': 1}

def test_a_sentence_of_slack_about_a_file_is_nobodys(tmp_path):
    text = '<@U1> uploaded a file: <https://a.example|cat> and commented: &lt;3'
    export = read(workspace(tmp_path, said('U1', text, subtype='file_share', file={'id': 'F1'}, upload=True), said('U1', text, subtype='file_share', file={'initial_comment': {'comment': '&lt;3'}})))
    assert texts(export) == ['<3'] and export.dropped == {'media': 1}

def test_names(tmp_path):
    users = [*USERS, {'id': 'U5', 'profile': {'display_name': 'Ann'}}, {'id': 'U6', 'profile': None}, 'x', {'id': 7}]
    export = read(workspace(tmp_path, *(said(f'U{n}', str(n), f'{n}.0') for n in (1, 2, 5, 6)), said('U8', '8', '8.0', user_profile={'display_name': 'Cy'}), said('U9', '9', '9.0', user_profile={'real_name': 'Cy'}), users=users))
    assert [m.sender for m in export.chats[0].messages] == ['Ann (U1)', 'Bo Example', 'Ann (U5)', 'U6', 'Cy', 'Cy (U9)']

def test_days_and_threads_come_in_order_of_time(tmp_path):
    root = workspace(tmp_path, **{'general__2020-01-01': [said('U1', 'b', '200.000002'), said('U1', 'a', '200.000001', thread_ts='100.0')], 'general__2020-01-02': [said('U2', 'c', '300.0')], 'general__2019-12-31': [said('U2', '0', '100.0')]})
    assert texts(read(root)) == ['0', 'a', 'b', 'c']

def test_kinds_of_channels(tmp_path):
    root = workspace(tmp_path, said('U1', 'a'), dms=[{'id': 'D1', 'members': ['U1', 'U2']}], groups=[{'id': 'G1', 'name': 'secret'}], mpims=[{'id': 'G2', 'name': 'mpdm-ann--bo-1'}], **{f'{folder}__2020-01-01': [said('U2', 'hi')] for folder in ('D1', 'secret', 'mpdm-ann--bo-1', 'unlisted')})
    assert {c.name: c.group for c in read(root).chats} == {'general': True, 'Ann, Bo Example': False, 'secret': True, 'mpdm-ann--bo-1': True, 'unlisted': False}

def test_zip_folder_in_folder_one_channel_one_day_and_no_lists(tmp_path):
    root = workspace(tmp_path/'ws', said('U1', 'hi <@U2>'), **{'general__2020-01-02': []})
    shutil.make_archive(tmp_path/'ws', 'zip', root)
    assert texts(read(tmp_path/'ws.zip')) == texts(read(root)) == ['hi @Bo Example']
    assert len(slack.find(all_files(tmp_path))) == 2
    assert texts(read(root/'general')) == ['hi @U2']
    alone = read_group(slack, slack.find(find_files(root/'general'/'2020-01-01.json'))[0])
    assert alone.kept == 1 and alone.chats[0].messages[0].sender == 'U1'

def test_a_day_that_begins_with_a_very_long_record(tmp_path):
    long = {'subtype': 'bot_message', 'attachments': [{'text': 'x'*40_000}], 'type': 'message', 'ts': '1.0'}
    assert texts(read(workspace(tmp_path, long, said('U1', 'after')))) == ['after']

def test_byte_order_mark_and_crlf(tmp_path):
    root = workspace(tmp_path, said('U1', 'x'))
    for p in root.rglob('*.json'): p.write_bytes(b'\xef\xbb\xbf' + p.read_bytes().replace(b', ', b',\r\n'))
    assert texts(read(root)) == ['x']

def test_wrong_types_are_malformed_and_counted(tmp_path):
    bad = [None, 1, 'x', [], {}, {'type': 'file'}, said(None, 'x'), said(5, 'x'), said(['U1'], 'x'), said('U1', 5), said('U1', ['x']), said('U1', 'x', 'now'), said('U1', 'x', None), said('U1', 'x', float('nan')), said('U1', 'x', '9'*30), said('U1', 'x', subtype=['x']),
           said('U1', 'x', subtype={'a': 1}), said('U1', '\ud83d'), said('\ud83d', 'x'), said('U1', 'x', subtype='file_share', file={'initial_comment': {'comment': 5}})]
    export = read(workspace(tmp_path, *bad, said('U1', 'good', 100.5), said('U1', 'odd', '1.0', files=5, attachments=5, user_profile=5, edited=5)))
    assert texts(export) == ['odd', 'good'] and export.dropped == {'malformed': len(bad)}

def test_damage_is_one_sentence_that_names_the_day(tmp_path):
    root = workspace(tmp_path, said('U1', 'x'), **{'general__2020-01-02': b'[{"type": "message", "text": "my secret'})
    with pytest.raises(ValueError, match='but in 2020-01-02.json its JSON is damaged at line 1') as e: read(root)
    assert 'secret' not in str(e.value)
    for name, content, why in [('general__2020-01-02', {'a': 1}, 'holds no list of messages'), ('general__2020-01-02', b'["\xff"]', 'neither UTF-8'), ('users', b'[{"id": "U1"', 'in users.json its JSON is damaged')]:
        with pytest.raises(ValueError, match=why): read(workspace(tmp_path, said('U1', 'x'), **{'general__2020-01-02': [], name: content}))

def test_days_without_lists(tmp_path):
    write(tmp_path, **{'general__2020-01-01': [said('U1', 'a')], 'general__2020-01-02': [], 'general__2020-01-03': b'[{"type": "mess', 'diary__2020-01-01': {'a': 1}})
    assert [f.name for f in slack.find(all_files(tmp_path))[0]] == [f'general/2020-01-0{n}.json' for n in (1, 2, 3)]
    with pytest.raises(ValueError, match='in 2020-01-03.json'): read(tmp_path)

def test_leaves_others_alone(tmp_path):
    write(tmp_path, **{'users': [{'id': 5}], 'diary__2020-01-01': {'a': 1}, 'diary__2020-01-02': [{'text': '"type": "message"'}], 'result': {'messages': []}})
    assert slack.find(all_files(tmp_path)) == []

def chat_texts(export): return {c.name: [m.text for m in c.messages] for c in export.chats}

@pytest.mark.parametrize('name', ['general__general', 'general__all', 'general__history-2020', 'general'])
def test_a_channel_in_one_file(tmp_path, name):
    root = write(tmp_path, users=USERS, channels=[{'id': 'C1', 'name': 'general'}], **{name: [said('U1', 'hi <@U2>'), said('U2', 'yo', '200.000100')]})
    export = read(root)
    assert chat_texts(export) == {'general': ['hi @Bo Example', 'yo']} and [m.sender for m in export.chats[0].messages] == ['Ann', 'Bo Example']

def test_one_file_beside_the_lists_in_a_folder(tmp_path):
    write(tmp_path/'ws', users=USERS, channels=[{'id': 'C1', 'name': 'general'}], general=[said('U1', 'hi <@U2>')], random=[said('U2', 'yo')])
    assert chat_texts(read(tmp_path)) == {'general': ['hi @Bo Example'], 'random': ['yo']}

def test_channels_in_one_file_each_beside_days(tmp_path):
    root = workspace(tmp_path, said('U1', 'a'), random=[said('U1', 'b')], D1=[said('U2', 'c')], dms=[{'id': 'D1', 'members': ['U1', 'U2']}])
    got = {}
    for group in slack.find(all_files(root)): got |= chat_texts(read_group(slack, group))
    assert got == {'general': ['a'], 'random': ['b'], 'Ann, Bo Example': ['c']} and len(slack.find(all_files(root))) == 1

def test_slackdump_names_its_channel_and_nests_threads(tmp_path):
    thread = said('U1', 'q', '1.000100', slackdump_thread_replies=[said('U2', 'r1', '3.000100'), said('U2', 'r2', '4.000100', subtype='thread_broadcast'), 'damaged'])
    dump = {'channel_id': 'C7', 'name': 'bread', 'messages': [thread, said('U1', 'next', '2.000100'), said('U2', 'r2', '4.000100', subtype='thread_broadcast')]}
    export = read(write(tmp_path, C7=dump))
    assert chat_texts(export) == {'bread': ['q', 'next', 'r1', 'r2']} and export.read == 5 and export.dropped == {'malformed': 1}
    assert chat_texts(read(write(tmp_path/'dm', D1={'channel_id': 'D1', 'name': '', 'messages': [said('U1', 'x')]}))) == {'D1': ['x']}

def test_one_file_with_a_hole(tmp_path):
    write(tmp_path, C7=b'{"channel_id": "C7", "name": "b", "messages": [{"type": "message", "ts": "1.000100", "text": "my secret')
    with pytest.raises(ValueError, match='but in C7.json its JSON is damaged at line 1') as e: read(tmp_path)
    assert 'secret' not in str(e.value)

shared = Path(__file__).resolve().parents[2]/'shared'/'exports'
@pytest.mark.skipif(not shared.exists(), reason='no real exports here')
def test_a_real_workspace():
    export = read(shared/'slack'/'slack_export_viewer_testarchive.zip')
    assert (export.read, export.kept, export.dropped) == (158, 49, {'bot': 94, 'system': 12, 'media': 3}) # three uploads with a sentence of Slack's
    assert [(c.name, c.group) for c in export.chats] == [('enrique', True), ('traveling-sailor', True)]
    assert not any(mark in m.text for c in export.chats for m in c.messages for mark in ('<@U', '<http', '&lt;', '&amp;'))
    assert sum('slack_export_viewer' in g[0].name for g in slack.find(all_files(shared))) == 1

def sources(tmp_path):
    root = workspace(tmp_path, *(said(f'U{n % 3 + 1}', f'text {n} <@U1> &lt;3 🐟', f'{100 + n}.000100', subtype=(None, 'channel_join', 'file_share')[n % 3 - 1]) for n in range(12)),
                     dms=[{'id': 'D1', 'members': ['U1', 'U2']}], **{'D1__2020-01-02': [said('U1', 'a'), said('U2', 'b', '101.0')]})
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob('*.json')}

def test_damage_is_read_or_refused(tmp_path):
    read_, refused, _ = survives(slack, sources(tmp_path), 300)
    assert read_ > 20 and refused > 100
