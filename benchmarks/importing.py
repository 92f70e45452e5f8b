"""How long a folder of large exports takes to import, and how much memory.

    python benchmarks/importing.py            # 100 MB: six WhatsApp chats, a Telegram account, a backup of SMS
    python benchmarks/importing.py 20         # 20 MB

The texts are those of chitchat-dataset, drawn at random.
"""
import json, random, resource, subprocess, sys, tempfile, time
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

def talk(rng, texts, who, megabytes, write):
    "Lines of a chat between `who` and Bo."
    size, time = 0, datetime(2015, 1, 1)
    while size < megabytes * 1e6:
        time += timedelta(seconds=rng.choice([20, 40, 60, 90, 7200]))
        yield (line := write(rng.choice([who, 'Bo']), time, rng.choice(texts)))
        size += len(line.encode()) + 2

def write_exports(root, megabytes, seed=0):
    "Write the folder."
    from tinychat.data import demo_chats
    texts = [m.text for chat in demo_chats()[1] for m in chat if m.text.strip() and '\n' not in m.text]
    rng, part = random.Random(seed), megabytes / 100
    for n in range(6):
        lines = talk(rng, texts, f'P{n}', 5 * part, lambda who, t, text: f'{t:%d/%m/%Y, %H:%M} - {who}: {text}')
        (root/f'WhatsApp Chat with P{n}.txt').write_text('\n'.join(lines) + '\n')
    def telegram(who, t, text):
        message = dict(type='message', date=t.isoformat(), date_unixtime=str(int(t.timestamp())), text=text, from_id=f'user {who}')
        return json.dumps(message | {'from': who})
    chats = [dict(name=f'T{n}', type='personal_chat', id=n, messages=list(map(json.loads, talk(rng, texts, f'T{n}', 7 * part, telegram)))) for n in range(5)]
    (root/'result.json').write_text(json.dumps(dict(personal_information=dict(user_id='user Bo', first_name='Bo'), chats=dict(list=chats)), indent=1))
    def sms(who, t, text):
        kind = 2 if who == 'Bo' else 1
        return f'<sms address="+15550100" date="{int(t.timestamp() * 1000)}" type="{kind}" body={quoteattr(text)} contact_name="Ann" />'
    (root/'sms.xml').write_text('\n'.join(['<smses>', *talk(rng, texts, 'Ann', 30 * part, sms), '</smses>']))

def measure(root):
    "Import it in this process, and say what that took."
    start = time.time()
    from tinychat.messengers import import_exports # counts too
    done = import_exports(root, me=['Bo'])
    status = Path('/proc/self/status') # Linux counts the parent's memory in what getrusage says
    if status.exists(): peak = int(status.read_text().split('VmHWM:')[1].split()[0]) * 1024
    else: peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss # bytes on a Mac
    print(json.dumps(dict(read=done.report['read'], kept=done.report['kept'], seconds=round(time.time() - start, 1), peak_mb=round(peak / 1e6))))

if __name__ == '__main__':
    if sys.argv[1:2] == ['--measure']: measure(sys.argv[2]); raise SystemExit
    with tempfile.TemporaryDirectory() as root:
        write_exports(Path(root), float(sys.argv[1]) if sys.argv[1:] else 100)
        print(round(sum(f.stat().st_size for f in Path(root).iterdir()) / 1e6), 'MB')
        subprocess.run([sys.executable, __file__, '--measure', root], check=True)
