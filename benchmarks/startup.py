"""How long until tinychat answers: `import tinychat`, every command's `--help`, and the chat's first prompt.

    python benchmarks/startup.py [CHECKPOINT]        JSON on standard output; seconds, median of five

Each is started anew, as its user starts it. Without a CHECKPOINT the chat is left out.
"""
import json, platform, shutil, statistics, subprocess, sys, time
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

def main(checkpoint=None):
    report = {'python': platform.python_version(), 'tinychat': metadata.version('tinychat'), 'torch': metadata.version('torch'), 'machine': f'{platform.machine()}, {platform.system()}',
              'python -c pass': seconds(sys.executable, '-c', 'pass'), 'import tinychat': seconds(sys.executable, '-c', 'import tinychat')}
    for e in metadata.distribution('tinychat').entry_points:
        if e.group == 'console_scripts': report[f'{e.name} --help'] = seconds(shutil.which(e.name), '--help')
    if checkpoint: report['tinychat-chat, to its prompt'] = seconds(shutil.which('tinychat-chat'), '--checkpoint', checkpoint, until=b'you: ')
    print(json.dumps(report, indent=1))

if __name__ == '__main__': main(*sys.argv[1:])
