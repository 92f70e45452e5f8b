"The web page as the network meets it: what is served, to whom, how much it bears, and how it ends."
import asyncio, http.client, json, os, re, signal, socket, stat, subprocess, sys, threading, time
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import pytest
import torch

from test_commands import call, refused
from tinychat.gpt import GPT, GPTConfig
from tinychat.share import web
from tinychat.tokenizer import Tokenizer

root = Path(__file__).resolve().parent.parent
HELLO = dict(model='x', messages=[dict(role='user', content='hello')], seed=1)

def talker(path, n_layer=6, n_head=4, n_embd=256, context=512):
    "A checkpoint that has learned nothing, and fills the longest reply there is: the special tokens are out of its reach."
    torch.manual_seed(0)
    tok = Tokenizer.train([(root/'training_data'/'sample.txt').read_text(encoding='utf-8')], 400)
    model = GPT(GPTConfig(tok.vocab_size, n_layer, n_head, n_embd, context))
    with torch.no_grad():
        model.embed_tokens.weight *= 12*16/n_embd**.5
        model.embed_tokens.weight[list(tok.special.values())] = 0
        model.norm.weight *= -1 # or it would say its last token again
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(config=vars(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), path)
    return path

@contextmanager
def served(checkpoint, log=None, before='', **options):
    "The page, served by a process of its own: its `url`, `port` and `process`. What it writes beside its first line goes to `log`. It writes one draft unless told otherwise: this model always writes the longest reply."
    code = f'{before}\nfrom tinychat.share.web import serve; serve({str(checkpoint)!r}, browser=False, **{dict(port=0, candidates=1) | options!r})'
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': os.pathsep.join(filter(None, [str(root), os.environ.get('PYTHONPATH')]))}
    with open(log or os.devnull, 'w') as err:
        p = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=err, text=True, env=env, start_new_session=True)
    try:
        line = p.stdout.readline()
        assert 'http://' in line, f'The page was not served; exit status {p.wait(10)}.'
        url = re.search(r'http://\S+', line)[0]
        yield SimpleNamespace(url=url, port=urlsplit(url).port, process=p, line=line)
    finally:
        p.terminate()
        try: p.communicate(timeout=30)
        except subprocess.TimeoutExpired: p.kill(); p.communicate()

def ask(server, path, method='GET', body=None, **headers):
    "A response, its `text` read; status 0 if the connection is shut."
    c = http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)
    data = None if body is None else json.dumps(body).encode()
    headers = ({'Content-Type': 'application/json'} if data else {}) | {k.replace('_', '-'): v for k, v in headers.items()}
    try:
        c.putrequest(method, path, skip_host='Host' in headers)
        for k, v in headers.items(): c.putheader(k, v)
        if data is not None: c.putheader('Content-Length', str(len(data)))
        c.endheaders(data)
        r = c.getresponse()
        r.text = r.read().decode(errors='replace')
        return r
    except OSError: return SimpleNamespace(status=0, text='')
    finally: c.close()

def chat(server, **how): return ask(server, '/v1/chat/completions', 'POST', HELLO | how)

def soon(true, what, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f'Waited in vain: {what}'
        time.sleep(0.1)

@pytest.fixture(scope='module')
def model(tmp_path_factory): return talker(tmp_path_factory.mktemp('model')/'out'/'ckpt.pt')

@pytest.fixture(scope='module')
def server(model):
    pytest.importorskip('uvicorn')
    with served(model) as s: yield s

# Without a server

@pytest.mark.parametrize('options, says', [(dict(checkpoint='none.pt'), 'none.pt is not there'), (dict(port=70000), '--port'), (dict(ip='192.0.2.1'), 'no address of this computer'),
    (dict(ip='example.invalid'), 'no address of this computer'), (dict(token='short'), '8 characters'), (dict(token=''), '8 characters'), (dict(waiting=0), '--waiting')], ids=str)
def test_what_cannot_be_served_is_told_in_one_line(model, tmp_path, monkeypatch, options, says):
    uvicorn = pytest.importorskip('uvicorn')
    monkeypatch.setattr(uvicorn.Server, 'run', lambda self: pytest.fail('It is served.'))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as e: web.serve(**dict(checkpoint=model) | options)
    assert says in str(e.value) and '\n' not in str(e.value)

@pytest.mark.parametrize('name', ['starlette', 'uvicorn'])
def test_what_is_not_installed_is_named(model, monkeypatch, name):
    for m in [m for m in sys.modules if m.split('.')[0] == name]: monkeypatch.delitem(sys.modules, m)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"{name}.*pip install 'tinychat\[web\]'"): web.serve(model)

@pytest.mark.parametrize('ip, given, locked', [('127.0.0.1', None, False), ('127.0.0.1', 'a b&c#d%e', True), ('0.0.0.0', None, True), ('0.0.0.0', 'a b&c#d%e', True)])
def test_no_door_to_the_network_without_a_token(model, monkeypatch, capsys, ip, given, locked):
    uvicorn, doors, opened = pytest.importorskip('uvicorn'), [], []
    def open_(url): # a file that nobody else may read, and that leads there
        path = Path(url2pathname(urlsplit(url).path))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        opened.append(unescape(re.search('url=([^"]+)', path.read_text())[1]))
    monkeypatch.setattr(web.webbrowser, 'open', open_)
    monkeypatch.setattr(web, 'door_for', lambda o, real=web.door_for: doors.append(real(o)) or doors[-1])
    def run(self):
        async def begin(): # as if it listened
            self.started = True
            await type(self).startup(self)
        monkeypatch.setattr(uvicorn.Server, 'startup', lambda self, sockets=None: asyncio.sleep(0))
        asyncio.run(begin())
        soon(lambda: opened, 'the browser opens')
        assert self.config.host == ip and not self.config.access_log and self.config.workers == 1
    monkeypatch.setattr(uvicorn.Server, 'run', run)
    web.serve(model, ip=ip, token=given, port=0)
    (door,) = doors
    assert bool(door.token) == locked and bool(door.hosts) != locked and (not given or door.token == given)
    url = re.search(r'http://\S+', capsys.readouterr().out)[0]
    assert opened == [url] and urlsplit(url).fragment == quote(door.token or '') and not urlsplit(url).query

@pytest.mark.parametrize('ip', ['127.0.0.1', 'localhost', 'LOCALHOST', 'localhost.', '127.1', '127.0.0.2', '0', '', '0.0.0.0', '::', '::1', '[::1]', '::ffff:127.0.0.1', '::ffff:0.0.0.0', '0x7f000001', '2130706433', '0177.0.0.1',
    '127.0.0.1:80', '127.0.0.1/8', ' 127.0.0.1', '127.0.0.1\n', '*', '255.255.255.255', 'http://127.0.0.1', '127.0.0.1.example.invalid', 'é', 'a'*300, '\x00'], ids=repr)
def test_however_an_address_is_spelled_no_network_is_open(ip):
    "It is bound as the server binds it: what comes out is this computer, or asks for a token."
    import ipaddress
    try: o = web.WebOptions(port=0, ip=ip).settled()
    except ValueError as e: assert '\n' not in str(e) and 'no address of this computer' in str(e) and len(str(e)) < 200; return
    with socket.socket(socket.AF_INET6 if ':' in o.ip else socket.AF_INET) as s:
        s.bind((o.ip, o.port))
        at = ipaddress.ip_address(s.getsockname()[0])
    assert at.is_loopback or o.token and not web.door_for(o).hosts
    assert at.is_unspecified or f'//{f"[{at}]" if at.version == 6 else at}:{o.port}/' in web.page_url(o.ip, o.port, o.token)

# With one

def test_the_page_is_one_file_and_holds_nobodys_words(server, model):
    r = ask(server, '/')
    assert r.status == 200 and 'src=' not in r.text and str(model.parent) not in r.text and 'ckpt' not in r.text
    assert "default-src 'none'" in r.headers['content-security-policy'] and 'unsafe' not in r.headers['content-security-policy']
    assert r.headers['x-content-type-options'] == 'nosniff' and 'server' not in r.headers and r.headers['referrer-policy'] == 'no-referrer'
    assert json.loads(ask(server, '/about').text)['name'] == 'tinychat'

@pytest.mark.parametrize('path', ['/out/ckpt.pt', '/ckpt.pt', '/../ckpt.pt', '/%2e%2e/ckpt.pt', '//etc/passwd', '/static/x', '/v1', '/v1/completions', '/docs', '/openapi.json', '/about/', '/.git/config'])
def test_nothing_else_is_there(server, path): assert ask(server, path).status in (404, 307)

def test_a_reply_by_the_network(server):
    whole = json.loads(chat(server, max_tokens=20).text)
    pieces = [json.loads(e[6:]) for e in chat(server, max_tokens=20, stream=True).text.split('\n\n') if e.startswith('data: {')]
    assert ''.join(p['choices'][0]['delta'].get('content', '') for p in pieces) == whole['choices'][0]['message']['content'] != ''

@pytest.mark.parametrize('headers', [dict(Host='example.org'), dict(Origin='http://example.org'), dict(Origin='null'), dict(Host='127.0.0.1.example.org:80')], ids=str)
def test_other_sites_get_nothing(server, headers):
    assert ask(server, '/about', **headers).status in (403, 421) and ask(server, '/v1/chat/completions', 'POST', HELLO, **headers).status in (403, 421)
    assert ask(server, '/v1/chat/completions', 'POST', HELLO, Content_Type='text/plain').status == 415 # a page may send that without asking

def test_with_a_token_nothing_is_open_without_it(model):
    pytest.importorskip('uvicorn')
    with served(model, token='open sesame') as s:
        assert ask(s, '/about').status == 401 == chat(s).status and ask(s, '/v1/models', Authorization='Bearer nope').status == 401
        assert ask(s, '/about', Authorization='Bearer open sesame').status == 200 and ask(s, '/').status == 200
        assert ask(s, '/about?token=open%20sesame').status == 401 # not by the address

def test_twenty_at_once_are_all_answered_or_told(server):
    got = [None]*24
    def one(n): got[n] = chat(server, messages=[dict(role='user', content=f'hello {n}')], max_tokens=8, seed=n)
    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(got))]
    for t in threads: t.start()
    for t in threads: t.join(60)
    assert {r.status for r in got} <= {200, 429} and sum(r.status == 200 for r in got) >= 16
    for n, r in enumerate(got): # nothing is mixed
        if r.status == 200: assert json.loads(r.text)['choices'] == json.loads(chat(server, messages=[dict(role='user', content=f'hello {n}')], max_tokens=8, seed=n).text)['choices']

def test_silent_and_slow_connections_are_shut_and_shut_nobody_out(model):
    pytest.importorskip('uvicorn')
    with served(model, before='import tinychat.share.web as w, tinychat.share.server as s; w.SILENCE = 1; w.MOST_CONNECTIONS = 50; s.MOST_SECONDS = 1') as s:
        silent = [socket.create_connection(('127.0.0.1', s.port)) for _ in range(45)]
        assert ask(s, '/').status == 200
        silent[0].sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{')
        silent[1].sendall(b'GET / HT')
        more = [socket.create_connection(('127.0.0.1', s.port)) for _ in range(30)]
        def shut(c):
            c.settimeout(10)
            try: data = c.recv(1000)
            except OSError: return True
            return not data or b' 408 ' in data
        assert all(shut(c) for c in silent + more)
        assert ask(s, '/').status == 200 and chat(s, max_tokens=4).status == 200

def test_slow_connections_make_room_for_whoever_comes(model):
    "Three hundred of them, each with a byte now and then: a reply in progress goes on, others are heard, and no more are open than may be."
    pytest.importorskip('uvicorn')
    with served(model, before='import tinychat.share.web as w; w.SILENCE = 600; w.MOST_CONNECTIONS = 20') as s:
        got = []
        t = threading.Thread(target=lambda: got.append(chat(s, max_tokens=250)))
        t.start()
        time.sleep(.3)
        slow = []
        for n in range(300):
            slow.append(socket.create_connection(('127.0.0.1', s.port)))
            if n % 50 == 0:
                for c in slow:
                    with suppress(OSError): c.sendall(b'P')
                assert ask(s, '/about').status == 200
        assert ask(s, '/').status == 200 == chat(s, max_tokens=4).status
        t.join(60)
        assert got[0].status == 200
        def is_open(c):
            c.settimeout(.01)
            try: return c.recv(1) != b''
            except TimeoutError: return True
            except OSError: return False
        soon(lambda: sum(map(is_open, slow)) <= 20, 'the others are shut')
        assert is_open(slow[-1]) and not is_open(slow[0])

@pytest.mark.skipif(sys.platform != 'linux', reason='127.0.0.2 is this computer on Linux alone')
def test_one_visitor_takes_no_connection_from_another(model):
    pytest.importorskip('uvicorn')
    with served(model, before='import tinychat.share.web as w; w.SILENCE = 600; w.MOST_OF_ONE = 5') as s:
        quiet = socket.create_connection(('127.0.0.1', s.port), source_address=('127.0.0.2', 0))
        greedy = [socket.create_connection(('127.0.0.1', s.port)) for _ in range(8)]
        for c in greedy[:3]:
            c.settimeout(20)
            assert c.recv(1) == b''
        for c in (quiet, *greedy[3:]):
            c.sendall(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            assert c.recv(12) == b'HTTP/1.1 200'

@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='no /proc there')
def test_the_model_as_a_file_is_made_once_and_sent_as_fast_as_it_is_read(tmp_path):
    def memory(): return int(re.search(r'VmRSS:\s+(\d+) kB', Path(f'/proc/{s.process.pid}/status').read_text())[1])/1000 # MB
    with served(talker(tmp_path/'ckpt.pt'), before='import tinychat.share.web as w; w.STUCK = 1') as s:
        page = ask(s, '/page').text
        before, lazy = memory(), []
        def n_open(): return len(os.listdir(f'/proc/{s.process.pid}/fd'))
        alone = n_open()
        for _ in range(12):
            c = socket.create_connection(('127.0.0.1', s.port))
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.sendall(b'GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            lazy.append(c)
        soon(lambda: n_open() >= alone + 10, 'they are there')
        assert memory() < before + 3*len(page)/1e6, 'each has a page of its own'
        assert ask(s, '/page').text == page
        soon(lambda: n_open() <= alone, 'whoever does not read is shut out')
        for c in lazy: c.close()

def test_who_asks_for_much_and_never_reads_makes_room(tmp_path):
    pytest.importorskip('uvicorn')
    with served(talker(tmp_path/'ckpt.pt'), before='import tinychat.share.web as w; w.MOST_CONNECTIONS, w.STUCK = 10, 600') as s:
        assert ask(s, '/page').status == 200 # made once
        lazy = []
        for _ in range(10):
            c = socket.create_connection(('127.0.0.1', s.port))
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.sendall(b'GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            assert c.recv(12) == b'HTTP/1.1 200'
            lazy.append(c)
        soon(lambda: ask(s, '/about').status == 200, 'there is room as soon as what they do not read is stuck')
        assert all(ask(s, '/about').status == 200 for _ in range(12))
        for c in lazy: c.close()

def test_who_never_reads_holds_nobody_up(server):
    c = socket.create_connection(('127.0.0.1', server.port))
    body = json.dumps(HELLO | dict(stream=True, max_tokens=200)).encode()
    c.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
    assert chat(server, max_tokens=8).status == 200
    c.close()
    assert chat(server, max_tokens=8).status == 200

def test_ten_thousand_malformed_requests(model, tmp_path):
    "Odd JSON, odd headers, cut or with flipped bytes: each gets a 4xx or nothing, and the server says no word and keeps nothing of it."
    import random
    pytest.importorskip('uvicorn')
    rng = random.Random(0)
    odd = [None, True, -1, 1e308, 2**70, '', 'x'*50, [], {}, [[]], '\ud800', {'role': 'user'}, [{'role': 'user', 'content': [{'type': 'text'}]}]]
    def request():
        body = HELLO | dict(max_tokens=1) | {rng.choice(['messages', 'n', 'seed', 'stop', 'stream', 'tools', 'user', 'temperature', 'x']): rng.choice(odd) for _ in range(rng.randrange(3))}
        data = json.dumps(body).encode()
        headers = [b'Host: 127.0.0.1', b'Content-Type: application/json', b'Content-Length: %d' % rng.choice([len(data)]*8 + [0, 5])]
        if rng.random() < .2: headers.insert(rng.randrange(3), rng.choice([b'Host: x', b'Transfer-Encoding: chunked', b'Content-Length: 9e9', b'Expect: 100-continue', b'Upgrade: websocket', b'X: ' + b'y'*70000, b'\x00: 1', b'Content-Encoding: gzip']))
        data = bytearray(b'\r\n'.join([rng.choice([b'POST', b'POST', b'GET', b'BREW']) + b' /v1/chat/completions HTTP/1.1', *headers, b'', data]))
        whole = bytes(data)
        if rng.random() < .5: data = data[:rng.randrange(len(data))]
        for _ in range(rng.choice([0, 0, 1, 5])):
            if data: data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data), data == whole and b'9e9' not in data and b'chunked' not in data
    with served(model, tmp_path/'log') as s:
        proc = Path(f'/proc/{s.process.pid}')
        def memory(): return int(re.search(r'VmRSS:\s*(\d+)', (proc/'status').read_text())[1]) >> 10 if proc.exists() else 0 # MB
        got, before = {}, None
        for n in range(10_000):
            with socket.create_connection(('127.0.0.1', s.port), timeout=20) as c:
                data, whole = request()
                try:
                    c.sendall(data)
                    if not whole: c.shutdown(socket.SHUT_WR) # or it waits for the rest
                    said = c.recv(100)
                except (ConnectionError, BrokenPipeError): said = b''
            got[said[9:12]] = got.get(said[9:12], 0) + 1
            if n == 2000: before = memory()
        assert not any(status.startswith(b'5') for status in got) and got[b'400'] > 1000 and got[b'200'] > 100 and len(got) >= 5, got
        assert memory() - before < 120 # it levels off: 60,000 requests took no more
        if proc.exists(): soon(lambda: len(list((proc/'fd').iterdir())) < 40, 'all connections are shut')
        assert chat(s, max_tokens=8).status == 200
    assert (tmp_path/'log').read_text() == ''

@pytest.mark.skipif(os.name != 'posix', reason='signals as in POSIX')
@pytest.mark.parametrize('how, status', [('SIGINT', -signal.SIGINT), ('SIGTERM', 0), ('SIGHUP', 0)])
def test_it_ends_without_noise_in_the_middle_of_a_reply(model, tmp_path, monkeypatch, how, status):
    pytest.importorskip('uvicorn')
    (tmp_path/'temp').mkdir()
    for name in ('TMPDIR', 'TEMP', 'TMP'): monkeypatch.setenv(name, str(tmp_path/'temp'))
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0)); taken.listen()
        port = taken.getsockname()[1]
        with served(model, tmp_path/'log', port=port) as s:
            assert s.port != port and f'Port {port} is taken.' in s.line
            t = threading.Thread(target=lambda: chat(s, max_tokens=250))
            t.start()
            time.sleep(.3)
            s.process.send_signal(getattr(signal, how))
            assert s.process.wait(30) == status
            t.join(10)
    said = (tmp_path/'log').read_text().split('KeyboardInterrupt')[0]
    assert said.count('Traceback') <= (how == 'SIGINT') and str(model) not in said and 'hello' not in said, said
    assert not list((tmp_path/'temp').iterdir())

@pytest.mark.skipif(os.name != 'posix', reason='signals as in POSIX')
def test_whoever_waits_is_told_that_the_server_stops(model):
    "Drafts that are being written, drafts and replies that wait for them, and a request of which only a part is here."
    pytest.importorskip('uvicorn')
    slowly = 'import time; from tinychat.share.server import Desk; check = Desk.check_open; Desk.check_open = lambda self: (time.sleep(.005), check(self))'
    with served(model, before=slowly) as s: # so that the drafts take ten seconds on any machine
        got = [None]*4
        def one(n, how): got[n] = chat(s, max_tokens=250, **how)
        threads = [threading.Thread(target=one, args=(n, how)) for n, how in enumerate((dict(n=8), dict(n=2), {}, dict(stream=True)))]
        for t in threads: t.start(); time.sleep(.2)
        half = socket.create_connection(('127.0.0.1', s.port))
        half.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{')
        time.sleep(.3)
        s.process.send_signal(signal.SIGINT)
        half.settimeout(20)
        assert half.recv(1) == b''
        assert s.process.wait(30) == -signal.SIGINT
        for t in threads: t.join(20)
    assert [r.status for r in got] == [503, 503, 503, 200]
    errors = [json.loads(r.text) for r in got[:3]] + [json.loads(got[3].text.strip().split('\n\n')[-1][6:])]
    assert all(e == dict(error=dict(message='The server is stopping.', type='service_unavailable_error', param=None, code=None)) for e in errors)

# The command

@pytest.mark.parametrize('options, word, token', [([], None, None), (['--token'], None, 'random'), ([], 'open sesame', 'open sesame'), (['--token'], 'open sesame', 'open sesame')])
def test_no_token_is_an_argument(tmp_path, monkeypatch, options, word, token):
    "It comes from the environment, or from chance, and goes no further"
    seen = []
    def serve(checkpoint, guard, candidates, **how): seen.append((checkpoint, guard, web.WebOptions(**how), os.environ.get('TINYCHAT_TOKEN')))
    monkeypatch.setattr(web, 'serve', serve)
    monkeypatch.delenv('TINYCHAT_TOKEN', raising=False)
    if word: monkeypatch.setenv('TINYCHAT_TOKEN', word)
    assert call(tmp_path, 'tinychat-web', *options)[0] == 0
    [(checkpoint, guard, asked, left)] = seen
    assert (checkpoint, guard, left) == ('out/ckpt.pt', None, None) and asked == web.WebOptions(token=asked.token) # the same defaults
    assert asked.token == token or token == 'random' and len(asked.token) >= 20

def test_a_token_given_as_an_argument_is_refused(tmp_path):
    refused(call(tmp_path, 'tinychat-web', '--token', 'open-sesame'), 'no option')

@pytest.mark.parametrize('options, n', [([], 8), (['--candidates', '3'], 3)])
def test_how_many_drafts_it_writes(tmp_path, monkeypatch, options, n):
    seen = []
    monkeypatch.setattr(web, 'serve', lambda checkpoint, guard, candidates, **how: seen.append(candidates))
    assert call(tmp_path, 'tinychat-web', *options)[0] == 0 and seen == [n]
    refused(call(tmp_path, 'tinychat-web', '--candidates', '0'), '--candidates')

def test_of_two_drafts_another_may_be_sent(model):
    pytest.importorskip('uvicorn')
    said = []
    for n in (1, 2):
        with served(model, candidates=n) as s: said.append(json.loads(chat(s, max_tokens=20).text)['choices'][0]['message']['content'])
    assert all(said) and said[0] != said[1]

# Programs of others

def test_the_llm_program(server, tmp_path):
    "With the plugin for OpenAI's interface that it comes with: piece by piece, whole, and a talk that goes on."
    pytest.importorskip('llm')
    (tmp_path/'extra-openai-models.yaml').write_text(f'- model_id: me\n  model_name: tinychat\n  api_base: {server.url}v1\n')
    def llm(*args):
        p = subprocess.run([sys.executable, '-m', 'llm', *args], capture_output=True, text=True, timeout=120, env={**os.environ, 'LLM_USER_PATH': str(tmp_path), 'OPENAI_API_KEY': 'none'})
        assert (p.returncode, p.stderr) == (0, ''), p.stderr
        return p.stdout
    options = '-m', 'me', '-o', 'seed', '1', '-o', 'max_tokens', '12'
    said = llm('hello', *options)
    assert said.strip() == json.loads(chat(server, max_tokens=12).text)['choices'][0]['message']['content'].strip() != ''
    assert llm('hello', '--no-stream', *options) == said
    assert llm('-c', 'and you?', *options[2:]).strip()

@pytest.mark.parametrize('token', [' '*8, 'abcdefgh ', ' abcdefgh', 'abcdefg', 'abcdefgé'])
def test_tokens_that_no_header_carries_are_refused(token):
    with pytest.raises(ValueError, match='A token must have 8 characters'): web.WebOptions(token=token)
