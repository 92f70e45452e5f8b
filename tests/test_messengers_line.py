"LINE's text files."
from collections import Counter
from datetime import datetime

import pytest

from mutations import survives
from tinychat.messengers import line
from tinychat.messengers.core import all_files, read_group

HEAD = '[LINE] Chat history with Grace\nSaved on: 2026/02/03 21:15\n\n'

def read(tmp_path, text, name='chat.txt', encoding='utf-8'):
    (tmp_path/name).write_bytes(text.encode(encoding))
    group, = line.find(all_files(tmp_path/name))
    return read_group(line, group)

def said(export): return [(m.sender, m.text) for m in export.chats[0].messages]

@pytest.mark.parametrize('head,day,clock,want', [
    ('[LINE] Graceとのトーク履歴\n保存日時：2026/02/03 21:15', '2026/02/01(日)', '18:02', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] Graceのトーク履歴\n保存日時：2026/02/03 21:15', '2026/2/1(日)', '午後6:02', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] 與Grace的聊天記錄\n儲存日期： 2026/02/03 21:15', '2026/02/01（日）', '下午06:02', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] 与Grace的聊天记录\n保存日期：2026/02/03 21:15', '2026/2/1周日', '上午12:02', datetime(2026, 2, 1, 0, 2)),
    ('[LINE] Chat history with Grace\nSaved on: 03/02/2026, 21:15', 'Sun, 01/02/2026', '06:02PM', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] Chat history with Grace\nSaved on: 2/3/2026, 21:15', 'Sun, 2/1/2026', '6:02\u202fPM', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] Chat history with Grace\nSaved on: 03/02/2569 21.15', 'Sun, 01/02/2569 BE', '18.02', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] Chat history with Grace\nSaved on: 2026/02/03 21:15', '2026/02/01 Sun', '24:02', datetime(2026, 2, 1, 0, 2)),
    ('[LINE] Grace님과의 대화\n저장한 날짜: 2026/02/03 21:15', '2026년 2월 1일 일요일', '오후 6:02', datetime(2026, 2, 1, 18, 2)),
    ('[LINE] ประวัติการสนทนากับ Grace\nบันทึกวันที่: 2026/02/03 21:15', '2026/02/01(อา.)', '18:02', datetime(2026, 2, 1, 18, 2))])
def test_locales(tmp_path, head, day, clock, want):
    export = read(tmp_path, f'{head}\n\n{day}\n{clock}\tGrace\thi\n{clock}\tAda\tyo\n')
    (c,) = export.chats
    assert (c.name, c.me, c.group, export.read) == ('Grace', {'Ada'}, False, 2)
    assert [m.time for m in c.messages] == [want]*2 and said(export) == [('Grace', 'hi'), ('Ada', 'yo')]

def test_month_and_day_by_weekdays_of_any_language(tmp_path):
    days = '\n\n'.join(f'{w}, {d:02}/02/2026\n10:00\tA\t{d}' for d, w in ((1, 'dom'), (2, 'lun'), (8, 'dom'), (9, 'lun')))
    assert [m.time.month for m in read(tmp_path, HEAD + days).chats[0].messages] == [2]*4

def test_texts_of_several_lines(tmp_path):
    export = read(tmp_path, HEAD + '2026/02/01(Sun)\n10:00\tAda\t"one\n\n2026/02/02(Mon)\n09:00\tGrace\tfake\nand ""two""\n"\n10:01\tGrace\t"quoted"\n10:02\tAda\t"never closed\n10:03\tGrace\ta 5" disk\n10:04\tAda\t6\'2"\n\n2026/02/03(Tue)\n10:05\tAda\t""a""\n')
    assert said(export) == [('Ada', 'one\n\n2026/02/02(Mon)\n09:00\tGrace\tfake\nand "two"\n'), ('Grace', '"quoted"'), ('Ada', '"never closed'), ('Grace', 'a 5" disk'), ('Ada', '6\'2"'), ('Ada', '""a""')]
    assert export.chats[0].messages[-1].time == datetime(2026, 2, 3, 10, 5) and export.read == 6

def test_lines_without_quotes(tmp_path):
    export = read(tmp_path, '2026.02.01 Sunday\n10:00\tAda\tone\n\ntwo\twith tab\n2026/02/05\n6:30 dinner\n10:01\tGrace\tfine\n')
    assert said(export) == [('Ada', 'one\n\ntwo\twith tab\n2026/02/05\n6:30 dinner'), ('Grace', 'fine')]

def test_text_is_untouched(tmp_path):
    odd = ' \u200e a\u00a0b\u2028c\x0bd\x85e  👩‍👩‍👧 \tf "g" '
    assert said(read(tmp_path, HEAD + f'2026/02/01(Sun)\n10:00\tAda: B \t{odd}\n')) == [('Ada: B ', odd)]

@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_encodings_and_line_ends(tmp_path, encoding, end):
    export = read(tmp_path, (HEAD + '2026/02/01(Sun)\n10:00\tAda\t"grüße\n🐟"\n\n2026/02/02(Mon)\n10:00\tAda\tx').replace('\n', end), encoding=encoding)
    assert said(export) == [('Ada', 'grüße\n🐟'), ('Ada', 'x')]

def test_what_is_not_a_message(tmp_path):
    words = ['[Sticker]', '[スタンプ]', '[貼圖]', '[Photo]', '[写真]', '[動画]', '[檔案]', '☎ Call time 1:23', '☎ 通話時間 1:02:03', '☎ 不在着信', '☎ 未接來電', '[位置情報] 東京', '[連絡先]', '']
    rows = ''.join(f'10:00\tAda\t{w}\n' for w in words) + '10:01\t\tGrace unsent a message.\n10:02\tAda joined the group.\n10:03\t\tメッセージの送信を取り消しました\n'
    kept = ['a [Photo]', '[Photo]s', '[hug]', 'Photos', 'スタンプ', '☎ me at 19:00', 'unsent a message.', 'Ada joined the group.', '不在着信', '"[Photo]\nlook"']
    export = read(tmp_path, HEAD + '2026/02/01(Sun)\n' + rows + ''.join(f'10:04\tAda\t{k}\n' for k in kept))
    assert [t for _, t in said(export)] == kept[:-1] + ['[Photo]\nlook']
    assert export.dropped == Counter(sticker=3, media=4, call=4, contact=2, empty=1, deleted=2, system=1)

def test_the_name_in_the_title_takes_no_word_of_the_text(tmp_path):
    export = read(tmp_path, '2026.02.01 Sunday\n10:00 Grace I am here\n10:01 Grace I was late\n10:02 Grace I do\n10:03 Ada ok\n', name='[LINE] Grace.txt')
    assert said(export) == [('Grace', 'I am here'), ('Grace', 'I was late'), ('Grace', 'I do'), ('Ada', 'ok')] and export.chats[0].me == {'Ada'}
    export = read(tmp_path, '2026.02.01 Sunday\n10:00 Ada L. am I\n10:01 Ada L. was I\n10:02 Ada L. do I\n10:03 Bo ok\n', name='[LINE] Ada L..txt')
    assert {m.sender for m in export.chats[0].messages} == {'Ada L.', 'Bo'}

def test_computer(tmp_path):
    export = read(tmp_path, '\ufeff2026.02.01 Sunday\n10:00 Ada Byron Stickers\n10:01 Ada Byron hello you\nsecond line\n10:02 Ada Byron hi\n10:03 Grace ☎ Missed call\n10:04 Grace unsent a message.\n10:05 Grace Photos\n10:06 Grace Photos of us\n10:07 Graceが退出しました\n', '[LINE] Grace.txt')
    assert said(export) == [('Ada Byron', 'hello you\nsecond line'), ('Ada Byron', 'hi'), ('Grace', 'Photos of us')]
    assert export.dropped == Counter(sticker=1, call=1, deleted=1, media=1, system=1) and export.chats[0].me == {'Ada Byron'}

def test_groups(tmp_path):
    rows = '2026/02/01(Sun)\n10:00\tA\tx\n10:00\tB\ty\n'
    in_group = read(tmp_path, '[LINE] Chat history in A\nSaved on: 2026/02/03 21:15\n\n' + rows).chats[0]
    assert in_group.group and in_group.me == set()
    assert read(tmp_path, HEAD + rows + '10:00\tC\tz\n').chats[0].group and not read(tmp_path, HEAD + rows).chats[0].me

def test_one_message_or_none(tmp_path):
    assert said(read(tmp_path, HEAD + '2026/02/01(Sun)\n10:00\tAda\tx')) == [('Ada', 'x')]
    empty = read(tmp_path, HEAD)
    assert (empty.read, empty.chats[0].name, empty.chats[0].messages) == (0, 'Grace', [])

def test_order_of_time(tmp_path):
    export = read(tmp_path, HEAD + '10:00\tAda\tno day yet\n2026/02/02(Mon)\n10:00\tAda\tb\n2026/02/01(Sun)\n10:00\tAda\ta\n')
    assert [t for _, t in said(export)] == ['no day yet', 'a', 'b'] and export.chats[0].messages[0].time is None

def test_lost_lines_are_counted(tmp_path):
    export = read(tmp_path, HEAD + 'what\n2026/02/01(Sun)\nis this\n10:00\tAda\tx\n')
    assert export.dropped == Counter(malformed=2) and export.read == 3

def test_damage_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match='looks like an export of LINE, but none of its lines is a message'): read(tmp_path, HEAD + 'hello\n')
    with pytest.raises(ValueError, match='neither UTF-8'): read(tmp_path, HEAD + 'x'*20_000 + '\u00fc', encoding='latin-1')

def test_not_line(tmp_path):
    for n, text in enumerate(('31/12/20, 23:59 - Ada: hi\n', '[31.12.20, 23:59:59] Ada: hi\n', '[2024-05-01 12:34:56] Me: hi\n', 'id,sender\n1,a\n', '{"a": 1}', '18:00\tA\tb\n', '', '[LINE] hello\nthere\n', '2026/02/01(Sun)\nwent for a walk\n')):
        (tmp_path/f'{n}.txt').write_text(text)
    assert line.find(all_files(tmp_path)) == []

def test_large_and_odd_is_linear(tmp_path):
    rows = ''.join(f'10:00\tA\t"open {n}\n' for n in range(20_000)) + '10:00\tA\t' + '"'*1_000_000 + '\n' + '10:00\tA\t' + 'の'*1_000_000 + '\n'
    assert read(tmp_path, HEAD + '2026/02/01(Sun)\n' + rows).kept == 20_002

def test_damaged_files_are_read_or_refused():
    phone = (HEAD + '2026/02/01(Sun)\n10:00\tAda\t"one\ntwo"\n10:01\tGrace\t[Sticker]\n10:02\t\tGrace left\n\n2026/02/02(Mon)\n10:00\tAda\tgrüße 🐟\n').encode()
    assert survives(line, {'a.txt': phone}, 300)[0] > 150
    computer = '\ufeff2026.02.01 日曜日\n10:00 Ada スタンプ\n10:01 Ada Byron 今夜\n来る\n10:02 Grace はい\n'.encode()
    assert survives(line, {'a.txt': computer}, 300)[0] > 100
