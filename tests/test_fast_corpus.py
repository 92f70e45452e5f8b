"A large file takes another way into training. Every step of that way meets its slow twin here: the same conversations, ids, errors and numbers."
import os, subprocess
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from tinychat import data, runs
from tinychat.checkpoint import load_tokenizer
from tinychat.data import Batches, Block, encode_all, parse_chatml, read_chatml, split_by_time, to_chatml, tokenizer_texts, two_sided, write_chatml
from tinychat.fast import corpus, evaluate
from tinychat.fast.corpus import (MIN_MESSAGES, Corpus, FileBatches, batches_of, encode_data, eval_sample, fingerprint, index_by_parsing, index_chunk,
                                  load_data, n_messages, open_data, read_chunks, texts_for_tokenizer)
from tinychat.gpt import GPT, GPTConfig
from tinychat.tokenizer import Tokenizer, train_bpe

root = Path(__file__).resolve().parent.parent
sample = root/'training_data'/'sample.txt'
marks = ['<|', '|>', '<', '|', '\\', '<\\', '<|im_start|>', '<|im_end|>', '<|endoftext|>', 'assistant\n', 'user\n', '\n', '\r\n', '\r', '\n\n',
         ' ', '\t', '\ufeff', '\u2028', '\xa0', '\x00', '\x1c', '\u200d', '😂', 'é', '\ud7ff']
piece = st.sampled_from(marks) | st.text(st.characters(exclude_categories=['Cs']), max_size=5)
texts = st.lists(piece, max_size=6).map(''.join)
names = texts.map(lambda t: ' '.join(t.split())).filter(bool)
roles = st.sampled_from(['assistant', 'assistant', 'user', 'user name=Ada']) | names.map('user name={}'.format)
blocks = st.builds(Block, roles, texts)
systems = st.sampled_from([[], [], [Block('system', 'Be kind.')]])
conv = st.builds(lambda system, c: system + c, systems, st.lists(blocks, min_size=1, max_size=5))
plain_blocks = st.builds(Block, st.sampled_from(['assistant', 'user', 'user name=Ada', 'user name=Zoë']),
                         st.sampled_from(['', ' a', 'hi\n', '\nhi', 'dinner?', '😂😂 ok', 'ünï', '<']))
plain_conv = st.lists(plain_blocks, min_size=1, max_size=5)
convs = st.lists(conv | plain_conv, min_size=1, max_size=6)
with_both = convs.map(lambda cs: [*cs, [Block('user', 'x'), Block('assistant', 'y')]])
toks = [Tokenizer(train_bpe(['hello there, hello you'], 270)), # 'assistant' is many tokens, and '\n\n' two
        Tokenizer(train_bpe(['\n\n assistant user name=Ada  <|im_end|>\n\n <|im_start|>']*9, 330)),
        load_tokenizer(root/'tinychat'/'bases'/'tiny'/'tokenizer.json')]
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

def chat(n=120, names=('user',)):
    "Conversations, all two-sided, that are not all alike."
    return [[Block(names[i % len(names)], f'are you there {i}?'),
             Block('assistant', f' yes {i}\n' if i % 3 else 'no <|im_end|> 😂'),
             Block('assistant', 'ü'*(i % 7))] for i in range(n)]

def same_ids(tok, fast, slow):
    (a, b), (c, d) = encode_data(tok, fast), encode_all(tok, slow)
    assert a.tolist() == c.tolist() and b.tolist() == d.tolist()

@pytest.fixture
def large(monkeypatch):
    "Every file is large."
    monkeypatch.setattr(corpus, 'LARGE_FILE', 0)

@pytest.fixture(scope='module')
def folder(tmp_path_factory): return tmp_path_factory.mktemp('corpus')

def written(folder, text):
    (folder/'c.txt').write_bytes(text.encode())
    return folder/'c.txt'

# The file in chunks, and its index

@many
@given(convs, st.integers(1, 300), st.sampled_from(['', '\ufeff']), st.booleans())
def test_chunks_make_the_file_again_and_end_with_conversations(folder, convs, size, mark, windows):
    text = to_chatml(convs)
    if windows: text = text.replace('\n', '\r\n')
    path = written(folder, mark + text)
    with open(path, 'rb') as f: chunks = list(read_chunks(f, size))
    assert [at for at, _ in chunks] == [len(mark.encode()) + sum(len(b) for _, b in chunks[:n]) for n in range(len(chunks))]
    assert [c for _, b in chunks for c in parse_chatml(b.decode())] == parse_chatml(text)

@pytest.mark.parametrize('line', ['\n', '\r\n'])
def test_chunks_are_no_longer_than_they_must_be(tmp_path, line):
    with open(written(tmp_path, to_chatml(chat()).replace('\n', line)), 'rb') as f:
        assert max(len(b) for _, b in read_chunks(f, 500)) < 1000

@many
@given(convs)
def test_index_is_its_slow_twin(convs):
    b = to_chatml(convs).encode()
    assert index_chunk(b).tolist() == index_by_parsing(b).tolist()
    assert [parse_chatml(b[r['begin']:r['end']].decode())[0] for r in index_chunk(b)] == convs

def told(work, *given):
    try: return work(*given).tolist()
    except ValueError as e: return str(e)

u, a = '<|im_start|>user\nhi<|im_end|>', '<|im_start|>assistant\nyo<|im_end|>'
odd = ['<|im_start|>user name=a<|im_end|>\n', '<|im_start|>user\nhi<|im_and|>', '<|im_end|><|im_start|>user\n',
       u.replace('user', 'user name=A\r') + '\n' + a, u.replace('user', 'user name=') + '\n' + a, u.replace('user', 'user\r') + '\n' + a,
       u + '\n' + u.replace('user', 'system') + '\n' + a, u + '\n \n' + a, u + '\n\n\n' + a, u + ' \n' + a, u + '\n ' + a, u + ' ' + a,
       u + 'x' + a, u + 'x\n' + a, u + '\nx' + a, u + a, u + '\n' + a + '\nhello', u + '\n' + a + '\n\n\n', u + '\u2028\n' + a,
       ' ' + u, 'x' + u, u + '\n' + a.replace('yo', '😂 ünï') + '\n\n' + u.replace('hi', 'é'),
       u + '\n' + a.replace('yo', r'<\|im_end|> <\\'), u.replace('user', 'user name=<|im_start|>'), u.replace('user', r'user name=<\|x'),
       u.replace('user', 'user name=Zoë A'), u.replace('user', 'Ada'), u.replace('user', 'users'),
       u.replace('user', 'system') + '\n' + a, u.replace('user', 'system') + '\n' + u + '\n' + a, u + '\n' + a.replace('yo', '<|'),
       a.replace('yo', 'x'*300_000), a.replace('yo', 'x'*300_001)]

@pytest.mark.parametrize('text', odd, ids=range(len(odd)))
def test_index_of_what_is_odd_is_its_slow_twin(text):
    assert told(index_chunk, text.encode()) == told(index_by_parsing, text.encode())

parts_of_files = ['<|im_start|>', '<|im_end|>', 'assistant\n', 'user\n', 'user name=', 'user name=A\n', 'system\n', 'Ada\n', '\n', '\n\n',
                  '\n\n\n', '\r\n', ' ', 'hi', '<|', '<\\|', '<|im_', 'é', '\u2028']
headers = ['assistant\n', 'user\n', 'user name=A\n', 'user name=\n', 'user name=A\r\n', 'user name=a<|im_end|>\n', 'system\n', 'user', 'assistant \n']
almost_blocks = st.tuples(st.sampled_from(headers), st.sampled_from(['hi', '', 'a<|b', '<\\|', '\n']),
                          st.sampled_from(['\n', '\n\n', '\n\n', '\n\n\n', '\n \n', '', '\u2028\n']))
almost_files = st.lists(almost_blocks, max_size=6).map(lambda bs: ''.join(f'<|im_start|>{r}{t}<|im_end|>{s}' for r, t, s in bs))

@many
@given(st.lists(st.sampled_from(parts_of_files), max_size=25).map(''.join) | almost_files)
def test_anything_is_read_or_refused_as_by_its_slow_twin(folder, text):
    assert told(index_chunk, text.encode()) == told(index_by_parsing, text.encode())
    path = written(folder, text)
    for size in (1, 60, 10**6):
        try: slow = read_chatml(path)
        except ValueError as e:
            with pytest.raises(ValueError) as found: Corpus(path, bytes_per_chunk=size)
            assert str(found.value) == str(e)
        else: assert list(Corpus(path, bytes_per_chunk=size)) == [c for c in slow if two_sided(c)]

def same_refusal(path, sizes):
    with pytest.raises(ValueError) as slow: read_chatml(path)
    for size in sizes:
        with pytest.raises(ValueError) as fast: Corpus(path, bytes_per_chunk=size)
        assert str(fast.value) == str(slow.value)
    return str(slow.value)

@pytest.mark.parametrize('at', [0, 100, 2000, 5000])
@pytest.mark.parametrize('harm', [b'\xff', b'\xe2\x82', b'\n<|im_end|>', b'<|im_start|>'])
@pytest.mark.parametrize('mark', [b'', b'\xef\xbb\xbf'])
def test_errors_say_what_the_slow_path_says(tmp_path, at, harm, mark):
    whole = mark + to_chatml(chat()).encode()
    path = tmp_path/'c.txt'
    path.write_bytes(whole[:at] + harm + whole[at:])
    same_refusal(path, (1, 200, 10**6))

def test_both_faults_name_the_one_that_the_slow_path_names(tmp_path):
    path = tmp_path/'c.txt'
    path.write_bytes(to_chatml(chat(9)).encode() + b'\nhello\n\n' + to_chatml(chat(9)).encode() + b'\xff')
    assert 'UTF-8' in same_refusal(path, [100])

@pytest.mark.parametrize('harm', [b'\xff', b'\xe2\x82', b'\xed\xa0\x80'])
def test_no_text_in_a_message_of_a_plain_file(tmp_path, harm):
    path = tmp_path/'c.txt'
    path.write_bytes(to_chatml(chat()).encode().replace(b'there 77', b'th' + harm + b'ere'))
    assert 'UTF-8' in same_refusal(path, [500])

def test_windows_line_ends_go_the_slow_way():
    "The notebook's exercise: no conversation is plain, and it is the first check that refuses the chunk."
    b = to_chatml(chat(9)).replace('\n', '\r\n').encode()
    assert not index_chunk(b)['plain'].any() and not corpus.marks_in_turn(b, *corpus.find_blocks(b))

def test_open_data_refuses_the_same_files(tmp_path, monkeypatch):
    files = {'empty': '', 'blank': '\n \n', 'few': to_chatml(chat(20)), 'one': to_chatml([sum(chat(), [])]),
             'monologues': to_chatml([[Block('assistant', 'hi')]]*200)}
    for name, text in files.items(): (tmp_path/name).write_text(text)
    (tmp_path/'folder').mkdir()
    for name in [*files, 'folder', 'nowhere']:
        said = []
        for limit in (10**9, -1):
            monkeypatch.setattr(corpus, 'LARGE_FILE', limit)
            with pytest.raises(ValueError) as e: open_data(tmp_path/name)
            said.append(str(e.value))
        assert said[0] == said[1], name

# Conversations and the split

@many
@given(with_both, st.integers(1, 300))
def test_a_corpus_is_the_two_sided_conversations(folder, convs, size):
    path = written(folder, to_chatml(convs))
    slow, fast = [c for c in read_chatml(path) if two_sided(c)], Corpus(path, bytes_per_chunk=size)
    assert list(fast) == slow and len(fast) == len(slow) and fast[-1] == slow[-1] and n_messages(fast) == n_messages(slow)
    assert fast.chars.tolist() == [sum(len(b.text) for b in c) for c in slow]
    assert fast.replies.tolist() == [sum(b.role == 'assistant' for b in c) for c in slow]
    for part in (slice(1, None), slice(None, None, 2), slice(None, None, -1), slice(5, 2)): assert list(fast[part]) == slow[part]
    joined = fast[:1] + fast[1:]
    assert isinstance(joined, Corpus) and list(joined) == slow and fast[1:] + fast[:1] == slow[1:] + slow[:1]

def test_parts_of_two_files_make_a_list(tmp_path):
    write_chatml(tmp_path/'c.txt', chat(9)); write_chatml(tmp_path/'d.txt', chat(20)[9:])
    one, two = Corpus(tmp_path/'c.txt'), Corpus(tmp_path/'d.txt')
    assert one[:5] + two[5:] == chat(5) + chat(20)[14:] and one[:5] + chat(2) == chat(5) + chat(2)

@many
@given(st.lists(conv | plain_conv, min_size=2, max_size=20).filter(lambda cs: sum(map(two_sided, cs)) > 1), st.floats(0, 1))
def test_the_split_is_the_same(folder, convs, share):
    path = written(folder, to_chatml(convs))
    with pytest.MonkeyPatch.context() as m:
        m.setattr(corpus, 'LARGE_FILE', 0); m.setattr(corpus, 'MIN_MESSAGES', 0)
        assert [list(part) for part in open_data(path, share)] == [*split_by_time([c for c in convs if two_sided(c)], share)]

def test_open_data_is_the_same(tmp_path, monkeypatch):
    write_chatml(tmp_path/'c.txt', [c for pair in zip(chat(), [[Block('assistant', 'monologue')]]*120) for c in pair])
    slow = load_data(tmp_path/'c.txt')
    assert open_data(tmp_path/'c.txt') == slow
    monkeypatch.setattr(corpus, 'LARGE_FILE', 0)
    fast = open_data(tmp_path/'c.txt')
    assert isinstance(fast[0], Corpus) and tuple(map(list, fast)) == slow
    assert texts_for_tokenizer(fast[0]) == tokenizer_texts(slow[0]) == texts_for_tokenizer(slow[0])
    monkeypatch.setattr(corpus, 'TOKENIZER_CHARS', 300)
    some = texts_for_tokenizer(fast[0])
    assert 50 < sum(map(len, some)) < 900 and some[0] == 'user' and some[-5].startswith('are you there 10') # from the beginning to the end
    assert texts_for_tokenizer(slow[0]) == tokenizer_texts(slow[0])

def test_too_few_messages_are_refused(tmp_path):
    talk = [Block('user', 'hi'), Block('assistant', 'yo')]
    write_chatml(tmp_path/'few.txt', [talk]*(MIN_MESSAGES - 1) + [[Block('assistant', 'monologue')]]*50)
    with pytest.raises(ValueError, match='few.txt has 99 messages of the person .*At least 100 are needed'): load_data(tmp_path/'few.txt')
    write_chatml(tmp_path/'enough.txt', [talk]*MIN_MESSAGES)
    assert [len(part) for part in load_data(tmp_path/'enough.txt')] == [90, 10]
    assert [len(part) for part in load_data(tmp_path/'enough.txt', 0.3)] == [70, 30]

def test_some_of_a_large_file_is_evaluated_on(large, tmp_path, monkeypatch):
    write_chatml(tmp_path/'me.txt', chat(300))
    _, held_out = open_data(tmp_path/'me.txt')
    whole = list(held_out)
    assert eval_sample(held_out) == whole == eval_sample(whole) # so few are all used
    monkeypatch.setattr(corpus, 'EVAL_CHARS', int(held_out.chars.sum())//3 + 1)
    assert eval_sample(held_out) == whole[::3] and eval_sample(whole) == whole

def test_fingerprints_are_as_ever(tmp_path):
    "They are stored in checkpoints, so a run that was stopped last year must find its data."
    assert fingerprint(chat(5), chat(3)) == '43f4122fa4098eed' and fingerprint(chat(5), []) == 'f368d8837813be6c'
    assert fingerprint(chat(5)[:3], chat(5)[3:]) != fingerprint(chat(5)[:2], chat(5)[2:]) # it tells where the split is
    write_chatml(tmp_path/'c.txt', chat(8))
    c = Corpus(tmp_path/'c.txt')
    assert fingerprint(c[:5], c[5:]) == '23e489d0a7e41b24' and fingerprint(c[:5], ()) == '62a8c315a96e8877' != fingerprint(c, ())

# Ids

@many
@given(with_both, st.integers(1, 300), st.sampled_from(toks))
def test_ids_are_those_of_the_slow_twin(folder, convs, size, tok):
    fast = Corpus(written(folder, to_chatml(convs)), bytes_per_chunk=size)
    slow = list(fast)
    same_ids(tok, fast, slow)
    for part in (slice(1, None), slice(None, None, 2), slice(None, None, -1)):
        if slow[part]: same_ids(tok, fast[part], slow[part])

def test_ids_at_every_border(tmp_path):
    path = tmp_path/'c.txt'
    write_chatml(path, chat(12, ['user name=Ada', 'user name=Zoë <|im_end|>', 'user']))
    slow = read_chatml(path)
    for size in range(1, path.stat().st_size + 10, 7): same_ids(toks[1], Corpus(path, bytes_per_chunk=size), slow)

@pytest.mark.parametrize('tok', toks)
def test_ids_of_files_that_people_edited(tmp_path, tok):
    text = to_chatml([[Block('system', 'Be kind.'), *c] for c in chat(30)])
    edited = ['\ufeff' + text, text.replace('\n', '\r\n'), text.replace('\n\n', '\n\n\n \n'), '\n\n' + text + '\n\n',
              text.replace('<|im_end|>\n<|', '<|im_end|> <|', 5), text.replace('are', 'a<|endoftext|>re', 3), text.replace('are', '<|', 3), text.rstrip()]
    for n, t in enumerate(edited):
        (path := tmp_path/f'{n}.txt').write_bytes(t.encode())
        for size in (200, 10**6): same_ids(tok, Corpus(path, bytes_per_chunk=size), read_chatml(path))

def test_many_names_and_giant_texts(tmp_path, monkeypatch):
    write_chatml(tmp_path/'c.txt', [[Block(f'user name=Guest {i}', 'hi'),
                                     Block('assistant', ('ha '*100_002)[:300_000 + i - 3] if i < 6 else 'yo')] for i in range(3000)])
    same_ids(toks[2], Corpus(tmp_path/'c.txt'), read_chatml(tmp_path/'c.txt'))
    write_chatml(tmp_path/'d.txt', chat(30))
    with monkeypatch.context() as m: # what is plain is not parsed again
        plain = Corpus(tmp_path/'c.txt')
        m.setattr(corpus, 'parse_chatml', None)
        encode_data(toks[2], plain[10:])

@pytest.mark.parametrize('step', [0, 7, 100])
def test_batches_from_a_file_are_those_from_memory(tmp_path, step):
    write_chatml(tmp_path/'c.txt', chat())
    slow, fast = (batches_of(*encode_data(toks[2], c), 16, 4, seed=3) for c in (chat(), Corpus(tmp_path/'c.txt')))
    assert type(slow) is Batches and type(fast) is FileBatches
    for _ in range(2): # the second time, the order is kept
        for a, b in zip(slow[step], fast[step], strict=True): assert a.dtype == b.dtype and torch.equal(a, b)

def test_orders_that_are_not_needed_are_not_kept(tmp_path):
    write_chatml(tmp_path/'c.txt', chat(9))
    fast = batches_of(*encode_data(toks[2], Corpus(tmp_path/'c.txt')), 64, 4)
    for step in range(50): fast[step]
    assert 0 < len(fast.orders) < 10

def test_batches_say_if_the_context_is_too_long(tmp_path):
    write_chatml(tmp_path/'c.txt', chat(9))
    for c in (chat(9), Corpus(tmp_path/'c.txt')):
        with pytest.raises(ValueError, match='A context of 5000 is longer than the data'): batches_of(*encode_data(toks[2], c), 5000, 4)

# The file of ids

def cache(path, kind='tokens'): return sorted(p for p in path.parent.iterdir() if p.name.startswith('.') and kind in p.name)

@pytest.fixture
def kept_before(tmp_path):
    "A file of messages that was encoded once."
    write_chatml(tmp_path/'c.txt', chat())
    encode_data(toks[2], Corpus(tmp_path/'c.txt'))
    return tmp_path/'c.txt'

def forbid(monkeypatch):
    for module, names in ((corpus, ('index_chunk', 'index_by_parsing', 'encode_conversation', 'encode_plain')), (data, ('encode_conversation',))):
        for name in names: monkeypatch.setattr(module, name, lambda *_: pytest.fail('it was read or encoded again'))

def test_the_second_start_encodes_nothing(kept_before, monkeypatch):
    for kind in ('tokens', 'table'):
        (kept,) = cache(kept_before, kind)
        assert kept.stat().st_mode & 0o777 == 0o600
    slow = encode_all(toks[2], chat())
    forbid(monkeypatch)
    for a, b in zip(encode_data(toks[2], Corpus(kept_before)), slow): assert a.tolist() == b.tolist()

def test_names_of_kept_files_are_as_ever(tmp_path):
    "What an earlier version left is found. (The name of the tokens also depends on the version of tiktoken.)"
    write_chatml(tmp_path/'c.txt', chat())
    Corpus(tmp_path/'c.txt')
    assert [p.name for p in cache(tmp_path/'c.txt', 'table')] == ['.c.txt.bcaff09d46742c1d.table']

def test_once_is_enough_in_one_program(tmp_path, monkeypatch):
    write_chatml(tmp_path/'c.txt', chat())
    part = (whole := Corpus(tmp_path/'c.txt'))[:9]
    encode_data(toks[2], part)
    slow = encode_all(toks[2], chat())
    forbid(monkeypatch); monkeypatch.setattr(Corpus, 'load_ids', None)
    for a, b in zip(encode_data(toks[2], whole), slow): assert a.tolist() == b.tolist()

def test_a_changed_file_is_encoded_again_though_date_and_size_are_the_same(kept_before):
    before, (old,) = kept_before.stat(), cache(kept_before)
    kept_before.write_text(kept_before.read_text().replace('are you', 'are yOu', 1))
    os.utime(kept_before, ns=(before.st_atime_ns, before.st_mtime_ns))
    same_ids(toks[2], Corpus(kept_before), read_chatml(kept_before))
    assert len(cache(kept_before)) == len(cache(kept_before, 'table')) == 1 and not old.exists()

def test_another_tokenizer_has_its_own(kept_before):
    (old,) = cache(kept_before)
    same_ids(toks[0], Corpus(kept_before), chat())
    assert len(cache(kept_before)) == 1 and not old.exists()

harms = [lambda b: b[:-1], lambda b: b[:len(b)//2], lambda b: b'', lambda b: b + b'\0', lambda b: b'\x01\x01' + b[2:],
         lambda b: b[:-40] + b'\x07' + b[-39:], lambda b: b[:-1] + bytes([b[-1] ^ 1])]

@pytest.mark.parametrize('harm', harms)
def test_a_damaged_one_is_made_again(kept_before, harm):
    (kept,) = cache(kept_before)
    sound = kept.read_bytes()
    kept.write_bytes(harm(sound))
    same_ids(toks[2], Corpus(kept_before), chat())
    assert cache(kept_before) == [kept] and kept.read_bytes() == sound
    (kept,) = cache(kept_before, 'table')
    sound = kept.read_bytes()
    kept.write_bytes(harm(sound))
    assert list(Corpus(kept_before)) == chat() and cache(kept_before, 'table') == [kept] and kept.read_bytes() == sound

def test_somebody_elses_is_not_taken(kept_before, tmp_path):
    "Renamed to the name that is expected: its hash begins with the key."
    write_chatml(tmp_path/'d.txt', chat()[::-1])
    encode_data(toks[2], Corpus(tmp_path/'d.txt'))
    for kind in ('tokens', 'table'):
        kept, theirs = cache(kept_before, kind)
        os.replace(theirs, kept)
    same_ids(toks[2], Corpus(kept_before), chat())

def test_only_ones_own_are_removed(kept_before):
    other = kept_before.with_name('.c.txt.b.0123456789abcdef.tokens'); other.touch()
    fresh = kept_before.with_name('.c.txt.0123456789abcdef.tokens.99.part'); fresh.touch()
    stale = kept_before.with_name('.c.txt.0123456789abcdef.tokens.98.part'); stale.touch(); os.utime(stale, (0, 0))
    encode_data(toks[0], Corpus(kept_before))
    assert other.exists() and fresh.exists() and not stale.exists()

@pytest.mark.parametrize('why', ['full', 'read-only', 'full at the end'])
def test_without_room_beside_it_a_temporary_file_does(tmp_path, monkeypatch, why):
    home = tmp_path/'home'; home.mkdir(); (spare := tmp_path/'spare').mkdir()
    monkeypatch.setattr(corpus.tempfile, 'gettempdir', lambda: str(spare)); monkeypatch.setattr(corpus.tempfile, 'tempdir', str(spare))
    write_chatml(home/'c.txt', chat())
    if why == 'full':
        free = lambda folder: type('', (), dict(free=10 if Path(folder) == home else 10**12))
        monkeypatch.setattr(corpus.shutil, 'disk_usage', free)
    if why == 'read-only': # not by permissions: root may write anywhere
        def refuse(path, *args, **kw):
            if str(path).endswith('.part'): raise PermissionError(13, 'no')
            return open(path, *args, **kw)
        monkeypatch.setattr(corpus, 'open', refuse, raising=False)
    if why == 'full at the end':
        calls, real_write = [], Corpus.write_ids
        def fail(self, *args):
            size = real_write(self, *args); calls.append(1)
            if len(calls) == 1: raise OSError(28, 'No space left on device')
            return size
        monkeypatch.setattr(Corpus, 'write_ids', fail)
    same_ids(toks[2], Corpus(home/'c.txt'), chat())
    assert cache(home/'c.txt') == [] and (why != 'read-only' or [p.name for p in home.iterdir()] == ['c.txt']) and not list(spare.iterdir())

def test_no_room_anywhere_is_said(tmp_path, monkeypatch):
    write_chatml(tmp_path/'c.txt', chat())
    monkeypatch.setattr(corpus.shutil, 'disk_usage', lambda folder: type('', (), dict(free=10)))
    with pytest.raises(OSError, match='No room for the tokens of c.txt'): encode_data(toks[2], Corpus(tmp_path/'c.txt'))

def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch):
    write_chatml(tmp_path/'c.txt', chat())
    fast, real, calls = Corpus(tmp_path/'c.txt', bytes_per_chunk=500), Corpus.encode_range, []
    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 5: raise KeyboardInterrupt
        return real(self, *args)
    with monkeypatch.context() as m:
        m.setattr(Corpus, 'encode_range', interrupted)
        with pytest.raises(KeyboardInterrupt): encode_data(toks[2], fast)
    assert cache(tmp_path/'c.txt') == cache(tmp_path/'c.txt', 'part') == []
    same_ids(toks[2], fast, chat())

def test_a_file_that_changes_under_us(tmp_path):
    path = tmp_path/'c.txt'
    write_chatml(path, chat())
    one = Corpus(path)
    write_chatml(path, chat()[::-1]) # another file in its place: ours is still there
    assert list(one) == chat()
    two = Corpus(path)
    path.write_bytes(path.read_bytes().replace(b'are', b'aRe')); os.utime(path, (1, 1)) # the same file, written over
    with pytest.raises(ValueError, match='c.txt was changed while it was being read. Start again.'): two[0]

def test_git_ignores_it(tmp_path):
    names = ['.talk.txt.0123456789abcdef.tokens', '.talk.txt.0123456789abcdef.table', 'training_data/.me.txt.0123456789abcdef.tokens',
             '.me.txt.0123456789abcdef.tokens.12.part', '.me.txt.0123456789abcdef.table.12.part']
    subprocess.run(['git', 'init', '-q', tmp_path], check=True)
    (tmp_path/'.gitignore').write_text((root/'.gitignore').read_text())
    ignored = subprocess.run(['git', 'check-ignore', *names], cwd=tmp_path, capture_output=True, text=True).stdout.split()
    assert ignored == names

def test_what_walks_over_everything_does_not_parse_it(large, tmp_path, monkeypatch):
    "Fingerprint, counts, split and ids come without a message being read."
    for module in (corpus, data): monkeypatch.setattr(module, 'parse_chatml', lambda *_: pytest.fail('a message was parsed'))
    write_chatml(tmp_path/'d.txt', [[Block('user', f'{i}'), Block('assistant', 'yo')] for i in range(200)])
    train, held_out = open_data(tmp_path/'d.txt')
    assert n_messages(train) + n_messages(held_out) == 400
    assert fingerprint(train, held_out) != fingerprint(train + held_out, ()) != fingerprint(train, ())
    assert len(encode_data(toks[2], train + held_out)[0]) == len(encode_data(toks[2], train)[0]) + len(encode_data(toks[2], held_out)[0])

# Training

def train_one(path, out, **asked):
    shape = {} if asked.get('resume') else dict(init='scratch', n_layer=1, n_head=2, n_embd=32, context=64, vocab_size=300)
    return runs.train_file(path, out, device='cpu', progress=False, **shape, **asked)

def numbers(run): return [{k: v for k, v in h.items() if k != 'seconds'} for h in run.history]

def weights_equal(a, b): return all(torch.equal(v, b.model.state_dict()[k]) for k, v in a.model.state_dict().items())

@pytest.mark.parametrize('use_all', [False, True])
def test_training_gives_the_same_numbers(tmp_path, monkeypatch, use_all):
    slow = train_one(sample, tmp_path/'slow.pt', max_iters=6, use_all=use_all)
    path = tmp_path/'me.txt'; path.write_bytes(sample.read_bytes())
    monkeypatch.setattr(corpus, 'LARGE_FILE', 0)
    fast = train_one(path, tmp_path/'fast.pt', max_iters=6, use_all=use_all)
    assert numbers(fast) == numbers(slow) and weights_equal(fast, slow) and len(cache(path)) == len(cache(path, 'table')) == 1

def test_resuming_on_a_large_file(tmp_path, large, monkeypatch):
    path = tmp_path/'me.txt'; path.write_bytes(sample.read_bytes())
    whole, real = train_one(path, tmp_path/'whole.pt', max_iters=6), runs.fit
    def stopped(*args, **kw):
        for n, measured in enumerate(real(*args, **kw)):
            yield measured
            if n == 2: raise KeyboardInterrupt
    def interrupted(out):
        with monkeypatch.context() as m:
            m.setattr(runs, 'fit', stopped); m.setattr(runs.Saver, 'save_now_and_then', runs.Saver.save)
            with pytest.raises(KeyboardInterrupt): train_one(path, out, max_iters=6)
    interrupted(tmp_path/'half.pt')
    assert weights_equal(train_one(path, tmp_path/'half.pt', resume=True), whole)
    interrupted(tmp_path/'other.pt')
    path.write_text(path.read_text() + '\n' + to_chatml(chat(3)))
    with pytest.raises(ValueError, match='trained on other messages'): train_one(path, tmp_path/'other.pt', resume=True)

def test_a_large_file_is_judged_by_some(large, tmp_path, monkeypatch):
    write_chatml(tmp_path/'me.txt', chat(300))
    _, held_out = open_data(tmp_path/'me.txt')
    model, whole = GPT(GPTConfig(toks[0].vocab_size, 1, 2, 32, 64)), [*held_out]
    assert evaluate(model, toks[0], held_out) == evaluate(model, toks[0], whole) # so few are all judged
    monkeypatch.setattr(corpus, 'EVAL_CHARS', int(held_out.chars.sum())//3 + 1)
    assert evaluate(model, toks[0], held_out) == evaluate(model, toks[0], whole[::3]) != evaluate(model, toks[0], whole)
