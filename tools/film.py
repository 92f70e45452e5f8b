"""Film the way from an export to a talk, in a terminal, as nbs/images/film.webp.

    pip install pyte pillow
    python tools/film.py [--out nbs/images/film.webp] [--checkpoint out/ckpt.pt]

Real commands run in a pseudo-terminal, in a clone of what is committed here, on the demo person's messages written as a WhatsApp
export. Nobody waits for a film: a silence becomes half a second, and training a few seconds. Takes as long as the commands, about
ten minutes on two CPU cores.
"""
import argparse, fcntl, os, pty, select, shutil, struct, subprocess, sys, tempfile, termios, time
from pathlib import Path

COLUMNS, ROWS, SIZE = 84, 24, 15 # of the terminal, in characters; of a letter, in pixels
SAID = 'hey! how was your day?', 'my name is Anna by the way', 'do you like pizza?', 'what was my name again?'
COLOURS = dict(default='#d8dee9', black='#4c566a', red='#bf616a', green='#a3be8c', brown='#ebcb8b', blue='#81a1c1', magenta='#b48ead',
               cyan='#88c0d0', white='#eceff4', brightblack='#7b88a1', brightgreen='#a3be8c', brightblue='#81a1c1', brightcyan='#8fbcbb')

def write_export(folder):
    "The demo person's messages, as WhatsApp exports them."
    from tinychat.data import demo_chats
    person, chats = demo_chats()
    lines = []
    for chat in chats:
        for m in chat:
            name = 'Grace' if m.sender == person else f'Friend {m.sender[:2].upper()}'
            lines.append((m.time, f'[{m.time:%d/%m/%Y, %H:%M:%S}] {name}: ' + ' '.join(m.text.split()) + '\n'))
    folder.mkdir()
    (folder/'_chat.txt').write_text(''.join(line for _, line in sorted(lines, key=lambda x: x[0])), encoding='utf-8')

class Film:
    "What a terminal shows, and when."
    def __init__(self, pyte):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream, self.shots, self.now = pyte.ByteStream(self.screen), [], 0.
    def show(self, data, seconds):
        "Feed the terminal, `seconds` after what it showed before."
        self.now += seconds
        self.stream.feed(data)
        lines = [[(c.data, c.fg, c.bold) for c in (self.screen.buffer[y][x] for x in range(COLUMNS))] for y in range(ROWS)]
        if self.shots and self.now - self.shots[-1][0] < .08: self.shots[-1] = self.shots[-1][0], lines
        else: self.shots.append((self.now, lines))
    def type(self, text):
        "A prompt and a command."
        self.show(b'$ ', .5)
        for c in text: self.show(c.encode(), .05)
        self.show(b'\r\n', .4)

def run(film, command, folder, said=(), longest=.5, total=6):
    "Run a command, say something whenever it falls silent, and film it."
    pid, end = pty.fork()
    if not pid:
        os.chdir(folder)
        mine = os.environ.get('VIRTUAL_ENV') # the scripts make their own
        rest = {k: v for k, v in os.environ.items() if k != 'VIRTUAL_ENV'} | dict(PATH=os.pathsep.join(p for p in os.environ['PATH'].split(os.pathsep) if not mine or not p.startswith(mine)))
        os.execvpe(command[0], command, rest | dict(TERM='xterm-256color', COLUMNS=str(COLUMNS), LINES=str(ROWS)))
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
    said, talks, last, changed, used = [*said], bool(said), time.monotonic(), time.monotonic(), 0.
    while True:
        if select.select([end], [], [], .5)[0]:
            try: data = os.read(end, 1 << 16)
            except OSError: break
            if not data: break
            before, now = film.screen.display, time.monotonic()
            used += (gap := min(now - last, longest))
            film.show(data, gap if talks or used < total else .02)
            if b'\x1b[6n' in data: os.write(end, f'\x1b[{film.screen.cursor.y + 1};{film.screen.cursor.x + 1}R'.encode()) # it asks where it is
            if film.screen.display != before: last = changed = now
        if said and time.monotonic() - changed > 6: # it has said what it had to say
            for c in said[0]: os.write(end, c.encode()); time.sleep(.04)
            os.write(end, b'\r')
            changed = time.monotonic()
            said.pop(0)
    os.waitpid(pid, 0)

def draw(lines, font, bold, Image, ImageDraw):
    "A picture of what the terminal shows."
    width, height = round(font.getlength('M')), SIZE + 4
    image = Image.new('RGB', (COLUMNS*width + 20, ROWS*height + 20), '#2e3440')
    pen = ImageDraw.Draw(image)
    for y, line in enumerate(lines):
        for x, (c, colour, strong) in enumerate(line):
            if c.strip(): pen.text((10 + x*width, 10 + y*height), c, COLOURS.get(colour, f'#{colour}' if len(colour) == 6 else COLOURS['default']), bold if strong else font)
    return image

def main():
    import pyte
    from matplotlib import font_manager
    from PIL import Image, ImageDraw, ImageFont
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--out', default='nbs/images/film.webp')
    p.add_argument('--checkpoint', help='a model of the demo person, to film only the talk')
    a, film = p.parse_args(), Film(pyte)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['git', 'clone', '-q', Path(__file__).parent.parent, clone := Path(folder)/'tinychat'], check=True)
        write_export(clone/'my_exports')
        steps = [(['./run_train.sh', 'my_exports/', '--me', 'Grace'], ()), (['./run_chat.sh', '--name', 'Grace'], (*SAID, '/quit'))]
        if a.checkpoint:
            steps = steps[1:]
            (clone/'out').mkdir(exist_ok=True)
            shutil.copy(a.checkpoint, clone/'out'/'ckpt.pt')
        for command, said in steps:
            film.type(' '.join(command))
            run(film, command, clone, said)
    film.show(b'', 3)
    font, bold = (ImageFont.truetype(font_manager.findfont(font_manager.FontProperties(family='DejaVu Sans Mono', weight=w)), SIZE) for w in ('normal', 'bold'))
    pictures = [draw(lines, font, bold, Image, ImageDraw) for _, lines in film.shots]
    times = [t for t, _ in film.shots] + [film.now + 3]
    lasts = [max(20, round(1000*(b - a))) for a, b in zip(times, times[1:])]
    pictures[0].save(a.out, save_all=True, append_images=pictures[1:], duration=lasts, loop=0, lossless=True, quality=100, method=4)
    print(f'{a.out}: {len(pictures)} pictures, {sum(lasts)/1000:.0f} s, {os.path.getsize(a.out)/1e6:.2f} MB')

if __name__ == '__main__': sys.exit(main())
