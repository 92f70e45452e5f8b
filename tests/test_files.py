"Whole or not at all, and never over something else."
import os, stat

import pytest

from tinychat.files import check_room, free_path, may_write, printable, set_aside, write_atomic

def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path/'a.txt'
    write_atomic(path, b'old')
    def full(*_): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='could not be written .No space left on device.. What was there before is untouched'): write_atomic(path, b'new')
    assert path.read_bytes() == b'old' and os.listdir(tmp_path) == ['a.txt']

@pytest.mark.skipif(os.name == 'nt', reason='permissions are different there')
def test_what_was_private_stays_private(tmp_path):
    path = tmp_path/'a.txt'
    path.write_bytes(b'old'); path.chmod(0o600)
    write_atomic(path, b'new')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() == b'new'

def test_a_link_stays_a_link(tmp_path):
    (tmp_path/'real.txt').write_bytes(b'old')
    (tmp_path/'link.txt').symlink_to('real.txt')
    write_atomic(tmp_path/'link.txt', b'new')
    assert (tmp_path/'link.txt').is_symlink() and (tmp_path/'real.txt').read_bytes() == b'new'

def test_what_may_be_written(tmp_path):
    path = tmp_path/'a.txt'
    assert may_write(path) == path and not path.exists()
    path.write_bytes(b'mine')
    assert may_write(path, lambda p: True, 'no') == path
    with pytest.raises(ValueError, match='^not ours$'): may_write(path, lambda p: False, 'not ours')
    with pytest.raises(ValueError, match='is a folder. Give the file to write with --report'): may_write(tmp_path, option='--report')
    with pytest.raises(ValueError, match='is a folder. So what'): may_write(tmp_path, hint='So what')
    with pytest.raises(ValueError, match='is a file. Give a folder to write, with --out'): may_write(path, folder=True)
    assert may_write(tmp_path/'new', folder=True) == tmp_path/'new' and may_write(tmp_path, folder=True) == tmp_path

@pytest.mark.skipif(not os.path.exists('/dev/null'), reason='no device files')
def test_a_device_is_no_file():
    with pytest.raises(ValueError, match='no ordinary file'): may_write('/dev/null')

def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path/'a').write_bytes(b'')
    with pytest.raises(OSError): may_write(tmp_path/'a'/'b.txt')

def test_the_second_name_is_the_next_that_is_free(tmp_path):
    path = tmp_path/'c.pt'
    assert set_aside(path) is None
    for n in (1, 2, 3):
        write_atomic(path, bytes([n]))
        assert set_aside(path) == tmp_path/f'c.old{n}.pt'
    write_atomic(path, b'new')
    assert [(tmp_path/f'c.old{n}.pt').read_bytes() for n in (1, 2, 3)] == [b'\1', b'\2', b'\3'] and path.read_bytes() == b'new'

def test_a_disk_without_links_gets_a_copy(tmp_path, monkeypatch):
    (tmp_path/'c.pt').write_bytes(b'old')
    def no(*_): raise OSError(1, 'Operation not permitted')
    monkeypatch.setattr(os, 'link', no)
    assert set_aside(tmp_path/'c.pt').read_bytes() == b'old' and (tmp_path/'c.pt').exists()

def test_free_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(free_path(None, 'talk.txt')) == 'talk.txt'
    for name in ('talk.txt', 'talk2.txt'): (tmp_path/name).write_text('')
    assert str(free_path(None, 'talk.txt')) == 'talk3.txt' and str(free_path(None, 'talk.txt', {os.path.realpath('talk2.txt')})) == 'talk2.txt'
    with pytest.raises(ValueError, match='is there already'): free_path('talk.txt', 'talk.txt')

def test_no_room(tmp_path):
    check_room(tmp_path/'a', 1, 'page')
    with pytest.raises(OSError, match='No room for the page: it takes'): check_room(tmp_path/'a', 10**18, 'page')

@pytest.mark.parametrize('code', [chr(n) for n in (*range(10), *range(11, 32), *range(127, 160))])
def test_no_control_character_reaches_a_terminal(code): assert printable(f'a{code}b\n') == 'ab\n'
