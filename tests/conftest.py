"What several test files need. A file that wants something else under the same name defines its own."
import inspect, os, shutil, signal, sys
from pathlib import Path

import pytest

os.environ.setdefault('MPLBACKEND', 'agg') # no windows
if hasattr(signal, 'SIGHUP'): signal.signal(signal.SIGHUP, signal.SIG_DFL) # under nohup it would be ignored here and by what tests start
root = Path(__file__).resolve().parent.parent
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
QUIET = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
POSIX = 'SIGINT', 'SIGTERM', 'killpg', 'mkfifo', 'symlink_to' # what Windows has not, or not for everybody

# The files that take longest, the longest first: begun early, none of them is left over when all the others are done.
LONG = '''share_phone evaluate commands share_bot share_web_browser docs fast_team runs fast_kernels share_web fast_many share_box_browser
    messengers evaluate_blind_browser chat bases_tokens bases_pretrain evaluate_likeness forget gpt'''.split()

def pytest_collection_modifyitems(items):
    "Put the long files first. On Windows, skip what can only be tested elsewhere."
    place = {f'test_{name}': n for n, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))
    for item in items if sys.platform == 'win32' else ():
        if needs := [what for what in POSIX if what in inspect.getsource(item.function)]: item.add_marker(pytest.mark.skip(reason=f'{needs[0]} on Windows'))

@pytest.fixture(scope='session')
def sample():
    "The invented conversations of this repository."
    return root/'training_data'/'sample.txt'

@pytest.fixture
def workplace(tmp_path, monkeypatch, sample):
    "The current folder: an empty one, with `sample` where training looks for messages."
    (tmp_path/'training_data').mkdir()
    shutil.copy(sample, tmp_path/'training_data'/'chatml_format.txt')
    monkeypatch.chdir(tmp_path)
    return tmp_path

@pytest.fixture(scope='session')
def tok(sample):
    "A small tokenizer that has read `sample`."
    from tinychat.tokenizer import Tokenizer
    return Tokenizer.train([sample.read_text(encoding='utf-8')], 400)

@pytest.fixture(scope='session')
def smollm2():
    "The file of SmolLM2, fetched once. Where it cannot be had, the test is skipped; in CI it has to be had."
    from tinychat.bases.fetch import SMOLLM2, fetch_file
    try: return fetch_file(SMOLLM2)
    except (ValueError, OSError) as e:
        if os.environ.get('CI') == 'true': pytest.fail(f'SmolLM2 is missing: {e}', pytrace=False)
        pytest.skip(f'SmolLM2 is missing: {e}')

@pytest.fixture
def model(tok):
    "A small network for `tok`, untrained, and livelier than at the start, so that replies differ and end."
    import torch
    from tinychat.gpt import GPT, GPTConfig
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, n_layer=2, n_head=2, n_embd=32, context=96))
    for p in model.parameters():
        if p.dim() == 2: torch.nn.init.normal_(p, std=0.2)
    return model

def missing(what):
    "Skip for want of `what`, unless the browser tests are required."
    if os.environ.get('TINYCHAT_REQUIRE_BROWSER') == '1': pytest.fail(f'{what} is missing and TINYCHAT_REQUIRE_BROWSER=1.', pytrace=False)
    pytest.skip(f'{what} is missing.')

@pytest.fixture(scope='module')
def browser():
    "A real browser, closed at the end of the file."
    try: from playwright.sync_api import sync_playwright
    except ImportError as e: missing(e.name)
    chrome = next(filter(None, map(shutil.which, BROWSERS)), None) or missing('Chromium or Chrome')
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=chrome, args=QUIET, chromium_sandbox=False)
        try: yield b
        finally: b.close()
