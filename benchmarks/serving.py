"""How much the server bears: many talks at once, many pages at once, and how soon it is there.

    python benchmarks/serving.py CHECKPOINT [--candidates 8] [--talks 200] [--turns 10] [--at_once 16] [--out FILE]     # a line of JSON; --out adds it to a file

A talk is a person that asks, reads the reply as it streams, and asks again. Afterwards each talk is held once more, alone, and must come out equal. Every reply has
its own seed. nbs/share/web.ipynb shows the rows. Memory is the server's, most so far."""
import argparse, asyncio, json, os, platform, random, re, statistics, subprocess, sys, time
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import httpx

ASKED = """hey how are you?|what did you do today?|did you eat already?|any plans for the weekend?|did you see the game last night?|haha really?|who told you that?|when are you coming?
can you call me later?|where are you?|what should I cook tonight?|do you like it there?|how was work?|are you tired?|that sounds fun!|tell me more|why not?|me too|what is your favorite food?|good night!""".replace('\n', '|').split('|')


@contextmanager
def serving(checkpoint, candidates):
    "The server in a process of its own: (address, process, seconds until it said that it is there)."
    start = time.perf_counter()
    p = subprocess.Popen([sys.executable, '-c', f'import sys; sys.argv = ["tinychat-web", "--no_browser", "--port", "0", "--checkpoint", {checkpoint!r}, "--candidates", "{candidates}", "--waiting", "64"]; from tinychat.commands import tinychat_web; tinychat_web()'],
                         stdout=subprocess.PIPE, text=True)
    try:
        url = re.search(r'http://\S+', p.stdout.readline())[0]
        yield url, p, time.perf_counter() - start
    finally: p.terminate(); p.wait(30)


def peak(p): return int(re.search(r'VmHWM:\s*(\d+)', Path(f'/proc/{p.pid}/status').read_text())[1]) >> 10 # MB

async def hold(client, talk, turns):
    "One talk: (its messages, seconds until the first text of each reply)."
    rng, messages, first = random.Random(talk), [], []
    for turn in range(turns):
        messages.append(dict(role='user', content=rng.choice(ASKED)))
        text, start, seen = '', time.perf_counter(), None
        async with client.stream('POST', '/v1/chat/completions', json=dict(messages=messages, stream=True, seed=1000*talk + turn, max_tokens=40)) as answer:
            if answer.status_code != 200: raise SystemExit(f'Status {answer.status_code} in talk {talk}.')
            async for line in answer.aiter_lines():
                if line.startswith('data: {'):
                    piece = json.loads(line[6:])
                    if 'error' in piece: raise SystemExit(f'An error in talk {talk}.')
                    text += piece['choices'][0]['delta'].get('content', '')
                    if text and seen is None: seen = time.perf_counter() - start
        first.append(seen or time.perf_counter() - start)
        messages.append(dict(role='assistant', content=text))
    return messages, first

async def hold_all(url, talks, turns, at_once):
    "All talks, so many at a time."
    limit = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=httpx.Limits(max_connections=at_once)) as client:
        async def one(n):
            async with limit: return await hold(client, n, turns)
        start = time.perf_counter()
        done = await asyncio.gather(*map(one, range(talks)))
        return [m for m, _ in done], [s for _, first in done for s in first], time.perf_counter() - start

async def open_pages(url, n):
    "So many pages at once, as browsers open them: the slowest's seconds."
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=n)) as client:
        async def one():
            start = time.perf_counter()
            for path in ('/', '/about'): assert (await client.get(path)).status_code == 200
            return time.perf_counter() - start
        return max(await asyncio.gather(*(one() for _ in range(n))))


def main(a):
    ready = []
    for _ in range(6):
        with serving(a.checkpoint, a.candidates) as (url, p, seconds): ready.append(seconds); pages = asyncio.run(open_pages(url, 50)); after_pages = peak(p)
    with serving(a.checkpoint, a.candidates) as (url, p, _):
        many, first, seconds = asyncio.run(hold_all(url, a.talks, a.turns, a.at_once))
        most = peak(p)
    with serving(a.checkpoint, a.candidates) as (url, p, _): alone, first_alone, _ = asyncio.run(hold_all(url, a.talks, a.turns, 1))
    def p95(seconds): return round(statistics.quantiles(seconds, n=20)[-1], 2)
    row = dict(what='serving', model=a.name, candidates=a.candidates, talks=a.talks, turns=a.turns, at_once=a.at_once, ready_s=round(statistics.median(ready[1:]), 2), fifty_pages_s=round(pages, 2), mb_after_pages=after_pages,
               equal=sum(x == y for x, y in zip(many, alone)), replies_a_second=round(a.talks*a.turns/seconds, 2), first_s_median=round(statistics.median(first), 2), first_s_p95=p95(first), first_alone_s_p95=p95(first_alone), mb=most,
               python=platform.python_version(), torch=metadata.version('torch'), machine=f'{platform.machine()}, {os.cpu_count()} cores')
    print(json.dumps(row))
    if a.out:
        with open(a.out, 'a') as f: f.write(json.dumps(row) + '\n')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('checkpoint'); p.add_argument('--name', default='tiny'); p.add_argument('--candidates', type=int, default=8, help='drafts of each reply'); p.add_argument('--talks', type=int, default=200); p.add_argument('--turns', type=int, default=10); p.add_argument('--at_once', type=int, default=16); p.add_argument('--out')
    main(p.parse_args())
