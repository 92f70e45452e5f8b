"KakaoTalk's text files of Android, iPhone, PC and Mac, and Viber's."
from collections import Counter
from datetime import datetime

import pytest

from mutations import survives
from tinychat.messengers import kakao
from tinychat.messengers.core import all_files, read_group

ANDROID = '지수 님과 카카오톡 대화\n저장한 날짜 : 2024년 5월 3일 오후 9:15\n\n\n'
PC = '지수 님과 카카오톡 대화\n저장한 날짜 : 2024-05-03 21:15:09\n\n--------------- 2024년 5월 1일 수요일 ---------------\n'

def read(tmp_path, text, name='KakaoTalkChats.txt', encoding='utf-8'):
    (tmp_path/name).write_bytes(text.encode(encoding))
    group, = kakao.find(all_files(tmp_path/name))
    return read_group(kakao, group)
def said(export): return [(m.sender, m.text) for m in export.chats[0].messages]

@pytest.mark.parametrize('head,mark,when,want', [
    (ANDROID, '2024년 5월 1일 오전 12:05', '2024년 5월 1일 오전 12:05', datetime(2024, 5, 1, 0, 5)),
    (ANDROID, '2024년 5월 1일 오후 12:05', '2024년 5월 1일 오후 12:05', datetime(2024, 5, 1, 12, 5)),
    ('지수 님과의 카카오톡 대화\n저장한 날짜 : 2024. 5. 3. 오후 9:15\n\n', '2024년 5월 1일 수요일', '2024. 5. 1. 오후 8:26', datetime(2024, 5, 1, 20, 26)),
    ('Talk_2024.5.3 21:15-1.txt\n저장한 날짜 : 2024. 5. 3. 21:15\n지수 님과 카카오톡 대화\n\n', '2024년 5월 1일 수요일', '2024. 5. 1. 20:26', datetime(2024, 5, 1, 20, 26)),
    ('KakaoTalk Chats with 지수\nDate Saved : May 3, 2024, 1:08 PM\n\n\n', 'May 1, 2024, 2:33 AM', 'May 1, 2024, 2:33 AM', datetime(2024, 5, 1, 2, 33)),
    ('KakaoTalk Chats with 지수\nDate Saved : September 3, 2024 at 1:08 PM\n\n\n', 'September 1, 2024 at 2:33\u202fPM', 'September 1, 2024 at 2:33\u202fPM', datetime(2024, 9, 1, 14, 33)),
    ('지수 Talk Chats\nDate Saved : Feb 13, 2024 at 18:42\n\n', 'Thursday, February 1, 2024', 'Feb 1, 2024 at 20:35', datetime(2024, 2, 1, 20, 35)),
    (ANDROID, '2024-05-01 오전 4:39', '2024-05-01 오전 4:39', datetime(2024, 5, 1, 4, 39))])
def test_phones(tmp_path, head, mark, when, want):
    export = read(tmp_path, f'{head}{mark}\n{when}, 지수 : hi\n{when}, Min : yo\nmore\n\n{mark}\n{when}, 지수 : last\n')
    (c,) = export.chats
    assert said(export) == [('지수', 'hi'), ('Min', 'yo\nmore'), ('지수', 'last')] and (c.name, c.me, c.group) == ('지수', {'Min'}, False)
    assert [m.time for m in c.messages] == [want]*3 and (export.format, export.read, export.notes) == ('KakaoTalk', 3, [])

@pytest.mark.parametrize('you', ['회원님', 'you', 'You'])
def test_you_are_the_owner_in_a_group_too(tmp_path, you):
    export = read(tmp_path, 'Sewing 13 카카오톡 대화\n저장한 날짜 : 2024년 5월 3일 오후 9:15\n\n' + ''.join(f'2024년 5월 1일 오후 9:0{n}, {who} : {n}\n' for n, who in enumerate(('a', you, 'b', 'c : d'))))
    assert export.chats[0].me == {you} and export.chats[0].group and export.chats[0].name == 'Sewing'
    assert said(export)[-1] == ('c', 'd : 3')

@pytest.mark.parametrize('days,half', [(('2024년 5월 1일 수요일', '2024년 5월 2일 목요일'), '오후 {}'), (('Wednesday, May 1, 2024', 'Thursday, May 2, 2024'), '{} PM')])
def test_computers(tmp_path, days, half):
    def row(who, clock, text): return f'[{who}] [{half.format(clock)}] {text}\n'
    text = PC.split('-----')[0] + '{0} {1} {0}\n'.format('-'*15, days[0]) + row('지수', '12:03', 'hi') + row('Min', '1:01', 'one\n\n[two] three') + '{0} {1} {0}\n'.format('-'*15, days[1]) + row('Min', '9:00', '')
    export = read(tmp_path, text)
    assert said(export) == [('지수', 'hi'), ('Min', 'one\n\n[two] three')] and export.dropped == dict(empty=1)
    assert [m.time for m in export.chats[0].messages] == [datetime(2024, 5, 1, 12, 3), datetime(2024, 5, 1, 13, 1)] and export.chats[0].me == {'Min'}

def test_notices(tmp_path):
    phone = read(tmp_path, ANDROID + '2024년 5월 1일 오후 9:05, 민님이 지수님을 초대했습니다.\n2024년 5월 1일 오후 9:05: 지수님이 나갔습니다.\n2024년 5월 1일 오후 9:06, 지수 : 지수님이 나갔습니다.\n')
    assert said(phone) == [('지수', '지수님이 나갔습니다.')] and phone.dropped == dict(system=2)
    pc = read(tmp_path, PC + '민님이 지수님을 초대했습니다.\n[지수] [오후 9:05] 안녕\n지수님이 나갔습니다.\n채팅방 관리자가 메시지를 가렸습니다.\n[지수] [오후 9:06] 나는\n나갔습니다.\n')
    assert said(pc) == [('지수', '안녕'), ('지수', '나는\n나갔습니다.')] and pc.dropped == dict(system=3)
    english = read(tmp_path, PC + '[Jo] [9:05 PM] my aunt\nAunt invited us.\nJo invited Bo.\nBo joined this chatroom.\n[Bo] [9:06 PM] hi\n')
    assert said(english) == [('Jo', 'my aunt\nAunt invited us.'), ('Bo', 'hi')] and english.dropped == dict(system=2)

def test_what_is_not_a_message(tmp_path):
    words = dict(media='사진|사진 3장|동영상|음성메시지|파일: a.pdf|Photo|File: a b.zip|<사진 읽지 않음>', sticker='이모티콘|(이모티콘) |Emoticons', deleted='삭제된 메시지입니다.|This message was deleted.', call='보이스톡 해요|보이스톡 0:17|페이스톡 1:02:03|라이브톡 시작', contact='지도: 서울|연락처: 민|#샵검색 : 빵')
    rows = [(reason, text) for reason, texts in words.items() for text in texts.split('|')]
    typed = ['사진 봤어?', '이모티콘 귀여워', '보이스톡 하자', 'Photo of us', '파일', '투표']
    export = read(tmp_path, PC + ''.join(f'[지수] [오후 9:05] {text}\n' for _, text in rows) + ''.join(f'[민] [오후 9:06] {text}\n' for text in typed) + '[민] [오후 9:07] (이모티콘) 안녕\n')
    kept = [t for _, t in said(export)]
    assert kept == [t for t in typed if t != '파일'] + ['안녕']
    assert export.dropped == Counter(r for r, _ in rows) + Counter(media=1)

def test_line_ends_encodings_and_odd_characters(tmp_path):
    odd = ' \u200ea\u00a0b\u2028c\x0bd  👩‍👩‍👧 '
    text = ANDROID + f'2024년 5월 1일 오후 9:05, 지수 : {odd}\n2024년 5월 1일 오후 9:05, 회원님 : one\n\ntwo\n'
    for encoding in ('utf-8', 'utf-8-sig', 'utf-16'):
        for end in ('\n', '\r\n'): assert said(read(tmp_path, text.replace('\n', end), encoding=encoding)) == [('지수', odd), ('회원님', 'one\n\ntwo')]

def test_a_table_of_kakaotalk(tmp_path):
    text = 'Date,User,Message\n2024-05-01 18:02:11,"지수","안녕\n""빵"""\n2024-05-01 18:03:11,"민","사진"\n2024-05-01 18:04:11,"민","민님이 나갔습니다."\nbroken\n'
    for head in (text, '\ufeff' + text.replace('Date,User,Message', '"Date","User","Message"')):
        export = read(tmp_path, head, 'KakaoTalk_Chat_x.csv')
        assert said(export) == [('지수', '안녕\n"빵"')] and export.dropped == dict(media=1, system=1, malformed=1) and export.chats[0].messages[0].time == datetime(2024, 5, 1, 18, 2, 11)

def test_viber(tmp_path):
    export = read(tmp_path, '25/12/2024,18:02:11,Jo,+15550100,hi, you\nthere\n26/12/2024,08:02:00,Me,+15550101,"a ""b"""\n26/12/2024,08:03:00,Jo,+15550100,Photo message\n26/12/2024,08:03:00,"Jo, old",,x\n', 'Jo.csv')
    assert said(export) == [('Jo', 'hi, you\nthere'), ('Me', 'a "b"'), ('Jo, old', 'x')] and export.chats[0].me == {'Me'} and export.dropped == dict(media=1)
    assert (export.format, export.chats[0].name, export.chats[0].messages[0].time) == ('Viber', 'Jo', datetime(2024, 12, 25, 18, 2, 11)) and not export.notes

@pytest.mark.parametrize('text', ['="17/08/2014"\t12:52:56\t="Me"\t="+194555"\t"Hi"\n="18/08/2014"\t12:58:34\t="Jo"\t="01555"\t"Hey"\n', '17/08/2014, 12:52:56 PM, Moi, +194555, Hi\n18/08/2014, 12:58:34 PM, Jo, 01555, Hey\n', '08/17/2014;12:52:56;Me;;Hi\n08/18/2014;12:58:34;Jo;;Hey\n'])
def test_vibers_other_rows(tmp_path, text):
    export = read(tmp_path, text, 'Jo.csv')
    assert [(m.text, m.time) for m in export.chats[0].messages] == [('Hi', datetime(2014, 8, 17, 12, 52, 56)), ('Hey', datetime(2014, 8, 18, 12, 58, 34))]
    assert export.chats[0].me == {'Me', 'Moi'} & {m.sender for m in export.chats[0].messages}

def test_a_date_that_leaves_the_month_open_is_said(tmp_path):
    assert any('month' in note.lower() for note in read(tmp_path, '01/02/2024,18:02:11,Jo,+1555,hi\n01/02/2024,18:03:11,Me,+1556,yo\n', 'Jo.csv').notes)

def test_others_are_left_alone(tmp_path):
    for n, text in enumerate(('2024. 5. 1. 오후 6:02, 지수: hi\n', '2024년 5월 1일 오후 6:02 - 지수 : hi\n', '[LINE] 지수님과의 대화\n저장한 날짜: 2024/05/03 21:15\n\n2024년 5월 1일 수요일\n오후 6:02\t지수\thi\n', '[지수] [오후 6:02] hi\n', '[31.12.20, 23:59:59] Ada: hi\n', '12/31/20, 23:59 - Ada: hi\n', 'date,time,user,message\n', '[2024-05-01 12:34] Me: hi\n', '', 'May 1, 2024, 2:33 AM, Ada : hi\n')):
        (tmp_path/f'{n}.txt').write_text(text, encoding='utf-8')
    assert kakao.find(all_files(tmp_path)) == []

def test_lost_lines_are_counted_and_damage_is_one_sentence(tmp_path):
    export = read(tmp_path, ANDROID + 'what\nis this\n2024년 5월 1일 오후 9:05, 지수 : hi\n')
    assert export.dropped == dict(malformed=2) and export.read == 3
    (tmp_path/'bad.txt').write_bytes((ANDROID + '2024년 5월 1일 오후 9:05, 지수 : secret\n').encode()*400 + b'\xff')
    with pytest.raises(ValueError, match='neither UTF-8') as e: read_group(kakao, kakao.find(all_files(tmp_path/'bad.txt'))[0])
    assert 'secret' not in str(e.value)

def test_large_and_odd_is_linear(tmp_path):
    rows = ''.join(f'2024년 5월 1일 오후 9:05, 지수 : {n}\n' for n in range(20_000)) + 'x'*1_000_000 + '\n' + '['*200_000 + '\n' + '"'*200_000
    assert read(tmp_path, ANDROID + rows).kept == 20_000
    assert read(tmp_path, PC + '[지수] [오후 9:05] hi\n' + '[a] '*50_000 + '\n' + '님이'*200_000 + '\n' + '-'*200_000).kept == 1
    assert read(tmp_path, ANDROID + '2024년 5월 1일 오후 9:05' + ', '*5_000 + '\n2024년 5월 1일 오후 9:05, a : b').kept == 1
    assert read(tmp_path, '25/12/2024,18:02:11,Jo,+1555,hi\n' + '25/12/2024,18:02:11,"' + '""'*100_000 + '\n', 'Jo.csv').kept == 1

def test_damaged_files_are_read_or_refused():
    phone = ANDROID + '2024년 5월 1일 오후 9:05\n2024년 5월 1일 오후 9:05, 지수 : hi\nmore\n2024년 5월 1일 오후 9:06, 회원님 : 사진\n'
    for text, name in ((phone, 'a.txt'), (PC + '[지수] [오후 9:05] hi\nmore\n[민] [오후 9:06] 이모티콘\n', 'a.txt'), ('25/12/2024,18:02:11,Jo,+1555,"hi\n"\n25/12/2024,18:03:11,Me,+1556,yo\n', 'a.csv'), ('Date,User,Message\n2024-05-01 18:02:11,"a","b"\n', 'a.csv')):
        assert sum(survives(kakao, {name: text.encode()}, 60)[:2]) > 25
