"The web page as the network meets it: what is served, to whom, and how it ends."
import http.client, json, os, re, signal, socket, stat, subprocess, sys, time
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

import pytest
import torch

from test_commands import call, refused
from tinychat.gpt import GPT, GPTConfig
from tinychat.share import web
from tinychat.tokenizer import Tokenizer

root = Path(__file__).resolve().parent.parent

def talker(path):
    "A checkpoint that has learned nothing, and fills the longest reply there is: the special tokens are out of its reach."
    torch.manual_seed(0)
    tok = Tokenizer.train([(root/'training_data'/'sample.txt').read_text(encoding='utf-8')], 400)
    model = GPT(GPTConfig(vocab_size=tok.vocab_size, n_layer=6, n_head=4, n_embd=256, context=512))
    with torch.no_grad():
        model.embed_tokens.weight *= 12
        model.embed_tokens.weight[list(tok.special.values())] = 0
        model.norm.weight *= -1 # or it would say its last token again
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(config=vars(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), path)
    return path

@contextmanager
def served(checkpoint, log=None, **options):
    "The page, served by a process of its own: its `url`, `port` and `process`. What it writes beside its first line goes to `log`."
    code = f'from tinychat.share.web import serve; serve({str(checkpoint)!r}, browser=False, **{dict(port=0) | options!r})'
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

def ask(server, path, method='GET', **headers):
    "A response, its `text` read."
    c = http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)
    c.putrequest(method, path, skip_host='Host' in headers)
    for k, v in headers.items(): c.putheader(k.replace('_', '-'), v)
    c.endheaders()
    r = c.getresponse()
    read, end = b'', time.monotonic() + 60
    while r.status != 101 and (some := r.read1(2**16)):
        read += some
        assert time.monotonic() < end, f'{path} does not end.' # a process that never answers is waited for with signs of life
    r.text = read.decode(errors='replace')
    c.close()
    return r

def knock(server, path, **headers):
    "The status that a websocket gets: 101 is open."
    return ask(server, path, Upgrade='websocket', Connection='Upgrade', Sec_WebSocket_Version='13', Sec_WebSocket_Key='AAAAAAAAAAAAAAAAAAAAAA==', **headers).status

def kernel_of(html): return json.loads(re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', html, re.S)[1])['kernelId']

def alive(pid):
    try: os.kill(pid, 0)
    except ProcessLookupError: return False
    return True

def soon(true, what, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f'Waited in vain: {what}'
        time.sleep(0.1)

# Without a server

def test_the_notebook_is_the_page():
    pytest.importorskip('nbformat')
    nb = json.loads((root/'nbs'/'share'/'app.ipynb').read_text(encoding='utf-8'))
    of = lambda cells: [(c['cell_type'], ''.join(c['source'])) for c in cells]
    assert of(nb['cells']) == of(web.page_notebook().cells) == web.PAGE_CELLS
    assert nb['metadata']['kernelspec'] == web.page_notebook().metadata.kernelspec

@pytest.fixture(scope='module')
def model(tmp_path_factory): return talker(tmp_path_factory.mktemp('model')/'out'/'ckpt.pt')

@pytest.mark.parametrize('options, says', [(dict(checkpoint='none.pt'), 'none.pt is not there'), (dict(port=70000), '--port'), (dict(ip='192.0.2.1'), 'no address of this computer'),
    (dict(ip='example.invalid'), 'no address of this computer'), (dict(token='short'), '8 characters'), (dict(token=''), '8 characters'), (dict(tabs=0), '--tabs'), (dict(minutes=0), '--minutes'), (dict(minutes=float('nan')), '--minutes')], ids=str)
def test_what_cannot_be_served_is_told_in_one_line(model, tmp_path, monkeypatch, options, says):
    app = pytest.importorskip('voila.app')
    monkeypatch.setattr(app.Voila, 'start', lambda self: pytest.fail('It is served.'))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as e: web.serve(**dict(checkpoint=model) | options)
    assert says in str(e.value) and '\n' not in str(e.value)

@pytest.mark.parametrize('name', ['voila', 'ipykernel', 'ipywidgets'])
def test_what_is_not_installed_is_named(model, monkeypatch, name):
    for m in [m for m in sys.modules if m.split('.')[0] == name]: monkeypatch.delitem(sys.modules, m)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"{name}.*pip install 'tinychat\[web\]'"): web.serve(model)

def test_a_line_instead_of_a_box(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr('IPython.display.display', shown.append)
    bad = tmp_path/'<b>bad.pt'
    bad.write_text('nothing')
    monkeypatch.setenv('TINYCHAT_CHECKPOINT', str(bad))
    web.chat_box()
    (out,) = shown
    line = out.data.split('</style>')[1]
    assert 'bad.pt is not a tinychat checkpoint' in line and str(tmp_path) not in line and '<b>' not in line and '\n' not in line

@pytest.mark.parametrize('ip, given, locked', [('127.0.0.1', None, False), ('127.0.0.1', 'a b&c#d%e', True), ('0.0.0.0', None, True), ('0.0.0.0', 'a b&c#d%e', True)])
def test_no_door_to_the_network_without_a_token(model, monkeypatch, capsys, ip, given, locked):
    app = pytest.importorskip('voila.app')
    seen, opened = [], []
    monkeypatch.setenv('TINYCHAT_CHECKPOINT', '') # and put back what `serve` sets
    def open_(url): # a file that nobody else may read, and that leads there
        path = Path(url2pathname(urlsplit(url).path))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        opened.append(unescape(re.search('url=([^"]+)', path.read_text())[1]))
    monkeypatch.setattr(web.webbrowser, 'open', open_)
    def start(self): # all but listening
        from tornado.ioloop import IOLoop
        seen.append(self)
        IOLoop.current().call_later(1, IOLoop.current().stop)
        IOLoop.current().start()
    monkeypatch.setattr(app.Voila, 'start', start)
    web.serve(model, ip=ip, token=given, port=0)
    (voila,) = seen
    assert (voila.ip, bool(voila.token)) == (ip, locked) and voila.port_retries == 0 and not voila.open_browser
    out = capsys.readouterr().out
    soon(lambda: opened, 'the browser opens')
    (url,) = opened
    assert url in out and f':{voila.port}/' in url
    query = dict(parse_qsl(urlsplit(url).query))
    assert query == ({'token': voila.token} if locked else {})
    if given: assert voila.token == given
    elif locked: assert len(voila.token) >= 20 and voila.token != web.secrets.token_urlsafe(16)
    assert voila.tornado_settings['allow_remote_access'] is (ip == '0.0.0.0')
    assert ('can talk to your model' in out) is (ip == '0.0.0.0')

# With one

@pytest.fixture(scope='module')
def server(model):
    pytest.importorskip('voila')
    pytest.importorskip('ipykernel')
    log = model.parent/'log'
    with served(model, log, tabs=2) as s: yield s
    assert log.read_text() == '' # refused visitors are no news

@pytest.fixture(scope='module')
def html(server):
    r = ask(server, '/')
    assert r.status == 200
    server.headers, server.kernel = r.headers, kernel_of(r.text)
    return r.text

def test_the_page_shows_no_code_and_no_folder(server, html, model):
    assert 'little of what they know' in html and 'application/vnd.jupyter.widget-view+json' in html
    assert 'chat_box()' not in html and 'Traceback' not in html and str(model) not in html and str(root) not in html

def test_the_browser_is_told_to_stay_here(server, html):
    policy = dict(rule.split(' ', 1) for rule in server.headers['Content-Security-Policy'].split('; '))
    assert policy['default-src'] == "'self'" and policy['frame-ancestors'] == "'none'" and 'connect-src' not in policy
    assert not any('//' in v or '*' in v or 'unsafe-eval' in v for v in policy.values())
    assert server.headers['Referrer-Policy'] == 'same-origin'

LEAKS = ['voila/files/tinychat.ipynb', 'voila/files/ckpt.pt', 'voila/files/a.png', 'voila/files/../../ckpt.pt', 'voila/files/%2e%2e/%2e%2e/ckpt.pt', 'voila/files//etc/passwd',
         'voila/static/../../../../../../../../etc/passwd', 'voila/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd', 'voila/static//etc/passwd',
         'voila/templates/lab/static/../../../../../../../../../etc/passwd', 'voila/labextensions/../../../../../../../../etc/passwd', 'voila/api/themes/../../../../../../../../etc/passwd']

@pytest.mark.parametrize('path', LEAKS)
def test_no_file_is_handed_out(server, path):
    r = ask(server, '/' + path)
    assert r.status in (403, 404, 500) and 'root:' not in r.text and 'cell_type' not in r.text

@pytest.mark.parametrize('path', ['voila/tree', 'voila/tree/', 'voila/render/tinychat.ipynb', 'voila/api/contents', 'api/contents', 'api/contents/tinychat.ipynb', 'api/kernels', 'api/sessions',
                                  'api/kernelspecs', 'api/terminals', 'files/tinychat.ipynb', 'nbconvert/html/tinychat.ipynb', 'tree', 'lab'])
def test_jupyters_other_doors_are_shut(server, path):
    r = ask(server, '/' + path)
    assert r.status == 302 and r.headers['Location'] == f'/voila/files/{path}' or r.status in (403, 404, 405), r.status
    if r.status == 302: assert ask(server, r.headers['Location']).status == 403

def test_only_a_tab_ends_itself(server, html):
    assert ask(server, f'/api/kernels/{server.kernel}', 'DELETE').status == 403 # without the tab's cookie
    assert ask(server, f'/voila/api/shutdown/{server.kernel}', 'POST', Content_Length='0').status == 403
    assert ask(server, f'/api/kernels/{server.kernel}').status == 200

def test_the_address_chooses_no_template_and_adds_no_script(server, html):
    r = ask(server, '/?template=reveal&theme=%22%3E%3Cscript%3Ealert(1)%3C/script%3E')
    assert r.status == 200 and 'alert(1)' not in r.text and 'reveal' not in r.text
    end_tab(server, r)

def end_tab(server, r):
    "What a closing tab sends."
    xsrf = re.search('_xsrf=([^;]+)', ' '.join(r.headers.get_all('Set-Cookie')))[1]
    assert ask(server, f'/voila/api/shutdown/{kernel_of(r.text)}?_xsrf={xsrf}', 'POST', Cookie=f'_xsrf={xsrf}', Content_Length='0').status == 204
    assert ask(server, f'/api/kernels/{kernel_of(r.text)}').status == 404

def test_only_so_many_tabs(server, html):
    second = ask(server, '/')
    assert second.status == 200 and kernel_of(second.text) != server.kernel
    third = ask(server, '/')
    assert third.status == 503 and 'There are 2 tabs open already' in third.text
    end_tab(server, second)

@pytest.mark.parametrize('dest', ['image', 'iframe', 'empty', 'script'])
def test_other_sites_cannot_start_processes(server, dest):
    assert ask(server, '/', Sec_Fetch_Dest=dest, Sec_Fetch_Site='cross-site').status == 403

@pytest.mark.parametrize('host', ['example.org', 'example.org:{port}', '192.168.1.7:{port}', '127.0.0.1.example.org', 'localhost.example.org:{port}', ''])
def test_a_foreign_name_for_this_computer_gets_nothing(server, html, host):
    host = host.format(port=server.port)
    for path in ('/', f'/api/kernels/{server.kernel}'): assert ask(server, path, Host=host).status in (400, 403)
    assert knock(server, f'/api/kernels/{server.kernel}/channels', Host=host, Origin=f'http://{host}') in (400, 403)

def test_own_names_are_let_in(server, html):
    for host in (f'127.0.0.1:{server.port}', f'localhost:{server.port}', f'[::1]:{server.port}'):
        assert ask(server, f'/api/kernels/{server.kernel}', Host=host).status == 200
        assert knock(server, f'/api/kernels/{server.kernel}/channels', Host=host, Origin=f'http://{host}') == 101

@pytest.mark.parametrize('origin', ['http://example.org', 'http://127.0.0.1:1', 'https://127.0.0.1.example.org', 'null'])
def test_another_site_gets_no_websocket(server, html, origin):
    assert knock(server, f'/api/kernels/{server.kernel}/channels', Origin=origin) == 403

def test_nobody_sends_code(server, html, tmp_path):
    connect = pytest.importorskip('websockets.sync.client').connect
    mark = tmp_path/'ran'
    def message(kind, **content):
        header = dict(msg_id=kind, msg_type=kind, username='', session='test', version='5.3', date='')
        return json.dumps(dict(header=header, parent_header={}, metadata={}, content=content, channel='shell', buffers=[]))
    with connect(f'ws://127.0.0.1:{server.port}/api/kernels/{server.kernel}/channels', open_timeout=30) as ws:
        ws.send(message('execute_request', code=f'open({str(mark)!r}, "w")', silent=False, store_history=False, user_expressions={}, allow_stdin=False))
        ws.send(message('kernel_info_request'))
        answers = []
        while 'kernel_info_reply' not in answers: answers.append(json.loads(ws.recv(timeout=30))['header']['msg_type'])
    assert 'execute_reply' not in answers and not mark.exists()

def test_with_a_token_nothing_is_open_without_it(model, tmp_path):
    pytest.importorskip('voila')
    log = tmp_path/'log'
    with served(model, log, token='open sesame', minutes=0.05) as s:
        assert s.url.endswith('/?token=open%20sesame')
        page = ask(s, '/?token=open%20sesame')
        assert page.status == 200
        kernel = kernel_of(page.text)
        assert knock(s, f'/api/kernels/{kernel}/channels?token=open%20sesame') == 101
        assert ask(s, f'/api/kernels/{kernel}', Authorization='token open sesame').status == 200
        for query in ('', '?token=', '?token=open', '?token=Open%20sesame'):
            door = ask(s, '/' + query)
            assert door.status == 302 and urlsplit(door.headers['Location']).path == '/login' and 'kernelId' not in door.text
            assert knock(s, f'/api/kernels/{kernel}/channels{query}') == 403
            for method in ('GET', 'DELETE'): assert ask(s, f'/api/kernels/{kernel}{query}', method).status in (302, 403)
            assert ask(s, f'/voila/api/shutdown/{kernel}{query}', 'POST', Content_Length='0').status in (302, 403)
        form = ask(s, '/login')
        assert form.status == 200 and 'name="password"' in form.text and 'new_password' not in form.text
        # Nobody is connected: after three seconds of rest the tab is forgotten.
        soon(lambda: ask(s, f'/api/kernels/{kernel}', Authorization='token open sesame').status == 404, 'the process of a tab that went away ended')
        s.process.terminate()
        assert s.process.wait(30) == 0
    assert 'sesame' not in log.read_text()

@pytest.mark.skipif(os.name != 'posix', reason='signals as in POSIX')
@pytest.mark.parametrize('how, status', [('SIGINT', -signal.SIGINT), ('SIGTERM', 0), ('SIGHUP', 0)])
def test_it_ends_without_noise_while_a_tab_is_starting(model, tmp_path, monkeypatch, how, status):
    "Whose process imports for some seconds"
    pytest.importorskip('voila')
    for name in ('TMPDIR', 'TEMP', 'TMP'): monkeypatch.setenv(name, str(tmp_path/'temp'))
    (tmp_path/'temp').mkdir()
    with served(model, tmp_path/'log') as s:
        with socket.create_connection(('127.0.0.1', s.port)) as c:
            c.sendall(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            soon(lambda: [f for f in (tmp_path/'temp').rglob('kernel-*.json')], 'a process starts')
            time.sleep(1.5)
            s.process.send_signal(getattr(signal, how))
            assert s.process.wait(30) == status
    said = (tmp_path/'log').read_text().split('KeyboardInterrupt')[0] # what Python says when nobody catches it, as `-c` does not
    assert 'zmq' not in said and 'IPKernelApp' not in said and said.count('Traceback') == (how == 'SIGINT'), said
    assert not list((tmp_path/'temp').iterdir())

@pytest.mark.skipif(os.name != 'posix', reason='signals as in POSIX')
def test_ctrl_c_ends_it_and_its_tabs(model, tmp_path, monkeypatch):
    pytest.importorskip('voila')
    for name in ('TMPDIR', 'TEMP', 'TMP'): monkeypatch.setenv(name, str(tmp_path))
    log, other = tmp_path/'log', tmp_path/'jupyter'/'kernels'/'python3'
    other.mkdir(parents=True) # a kernel of the same name that is no use
    (other/'kernel.json').write_text(json.dumps(dict(argv=[sys.executable, '-c', '1'], display_name='other', language='python')))
    monkeypatch.setenv('JUPYTER_PATH', str(tmp_path/'jupyter'))
    before = sorted(tmp_path.iterdir())
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0)); taken.listen()
        port = taken.getsockname()[1]
        with served(model, log, port=port) as s:
            assert s.port != port and f'Port {port} is taken.' in s.line
            r = ask(s, '/')
            assert r.status == 200 and 'widget-view+json' in r.text
            pairs = [line.split() for line in subprocess.run(['ps', '-A', '-o', 'pid=,ppid='], capture_output=True, text=True).stdout.splitlines()]
            children = [int(pid) for pid, parent in pairs if int(parent) == s.process.pid and alive(int(pid))]
            assert children and len(list(tmp_path.iterdir())) > len(before) + 1
            s.process.send_signal(signal.SIGINT)
            assert s.process.wait(30) == -signal.SIGINT # as Python ends after KeyboardInterrupt
    assert not [p for p in children if alive(p)] and sorted(tmp_path.iterdir()) == sorted([*before, log])
    with pytest.raises(OSError): ask(s, '/')

# The command

@pytest.mark.parametrize('options, word, token', [([], None, None), (['--token'], None, 'random'), ([], 'open sesame', 'open sesame'), (['--token'], 'open sesame', 'open sesame')])
def test_no_token_is_an_argument(tmp_path, monkeypatch, options, word, token):
    "It comes from the environment, or from chance, and goes no further"
    seen = []
    def serve(checkpoint, guard, **how): seen.append((checkpoint, guard, web.WebOptions(**how), os.environ.get('TINYCHAT_TOKEN')))
    monkeypatch.setattr(web, 'serve', serve)
    monkeypatch.delenv('TINYCHAT_TOKEN', raising=False)
    if word: monkeypatch.setenv('TINYCHAT_TOKEN', word)
    assert call(tmp_path, 'tinychat-web', *options)[0] == 0
    [(checkpoint, guard, asked, left)] = seen
    assert (checkpoint, guard, left) == ('out/ckpt.pt', None, None) and asked == web.WebOptions(token=asked.token) # the same defaults
    assert asked.token == token or token == 'random' and len(asked.token) >= 20

def test_a_token_given_as_an_argument_is_refused(tmp_path):
    refused(call(tmp_path, 'tinychat-web', '--token', 'open-sesame'), 'no option')
