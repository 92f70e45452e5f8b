"""How much memory a large backup of text messages takes to read.

    python benchmarks/sms.py            # about 300 MB
    python benchmarks/sms.py 2000       # about 2 GB
    python benchmarks/sms.py 300 20     # with pictures of 20 MB each
"""
import base64, json, os, random, resource, subprocess, sys, tempfile, time
from pathlib import Path

def write_backup(path, megabytes, picture_mb=1, seed=0):
    "Write a backup of that size: for each MMS with a picture, 400 SMS. Says how many records it wrote."
    rng, size, count = random.Random(seed), 0, 0
    picture = base64.b64encode(rng.randbytes(int(picture_mb * 750_000))).decode()
    words = 'are you coming tonight yes no maybe later see you there on my way &#55357;&#56832; ok'.split()
    with open(path, 'w') as f:
        f.write("<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n<smses>\n")
        while size < megabytes * 1e6:
            number, ms = f'+1555{rng.randrange(200):07}', 1_500_000_000_000 + count * 60_000
            for n in range(400):
                body = ' '.join(rng.choices(words, k=rng.randrange(1, 20)))
                size += f.write(f'  <sms protocol="0" address="{number}" date="{ms + n}" type="{1 + n % 2}" subject="null" body="{body}" toa="null" sc_toa="null" '
                                f'service_center="null" read="1" status="-1" locked="0" readable_date="null" contact_name="(Unknown)" />\n')
            size += f.write(f'  <mms date="{ms}" msg_box="1" address="{number}" m_type="132">\n    <parts>\n      <part seq="0" ct="image/jpeg" text="null" data="{picture}" />\n'
                            f'      <part seq="1" ct="text/plain" text="look" />\n    </parts>\n  </mms>\n')
            count += 401
        f.write('</smses>\n')
    return count

def measure(path):
    "Read it in this process, and say what that took."
    from tinychat.messengers import core, sms # the imports count too
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.time()
    [group] = sms.find(core.find_files(path))
    export = core.read_group(sms, group)
    unit = 1024 if sys.platform != 'darwin' else 1 # kilobytes on Linux, bytes on a Mac
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(dict(read=export.read, kept=export.kept, seconds=round(time.time() - start, 1), peak_mb=round(peak * unit / 1e6), imports_mb=round(before * unit / 1e6))))

if __name__ == '__main__':
    if sys.argv[1:2] == ['--measure']: measure(sys.argv[2]); raise SystemExit
    megabytes, picture_mb = [float(a) for a in sys.argv[1:]] + [300, 1][len(sys.argv) - 1:]
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'sms.xml'
        count = write_backup(path, megabytes, picture_mb)
        env = dict(os.environ, PYTHONPATH=str(root))
        out = json.loads(subprocess.run([sys.executable, __file__, '--measure', str(path)], env=env, check=True, capture_output=True, text=True).stdout)
        assert out['read'] == out['kept'] == count, (out, count)
        print(f"{path.stat().st_size/1e6:,.0f} MB, {count:,} records: {out['seconds']} s, {out['peak_mb']} MB at most, of which {out['imports_mb']} MB before the first byte")
