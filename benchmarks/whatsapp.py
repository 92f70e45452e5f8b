"""How fast is a WhatsApp export read, and how much memory does it take?

    python benchmarks/whatsapp.py 20                       an invented export of 20 MB, read by tinychat
    python benchmarks/whatsapp.py 20 --python VENV/bin/python   the same, and by whatstk and chat-miner if VENV has them

Every reader runs in a fresh process, and reads the same file. Seconds are those of reading alone, imports left out;
memory is the peak of the whole process, and what it had before it began to read."""
import argparse, json, random, subprocess, sys, tempfile
from datetime import datetime, timedelta
from pathlib import Path

WORDS = 'ok yes no haha lol the a on my way see you later what time are we meeting tomorrow love it 😂 so tired can someone bring milk and bread please I am not sure yet maybe café señor über'.split()
READERS = dict(
    tinychat='from tinychat.messengers import whatsapp as w\nfrom tinychat.messengers.core import find_files, read_group\nread = lambda p: read_group(w, w.find(find_files(p))[0]).kept',
    whatstk='from whatstk import WhatsAppChat\nread = lambda p: len(WhatsAppChat.from_source(p).df)',
    chatminer='from chatminer.chatparsers import WhatsAppParser\ndef read(p):\n    parser = WhatsAppParser(p); parser.parse_file(); return len(parser.parsed_messages.get_df())')
RUN = '''
import json, resource, sys, time
{reader}
kib = 1024 if sys.platform != 'darwin' else 1
def peak():
    try: return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])
    except OSError: return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*kib//1024
before, begin, cpu = peak(), time.perf_counter(), time.process_time()
n = read(sys.argv[1])
print(json.dumps(dict(messages=n, seconds=round(time.perf_counter() - begin, 2), cpu=round(time.process_time() - cpu, 2), before=before//1024, peak=peak()//1024)))
'''

def export(path, megabytes, seed):
    "Write an invented chat of four people, some messages of several lines, some pictures."
    rng, time, size = random.Random(seed), datetime(2015, 1, 1), 0
    with open(path, 'w', encoding='utf-8', newline='\n') as f:
        while size < megabytes*1e6:
            time += timedelta(minutes=rng.choice((0, 0, 0, 1, 1, 2, 60)))
            text = '<Media omitted>' if rng.random() < .05 else ' '.join(rng.choices(WORDS, k=rng.randint(1, 16)))
            if rng.random() < .05: text += '\n' + ' '.join(rng.choices(WORDS, k=8))
            line = f'{time:%d/%m/%Y, %H:%M} - {rng.choice(("Ada", "Grace Hopper", "Alan 🙂", "+44 7700 900123"))}: {text}\n'
            size += len(line.encode())
            f.write(line)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('megabytes', type=float, nargs='?', default=10)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--python', help='an interpreter that has whatstk and chat-miner')
    p.add_argument('--only', choices=READERS, help='one reader')
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'WhatsApp Chat with Ada.txt'
        export(path, args.megabytes, args.seed)
        print(f'{path.stat().st_size/1e6:.1f} MB, seed {args.seed}')
        for name, reader in READERS.items():
            if args.only not in (None, name): continue
            python = sys.executable if name == 'tinychat' else args.python or sys.executable
            done = subprocess.run([python, '-c', RUN.format(reader=reader), str(path)], capture_output=True, text=True)
            try: r = json.loads(done.stdout.splitlines()[-1])
            except (IndexError, ValueError): print(f'{name:10} not measured: {(done.stderr.strip().splitlines() or ["no output"])[-1]}'); continue
            print(f'{name:10} {r["messages"]:>9,} messages  {r["seconds"]:7.2f} s ({r["cpu"]:.2f} s of one core)  peak {r["peak"]:5,} MB, {r["before"]:,} MB of it before reading')

if __name__ == '__main__': main()
