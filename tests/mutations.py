"Files as they get when something goes wrong: cut short, bytes flipped, lines swapped or doubled, pieces gone."
import random, tempfile
from pathlib import Path

from tinychat.messengers.core import all_files, read_group

def mutated(data, rng):
    "A damaged copy of some bytes."
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not data: break
        kind, at = rng.randrange(6), rng.randrange(len(data))
        if kind == 0: del data[at:]
        elif kind == 1: data[at] ^= 1 << rng.randrange(8)
        elif kind == 2: del data[at:at + rng.randrange(1, 20)]
        elif kind == 3: data[at:at] = bytes(rng.choice((rng.randrange(256), 0, 0xFF, 0x22, 0x0A)) for _ in range(rng.randrange(1, 8)))
        else:
            lines = bytes(data).split(b'\n')
            a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
            if kind == 4: lines[a], lines[b] = lines[b], lines[a]
            else: lines.insert(a, lines[b])
            data = bytearray(b'\n'.join(lines))
    return bytes(data)

def survives(reader, files, times, seed=0):
    """Read `files` (name -> bytes) `times` times, one of them damaged each time: (read, refused, not recognised).
    Any exception but a ValueError of one line is the test's failure, and so is an account that does not balance."""
    rng, read, refused, unknown = random.Random(seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for n in range(times):
            root = Path(folder)/str(n)
            hit = rng.choice(sorted(files))
            for name, data in files.items():
                (root/name).parent.mkdir(parents=True, exist_ok=True)
                (root/name).write_bytes(mutated(data, rng) if name == hit else data)
            groups = reader.find(all_files(root))
            unknown += not groups
            for group in groups:
                try: read_group(reader, group); read += 1 # it checks that the account balances
                except ValueError as e:
                    assert '\n' not in str(e), e
                    refused += 1
            for p in sorted(root.rglob('*'), reverse=True): p.unlink() if p.is_file() else p.rmdir()
            root.rmdir()
    return read, refused, unknown
