"Facts that stand in two places agree, and nothing is committed that should not be."
import json, os, re, runpy, struct, subprocess, sys, zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11): import tomllib
else: import tomli as tomllib # pytest brings it on 3.10

root = Path(__file__).resolve().parent.parent
read = lambda path: (root/path).read_text(encoding='utf-8')
config = ConfigParser(delimiters=['='])
config.read_string(read('settings.ini'))
ini = config['DEFAULT']
toml = tomllib.loads(read('pyproject.toml'))

def git(*args): return subprocess.run(['git', *args], cwd=root, capture_output=True, text=True)
needs_git = pytest.mark.skipif(git('rev-parse', '--git-dir').returncode != 0, reason='not a git clone')

def committed():
    "Every file that is in git, or would be after `git add .`"
    return [f for f in git('ls-files', '-z', '--cached', '--others', '--exclude-standard').stdout.split('\0') if f and (root/f).is_file()]

def notebooks(): return [p for p in sorted((root/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in p.parts and not p.name.startswith('_')]
def cells(path): return json.loads(path.read_text(encoding='utf-8'))['cells']
def name(path): return path.relative_to(root).as_posix()
each_notebook = pytest.mark.parametrize('path', notebooks(), ids=name)

# One fact, two places

def test_settings_and_pyproject_agree():
    project, nbdev = toml['project'], toml['tool']['nbdev']
    assert project['name'] == ini['lib_name'] == ini['repo']
    assert project['description'] == ini['description']
    assert project['requires-python'] == '>=' + ini['min_python']
    assert project['urls']['Repository'] == ini['git_url'] == f'https://github.com/{ini["user"]}/{ini["repo"]}'
    assert project['urls']['Documentation'] == ini['doc_host'] + ini['doc_baseurl']
    assert nbdev['allowed_metadata_keys'] == ini['allowed_metadata_keys'].split()
    assert nbdev['tst_flags'] == ini['tst_flags']
    # Either would rewrite the other file.
    assert nbdev['update_pyproject'] is ini.getboolean('update_pyproject') is False

def test_version():
    import tinychat
    assert tinychat.__version__ == ini['version']

def pins():
    "requirements.txt, without its comments"
    return [Requirement(line) for line in read('requirements.txt').splitlines() if line and not line.startswith('#')]

def test_pins_are_exact_and_within_the_ranges():
    ranges = {r.name: r for r in map(Requirement, ini['requirements'].split())}
    assert {r.name for r in pins()} == set(ranges)
    for pin in pins():
        (spec,) = pin.specifier
        assert spec.operator == '==' and ranges[pin.name].specifier.contains(spec.version), pin

@pytest.mark.parametrize('version', ['3.10', '3.11', '3.12', '3.13'])
def test_every_python_has_one_pin_each(version):
    assert version in SpecifierSet(toml['project']['requires-python'])
    here = [r.name for r in pins() if r.marker is None or r.marker.evaluate({'python_version': version})]
    assert sorted(here) == sorted({r.name for r in pins()})

@pytest.mark.parametrize('extra', [k.removesuffix('_requirements') for k in ini if k.endswith('_requirements')])
def test_dev_includes_every_extra(extra):
    assert set(ini[f'{extra}_requirements'].split()) <= set(ini['dev_requirements'].split())
    assert f"'{extra}'" in read('setup.py')

def test_what_pypi_shows_has_whole_links():
    "PyPI has the README and none of the files around it"
    said = subprocess.run([sys.executable, 'setup.py', '-q', '--long-description'], cwd=root, capture_output=True, text=True).stdout
    links = re.findall(r'\]\(([^)\s]+)', said)
    assert f'{ini["git_url"]}/raw/{ini["branch"]}/nbs/images/chatbox.png' in links and f'{ini["git_url"]}/blob/{ini["branch"]}/nbs/02_gpt.ipynb' in links
    assert [l for l in links if not re.match('https?://|#', l)] == []

def test_citation_and_changes():
    cite = yaml.safe_load(read('CITATION.cff'))
    assert cite['version'] == ini['version'] and cite['license'] == ini['license'] and cite['repository-code'] == ini['git_url'] and cite['url'] == ini['doc_host'] + ini['doc_baseurl']
    assert cite['title'] == f"{ini['lib_name']}: {ini['description'].partition(':')[0][0].lower()}{ini['description'].partition(':')[0][1:]}" and cite['keywords'] == ini['keywords'].split()
    headings = re.findall(r'^## (.*)', read('CHANGELOG.md'), re.M)
    assert headings[0] == 'Unreleased' or headings[0].startswith(ini['version'])

# What GitHub runs

def workflow(name): return yaml.safe_load(read(f'.github/workflows/{name}.yml'))

def uses(job): return [step.get('uses', step.get('run', '')) for step in job['steps']]

def test_a_pull_request_gets_the_quick_lane_and_main_everything():
    when, jobs = workflow('test')[True], workflow('test')['jobs'] # YAML 1.1 reads `on` as true
    assert when['push'] == {'branches': ['main']} and 'pull_request' in when
    assert jobs['quick']['if'] == "github.event_name == 'pull_request'" and jobs['whole']['if'] == "github.event_name != 'pull_request'" and 'if' not in jobs['windows']
    assert uses(jobs['quick'])[-1] == './run_tests.sh --quick' and uses(jobs['whole'])[-1] == '.ci/run'
    assert read('.ci/run').splitlines()[-1].startswith('exec ./run_tests.sh')

def test_tests_run_where_people_are():
    jobs = workflow('test')['jobs']
    assert jobs['whole']['strategy']['matrix'] == dict(os=['ubuntu-latest', 'macos-latest'], python=['3.10', '3.12', '3.13'])
    assert jobs['whole']['strategy']['matrix']['python'][0] == ini['min_python']
    assert jobs['quick']['strategy']['matrix'] == dict(os=['ubuntu-latest', 'macos-latest']) and jobs['windows']['runs-on'] == 'windows-latest'
    assert not any('.sh' in step for step in uses(jobs['windows']))

def test_docs_are_built_always_and_published_from_main_only():
    flow = workflow('docs')
    build, deploy = flow['jobs']['build'], flow['jobs']['deploy']
    assert flow[True]['push'] == {'branches': ['main']} and {'pull_request', 'workflow_dispatch'} <= set(flow[True]) and flow['permissions'] == {'contents': 'read'}
    parts = 'actions/checkout', 'actions/setup-python', 'quarto-dev/quarto-actions/setup', "'.[dev]'", 'nbdev-docs', 'upload-pages-artifact'
    at = [next(n for n, step in enumerate(uses(build)) if part in step) for part in parts]
    assert at == sorted(at) and build['steps'][at[4]]['env'] == {'PYTHONPATH': 'tools'}
    assert 'permissions' not in build and deploy['permissions'] == {'pages': 'write', 'id-token': 'write'}
    assert deploy['needs'] == 'build' and "!= 'pull_request'" in deploy['if'] and deploy['concurrency']['cancel-in-progress'] is False
    assert any(step.startswith('actions/deploy-pages@') for step in uses(deploy))

def test_release_is_by_trusted_publishing():
    "Only the job that uploads may ask for a token, none is kept, and it uploads what was tested"
    jobs = workflow('release')['jobs']
    assert workflow('release')[True] == {'release': {'types': ['published']}} # YAML 1.1 reads `on` as true
    assert jobs['publish']['permissions'] == {'id-token': 'write'} and jobs['publish']['needs'] == 'build' and 'permissions' not in jobs['build']
    assert any(s.get('run') == './run_tests.sh' for s in jobs['build']['steps'])
    assert jobs['publish']['steps'][-1]['uses'].startswith('pypa/gh-action-pypi-publish@') and 'secrets.' not in read('.github/workflows/release.yml')

@pytest.mark.parametrize('name', ['bug', 'export', 'idea'])
def test_issue_templates(name):
    form = yaml.safe_load(read(f'.github/ISSUE_TEMPLATE/{name}.yml'))
    assert form['name'] and form['description'] and all(part['type'] in ('markdown', 'textarea', 'input') for part in form['body'])
    if name != 'idea': assert 'no real messages' in form['body'][0]['attributes']['value']

@needs_git
def test_hooks_are_set_up_by_one_command(tmp_path):
    "A clone stays clean, and a notebook that two people changed is merged cell by cell"
    clone, env = tmp_path/'clone', {**os.environ, 'HOME': str(tmp_path), 'GIT_AUTHOR_NAME': 'A', 'GIT_AUTHOR_EMAIL': 'a@example.com', 'GIT_COMMITTER_NAME': 'A', 'GIT_COMMITTER_EMAIL': 'a@example.com'}
    def sh(*args): return subprocess.run(args, cwd=clone if clone.exists() else tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    sh('git', 'init', '-q', '-b', 'main', str(clone))
    for f in ('.gitattributes', '.gitignore', 'pyproject.toml', 'settings.ini'): (clone/f).write_text(read(f))
    (clone/'nbs').mkdir()
    def notebook(*sources): (clone/'nbs'/'a.ipynb').write_text(json.dumps(dict(cells=[dict(cell_type='code', execution_count=None, id=f'c{n}', metadata={}, outputs=[], source=s) for n, s in enumerate(sources)], metadata={}, nbformat=4, nbformat_minor=5), indent=1) + '\n')
    notebook('a = 1', 'b = 1')
    sh('git', 'add', '-A'); sh('git', 'commit', '-qm', 'base')
    assert 'nbdev-install-hooks\n' in read('CONTRIBUTING.md')
    sh('nbdev-install-hooks')
    assert sh('git', 'status', '--short') == '' and 'nbdev-merge' in sh('git', 'config', 'merge.jupyternotebook.driver')
    sh('git', 'checkout', '-qb', 'theirs'); notebook('a = 1', 'b = 2'); sh('git', 'commit', '-qam', 'theirs')
    sh('git', 'checkout', '-q', 'main'); notebook('a = 2', 'b = 1'); sh('git', 'commit', '-qam', 'ours')
    subprocess.run(['git', 'merge', '-q', 'theirs'], cwd=clone, env=env, capture_output=True)
    merged = json.loads((clone/'nbs'/'a.ipynb').read_text()) # a plain merge may leave lines that are no JSON
    assert {'a = 2', 'b = 2'} <= {''.join(c['source']) for c in merged['cells']}

# Colab and the docs site

@pytest.mark.parametrize('path', notebooks(), ids=name)
def test_opens_in_colab(path):
    text = '\n'.join(''.join(c['source']) for c in cells(path) if c['cell_type'] == 'markdown')
    badges = re.findall(r'\]\((https://colab\.research\.google\.com/github/[^)]*)\)', text)
    assert badges == [f'https://colab.research.google.com/github/{ini["user"]}/{ini["repo"]}/blob/{ini["branch"]}/{name(path)}']
    installs = [s for c in cells(path) if c['cell_type'] == 'code' and 'pip install' in (s := ''.join(c['source']))]
    line = rf"#\| hide\n#\| eval: false\n! \[ -e /content \] && pip install -Uqq 'tinychat(\[(?:demo|gguf|web|bot|page|evaluate)(?:,page)?\])? @ git\+{re.escape(ini['git_url'])}'"
    assert installs and re.fullmatch(line, installs[0]), installs
    sources = [''.join(c['source']) for c in cells(path) if c['cell_type'] == 'code']
    first = next(n for n, s in enumerate(sources) if re.search('^(?:from|import) (?:tinychat|torch|fastcore|matplotlib)', s, re.M))
    assert sources.index(installs[0]) < first, 'something is imported before it is installed'

def test_each_notebook_runs_somewhere():
    left_out = re.compile(re.search("--path-re '(.*?)'", read('run_tests.sh'))[1])
    wanted = re.search(r'"\$wheel" (.*)', read('tools/check_colab.sh'))[1].split()
    patterns = [re.sub('{.*}', one, pattern) for pattern in wanted for one in (re.findall('{(.*)}', pattern) or [''])[0].split(',')]
    in_colab = {str(p.relative_to(root)) for pattern in patterns for p in root.glob(pattern)}
    whole = {name(p) for p in notebooks() if name(p) in in_colab and p.name not in ('02_gpt.ipynb', '03_train.ipynb')}
    assert "IMPORTS_ONLY = '02_gpt.ipynb', '03_train.ipynb'" in read('tools/colab_run.py')
    assert {name(p) for p in notebooks() if not left_out.search(name(p))} <= whole

@each_notebook
def test_what_is_read_from_beside_is_there_in_colab(path):
    sources = [''.join(c['source']) for c in cells(path) if c['cell_type'] == 'code']
    reads = [n for n, s in enumerate(sources) if re.search(r"""['"]\.\./\.\./""", s)]
    folder = f'tinychat/{path.relative_to(root).parent.as_posix()}'
    clones = [n for n, s in enumerate(sources) if s.startswith('#| hide\n#| eval: false\n! [ -e /content ] && git clone ') and f"if os.path.isdir('{folder}'): os.chdir('{folder}')" in s]
    assert not reads or len(clones) == 1 and clones[0] < reads[0], 'Colab has this notebook alone: clone the repository there first'

@each_notebook
def test_figures_have_caption_and_alt_text(path):
    for cell in cells(path):
        if not any(kind.startswith('image/') for out in cell.get('outputs', []) for kind in out.get('data', {})): continue
        for fact in ('label: fig-', 'fig-cap: ', 'fig-alt: '):
            assert re.search(rf'^#\|\s*{fact}\S', ''.join(cell['source']), re.M), f'no `#| {fact}` on the figure of: {"".join(cell["source"])[-80:]}'

quarto = yaml.safe_load(read('_quarto.yml'))

@needs_git
@pytest.mark.skipif(sys.platform == 'win32', reason='links are as git was told to make them')
def test_quarto_config_is_a_link():
    assert os.readlink(root/'nbs'/'_quarto.yml') == '../_quarto.yml'
    if entry := git('ls-files', '--stage', 'nbs/_quarto.yml').stdout: assert entry.startswith('120000'), 'git holds a copy, not a link'

@needs_git
def test_every_page_is_in_the_sidebar_once():
    def listed(items): return [path for item in items for path in (listed(item['contents']) if isinstance(item, dict) else [item])]
    folders, leaves = ([p.lstrip('!') for p in quarto['project']['render'] if p.startswith('!') == no] for no in (False, True))
    assert leaves == [] and all(p.endswith('*.ipynb') for p in folders)
    here = [f.removeprefix('nbs/') for f in committed() if f.startswith('nbs/') and f.endswith('.ipynb')]
    pages, found = sorted({*here} - {*leaves}), listed(quarto['website']['sidebar']['contents'])
    assert {str(Path(p).parent) for p in pages} == {str(Path(p).parent) for p in folders}, 'a folder that no page is made of'
    assert [p for p in pages if p not in found] == [] == [p for p in found if p not in pages] and len(found) == len(pages)

def test_quarto_repeats_no_fact_that_pyproject_holds():
    website = quarto['website']
    # nbdev writes these into nbdev.yml; here they would win, and one day differ.
    assert quarto['metadata-files'] == ['nbdev.yml'] and not {'repo-url', 'repo-branch', 'site-url', 'title'} & set(website)
    assert website['navbar']['right'][0]['href'] == ini['git_url'] and f"{ini['git_url']}/blob/{ini['branch']}/LICENSE" in website['page-footer']['right']

def test_pictures_of_the_site():
    "The icon, and the card that a messenger shows of a link: as large as it is asked for"
    for card in ('open-graph', 'twitter-card'): assert quarto['website'][card]['image'] == 'images/card.png' and quarto['website'][card]['image-alt'].strip()
    data = (root/'nbs'/'images'/'card.png').read_bytes()
    assert data[:8] == b'\x89PNG\r\n\x1a\n' and struct.unpack('>II', data[16:24]) == (1200, 630)
    assert (root/'nbs'/quarto['website']['favicon']).is_file()

@needs_git
@pytest.mark.parametrize('path', [f for f in committed() if f.endswith('.md')] if git('rev-parse', '--git-dir').returncode == 0 else [])
def test_links_of_texts_lead_to_files(path):
    text = re.sub(r'(?s)```.*?```|`[^`\n]*`', '', read(path))
    links = [l.partition('#')[0] for l in re.findall(r'\]\(([^)\s]+)', text) if not re.match('[a-z]+:|#', l)]
    assert [l for l in links if not (root/path).parent.joinpath(l).exists()] == []

# What is installed

dist = runpy.run_path(str(root/'tools'/'check_dist.py'))

@needs_git
def test_the_library_holds_code_and_weights_and_no_notes():
    ours = [f for f in committed() if f.startswith('tinychat/')]
    assert dist['problems'](ours) == []
    assert 'recursive-include tinychat/bases *' in read('MANIFEST.in')

@pytest.mark.parametrize('file', ['tinychat/bases/base_runs.jsonl', 'benchmarks/runs/base.jsonl', 'tests/test_data.py', 'training_data/chatml_format.txt', 'out/ckpt.pt', 'Makefile'])
def test_what_does_not_belong_in_a_package_is_found(tmp_path, capsys, file):
    wheel = tmp_path/'x.whl'
    with zipfile.ZipFile(wheel, 'w') as z:
        for f in (file, 'tinychat/gpt.py', 'tinychat-0.1.0.dist-info/METADATA'): z.writestr(f, '')
    assert dist['main'](wheel) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [f'x.whl: {file} does not belong in it', 'x.whl: tinychat/bases/tiny/model.safetensors is missing']

# Nothing private gets out

@needs_git
@pytest.mark.parametrize('path', ['training_data/chatml_format.txt', 'training_data/demo.txt', 'training_data/me/chat.db', 'out/ckpt.pt'])
def test_git_ignores(path):
    assert git('check-ignore', '--quiet', '--no-index', path).returncode == 0

@needs_git
def test_training_data_holds_only_the_sample():
    assert sorted(f for f in committed() if f.startswith('training_data/')) == ['training_data/README.md', 'training_data/sample.txt']

# Folders that exist on one machine only. The brackets keep these lines from finding themselves.
LOCAL = re.compile(r'(?<![\w.+/=-])/(?:[w]ork|[r]oot|[t]mp|[h]ome|[U]sers|[p]rivate/var|[v]ar/folders)/[\w.][^\s"\'`)]*')

def readable(path):
    "What a person reads in a file: all of a text; a notebook's source and outputs, without its pictures"
    if path.suffix != '.ipynb': return path.read_bytes().decode('utf-8', errors='replace')
    parts = []
    for cell in cells(path):
        parts.append(''.join(cell['source']))
        for out in cell.get('outputs', []):
            parts += [''.join(v) for v in [out.get('text', ''), *out.get('traceback', [])]]
            parts += [''.join(v) for kind, v in out.get('data', {}).items() if not kind.startswith('image/') and isinstance(v, (str, list))]
    return '\n'.join(parts)

def own_hosts():
    "Where this machine's pip looks for packages, if not at PyPI"
    pip = subprocess.run([sys.executable, '-m', 'pip', 'config', 'list'], capture_output=True, text=True).stdout
    urls = pip + ' '.join(v for k, v in os.environ.items() if k.lower().startswith(('pip_', 'uv_')) or k.lower().endswith('_proxy'))
    hosts = {re.sub(r'^.*@|:\d+$', '', h) for h in re.findall(r'://([^/\s\'"]+)', urls)}
    return {h for h in hosts if '.' in h} - {'pypi.org', 'files.pythonhosted.org', 'download.pytorch.org', '127.0.0.1'}

@needs_git
def test_nothing_committed_names_this_machine():
    hosts, files, found = own_hosts(), committed(), []
    assert 'settings.ini' in files
    for f in files:
        text = readable(root/f)
        found += [f'{f}: {m}' for m in LOCAL.findall(text)] + [f'{f}: a package host' for h in hosts if h in text]
    assert not found

def test_local_folders_are_recognised():
    local = ['/'.join(['', *parts]) for parts in (['work', 'main'], ['root', '.cache/x'], ['home', 'ada/chats'], ['Users', 'ada'], ['tmp', 'ipykernel_12/3.py'])]
    other = ['https://example.com/' + 'home/page', 'a/tmp/b', '<root/>', 'nbs/work/x', '/content/sample']
    assert all(LOCAL.search(f'see "{t}"') for t in local) and not any(LOCAL.search(f'see "{t}"') for t in other)

# The sample

def test_sample_is_chatml():
    block = re.compile(r'<\|im_start\|>(system|assistant|user(?: name=[^\n]+)?)\n((?:(?!<\|).)*)<\|im_end\|>\n', re.S)
    text, roles, texts = read('training_data/sample.txt'), [], []
    for conversation in text.split('>\n\n<'):
        conversation = '<'*(not conversation.startswith('<')) + conversation + '>\n'*(not conversation.endswith('>\n'))
        assert block.sub('', conversation) == '', conversation
        found = block.findall(conversation)
        assert {'assistant'} < {r for r, _ in found}, 'one-sided'
        roles += [r for r, _ in found]; texts += [t for _, t in found]
    assert roles.count('assistant') >= 150
    assert any('\n' in t for t in texts) and any('<\\|im_end|>' in t for t in texts) and any('\u200d' in t for t in texts)

# Quick to answer

@pytest.mark.parametrize('module', ['tinychat', 'tinychat.commands'])
def test_import_is_light(module):
    heavy = 'torch', 'tiktoken', 'matplotlib', 'IPython', 'ipywidgets', 'prompt_toolkit', 'transformers'
    code = f'import sys, {module}; print([m for m in {heavy} if m in sys.modules])'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert run.stdout.strip() == '[]', run.stdout + run.stderr[-500:]
