"Files into Colab and out of it, with a stub in place of Colab's module."
import os, sys
from pathlib import Path

import pytest

from tinychat.share.colab import keep, upload

@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path

def without_google(monkeypatch):
    for name in [m for m in sys.modules if m.split('.')[0] == 'google']: monkeypatch.delitem(sys.modules, name)

@pytest.fixture
def elsewhere(folder, monkeypatch):
    "A computer that is not Colab's."
    without_google(monkeypatch)
    monkeypatch.setitem(sys.modules, 'google.colab', None)
    return folder

@pytest.fixture
def colab(folder, monkeypatch):
    "Colab, where somebody chooses the file chosen.txt."
    without_google(monkeypatch)
    monkeypatch.syspath_prepend(Path(__file__).parent/'colab_stub')
    (folder/'chosen.txt').write_text('an export')
    (folder/'saved').mkdir()
    monkeypatch.setenv('COLAB_UPLOAD', str(folder/'chosen.txt'))
    monkeypatch.setenv('COLAB_DOWNLOADS', str(folder/'saved'))
    import google.colab.files
    yield google.colab
    without_google(monkeypatch) # the next test may not be in Colab

def test_uploaded_files_are_in_a_folder_of_their_own(colab, folder):
    assert upload('in/exports') == Path('in/exports') and os.listdir('in/exports') == ['chosen.txt'] and Path.cwd() == folder

def test_the_working_folder_is_the_old_one_whatever_happens(colab, folder, monkeypatch):
    def fails(): raise RuntimeError('the connection is gone')
    monkeypatch.setattr(colab.files, 'upload', fails)
    with pytest.raises(RuntimeError): upload()
    assert Path.cwd() == folder

def test_nothing_chosen_is_said(colab, monkeypatch):
    monkeypatch.setattr(colab.files, 'upload', dict)
    with pytest.raises(ValueError, match='No file was chosen. Run this again'): upload()

def test_elsewhere_the_folder_is_the_way_in(elsewhere):
    with pytest.raises(ValueError, match='Put what your messenger exported into the folder exports, and run this again'): upload()
    Path('exports/.DS_Store').write_text('')
    with pytest.raises(ValueError, match='Put what'): upload()
    Path('exports/chat.txt').write_text('an export')
    assert upload() == Path('exports')

def test_a_model_is_downloaded(colab, folder):
    Path('me.pt').write_bytes(b'a model')
    assert keep('me.pt') == Path('me.pt') and (folder/'saved'/'me.pt').read_bytes() == b'a model'

def test_nothing_in_the_drive_is_overwritten(colab):
    kept = []
    for data in (b'a model', b'a better one', b'a model', b'the best'):
        Path('me.pt').write_bytes(data)
        kept.append(keep('me.pt', drive=True, mount='drive').name)
    assert kept == ['me.pt', 'me1.pt', 'me.pt', 'me2.pt']
    assert [(Path('drive/MyDrive/tinychat')/n).read_bytes() for n in sorted(set(kept))] == [b'a model', b'a better one', b'the best']

def test_elsewhere_a_file_is_yours_already(elsewhere):
    Path('me.pt').write_bytes(b'a model')
    assert keep('me.pt') == keep('me.pt', drive=True) == Path('me.pt') and os.listdir() == ['me.pt']

@pytest.mark.parametrize('drive', [True, False])
def test_no_model_yet(colab, drive):
    with pytest.raises(FileNotFoundError, match='There is no such file. Train a model first'): keep('none.pt', drive)
    assert not Path('drive').exists()
