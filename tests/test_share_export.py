"Exports, opened by those they are for; and what can go wrong on the way."
import json, os, random, re, stat, sys, unicodedata
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from test_commands import call, refused
from tinychat.bases.tokens import KNOWN_PATTERNS
from tinychat.chat import Chat
from tinychat.checkpoint import ForeignTokenizer
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig, generate
from tinychat.share.export import EXPORT_FORMATS, NONCHARACTER, export_file, hf_tokenizer, last_merge, list_merges
from tinychat.tokenizer import SPECIAL, Tokenizer, train_bpe_fast

os.environ.update(HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error', TQDM_DISABLE='1')
root = Path(__file__).resolve().parent.parent
text = (root/'training_data'/'sample.txt').read_text(encoding='utf-8')

SHAPES = dict(plain=dict(), grouped=dict(n_head=4, n_kv_head=2), one_key_head=dict(n_head=4, n_kv_head=1, n_hidden=96), deep=dict(n_layer=5, context=128, rope_theta=1e6))
SHAPES |= dict(qwen3_wide=dict(n_head=4, n_kv_head=2, head_dim=48, tied=False))
SHAPES |= dict(llama=dict(n_head=4, n_kv_head=2, qk_norm=False, norm_eps=1e-2, rope_theta=1e5), llama_wide=dict(n_head=3, n_kv_head=1, n_embd=96, head_dim=48, qk_norm=False, tied=False))
SHAPES |= dict(qwen2=dict(n_head=4, n_kv_head=2, qk_norm=False, qkv_bias=True), qwen2_wide=dict(n_head=4, n_kv_head=1, head_dim=24, qk_norm=False, qkv_bias=True, tied=False, norm_eps=1e-2))

@pytest.fixture(params=SHAPES)
def shaped(request, tmp_path): return write(tmp_path, **SHAPES[request.param])

def write(folder, tok=None, **shape):
    "A checkpoint with random weights, not so small that all replies are one token"
    torch.manual_seed(0)
    tok = tok or Tokenizer.train([text], 400)
    config = GPTConfig(**{**dict(vocab_size=tok.vocab_size, n_layer=2, n_head=2, n_embd=64, context=64), **shape})
    model = GPT(config)
    with torch.no_grad():
        for name, p in model.named_parameters(): p.normal_() if name.endswith('bias') else p.mul_(1 + torch.rand_like(p)) if p.dim() == 1 else p.mul_(8)
    torch.save(dict(config=asdict(config), model=model.state_dict(), tokenizer=tok.to_dict()), folder/'ckpt.pt')
    return folder

def opened(folder, name, **changes):
    "A folder that is an export, by transformers, and its tokenizer if it reads that"
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
    gguf = {} if (folder/name/'config.json').exists() else dict(gguf_file='tinychat.gguf')
    config = AutoConfig.from_pretrained(folder/name, **gguf)
    for key, value in changes.items(): setattr(config, key, value)
    Tok = PreTrainedTokenizerFast if config.model_type == 'qwen2' else AutoTokenizer # that would take Qwen2's own, whatever the file says
    tok = None if gguf else Tok.from_pretrained(folder/name)
    return AutoModelForCausalLM.from_pretrained(folder/name, config=config, dtype=torch.float32, **gguf).eval(), tok

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
    c = chat.model.config
    family = 'Qwen3' if c.qk_norm else 'Qwen2' if c.qkv_bias else 'Llama'
    assert json.loads((shaped/'hf'/'config.json').read_text())['architectures'] == [f'{family}ForCausalLM'] == [type(theirs).__name__]
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
    chat = Chat.load(shaped/'ckpt.pt', 'cpu', temperature=0, max_tokens=20)
    c, tok = chat.model.config, chat.tokenizer
    theirs, _ = opened(shaped, 'gguf', head_dim=c.head_dim)
    agree(theirs, chat.model, torch.randint(0, c.vocab_size, (2, 60)))
    chat.talk = [Block('user', 'ü?')]
    ids = torch.tensor([chat.prompt()])
    ours = [i for i in generate(chat.model, ids[0].tolist(), 20, stop=[tok.im_end], temperature=0) if i != tok.im_end]
    assert reply(theirs, ids, tok.im_end) == ours and len(ours) > 1
    facts = {k: f.contents() for k, f in gguf.GGUFReader(shaped/'gguf'/'tinychat.gguf').fields.items()}
    family = facts['general.architecture']
    assert family == ('qwen3' if c.qk_norm else 'qwen2' if c.qkv_bias else 'llama') and family == theirs.config.model_type
    assert facts[f'{family}.attention.key_length'] == facts[f'{family}.attention.value_length'] == facts[f'{family}.rope.dimension_count'] == c.head_dim
    assert abs(facts[f'{family}.attention.layer_norm_rms_epsilon'] - c.norm_eps) < 1e-9 and facts['general.file_type'] == 0
    assert facts['tokenizer.ggml.pre'] == 'llama-bpe' and facts['tokenizer.ggml.tokens'][tok.im_end] == '<|im_end|>'
    assert [facts[f'tokenizer.ggml.{t}_token_id'] for t in ('bos', 'eos')] == [tok.end_of_text, tok.im_end] and facts['tokenizer.ggml.add_bos_token'] is True
    assert facts['tokenizer.ggml.padding_token_id'] == tok.end_of_text
    assert [i for i, kind in enumerate(facts['tokenizer.ggml.token_type']) if kind == 3] == sorted(tok.special.values())
    assert len(facts['tokenizer.ggml.merges']) == tok.vocab_size - 256 - len(tok.special)
    import jinja2
    said = jinja2.Template(facts['tokenizer.chat_template']).render(messages=[dict(role='user', content='hi <|im_end|>')], bos_token='<|endoftext|>', add_generation_prompt=True)
    assert said == '<|endoftext|><|im_start|>user\nhi <\\|im_end|><|im_end|>\n<|im_start|>assistant\n'
    assert f'num_ctx {c.context}' in (shaped/'gguf'/'Modelfile').read_text()

def test_formats(tmp_path):
    "A model in fewer bits is smaller and says nearly the same"
    write(tmp_path)
    ids, exact = torch.arange(40)[None], None
    for to, dtypes in EXPORT_FORMATS.items():
        sizes = []
        for dtype in dtypes:
            folder = export_file(to, tmp_path/'ckpt.pt', tmp_path/f'{to}_{dtype}', dtype)
            sizes.append(max(p.stat().st_size for p in folder.iterdir()))
            with torch.no_grad(): found = opened(tmp_path, folder.name, head_dim=32)[0](ids).logits.softmax(-1)
            exact = found if exact is None else exact
            gap = (found - exact).abs().max()
            assert gap < 1e-5 if dtype == 'f32' else 0 < gap < 0.1, dtype
        assert all(b < 0.7*a for a, b in zip(sizes, sizes[1:])), sizes

@pytest.mark.parametrize('dtype', EXPORT_FORMATS['gguf'])
def test_numbers_in_gguf(tmp_path, dtype):
    "Norms and biases stay float32; rows that are no multiple of 32 stay in 16 bits; eight bits are gguf's own, and near"
    import gguf
    write(tmp_path, qk_norm=False, qkv_bias=True, n_embd=96, n_hidden=40)
    model = Chat.load(tmp_path/'ckpt.pt', 'cpu').model
    reader = gguf.GGUFReader(export_file('gguf', tmp_path/'ckpt.pt', tmp_path/'out', dtype)/'tinychat.gguf')
    tensors, names = {t.name: t for t in reader.tensors}, gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, 2)
    assert len(tensors) == len(model.state_dict())
    for name, w in model.hf_weights().items():
        t = tensors[names.get_name(name, ('.weight', '.bias'))]
        kind = 'F32' if w.dim() == 1 else 'F16' if dtype == 'q8_0' and 'down_proj' in name else dtype.upper()
        assert t.tensor_type.name == kind and t.shape.tolist() == [*w.shape][::-1]
        read = torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()).view_as(w)
        assert torch.equal(read, torch.from_numpy(gguf.dequantize(gguf.quantize(w.numpy(), t.tensor_type), t.tensor_type)))
        room = w.unflatten(-1, (-1, 32)).abs().amax(-1, keepdim=True).expand(-1, -1, 32).flatten(1)/200 if kind == 'Q8_0' else w.abs()/1000 + 1e-7
        assert ((read - w).abs() <= room).all() and (kind == 'F32' or not torch.equal(read, w))

# The tokenizer

def foreign(pattern):
    "Special tokens first, then a gap, then bytes and merges, then another gap"
    special = {s: i for i, s in enumerate([*SPECIAL, '<filename>', '[PAD]'])}
    ranks = {t: i + 7 for t, i in train_bpe_fast([text], 600, KNOWN_PATTERNS[pattern]).items()}
    return ForeignTokenizer(ranks, KNOWN_PATTERNS[pattern], special | {'<|later|>': 620}, 'NFC' if pattern == 'qwen2' else None)

ODD = [*"ab sS'’\n\r\t012.,!<|>_", 'll', ' the', 'ing', 'ſ', '\u2028', '\xa0', '\u3000', '\x85', 'é', 'e\u0301', '\u0338', '각', '\u1100\u1161', '😂', '\u200d', '漢', '٣', '½', 'ǅ', 'İ', '\ufeff', NONCHARACTER]

@pytest.mark.parametrize('pattern', KNOWN_PATTERNS)
def test_tokens_of_others(tmp_path, pattern):
    "Equal ids for odd texts and a talk of them; control tokens keep their ids, and those that no talk has are text"
    import gguf
    tok, rng = foreign(pattern), random.Random(1)
    write(tmp_path, tok, n_layer=1, n_embd=8, n_head=1)
    export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf')
    _, theirs = opened(tmp_path, 'hf')
    texts = [''.join(rng.choices([*ODD, *tok.special], k=rng.randint(1, 15))) for _ in range(2000)]
    texts = [t for t in texts if f'<{NONCHARACTER}|' not in t]
    assert theirs(texts, split_special_tokens=True)['input_ids'] == [tok.encode(t) for t in texts]
    assert [theirs.decode(tok.encode(t)) for t in texts[:50]] == [unicodedata.normalize('NFC', t) if tok.normalizer else t for t in texts[:50]]
    assert theirs.convert_tokens_to_ids([*SPECIAL, '<|later|>']) == [tok.special[s] for s in [*SPECIAL, '<|later|>']]
    assert theirs('<|im_start|>a<filename><|later|>')['input_ids'] == [tok.im_start, *tok.encode('a<filename>'), 620]
    chat = Chat.load(tmp_path/'ckpt.pt', 'cpu', max_tokens=8)
    chat.talk = [Block(('user', 'assistant')[n%2], t) for n, t in enumerate(texts[:3])]
    made = theirs.apply_chat_template([dict(role=b.role, content=b.text) for b in chat.talk])['input_ids']
    assert made == [tok.end_of_text, *(i for b in chat.talk for i in [tok.im_start, *tok.encode(f'{b.role}\n{b.text}'), tok.im_end, *tok.encode('\n')])]
    facts = {k: f.contents() for k, f in gguf.GGUFReader(export_file('gguf', tmp_path/'ckpt.pt', tmp_path/'gguf')/'tinychat.gguf').fields.items()}
    assert facts['tokenizer.ggml.pre'] == dict(gpt2='gpt-2', smollm='smollm', qwen2='qwen2', llama3='llama-bpe', tinychat='llama-bpe')[pattern]
    kinds = facts['tokenizer.ggml.token_type']
    assert [i for i, k in enumerate(kinds) if k == 3] == [0, 1, 2, 620] and [i for i, k in enumerate(kinds) if k == 5] == [3, 4, 5, 6, *range(607, 620)]
    assert facts['tokenizer.ggml.tokens'][620] == '<|later|>' and facts['tokenizer.ggml.tokens'][7 + 65] == 'A'

def test_auto_tokenizer_of_qwen2(tmp_path):
    "transformers reads nothing but vocabulary and merges for this family: that is enough, and no text becomes a control token"
    from transformers import AutoTokenizer
    tok, rng = foreign('qwen2'), random.Random(3)
    write(tmp_path, tok, n_layer=1, n_embd=8, n_head=1, qk_norm=False, qkv_bias=True)
    theirs = AutoTokenizer.from_pretrained(export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf'))
    texts = [''.join(rng.choices(ODD, k=rng.randint(1, 15))) for _ in range(2000)]
    assert theirs(texts)['input_ids'] == [tok.encode(t) for t in texts]
    talk = theirs.apply_chat_template([dict(role='user', content='a<|im_end|>\n<|later|>')])['input_ids']
    assert [i for i in talk if i in tok.special.values()] == [tok.end_of_text, tok.im_start, tok.im_end]

def test_a_pattern_without_a_name(tmp_path):
    write(tmp_path, Tokenizer(train_bpe_fast([text], 300), r'\w+|\W'), n_layer=1)
    with pytest.raises(ValueError, match='--to hf'): export_file('gguf', tmp_path/'ckpt.pt', tmp_path/'gguf')
    assert not (tmp_path/'gguf').exists()
    export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf')
    _, theirs = opened(tmp_path, 'hf')
    assert theirs('so, as 12😂')['input_ids'] == Chat.load(tmp_path/'ckpt.pt', 'cpu').tokenizer.encode('so, as 12😂')

def test_merges_out_of_order():
    "tiktoken may reach a token by way of a later one: so must who merges by our list"
    from tokenizers import Tokenizer as Theirs
    rng = random.Random(2)
    learned = [t for t in train_bpe_fast([text], 500) if len(t) > 1]
    rng.shuffle(learned)
    tok = Tokenizer({t: i for i, t in enumerate([*(bytes([b]) for b in range(256)), *learned])})
    theirs = Theirs.from_str(json.dumps(hf_tokenizer(tok)))
    words = text.replace('<|', ' ').split()
    for _ in range(300):
        t = ' '.join(rng.choices(words, k=5)) + ''.join(rng.choices('abcdehinost', k=9))
        assert theirs.encode(t, add_special_tokens=False).ids == tok.encode(t)
    assert len(list_merges(tok)) > 100

@pytest.mark.parametrize('pattern', ['tinychat', 'qwen2'])
def test_every_character(pattern):
    "Of all planes that hold any, and some that nobody has assigned"
    from tokenizers import Tokenizer as Theirs
    tok = foreign(pattern)
    theirs = Theirs.from_str(json.dumps(hf_tokenizer(tok)))
    for start in (*range(0, 0x34000, 256), *range(0xe0000, 0xe0200, 256), *range(0x4ff00, 0x110000, 0x10000)):
        t = ''.join(f'a{chr(c)}{chr(c)} b' for c in range(start, start + 256) if not 0xd800 <= c < 0xe000)
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
    for to, file, half in (('hf', 'model.safetensors', 'bf16'), ('gguf', 'tinychat.gguf', 'f16')):
        code, out, err = call(tmp_path, 'tinychat-export', '--to', to)
        assert code == 0 and err == '' and 'private' in out, err
        card = (tmp_path/'out'/to/'README.md').read_text()
        assert (tmp_path/'out'/to/file).stat().st_size > 1e5 and 'private messages' in card and 'Apache-2.0' in card
        refused(call(tmp_path, 'tinychat-export', '--to', to), f'out/{to} holds an export already', '--overwrite')
        first = (tmp_path/'out'/to/file).read_bytes()
        assert call(tmp_path, 'tinychat-export', '--to', to, '--overwrite', '--dtype', 'f32')[0] == 0 and (tmp_path/'out'/to/file).read_bytes() == first
        assert call(tmp_path, 'tinychat-export', '--to', to, '--half', '--overwrite')[0] == 0
        assert (tmp_path/'out'/to/file).read_bytes() == (export_file(to, tmp_path/'out'/'ckpt.pt', tmp_path/to, half)/file).read_bytes() != first
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['ckpt.pt', 'gguf', 'hf']
    if os.name == 'nt': return
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path/'out').rglob('*') if p.name != 'ckpt.pt'} == {0o600, 0o700} # files, folders

@pytest.mark.skipif(os.name == 'nt', reason='links need more rights there')
def test_it_writes_through_a_link_even_to_a_folder_that_is_not_there_yet(tmp_path):
    write(tmp_path)
    (tmp_path/'link').symlink_to('there')
    export_file('hf', tmp_path/'ckpt.pt', tmp_path/'link')
    assert (tmp_path/'link').is_symlink() and (tmp_path/'there'/'model.safetensors').is_file()

def test_refusals(tmp_path):
    write(tmp_path)
    export = lambda *args: call(tmp_path, 'tinychat-export', *args)
    refused(export(), '--to is missing', 'hf', 'gguf')
    refused(export('--to', 'onnx', '--checkpoint', 'ckpt.pt'), "not 'onnx'")
    refused(export('--to', 'hf', '--dtype', 'q8_0'), "--dtype must be f32 or bf16 with --to hf, not 'q8_0'")
    refused(export('--to', 'gguf', '--dtype', 'bf16'), 'f32 or f16 or q8_0')
    refused(export('--to', 'gguf', '--dtype', 'f16', '--half'), '--half and --dtype')
    refused(export('--to', 'hf'), 'out/ckpt.pt is not there')
    refused(export('--to', 'hf', '--checkpoint', 'ckpt.pt', '--out', 'ckpt.pt'), 'is a file')
    (tmp_path/'mine').mkdir(); (tmp_path/'mine'/'diary.txt').write_text('dear diary')
    refused(export('--to', 'hf', '--checkpoint', 'ckpt.pt', '--out', 'mine', '--overwrite'), 'no export (diary.txt)')
    for empty in ('--out', '--checkpoint'): refused(export('--to', 'hf', empty, ''), f'{empty} is empty')
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

def test_what_the_readme_says_works(tmp_path, monkeypatch, capsys):
    "The code in it, run in the folder as it says"
    write(tmp_path)
    folder = export_file('hf', tmp_path/'ckpt.pt', tmp_path/'hf')
    (code,) = re.findall('~~~python\n(.*?)~~~', (folder/'README.md').read_text(), re.S)
    monkeypatch.chdir(folder)
    exec(code, {})
    assert capsys.readouterr().out.strip()

def test_what_others_are_told(tmp_path):
    write(tmp_path)
    hf, gguf_ = (export_file(to, tmp_path/'ckpt.pt', tmp_path/to) for to in ('hf', 'gguf'))
    c = Chat.load(tmp_path/'ckpt.pt', 'cpu')
    how = json.loads((hf/'generation_config.json').read_text())
    assert (how['do_sample'], how['temperature'], how['top_k'], how['max_new_tokens']) == (True, c.temperature, c.top_k, c.model.config.context//2)
    assert json.loads((hf/'tokenizer_config.json').read_text())['model_max_length'] == c.model.config.context
    assert (gguf_/'Modelfile').read_text() == ('FROM ./tinychat.gguf\nTEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"""\n'
                                               f'PARAMETER stop <|im_end|>\nPARAMETER temperature {c.temperature}\nPARAMETER top_k {c.top_k}\nPARAMETER top_p 1\nPARAMETER min_p 0\nPARAMETER num_ctx 64\nPARAMETER num_predict 32\n')

def test_a_full_disk(tmp_path, monkeypatch):
    import safetensors.torch
    write(tmp_path)
    def full(*args, **kwargs): raise safetensors.SafetensorError('No space left on device')
    monkeypatch.setattr(safetensors.torch, 'save_file', full)
    refused(call(tmp_path, 'tinychat-export', '--to', 'hf', '--checkpoint', 'ckpt.pt'), 'model.safetensors could not be written', 'No space left')
    assert not (tmp_path/'out').exists() or not any((tmp_path/'out').iterdir())

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
    with pytest.raises(OSError): export_file(to, tmp_path/'ckpt.pt', folder, EXPORT_FORMATS[to][1], overwrite=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ['ckpt.pt', 'mine']

@pytest.mark.parametrize('to', EXPORT_FORMATS)
def test_what_was_learned_on_top_of_a_base_is_exported_with_it(tmp_path, to):
    "The default model is such a one."
    from tinychat.bases import open_base, open_checkpoint
    from tinychat.runs import train_file
    block = '<|im_start|>user\nhow are you {n}<|im_end|>\n<|im_start|>assistant\ni am fine {n}<|im_end|>\n<|im_start|>assistant\nyou?<|im_end|>\n\n'
    (tmp_path/'data.txt').write_text(''.join(block.format(n=n) for n in range(80)))
    train_file(tmp_path/'data.txt', tmp_path/'ckpt.pt', base='tiny', lora=2, max_iters=1, progress=False)
    assert 'lora' in torch.load(tmp_path/'ckpt.pt', weights_only=True)
    export_file(to, tmp_path/'ckpt.pt', tmp_path/'out')
    model, ids = open_checkpoint(tmp_path/'ckpt.pt')[0], torch.arange(40, 60)[None]
    there = open_base(tmp_path/'out'/('tinychat.gguf' if to == 'gguf' else ''))[0]
    with torch.no_grad(): assert (there(ids) - model(ids)).abs().max() < 1e-3
