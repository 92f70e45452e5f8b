"A folder into which somebody has put what a dozen apps exported, and things that no app did: one import, and an account that adds up."
import io, json, tarfile, zipfile

from tinychat.data import read_chatml
from tinychat.messengers import PROGRESS, describe_import, import_exports, import_file

def mail(n): return f'hi number {n}', f'hey number {n}'
DAY = 1_714_550_400 # noon on 1 May 2024, UTC

def folder_of_apps(root):
    "Two messages in each of twelve exports, one a day; beside some of them a picture, a call or a notice."
    def put(name, text):
        path = root/name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode())
    def packed(**files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, 'w') as z:
            for name, text in files.items(): z.writestr(name.replace('__', '/').replace('_json', '.json').replace('_txt', '.txt').replace('_js', '.js'), text if isinstance(text, str) else json.dumps(text))
        return out.getvalue()
    def at(n, k=0): return DAY + 86_400*(n - 1) + 60*k
    a, b = {}, {}
    for n in range(1, 13): a[n], b[n] = mail(n)
    put('whatsapp/WhatsApp Chat with Ada.txt', f'01/05/2024, 12:00 - Ada: {a[1]}\n01/05/2024, 12:01 - Bo: {b[1]}\n01/05/2024, 12:02 - Ada: <Media omitted>\n')
    who = lambda n: dict(from_id=f'user{n}', **{'from': {1: 'Bo', 2: 'Ada'}[n]})
    put('telegram/result.json', dict(personal_information=dict(user_id=1, first_name='Bo'), chats=dict(list=[dict(name='Ada', type='personal_chat', id=2, messages=[
        dict(id=1, type='message', date='2024-05-02T12:00:00', date_unixtime=str(at(2)), text=a[2], **who(2)), dict(id=2, type='message', date='2024-05-02T12:01:00', date_unixtime=str(at(2, 1)), text=b[2], **who(1)),
        dict(id=3, type='service', date='2024-05-02T12:02:00', date_unixtime=str(at(2, 2)), action='phone_call', text='')])])))
    put('meta/your_instagram_activity/messages/inbox/ada_1/message_1.json', dict(participants=[dict(name='Ada'), dict(name='Bo')], title='Ada', thread_path='inbox/ada_1', messages=[
        dict(sender_name='Bo', timestamp_ms=1000*at(3, 1), content=b[3]), dict(sender_name='Ada', timestamp_ms=1000*at(3), content=a[3]), dict(sender_name='Ada', timestamp_ms=1000*at(3, 2), photos=[dict(uri='x.jpg')])]))
    put('sms-2024.xml', f'<smses count="2"><sms address="+15550100" date="{1000*at(4)}" type="1" body="{a[4]}" contact_name="Ada" /><sms address="+15550100" date="{1000*at(4, 1)}" type="2" body="{b[4]}" contact_name="Ada" /></smses>')
    def said(name, text, n, k, **more): return dict(id=str(k), type='Default', timestamp=f'2024-05-{n:02}T12:0{k}:00+00:00', content=text, author=dict(id=name, name=name, isBot=False), attachments=[], **more)
    put('discord/Ada.json', dict(guild=dict(id='0', name='Direct Messages'), channel=dict(id='7', type='DirectTextChat', name='Ada'), messages=[said('Ada', a[5], 5, 0), said('Bo', b[5], 5, 1)], messageCount=2))
    put('slack.zip', packed(users_json=[dict(id='U1', name='ada', profile=dict(real_name='Ada')), dict(id='U2', name='bo', profile=dict(real_name='Bo'))], channels_json=[dict(id='C1', name='tea', members=['U1', 'U2'])], **{
        'tea__2024-05-06_json': [dict(type='message', user='U1', text=a[6], ts=f'{at(6)}.0'), dict(type='message', user='U2', text=b[6], ts=f'{at(6, 1)}.0'), dict(type='message', subtype='channel_join', user='U2', text='joined', ts=f'{at(6, 2)}.0')]}))
    put('line/[LINE] Ada.txt', f'[LINE] Chat history with Ada\nSaved on: 2024/06/03 21:15\n\n2024/05/07(Tue)\n18:02\tAda\t{a[7]}\n18:03\tBo\t{b[7]}\n18:04\tAda\t[Sticker]\n')
    put('KakaoTalkChats.txt', f'KakaoTalk Chats with Ada\nDate Saved : Jun 3, 2024, 1:08 PM\n\n\nMay 8, 2024, 2:33 AM\nMay 8, 2024, 2:33 AM, Ada : {a[8]}\nMay 8, 2024, 2:34 AM, Bo : {b[8]}\nMay 8, 2024, 2:35 AM, Ada : Photo\n')
    def snap(mine, text, kind='TEXT', k=0): return {'From': 'bo1' if mine else 'ada1', 'Media Type': kind, 'Created': f'2024-05-09 12:0{k}:00 UTC', 'Content': text, 'Conversation Title': None, 'IsSender': mine}
    put('snapchat.zip', packed(json__chat_history_json={'ada1': [snap(False, a[9]), snap(True, b[9], k=1), snap(False, None, 'MEDIA', 2)]}, json__account_json={'Basic Information': {'Username': 'bo1', 'Name': 'Bo'}}, json__friends_json={'Friends': [{'Username': 'ada1', 'Display Name': 'Ada'}]}))
    def dm(sender, text, k): return dict(messageCreate=dict(recipientId='9', senderId=sender, id=str(k), createdAt=f'2024-05-10T12:0{k}:00.000Z', text=text, reactions=[], urls=[], mediaUrls=[]))
    put('twitter.zip', packed(**{'data__direct-messages_js': 'window.YTD.direct_messages.part0 = ' + json.dumps([dict(dmConversation=dict(conversationId='1-2', messages=[dm('1', b[10], 1), dm('2', a[10], 0)]))]),
        'data__account_js': 'window.YTD.account.part0 = ' + json.dumps([dict(account=dict(accountId='1', username='bo', accountDisplayName='Bo'))])}))
    put('Takeout/Google Chat/Groups/DM x/messages.json', {'messages': [dict(creator=dict(name=name, email=f'{name}@x.org', user_type='Human'), created_date=f'Saturday, May 11, 2024 at 12:0{k}:00\u202fPM UTC', text=text, topic_id='t', message_id=f'x/{k}') for k, (name, text) in enumerate([('Ada', a[11]), ('Bo', b[11])])]})
    put('Takeout/Google Chat/Groups/DM x/group_info.json', dict(members=[dict(name='Ada', email='Ada@x.org'), dict(name='Bo', email='Bo@x.org')]))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz') as t:
        text = f'sender,text,time\nAda,{a[12]},2024-05-12 12:00:00\nBo,{b[12]},2024-05-12 12:01:00\n'.encode()
        info = tarfile.TarInfo('backup/chat.csv'); info.size = len(text); t.addfile(info, io.BytesIO(text))
    put('old.tgz', out.getvalue())
    for name, text in {'holiday.jpg': b'\xff\xd8\xff\xe0' + bytes(range(256)), 'msgstore.db.crypt15': b'\1'*99, 'notes.txt': 'eggs\nmilk\n', '.DS_Store': b'\0\0\0\1Bud1'}.items(): put(name, text)

def test_one_import_of_twelve_apps(tmp_path):
    folder_of_apps(tmp_path/'in')
    done = import_exports(tmp_path/'in', me=['Bo'])
    r = done.report
    assert [[(b.role, b.text) for b in c] for c in done.convs] == [[('user', mail(n)[0]), ('assistant', mail(n)[1])] for n in range(1, 13)]
    assert (r['kept'], r['mine'], r['conversations'], len(r['sources'])) == (24, 12, 12, 12)
    for each in (r, *r['sources']): assert each['read'] == each['kept'] + sum(each['dropped'].values())
    assert r['dropped'] == {'call': 1, 'media': 4, 'system': 1, 'sticker': 1}
    assert len({s['format'] for s in r['sources']}) == 12
    left = {f['path'].rsplit('/')[-1]: f['reason'] for f in r['left_alone']}
    assert sorted(left) == ['group_info.json', 'holiday.jpg', 'msgstore.db.crypt15', 'notes.txt'] and left['group_info.json'].startswith('a part of an export')
    said = describe_import(done, 0)
    assert said.count('3 records, 2 kept, 1 of them yours') == 7 and said.count('2 records, 2 kept, 1 of them yours') == 5

def test_the_same_folder_in_a_zip_in_a_zip(tmp_path):
    folder_of_apps(tmp_path/'in')
    inner, outer = tmp_path/'inner.zip', tmp_path/'all.zip'
    with zipfile.ZipFile(inner, 'w') as z:
        for p in sorted((tmp_path/'in').rglob('*')): z.write(p, p.relative_to(tmp_path/'in'))
    with zipfile.ZipFile(outer, 'w') as z: z.write(inner, 'backup/inner.zip')
    plain, packed = (import_exports(p, me=['Bo']) for p in (tmp_path/'in', outer))
    assert packed.convs == plain.convs and packed.report['read'] == plain.report['read'] and packed.report['dropped'] == plain.report['dropped']

def test_the_folder_again_with_one_more_chat(tmp_path, capsys):
    folder_of_apps(tmp_path/'in')
    out = tmp_path/'me.txt'
    import_file([tmp_path/'in'], out, ['Bo'])
    (tmp_path/'in'/'whatsapp'/'WhatsApp Chat with Cy.txt').write_text('01/06/2024, 12:00 - Cy: new?\n01/06/2024, 12:01 - Bo: yes\n')
    done = import_file([tmp_path/'in'], out)
    assert len(read_chatml(out)) == 13 and done.report['added'] == 2 and done.report['stay'] == 0

def test_what_takes_long_says_how_long(tmp_path, monkeypatch, capsys):
    folder_of_apps(tmp_path/'in')
    class Terminal(io.StringIO):
        def isatty(self): return True
    for delay, seen in (0, True), (3, False):
        monkeypatch.setattr('sys.stderr', screen := Terminal())
        monkeypatch.setitem(PROGRESS, 'delay', delay)
        import_exports(tmp_path/'in', me=['Bo'])
        said = screen.getvalue()
        assert all((part in said) == seen for part in ('Reading', 'Looking for what is private', 'left')), said
    monkeypatch.setitem(PROGRESS, 'delay', 0)
    monkeypatch.setattr('sys.stderr', screen := io.StringIO()) # a log
    import_exports(tmp_path/'in', me=['Bo'])
    assert screen.getvalue() == ''
