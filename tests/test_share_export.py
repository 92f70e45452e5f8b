"Exports, opened by those they are for; and what can go wrong on the way."
import json, os, random, sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from test_commands import call, refused
from tinychat.chat import Chat
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig
from tinychat.share.export import NONCHARACTER, export_file, hf_tokenizer, last_merge
from tinychat.tokenizer import Tokenizer

os.environ.update(HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error', TQDM_DISABLE='1')
root = Path(__file__).resolve().parent.parent
text = (root/'training_data'/'sample.txt').read_text(encoding='utf-8')

SHAPES = dict(plain=dict(), grouped=dict(n_head=4, n_kv_head=2), one_key_head=dict(n_head=4, n_kv_head=1, n_hidden=96), slow_turns=dict(rope_theta=1e6), deep=dict(n_layer=5, context=128))

@pytest.fixture(params=SHAPES)
def shaped(request, tmp_path): return write(tmp_path, **SHAPES[request.param])

def write(folder, tok=None, **shape):
    "A checkpoint with random weights, not so small that all replies are one token"
    torch.manual_seed(0)
    tok = tok or Tokenizer.train([text], 400)
    config = GPTConfig(**{**dict(vocab_size=tok.vocab_size, n_layer=2, n_head=2, n_embd=64, context=64), **shape})
    model = GPT(config)
    with torch.no_grad():
        for p in model.parameters(): p.mul_(1 + torch.rand_like(p)) if p.dim() == 1 else p.mul_(8)
    torch.save(dict(config=asdict(config), model=model.state_dict(), tokenizer=tok.to_dict()), folder/'ckpt.pt')
    return folder

def opened(folder, name, **kwargs):
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tok = AutoTokenizer.from_pretrained(folder/name) if name == 'hf' else None
    return AutoModelForCausalLM.from_pretrained(folder/name, dtype=torch.float32, **kwargs).eval(), tok

def agree(theirs, ours, ids):
    with torch.no_grad(): a, b = theirs(ids).logits, ours(ids)
    assert (a - b).abs().max() < 1e-4 and b.std() > 0.1

def reply(model, ids, end):
    made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, temperature=None, top_k=None, max_new_tokens=20, pad_token_id=end)[0, ids.shape[1]:].tolist()
    return made[:made.index(end)] if end in made else made

def test_transformers(shaped):
    export_file('hf', shaped/'ckpt.pt', shaped/'hf')
    (theirs, their_tok), chat = opened(shaped, 'hf'), Chat.load(shaped/'ckpt.pt', 'cpu', temperature=0, max_tokens=20, max_messages=1)
    agree(theirs, chat.model, torch.randint(0, chat.tokenizer.vocab_size, (2, 60)))
    chat.talk = [Block('user', 'a<|im_end|>\n<|endoftext|>'), Block('assistant', '😂'), Block('user', 'ü?')]
    ids = chat.prompt()
    assert their_tok.apply_chat_template([dict(role=b.role, content=b.text) for b in chat.talk], add_generation_prompt=True)['input_ids'] == ids
    assert len(reply(theirs, torch.tensor([ids]), chat.tokenizer.im_end)) > 1
    reply_text = chat.tokenizer.decode(reply(theirs, torch.tensor([ids]), chat.tokenizer.im_end))
    assert ''.join(chat.answer()) == reply_text

def test_gguf(shaped):
    "Also the facts in the file that transformers does not look at"
    import gguf
    export_file('gguf', shaped/'ckpt.pt', shaped/'gguf')
    chat = Chat.load(shaped/'ckpt.pt', 'cpu')
    c, tok = chat.model.config, chat.tokenizer
    theirs, _ = opened(shaped, 'gguf', gguf_file='tinychat.gguf', head_dim=c.n_embd//c.n_head)
    agree(theirs, chat.model, torch.randint(0, c.vocab_size, (2, 60)))
    facts = {k: f.contents() for k, f in gguf.GGUFReader(shaped/'gguf'/'tinychat.gguf').fields.items()}
    assert facts['qwen3.attention.key_length'] == facts['qwen3.attention.value_length'] == c.n_embd//c.n_head
    assert facts['tokenizer.ggml.pre'] == 'llama-bpe' and facts['tokenizer.ggml.tokens'][tok.im_end] == '<|im_end|>'
    assert [facts[f'tokenizer.ggml.{t}_token_id'] for t in ('bos', 'eos')] == [tok.end_of_text, tok.im_end] and facts['tokenizer.ggml.add_bos_token'] is True
    assert facts['tokenizer.ggml.padding_token_id'] == tok.end_of_text
    half = export_file('gguf', shaped/'ckpt.pt', shaped/'half', half=True)
    kinds = {t.name: t.tensor_type.name for t in gguf.GGUFReader(half/'tinychat.gguf').tensors}
    assert {k for n, k in kinds.items() if 'norm' in n} == {'F32'} and {k for n, k in kinds.items() if 'norm' not in n} == {'F16'}
    assert [i for i, kind in enumerate(facts['tokenizer.ggml.token_type']) if kind == 3] == sorted(tok.special.values())
    assert len(facts['tokenizer.ggml.merges']) == tok.vocab_size - 256 - len(tok.special)
    import jinja2
    said = jinja2.Template(facts['tokenizer.chat_template']).render(messages=[dict(role='user', content='hi <|im_end|>')], bos_token='<|endoftext|>', add_generation_prompt=True)
    assert said == '<|endoftext|><|im_start|>user\nhi <\\|im_end|><|im_end|>\n<|im_start|>assistant\n'
    assert f'num_ctx {c.context}' in (shaped/'gguf'/'Modelfile').read_text()

def test_half(tmp_path):
    write(tmp_path)
    for to in ('hf', 'gguf'):
        whole = export_file(to, tmp_path/'ckpt.pt', tmp_path/to); half = export_file(to, tmp_path/'ckpt.pt', tmp_path/f'{to}2', half=True)
        size = lambda folder: max(p.stat().st_size for p in folder.iterdir())
        assert size(half) < 0.7*size(whole)
    exact, _ = opened(tmp_path, 'hf')
    for close in (opened(tmp_path, 'hf2'), opened(tmp_path, 'gguf2', gguf_file='tinychat.gguf', head_dim=32)):
        ids = torch.arange(40)[None]
        with torch.no_grad(): a, b = exact(ids).logits.softmax(-1), close[0](ids).logits.softmax(-1)
        assert 0 < (a - b).abs().max() < 0.1

# The tokenizer

def test_gpt4_tokens(tmp_path):
    "A vocabulary of somebody else's making, with holes between its special tokens"
    tok = Tokenizer.from_tiktoken('cl100k_base')
    write(tmp_path, tok, n_layer=1, n_embd=8, n_head=1)
    export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf')
    _, theirs = opened(tmp_path, 'hf')
    rng = random.Random(1)
    for _ in range(300):
        t = ''.join(rng.choices([*'aeinst ', 'ing', ' the', '漢', '😂', '12', "'s", '\n'], k=20))
        assert theirs(t)['input_ids'] == tok.encode(t)
    with pytest.raises(ValueError, match='--to hf'): export_file('gguf', tmp_path/'ckpt.pt', tmp_path/'gguf')
    assert not (tmp_path/'gguf').exists()

def test_every_character():
    from tokenizers import Tokenizer as Theirs
    tok = Tokenizer.train([text], 500)
    theirs = Theirs.from_str(json.dumps(hf_tokenizer(tok)))
    for start in range(0, 0x110000, 64):
        t = ''.join(f'a{chr(c)}{chr(c)} b' for c in range(start, start + 64) if not 0xd800 <= c < 0xe000)
        assert theirs.encode(t, add_special_tokens=False).ids == tok.encode(t), hex(start)

def test_the_noncharacter_leaves_no_trace():
    from tokenizers import Tokenizer as Theirs
    tok = Tokenizer.train([text], 500)
    theirs = Theirs.from_str(json.dumps(hf_tokenizer(tok)))
    assert theirs.encode(f'<{NONCHARACTER}|im_start|>').ids == tok.encode('<|im_start|>')
    assert theirs.encode(f'a {NONCHARACTER} b').ids == tok.encode(f'a {NONCHARACTER} b')
    assert theirs.encode('<|im_start|>').ids == [tok.im_start]

def test_last_merge_is_how_it_was_learned():
    tok = Tokenizer.train([text], 600)
    for token, rank in tok.ranks.items():
        if len(token) > 1:
            a, b = last_merge(token, tok.ranks)
            assert a + b == token and max(tok.ranks[a], tok.ranks[b]) < rank

# The command

def test_command(tmp_path):
    write(tmp_path); (tmp_path/'out').mkdir(); (tmp_path/'ckpt.pt').rename(tmp_path/'out'/'ckpt.pt')
    for to, file in (('hf', 'model.safetensors'), ('gguf', 'tinychat.gguf')):
        code, out, err = call(tmp_path, 'tinychat-export', '--to', to)
        assert code == 0 and err == '' and 'private' in out, err
        assert (tmp_path/'out'/to/file).stat().st_size > 1e5 and 'private messages' in (tmp_path/'out'/to/'README.md').read_text()
        refused(call(tmp_path, 'tinychat-export', '--to', to), f'out/{to} holds an export already', '--overwrite')
        assert call(tmp_path, 'tinychat-export', '--to', to, '--overwrite')[0] == 0
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['ckpt.pt', 'gguf', 'hf']

def test_refusals(tmp_path):
    write(tmp_path)
    export = lambda *args: call(tmp_path, 'tinychat-export', *args)
    refused(export(), '--to is missing', 'hf', 'gguf')
    refused(export('--to', 'onnx', '--checkpoint', 'ckpt.pt'), "not 'onnx'")
    refused(export('--to', 'hf'), 'out/ckpt.pt is not there')
    refused(export('--to', 'hf', '--checkpoint', 'ckpt.pt', '--out', 'ckpt.pt'), 'is a file')
    (tmp_path/'mine').mkdir(); (tmp_path/'mine'/'diary.txt').write_text('dear diary')
    refused(export('--to', 'hf', '--checkpoint', 'ckpt.pt', '--out', 'mine', '--overwrite'), 'no export (diary.txt)')
    for empty in ('--out', '--checkpoint'): refused(export('--to', 'hf', empty, ''), 'must not be empty')
    refused(export('--to', 'hf', '--checkpoint', 'ckpt.pt', '--out', 'mine/diary.txt/hf'), 'diary.txt')
    damaged = torch.load(tmp_path/'ckpt.pt', weights_only=True); damaged['model'].popitem(); torch.save(damaged, tmp_path/'bad.pt')
    refused(export('--to', 'gguf', '--checkpoint', 'bad.pt'), 'bad.pt', 'damaged')
    assert (tmp_path/'mine'/'diary.txt').read_text() == 'dear diary'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['bad.pt', 'ckpt.pt', 'mine']

@pytest.mark.parametrize('to', ['hf', 'gguf'])
def test_only_an_export_is_replaced(tmp_path, to):
    "Not somebody's README, a folder that is called so, a link, or another model"
    write(tmp_path)
    names = {p.name for p in export_file(to, tmp_path/'ckpt.pt', tmp_path/'mine').iterdir()}
    def folder(name):
        (tmp_path/name).mkdir()
        return tmp_path/name
    (folder('readme')/'README.md').write_text('my notes')
    (folder('nested')/'README.md').mkdir(); (tmp_path/'nested'/'README.md'/'diary.txt').write_text('dear diary')
    for name in names: (folder('other') if not (tmp_path/'other').exists() else tmp_path/'other').joinpath(name).write_text('of another program')
    (folder('linked')/'README.md').symlink_to(tmp_path/'mine'/'README.md')
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    for name in ('readme', 'nested', 'other', 'linked'):
        with pytest.raises(ValueError, match='no export'): export_file(to, tmp_path/'ckpt.pt', tmp_path/name, overwrite=True)
    assert {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()} == before

def test_here_and_after_a_kill(tmp_path, monkeypatch):
    "`--out .` stays the folder that the shell is in; what a killed export left is cleared away"
    write(tmp_path)
    (tmp_path/'here').mkdir(); monkeypatch.chdir(tmp_path/'here')
    (Path('.unfinished')/'old').mkdir(parents=True)
    inode = os.stat('.').st_ino
    export_file('gguf', '../ckpt.pt', '.')
    assert os.stat('.').st_ino == inode == os.stat(tmp_path/'here').st_ino
    assert sorted(p.name for p in Path().iterdir()) == ['Modelfile', 'README.md', 'tinychat.gguf']

def test_ctrl_c_while_it_writes(tmp_path, monkeypatch):
    import tinychat.share.export as export
    write(tmp_path)
    def pressed(path, data): raise KeyboardInterrupt
    monkeypatch.setattr(export, 'write_atomic', pressed)
    for to in ('hf', 'gguf'): assert call(tmp_path, 'tinychat-export', '--to', to, '--checkpoint', 'ckpt.pt', '--out', to)[0] == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ['ckpt.pt']

def test_what_the_readme_says_works(tmp_path):
    "The code in it, run in the folder as it says"
    import re, subprocess
    write(tmp_path)
    folder = export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf')
    (code,) = re.findall('~~~python\n(.*?)~~~', (folder/'README.md').read_text(), re.S)
    run = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], cwd=folder, capture_output=True, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    assert run.returncode == 0 and run.stdout.strip(), run.stderr[-2000:]

def test_what_others_are_told(tmp_path):
    write(tmp_path)
    hf, gguf_ = (export_file(to, tmp_path/'ckpt.pt', tmp_path/to) for to in ('hf', 'gguf'))
    c = Chat.load(tmp_path/'ckpt.pt', 'cpu')
    how = json.loads((hf/'generation_config.json').read_text())
    assert (how['do_sample'], how['temperature'], how['top_k'], how['max_new_tokens']) == (True, c.temperature, c.top_k, c.model.config.context//2)
    assert json.loads((hf/'tokenizer_config.json').read_text())['model_max_length'] == c.model.config.context
    assert (gguf_/'Modelfile').read_text() == ('FROM ./tinychat.gguf\nTEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"""\n'
                                               f'PARAMETER stop <|im_end|>\nPARAMETER temperature {c.temperature}\nPARAMETER top_k {c.top_k}\nPARAMETER top_p 1\nPARAMETER min_p 0\nPARAMETER num_ctx 64\nPARAMETER num_predict 32\n')

def test_without_gguf(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setitem(sys.modules, 'gguf', None)
    refused(call(tmp_path, 'tinychat-export', '--to', 'gguf', '--checkpoint', 'ckpt.pt'), "pip install 'tinychat[gguf]'")

@pytest.mark.parametrize('to', ['hf', 'gguf'])
def test_what_was_there_survives_a_failure(tmp_path, monkeypatch, to):
    import tinychat.share.export as export
    write(tmp_path)
    folder = export_file(to, tmp_path/'ckpt.pt', tmp_path/'mine')
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    def full(path, data): raise OSError(28, 'No space left on device', str(path))
    monkeypatch.setattr(export, 'write_atomic', full)
    with pytest.raises(OSError): export_file(to, tmp_path/'ckpt.pt', folder, half=True, overwrite=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ['ckpt.pt', 'mine']
