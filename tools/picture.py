"""Take the pictures that the README and the pages show: the chat box in a real JupyterLab, or the web page in a browser.

    python tools/picture.py --checkpoint nbs/out/demo.pt [--out nbs/images/chatbox.png]
    python tools/picture.py --checkpoint nbs/out/demo.pt --web [--out nbs/images/web.png]     also needs pillow
    python tools/picture.py --page out/me.html [--out nbs/images/phone.png]     what tinychat-export --to page wrote

Needs what the browser tests need (tools/get_browser.sh), and a font with symbols.
"""
import argparse, json, shutil, sys, tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
SAID = 'hey! how was your day?', 'my name is Anna by the way', 'do you like pizza?', 'what was my name again?'

def notebook(checkpoint, seed):
    "A notebook with a chat box in it."
    cells = [f'from tinychat.runs import load_chat\nfrom tinychat.share.box import SettingsBox\nbox = SettingsBox(load_chat({str(checkpoint)!r}, seed={seed}))\nbox.patience, box.pace = 0, 0',
             'box', "'all cells ran'"]
    cells = [dict(cell_type='code', id=f'c{n}', metadata={}, execution_count=None, outputs=[], source=text) for n, text in enumerate(cells)]
    return dict(cells=cells, metadata=dict(kernelspec=dict(display_name='Python 3', language='python', name='python3')), nbformat=4, nbformat_minor=5)

def web_page(a, chrome, quiet):
    "The web page twice: in a window, and on a phone in the dark."
    from PIL import Image
    from playwright.sync_api import sync_playwright
    from test_share_web import served
    shots = []
    with served(Path(a.checkpoint).resolve()) as s, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chrome, args=quiet, chromium_sandbox=False)
        for device in (dict(viewport=dict(width=760, height=760)), dict(viewport=dict(width=390, height=760), color_scheme='dark', is_mobile=True, has_touch=True)):
            context = browser.new_context(device_scale_factor=1.5, **device)
            context.add_init_script("localStorage.settings = '{\"wait\": 0}'")
            page = context.new_page()
            page.goto(s.url)
            page.evaluate("document.getElementById('name').textContent = 'Grace'")
            say_all(page)
            shots.append(Path(tempfile.mkdtemp())/'shot.png')
            page.screenshot(path=shots[-1])
    left, right = map(Image.open, shots)
    both = Image.new('RGB', (left.width + right.width + 30, left.height), '#888')
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 30, 0))
    both.quantize(128).save(a.out, optimize=True)

def say_all(page):
    "Hold the talk of the picture, and leave the field."
    for n, text in enumerate(SAID, 1):
        page.get_by_label('Message', exact=True).fill(text)
        page.keyboard.press('Enter')
        page.locator('#stop').wait_for()
        page.locator('#stop').wait_for(state='hidden', timeout=120_000)
        print(n, 'of', len(SAID), file=sys.stderr)
    page.evaluate("document.getElementById('text').blur()")

def phone_page(a, chrome, args):
    "The page for the phone, on a phone."
    from playwright.sync_api import sync_playwright
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chrome, args=args, chromium_sandbox=False)
        page = browser.new_context(viewport=dict(width=390, height=760), is_mobile=True, has_touch=True).new_page()
        page.goto(Path(a.page).resolve().as_uri())
        page.evaluate("engine.about().then(() => { settings.wait = 0; document.getElementById('name').textContent = 'Grace' })")
        page.evaluate("seed => { const reply = engine.reply; engine.reply = (talk, how, ...rest) => reply.call(engine, talk, { ...how, seed: seed + 100 * talk.length }, ...rest) }", a.seed)
        say_all(page)
        page.screenshot(path=a.out)
        browser.close()

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--checkpoint', default='out/ckpt.pt')
    p.add_argument('--out')
    p.add_argument('--web', action='store_true')
    p.add_argument('--page')
    p.add_argument('--seed', type=int, default=0)
    a = p.parse_args()
    a.out = a.out or f"nbs/images/{'web' if a.web else 'phone' if a.page else 'chatbox'}.png"
    sys.path.insert(0, str(root/'tests'))
    from conftest import BROWSERS, QUIET
    chrome = next(filter(None, map(shutil.which, BROWSERS)))
    if a.web: return web_page(a, chrome, QUIET)
    if a.page: return phone_page(a, chrome, QUIET)
    from playwright.sync_api import sync_playwright
    from test_share_box_browser import jupyter_lab, run_all
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder)/'root'/'box.ipynb'
        file.parent.mkdir()
        file.write_text(json.dumps(notebook(Path(a.checkpoint).resolve(), a.seed)))
        with jupyter_lab(Path(folder), file) as url, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chrome, args=QUIET, chromium_sandbox=False)
            page = browser.new_page(viewport=dict(width=1000, height=1000), device_scale_factor=1.5)
            page.set_default_timeout(120_000)
            page.goto(url, wait_until='domcontentloaded')
            run_all(page)
            field = page.get_by_placeholder('Message')
            box = page.locator('.jp-OutputArea-output', has=field).locator('.widget-vbox').first
            for n, text in enumerate(SAID, 1):
                field.fill(text)
                field.press('Enter')
                page.get_by_role('button', name='Stop').and_(page.locator(':enabled')).wait_for()
                page.get_by_role('button', name='Stop').and_(page.locator(':disabled')).wait_for()
                print(n, 'of', len(SAID), file=sys.stderr)
            page.mouse.move(5, 5)
            box.screenshot(path=a.out)
            browser.close()

if __name__ == '__main__': sys.exit(main())
