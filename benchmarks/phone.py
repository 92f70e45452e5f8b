"""How fast the page for the phone is, in Chromium on a phone's screen, opened from a file.

    python benchmarks/phone.py PAGE.html [--slower 6] [--out FILE]     # a line of JSON; --out adds it to a file

`--slower 6` stops the browser's processes for five sixths of the time, ten milliseconds at a time: the browser's own throttle spares workers. Memory is what is the
tab's share (PSS, Linux). Median of five. nbs/share/phone.ipynb shows the rows."""
import argparse, json, os, platform, re, shutil, signal, statistics, sys, threading, time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tests'))
from conftest import BROWSERS, QUIET

ASKED = 'hey, how are you?', 'what did you do today?', 'any plans for the weekend?', 'tell me a long story', 'do you like music?'


def renderers():
    "The processes that show pages."
    for p in Path('/proc').iterdir():
        try:
            if p.name.isdigit() and b'--type=renderer' in (p/'cmdline').read_bytes(): yield p
        except OSError: pass

def share(p): return int(re.search(r'Pss:\s+(\d+)', (p/'smaps_rollup').read_text())[1]) >> 10 # MB

def brake(times, ended):
    "Let the pages run for a part of the time only."
    while not ended.is_set():
        pids = [int(p.name) for p in renderers()]
        for _ in range(3):
            if ended.is_set(): break
            for how, seconds in ((signal.SIGSTOP, .01*(times - 1)), (signal.SIGCONT, .01)):
                for pid in pids:
                    try: os.kill(pid, how)
                    except ProcessLookupError: pass
                time.sleep(seconds)

def once(browser, path):
    "Open the page and talk: (seconds to the first word, tokens a second without drafts, seconds for a reply with them, MB, requests)."
    context = browser.new_context(viewport=dict(width=390, height=844), is_mobile=True, has_touch=True)
    page = context.new_page()
    out = []
    page.on('request', lambda r: out.append(r.url))
    start = time.perf_counter()
    page.goto(path.resolve().as_uri(), wait_until='domcontentloaded')
    first = page.evaluate("""q => new Promise(done => { const start = performance.now()
      engine.reply([{ me: true, text: q }], { seed: 1, max_tokens: 64 }, p => done((performance.now() - start) / 1000), new AbortController().signal) })""", ASKED[0])
    first_word = time.perf_counter() - start
    speeds, waits = [], []
    for n, q in enumerate(ASKED):
        pieces = page.evaluate("""([q, seed]) => new Promise(done => { const at = []
          engine.reply([{ me: true, text: q }], { seed, max_tokens: 128, drafts: 1 }, p => at.push(performance.now()), new AbortController().signal).then(() => done(at)) })""", [q, n])
        if len(pieces) > 5: speeds.append((len(pieces) - 1)/(pieces[-1] - pieces[0])*1000)
        waits.append(page.evaluate("""([q, seed]) => { const start = performance.now()
          return engine.reply([{ me: true, text: q }], { seed, max_tokens: 128 }, () => {}, new AbortController().signal).then(() => (performance.now() - start)/1000) }""", [q, n]))
    memory = max(map(share, renderers()))
    context.close()
    return first_word, statistics.median(speeds), statistics.median(waits), memory, sum(not u.startswith('blob:') for u in out) - 1


def main(a):
    chrome, path, ended = next(filter(None, map(shutil.which, BROWSERS))), Path(a.page), threading.Event()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chrome, args=QUIET, chromium_sandbox=False)
        if a.slower > 1: threading.Thread(target=brake, args=(a.slower, ended), daemon=True).start()
        rows = [once(browser, path) for _ in range(5)]
        ended.set()
        version = browser.version
        browser.close()
    first, speed, waits, memory, went_out = zip(*rows)
    row = dict(what='phone', mb=round(path.stat().st_size/1e6, 1), slower=a.slower, first_word_s=round(statistics.median(first), 2), tokens_a_second=round(statistics.median(speed)), reply_s=round(statistics.median(waits), 2), tab_mb=max(memory), requests=sum(went_out),
               browser=f'Chromium {version}', machine=f'{platform.machine()}, {os.cpu_count()} cores')
    print(json.dumps(row))
    if a.out:
        with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('page'); p.add_argument('--slower', type=float, default=1); p.add_argument('--out')
    main(p.parse_args())
