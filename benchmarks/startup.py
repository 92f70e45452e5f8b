"""How long until tinychat answers: `import tinychat`, every command's `--help`, and the chat's first prompt.

    python benchmarks/startup.py [CHECKPOINT] [--out FILE]     # a line of JSON; --out adds it to a file

Each is started anew, as its user starts it; seconds, median of five. Without a CHECKPOINT the chat is left out. nbs/fast/speed.ipynb shows the rows."""
import argparse, json, os, platform, shutil, statistics, subprocess, sys, time
from importlib import metadata


def seconds(*command, until=None):
    "Median of five, after one that fills the disk's cache; to the end, or until a line begins with `until`."
    took = []
    for _ in range(6):
        start = time.perf_counter()
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if until:
            said = b''
            while until not in said:
                if not (more := p.stdout.read(1)): sys.exit(f'{" ".join(command)} ended without {until!r}.')
                said += more
        else: p.communicate()
        took.append(time.perf_counter() - start)
        if until: p.communicate()
        if p.returncode: sys.exit(f'{" ".join(command)} failed.')
    return round(statistics.median(took[1:]), 3)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint', nargs='?'); p.add_argument('--out')
    a = p.parse_args()
    if not shutil.which('tinychat-chat'): p.error('the commands are not on PATH: install tinychat, and activate its environment')
    row = dict(what='startup', machine=f'{len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()} threads, {platform.machine()}', python=platform.python_version(), torch=metadata.version('torch').split('+')[0])
    row['seconds'] = {'python -c pass': seconds(sys.executable, '-c', 'pass'), 'import tinychat': seconds(sys.executable, '-c', 'import tinychat')}
    for e in metadata.distribution('tinychat').entry_points:
        if e.group == 'console_scripts': row['seconds'][f'{e.name} --help'] = seconds(shutil.which(e.name), '--help')
    if a.checkpoint: row['seconds']['tinychat-chat, to its prompt'] = seconds(shutil.which('tinychat-chat'), '--checkpoint', a.checkpoint, until=b'you: ')
    print(json.dumps(row, indent=1))
    if a.out:
        with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')
