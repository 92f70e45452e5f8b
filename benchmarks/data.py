"""What a gigabyte of messages costs before training can begin: seconds and memory, at the first start and at the second, beside the way through lists.

    python benchmarks/data.py [--megabytes 1000] [--folder /tmp]     # a line of JSON; --out FILE adds it to a file

The messages are invented from PyPI's chitchat-dataset: stretches of its conversations are drawn at random (`--seed`), one of the two sides
is the person, and the words of each message are in a new order, so that little occurs twice. Each measurement is a process of its own.
`lists` is measured on one and on three hundredths as much, and the line through both is followed to the whole. `peak_mb` is `ru_maxrss`:
all memory of the process, with PyTorch's 200 MB and those pages of mapped files that were read. The tokenizer is that of the base;
`vocabulary` is what training one from scratch costs. Nothing else should run on the machine."""
import argparse, json, os, platform, random, subprocess, sys, tempfile, time
from pathlib import Path


def make(path, size, seed):
    "Write a file of about `size` bytes."
    from tinychat.data import Block, all_demo_chats, to_chatml
    rng, n = random.Random(seed), 0
    chats = [c for c in all_demo_chats() if len({m.sender for m in c}) == 2]
    def shuffled(text): words = text.split(' '); rng.shuffle(words); return ' '.join(words)
    with open(path, 'wb') as f:
        while n < size:
            c = rng.choice(chats); first = rng.randrange(len(c) - 1); c = c[first:first + rng.randint(2, 60)]
            me = rng.choice(c).sender
            n += f.write((b'\n' if n else b'') + to_chatml([[Block('assistant' if m.sender == me else 'user', shuffled(m.text)) for m in c]]).encode())


def measure(what, path):
    "Do it once, in this process, and print what it took."
    import resource
    begin = time.perf_counter()
    import tinychat
    from tinychat.fast import corpus
    from tinychat.checkpoint import load_tokenizer
    from tinychat.tokenizer import Tokenizer
    if what == 'lists': corpus.LARGE_FILE = 1e18
    tok = load_tokenizer(Path(tinychat.__file__).parent/'bases'/'tiny'/'tokenizer.json')
    train, held_out = corpus.open_data(path)
    read = time.perf_counter()
    if what == 'vocabulary': Tokenizer.train(corpus.texts_for_tokenizer(train), 4096); row = {}
    else:
        ids, mine = corpus.encode_data(tok, train)
        corpus.batches_of(ids, mine, 512, 16)[0]
        row = dict(messages=corpus.n_messages(train) + corpus.n_messages(held_out), tokens=len(ids))
    end = time.perf_counter()
    print(json.dumps(row | dict(seconds=round(end - begin, 2), reading=round(read - begin, 2), peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(1e6 if sys.platform == 'darwin' else 1e3)))))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--megabytes', type=int, default=1000); p.add_argument('--folder', default=tempfile.gettempdir()); p.add_argument('--seed', type=int, default=0); p.add_argument('--out')
    p.add_argument('--step', nargs=2, help=argparse.SUPPRESS) # what one of the processes does
    a = p.parse_args()
    if a.step:
        what, path = a.step
        make(path, a.megabytes*10**6, a.seed) if what == 'make' else measure(what, path)
        sys.exit()
    def step(what, path, megabytes=0): return subprocess.run([sys.executable, __file__, '--step', what, path, '--megabytes', str(megabytes), '--seed', str(a.seed)], check=True, stdout=subprocess.PIPE, text=True).stdout
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        whole, small, less = (f'{folder}/{n}.txt' for n in ('whole', 'small', 'less'))
        for path, n in ((whole, 100), (small, 3), (less, 1)): step('make', path, max(1, a.megabytes*n//100))
        size = os.path.getsize(whole)
        first, again, vocabulary, three, one = (json.loads(step(*s)) for s in (('first', whole), ('again', whole), ('vocabulary', whole), ('lists', small), ('lists', less)))
        kept = sum(f.stat().st_size for f in Path(folder).iterdir() if f.name.startswith('.'))
        there, here = os.path.getsize(less), os.path.getsize(small)
    def scaled(number): return round(one[number] + (three[number] - one[number])*(size - there)/(here - there))
    row = dict(what='data', machine=f'{os.cpu_count()} threads, {platform.machine()}', megabytes=round(size/1e6), messages=first.pop('messages'), tokens=first.pop('tokens'), kept_mb=round(kept/1e6),
               first=first, again={k: again[k] for k in ('seconds', 'peak_mb')}, vocabulary={k: vocabulary[k] for k in ('seconds', 'peak_mb')},
               lists=dict(seconds=scaled('seconds'), peak_mb=scaled('peak_mb'), measured_on_mb=[round(there/1e6), round(here/1e6)]))
    print(json.dumps(row, indent=1))
    if a.out:
        with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')
