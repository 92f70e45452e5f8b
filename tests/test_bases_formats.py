"Models of others as ours: the logits and the text of transformers, from folders and from GGUF files; hostile files are refused, never run."
import json, os, pickle, random, struct, sys, tracemalloc
from pathlib import Path

import gguf, numpy as np, pytest, torch
from gguf import GGMLQuantizationType as Kind
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from tinychat.bases.formats import FAMILIES, GGUF_TYPES, GGUFFile, find_lacking, hf_shape, open_gguf, open_hf, tensor_shapes
from tinychat.bases.tokens import KNOWN_PATTERNS
from tinychat.gpt import GPT, GPTConfig, generate
from tinychat.tokenizer import byte_alphabet

WORDS = {t: i for i, t in enumerate([*byte_alphabet().values(), 'th', 'the', 'Ġthe', 'in'])} # 260
MERGES = ['t h', 'th e', 'Ġ the', 'i n']
CHATML = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
SPECIAL = dict(llama=['<|begin_of_text|>', '<|end_of_text|>'], qwen2=CHATML, qwen3=CHATML)
EXTRA = dict(llama=2, qwen2=0, qwen3=0) # rows that we add
TEXT = 'In the beginning was the word, 1234 times.'

# name -> (family, tied, what differs from the usual). Rows are padded to 288 tokens in Qwen's.
SHAPES = dict(
    llama=('llama', False, dict(head_dim=32)), llama_tied=('llama', True, dict(num_key_value_heads=4)), qwen2=('qwen2', True, {}), qwen2_untied=('qwen2', False, dict(num_key_value_heads=1)),
    qwen3=('qwen3', True, dict(head_dim=32)), qwen3_untied=('qwen3', False, dict(head_dim=8)))

def hf_model(family, tied, more=(), width=64):
    "A model of transformers with lively random weights, all of them: norms and biases, too."
    vocab = 262 if family == 'llama' else 288
    usual = dict(vocab_size=vocab, hidden_size=width, intermediate_size=2*width, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5,
                 tie_word_embeddings=tied, rope_parameters=dict(rope_type='default', rope_theta=50_000.), bos_token_id=260, attn_implementation='eager')
    torch.manual_seed(len(family) + tied)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **usual | dict(more))).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters(): p.copy_(1 + torch.randn_like(p)/4 if 'norm' in name else torch.randn_like(p)*(1 if name.endswith('bias') else 2/p.shape[-1]**0.5))
    return model

def hf_tokenizer_file(family):
    split = dict(type='Split', pattern=dict(Regex=KNOWN_PATTERNS['llama3' if family == 'llama' else 'qwen2']), behavior='Isolated', invert=False)
    return dict(normalizer=None if family == 'llama' else dict(type='NFC'), pre_tokenizer=dict(type='Sequence', pretokenizers=[split, dict(type='ByteLevel', add_prefix_space=False, use_regex=False)]),
                added_tokens=[dict(id=260 + n, content=s, special=True) for n, s in enumerate(SPECIAL[family])], model=dict(type='BPE', vocab=WORDS, merges=MERGES))

def save_hf(model, folder, **how):
    model.save_pretrained(folder, **how)
    (folder/'tokenizer.json').write_text(json.dumps(hf_tokenizer_file(model.config.model_type)), encoding='utf-8')
    return folder

def check_equal(ours, tok, theirs):
    "The same logits for tokens that both have, and the same greedy text."
    n = min(tok.vocab_size, theirs.config.vocab_size)
    ids = torch.tensor([[tok.end_of_text, *tok.encode(TEXT)], [*tok.encode('the'*20)][:1] + tok.encode(TEXT)])
    with torch.no_grad(): a, b = ours(ids)[..., :n], theirs(ids).logits[..., :n]
    assert b.std() > 0.5 and (a - b).abs().max() < 1e-4
    assert not ours.training and all(p.dtype == torch.float32 for p in ours.parameters())
    def greedy(logits, ids):
        for _ in range(16): ids = ids + [logits(torch.tensor([ids]))[0, -1, :n].argmax().item()]
        return ids
    with torch.no_grad(): same = greedy(lambda i: theirs(i).logits, ids[0].tolist())
    spare = range(n, tok.vocab_size)
    assert ids[0].tolist() + list(generate(ours, ids[0].tolist(), 16, temperature=0, ban=lambda _: spare)) == same

@pytest.mark.parametrize('name', SHAPES)
def test_a_folder_gives_the_logits_and_the_text_of_transformers(name, tmp_path):
    family, tied, more = SHAPES[name]
    theirs = hf_model(family, tied, more)
    ours, tok = open_hf(save_hf(theirs, tmp_path/'whole'))
    check_equal(ours, tok, theirs)
    assert ours.config == GPTConfig(tok.vocab_size, tied=tied, **hf_shape(theirs.config.to_dict())) and tok.vocab_size == 262 + EXTRA[family] + (family != 'llama')
    shards = save_hf(theirs, tmp_path/'shards', max_shard_size='60KB')
    assert len(list(shards.glob('*.safetensors'))) > 2 and not (shards/'model.safetensors').exists()
    again, _ = open_hf(shards)
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), again.parameters(), strict=True))
    (lost := sorted(shards.glob('*.safetensors'))[1]).unlink()
    one_line(open_hf, shards, f"its shard '{lost.name}' is missing")

@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_read_exactly(dtype, tmp_path):
    folder = save_hf(hf_model('qwen3', True).to(dtype), tmp_path/'half')
    ours, tok = open_hf(folder)
    assert load_file(folder/'model.safetensors')['model.norm.weight'].dtype == dtype
    check_equal(ours, tok, AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation='eager').eval())

def test_rows_that_are_new_are_the_mean(tmp_path):
    theirs = hf_model('llama', False)
    ours, tok = open_hf(save_hf(theirs, tmp_path/'llama'))
    assert (tok.end_of_text, tok.im_start, tok.im_end) == (260, 262, 263)
    for table, rows in ((ours.embed_tokens.weight, theirs.model.embed_tokens.weight), (ours.lm_head.weight, theirs.lm_head.weight)):
        assert torch.equal(table[:262], rows) and all(torch.allclose(table[i], rows.mean(0), atol=1e-6) for i in (262, 263))

def test_a_padded_row_is_no_row_of_a_new_token(tmp_path):
    "Qwen without ChatML: the two new ids are those of padded rows, whose numbers mean nothing."
    theirs = hf_model('qwen2', True)
    folder = save_hf(theirs, tmp_path/'q')
    d = hf_tokenizer_file('qwen2')
    d['added_tokens'] = d['added_tokens'][:1]
    (folder/'tokenizer.json').write_text(json.dumps(d))
    ours, tok = open_hf(folder)
    known = theirs.model.embed_tokens.weight[:261]
    assert tok.im_start == 261 and torch.equal(ours.embed_tokens.weight[:261], known) and torch.allclose(ours.embed_tokens.weight[261:], known.mean(0).expand(2, -1), atol=1e-6)

def test_what_a_folder_may_say_in_other_words(tmp_path):
    "Older config.json: rope_theta outside, no head_dim, no number of key heads, no word on tied ends; tables of RoPE among the weights; a copy of tied ends."
    theirs = hf_model('llama', True, dict(num_key_value_heads=4))
    folder = save_hf(theirs, tmp_path/'old')
    config = json.loads((folder/'config.json').read_text())
    for key in ('rope_parameters', 'head_dim', 'num_key_value_heads'): config.pop(key, None)
    config |= dict(rope_theta=50_000., rope_scaling=None, max_position_embeddings=10**6)
    weights = load_file(folder/'model.safetensors')
    weights |= {'model.layers.0.self_attn.rotary_emb.inv_freq': torch.ones(8), 'lm_head.weight': weights['model.embed_tokens.weight'].clone()}
    save_file(weights, folder/'model.safetensors')
    for tied in (True, None):
        (folder/'config.json').write_text(json.dumps(config | dict(tie_word_embeddings=tied)))
        ours, tok = open_hf(folder)
        check_equal(ours, tok, theirs)
        assert ours.config.tied is bool(tied) and ours.config.context == 2**15

def test_a_qwen3_that_is_silent_about_its_heads(tmp_path):
    theirs = hf_model('qwen3', True)
    folder = save_hf(theirs, tmp_path/'m')
    config = json.loads((folder/'config.json').read_text())
    assert config.pop('head_dim') == 128 != 64//4
    (folder/'config.json').write_text(json.dumps(config))
    check_equal(*open_hf(folder), theirs)

# GGUF

def as_neighbours(w, heads): return w.reshape(heads, 2, len(w)//heads//2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape) # as llama.cpp's converter

def random_blocks(shape, kind, rng):
    "Valid blocks of a type that gguf cannot write: any bytes are, with a small scale."
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (int(np.prod(shape))//block, size), dtype=np.uint8)
    scale = np.array([0.0004, 0.002] if kind != Kind.Q6_K else [0.0001], np.float16).view(np.uint8)
    if kind == Kind.Q6_K: raw[:, -2:] = scale
    else: raw[:, :4] = scale
    return raw.reshape(*shape[:-1], -1)

def save_gguf(model, path, kinds=(Kind.F32,), facts=()):
    "A GGUF file of a model of transformers, as llama.cpp writes it; its matrices take one kind after the other."
    c, rng, family = model.config, np.random.default_rng(0), model.config.model_type
    writer = gguf.GGUFWriter(path, family)
    writer.add_block_count(c.num_hidden_layers); writer.add_context_length(c.max_position_embeddings); writer.add_embedding_length(c.hidden_size); writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads); writer.add_head_count_kv(c.num_key_value_heads); writer.add_layer_norm_rms_eps(c.rms_norm_eps); writer.add_rope_freq_base(c.rope_parameters['rope_theta'])
    d = getattr(c, 'head_dim', None) or c.hidden_size//c.num_attention_heads
    writer.add_key_length(d); writer.add_value_length(d); writer.add_rope_dimension_count(d); writer.add_vocab_size(c.vocab_size)
    writer.add_tokenizer_model('gpt2'); writer.add_tokenizer_pre('llama-bpe' if family == 'llama' else 'qwen2')
    tokens = [*WORDS, *SPECIAL[family]]
    writer.add_token_list(tokens + [f'[PAD{i}]' for i in range(len(tokens), c.vocab_size)])
    writer.add_token_types([1]*260 + [3]*len(SPECIAL[family]) + [5]*(c.vocab_size - len(tokens)))
    writer.add_token_merges(MERGES); writer.add_bos_token_id(260)
    for key, value in dict(facts).items(): (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    names = gguf.get_tensor_name_map(dict(llama=gguf.MODEL_ARCH.LLAMA, qwen2=gguf.MODEL_ARCH.QWEN2, qwen3=gguf.MODEL_ARCH.QWEN3)[family], c.num_hidden_layers)
    matrices = 0
    for name, w in model.state_dict().items():
        if name == 'lm_head.weight' and c.tie_word_embeddings: continue
        w, kind = w.numpy(), Kind.F32
        if w.ndim == 2: kind, matrices = kinds[matrices % len(kinds)], matrices + 1
        if family == 'llama' and name.endswith(('q_proj.weight', 'k_proj.weight')): w = as_neighbours(w, c.num_attention_heads if 'q_proj' in name else c.num_key_value_heads)
        rows = random_blocks(w.shape, kind, rng) if kind.name.endswith('K') else gguf.quants.quantize(w, kind)
        writer.add_tensor(names.get_name(name, ('.weight', '.bias')), rows, raw_dtype=kind)
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    return path

def read_by_transformers(path): return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation='eager').eval()

@pytest.mark.parametrize('name', SHAPES)
def test_a_gguf_file_in_32_bits_gives_the_logits_and_the_text(name, tmp_path):
    family, tied, more = SHAPES[name]
    theirs = hf_model(family, tied, more)
    ours, tok = open_gguf(save_gguf(theirs, tmp_path/'model.gguf'))
    check_equal(ours, tok, theirs)
    folder, _ = open_hf(save_hf(theirs, tmp_path/'hf'))
    assert ours.config == folder.config and all(torch.equal(p, q) for p, q in zip(ours.parameters(), folder.parameters(), strict=True))

@pytest.mark.parametrize('family', FAMILIES)
def test_every_kind_of_numbers_is_read_as_transformers_reads_it(family, tmp_path):
    kinds = [Kind[name] for name in GGUF_TYPES]
    path = save_gguf(hf_model(family, False, width=256), tmp_path/'mixed.gguf', kinds)
    ours, tok = open_gguf(path)
    assert {t.kind for t in GGUFFile(path).tensors.values()} == {*kinds}
    theirs = read_by_transformers(path)
    check_equal(ours, tok, theirs)
    weights, spare = ours.hf_weights(), {288: 263, 262: 262}[theirs.config.vocab_size]
    assert all(torch.equal(weights[name][:spare], w[:spare]) if len(w) in (262, 288) else torch.equal(weights[name], w) for name, w in theirs.state_dict().items())

@pytest.mark.parametrize('kind, error', [(Kind.F16, 1e-3), (Kind.Q8_0, 1e-2), (Kind.Q5_1, 0.04), (Kind.Q5_0, 0.05), (Kind.Q4_1, 0.08), (Kind.Q4_0, 0.12)])
def test_fewer_bits_lose_a_little(kind, error, tmp_path):
    theirs = hf_model('llama', True)
    ours, _ = open_gguf(save_gguf(theirs, tmp_path/'m.gguf', [kind]))
    a, b = ours.layers[1].self_attn.q_proj.weight, theirs.model.layers[1].self_attn.q_proj.weight
    assert 0 < (a - b).norm()/b.norm() < error

def test_the_header_is_what_the_reader_of_gguf_finds(tmp_path):
    path = save_gguf(hf_model('qwen2', True), tmp_path/'m.gguf', [Kind.Q8_0, Kind.F16])
    ours, theirs = GGUFFile(path), gguf.GGUFReader(path)
    assert ours.facts.keys() == {k for k in theirs.fields if not k.startswith('GGUF.')}
    for key, value in ours.facts.items(): assert (value.tolist() if isinstance(value, np.ndarray) else value) == theirs.fields[key].contents(), key
    assert [(n, t.kind, t.shape, ours.start + t.offset, t.n_bytes) for n, t in ours.tensors.items()] == [(t.name, t.tensor_type, tuple(map(int, t.shape[::-1])), t.data_offset, t.n_bytes) for t in theirs.tensors]

def test_a_network_as_a_table():
    for more in (dict(), dict(qk_norm=False), dict(qk_norm=False, qkv_bias=True, tied=False, head_dim=10), dict(n_kv_head=1, n_hidden=7)):
        c = GPTConfig(50, n_layer=2, n_head=2, n_embd=8, context=32, **more)
        assert tensor_shapes(c) == {n: tuple(w.shape) for n, w in GPT(c).state_dict().items()}

# What our network lacks

@pytest.mark.parametrize('more, says', [
    (dict(model_type='mistral'), "model_type is 'mistral'"), (dict(model_type=None), 'model_type is None'), (dict(rope_scaling=dict(type='linear', factor=2)), 'rope scaling (linear)'),
    (dict(rope_parameters=dict(rope_type='llama3', rope_theta=5e5)), 'rope scaling (llama3)'), (dict(rope_parameters=dict(full_attention=dict(rope_type='default'))), 'a rope of its own'),
    (dict(partial_rotary_factor=0.5), 'a part of each head'), (dict(rope_parameters=dict(rope_type='default', partial_rotary_factor=0.5)), 'a part of each head'),
    (dict(attention_bias=True), 'biases in attention'), (dict(mlp_bias=True), 'biases in the MLP'), (dict(hidden_act='gelu'), 'activation gelu'), (dict(pretraining_tp=2), 'pretraining_tp'),
    (dict(quantization_config=dict(bits=4)), 'quantized'), (dict(use_sliding_window=True, sliding_window=64, max_window_layers=1), 'sliding windows'), (dict(layer_types=['sliding_attention']*2), 'sliding windows'),
    (dict(num_hidden_layers='2'), 'n_layer must be'), (dict(hidden_size=2**40), 'n_embd must be'), (dict(num_attention_heads=3), 'lacks|another shape|multiple'), (dict(rms_norm_eps=float('nan')), 'norm_eps'),
    (dict(num_hidden_layers=1000), "lacks the tensor 'layers.10."), (dict(num_hidden_layers=1), "unknown tensor 'layers.1."), (dict(intermediate_size=96), "another shape of 'layers.0.mlp.down"), (dict(tie_word_embeddings=False), "lacks the tensor 'lm_head.weight'"),
    (dict(rope_parameters=dict(rope_theta=None)), 'damaged'), (dict(rope_scaling=7), 'damaged'), (dict(max_position_embeddings=[9]), 'damaged'), (dict(max_position_embeddings=16), 'context must be')])
def test_a_config_that_asks_for_something_else(more, says, tmp_path):
    import re
    folder = save_hf(hf_model('qwen3', True), tmp_path/'m')
    path = folder/'config.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    with pytest.raises(ValueError, match=says if '|' in says else re.escape(says)) as e: open_hf(folder)
    assert '\n' not in str(e.value) and str(e.value).startswith(f'{folder} cannot be a base: ')

def test_what_is_not_in_use_does_no_harm():
    good = dict(model_type='qwen2', num_hidden_layers=24, use_sliding_window=False, sliding_window=32768, max_window_layers=21, hidden_act='silu', rope_scaling=None, attention_bias=True)
    assert find_lacking(good) == [] == find_lacking(good | dict(use_sliding_window=True, max_window_layers=24)) == find_lacking(good | dict(rope_parameters=dict(rope_type='default', rope_theta=1e6), layer_types=['full_attention']*24))

@pytest.mark.parametrize('facts, says', [({'qwen3.rope.scaling.type': 'yarn'}, "'rope.scaling.type'"), ({'qwen3.expert_count': 4}, "'expert_count'"), ({'qwen3.attention.sliding_window': 8}, "'attention.sliding_window'"), ({'qwen3.embedding_scale': 2}, 'embedding_scale')])
def test_a_gguf_file_that_asks_for_something_else(facts, says, tmp_path):
    with pytest.raises(ValueError, match=f"its network has {says}|its network has '{says}'"): open_gguf(save_gguf(hf_model('qwen3', True), tmp_path/'m.gguf', facts=facts))

def test_rope_scaling_none_is_none(tmp_path):
    theirs = hf_model('qwen3', True)
    check_equal(*open_gguf(save_gguf(theirs, tmp_path/'m.gguf', facts={'qwen3.rope.scaling.type': 'none'})), theirs)

# Hostile and damaged files

def one_line(open_it, path, says):
    with pytest.raises(ValueError, match=says) as e: open_it(path)
    assert '\n' not in str(e.value) and str(e.value).isprintable() and path.name.split()[0] in str(e.value)

def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self): return os.mkdir, (str(tmp_path/'boom'),)
    folder = save_hf(hf_model('llama', True), tmp_path/'m')
    os.remove(folder/'model.safetensors')
    (folder/'pytorch_model.bin').write_bytes(pickle.dumps(Bomb()))
    one_line(open_hf, folder, r'pickle \(\.bin\), which could run code.*save_pretrained')
    (folder/'config.json').write_text(json.dumps(json.loads((folder/'config.json').read_text()) | dict(auto_map=dict(AutoModelForCausalLM='code.Evil'))))
    (folder/'code.py').write_text(f'import os; os.mkdir({str(tmp_path/"boom")!r})')
    one_line(open_hf, folder, 'pickle')
    assert not (tmp_path/'boom').exists()

@pytest.mark.parametrize('name', ['../secret.safetensors', '/etc/secret.safetensors', 'a/../../secret.safetensors', '..\\secret.safetensors', 'secret.bin', '', '..', 7, None])
def test_an_index_names_shards_only(name, tmp_path):
    folder = save_hf(hf_model('llama', True), tmp_path/'m')
    (folder/'model.safetensors').rename(tmp_path/'secret.safetensors')
    (folder/'model.safetensors.index.json').write_text(json.dumps(dict(weight_map={'model.norm.weight': name})))
    one_line(open_hf, folder, 'may not be one of its shards|damaged')

def damaged_folder(tmp_path, how):
    folder = save_hf(hf_model('llama', True), tmp_path/'m')
    path, weights = folder/'model.safetensors', load_file(folder/'model.safetensors')
    if how == 'cut': path.write_bytes(path.read_bytes()[:-100])
    elif how == 'header': path.write_bytes(struct.pack('<Q', 2**62) + path.read_bytes()[8:])
    elif how == 'empty': path.write_bytes(b'')
    elif how == 'nan': save_file(weights | {'model.norm.weight': torch.full((64,), torch.nan)}, path)
    elif how == 'int8': save_file({n: w.to(torch.int8) for n, w in weights.items()}, path)
    elif how == 'few rows': save_file(weights | {'model.embed_tokens.weight': weights['model.embed_tokens.weight'][:250].clone()}, path)
    elif how == 'giants': save_file(load_file(path) | {'model.norm.weight': torch.full((64,), 1e30)}, path)
    elif how == 'no file': os.remove(path)
    elif how == 'no tokenizer': os.remove(folder/'tokenizer.json')
    elif how == 'no JSON': (folder/'config.json').write_text('{')
    elif how == 'a list': (folder/'config.json').write_text('[]')
    elif how == 'nested': (folder/'tokenizer.json').write_text('['*10**5)
    elif how == 'bytes': (folder/'tokenizer.json').write_bytes(b'\xff\xfe\x00')
    elif how == 'no size': (folder/'config.json').write_text('{"model_type": "llama"}')
    return folder

@pytest.mark.parametrize('how, says', [('cut', 'damaged'), ('header', 'damaged'), ('empty', 'damaged'), ('nan', 'norm.weight holds something that is not a finite'), ('giants', 'norm.weight holds something that is not a finite number, or far too large'), ('int8', 'type I8; known are'), ('few rows', 'token 261, its embedding 250 rows'), ('no file', 'no model.safetensors'),
    ('no tokenizer', 'tokenizer.json is not there'), ('no JSON', 'not JSON'), ('a list', 'config.json is not what its name says'), ('nested', 'damaged'), ('bytes', 'cannot be a base'), ('no size', "'num_hidden_layers' is missing")])
def test_a_damaged_folder(how, says, tmp_path): one_line(open_hf, damaged_folder(tmp_path, how), says)

def text(s): return struct.pack('<Q', len(s)) + s
def fact(key, kind, value): return text(key) + struct.pack('<I', kind) + value
def tensor(name, shape, kind=0, offset=0): return text(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *shape, kind, offset)
def gguf_bytes(n_tensors, n_facts, rest=b'', version=3): return b'GGUF' + struct.pack('<IQQ', version, n_tensors, n_facts) + rest

HOSTILE = {
    'facts': (gguf_bytes(0, 2**60), 'claims to hold 1,152,921,504,606,846,976'), 'tensors': (gguf_bytes(2**63, 0), 'claims to hold'), 'facts within limits': (gguf_bytes(0, 9999), 'cut short'),
    'a text': (gguf_bytes(0, 1, text(b'a') + struct.pack('<IQ', 8, 2**63)), 'claims to hold'), 'a key': (gguf_bytes(0, 1, struct.pack('<Q', 2**64 - 1)), 'claims'), 'a key a little too long': (gguf_bytes(0, 1, struct.pack('<Q', 40)), 'claims|cut short'),
    'numbers': (gguf_bytes(0, 1, fact(b'a', 9, struct.pack('<IQ', 0, 2**60))), 'claims'), 'many numbers': (gguf_bytes(0, 1, fact(b'a', 9, struct.pack('<IQ', 10, 2**24))), 'cut short'), 'texts': (gguf_bytes(0, 1, fact(b'a', 9, struct.pack('<IQ', 8, 2**60))), 'claims'),
    'many texts': (gguf_bytes(0, 1, fact(b'a', 9, struct.pack('<IQ', 8, 2**24))), 'cut short'), 'lists of lists': (gguf_bytes(0, 1, fact(b'a', 9, struct.pack('<IQ', 9, 3)*1000)), r'unknown kind \(9\)'), 'a kind': (gguf_bytes(0, 1, fact(b'a', 77, b'')), r'unknown kind \(77\)'),
    'twice': (gguf_bytes(0, 2, fact(b'a', 0, b'1')*2), 'says something twice'), 'bytes for text': (gguf_bytes(0, 1, fact(b'\xff', 0, b'1')), 'cannot be a base'), 'dimensions': (gguf_bytes(1, 0, tensor(b'a', [1]*5)), '5 dimensions'), 'no dimension': (gguf_bytes(1, 0, tensor(b'a', [])), '0 dimensions'),
    'dimensions that overflow': (gguf_bytes(1, 0, tensor(b'a', [2**33, 2**33]) + bytes(64)), 'ends after the file'), 'overflow to nothing': (gguf_bytes(1, 0, tensor(b'a', [2**32, 2**32]) + bytes(64)), 'ends after the file'), 'an offset': (gguf_bytes(1, 0, tensor(b'a', [4], 0, 2**63) + bytes(64)), 'ends after the file'),
    'on top': (gguf_bytes(2, 0, tensor(b'a', [8]) + tensor(b'b', [8], 0, 16) + bytes(160)), 'on top of each other'), 'a type': (gguf_bytes(1, 0, tensor(b'a', [256], 16)), 'type IQ2_XXS; known are'), 'a type of nobody': (gguf_bytes(1, 0, tensor(b'a', [256], 999)), 'number 999'),
    'part of a block': (gguf_bytes(1, 0, tensor(b'a', [33], 8) + bytes(200)), 'not a multiple of 32'), 'alignment': (gguf_bytes(0, 1, fact(b'general.alignment', 4, struct.pack('<I', 0))), 'alignment'), 'large alignment': (gguf_bytes(1, 1, fact(b'general.alignment', 10, struct.pack('<Q', 2**63)) + tensor(b'a', [8])), 'after the file'),
    'version': (gguf_bytes(0, 0, version=1), 'version 2 or 3'), 'big-endian': (gguf_bytes(0, 0, version=3 << 24), 'version 2 or 3'), 'other': (b'PK\x03\x04' + bytes(100), 'no GGUF file'), 'short': (b'GG', 'cut short|no GGUF'), 'nothing': (b'', 'cannot be a base'),
    'no facts': (gguf_bytes(0, 0), 'architecture is None'), 'architecture': (gguf_bytes(0, 1, fact(b'general.architecture', 8, text(b'bert'))), "architecture is 'bert'"), 'no sizes': (gguf_bytes(0, 1, fact(b'general.architecture', 8, text(b'llama'))), 'does not say its attention.head_count'),
    'sizes for each layer': (gguf_bytes(0, 2, fact(b'general.architecture', 8, text(b'llama')) + fact(b'llama.block_count', 9, struct.pack('<IQ', 0, 2) + b'ab')), 'does not say|not one number')}

@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_header(name, tmp_path):
    "It neither runs for ever nor fills the memory."
    data, says = HOSTILE[name]
    path = tmp_path/'hostile.gguf'
    path.write_bytes(data)
    tracemalloc.start()
    try: one_line(open_gguf, path, says); peak = tracemalloc.get_traced_memory()[1]
    finally: tracemalloc.stop()
    assert peak < 2e6

@pytest.mark.parametrize('part', ['block_count', 'embedding_length', 'feed_forward_length', 'attention.head_count', 'context_length', 'attention.key_length', 'attention.value_length', 'rope.dimension_count'])
@pytest.mark.parametrize('lie', [0, 1, 3, 1023, 2**16, 2**31, 2**32 - 1])
def test_lying_sizes_take_no_memory(part, lie, tmp_path):
    "The sizes are in the file as 32-bit numbers after their keys; one of them is replaced."
    path = save_gguf(hf_model('qwen3', True), tmp_path/'m.gguf')
    data = path.read_bytes()
    at = data.index(f'qwen3.{part}'.encode()) + len(f'qwen3.{part}') + 4
    path.write_bytes(data[:at] + struct.pack('<I', lie) + data[at+4:])
    tracemalloc.start()
    try:
        if part == 'context_length' and lie > 31: assert open_gguf(path)[0].config.context == min(lie, 2**15)
        else: one_line(open_gguf, path, 'cannot be a base')
        peak = tracemalloc.get_traced_memory()[1]
    finally: tracemalloc.stop()
    assert peak < 8e6

def test_cut_or_changed_anywhere(tmp_path):
    "A file cut at any place is refused. One with a few bytes changed is refused in one line, or still is a model."
    whole = save_gguf(hf_model('llama', True, width=32), tmp_path/'m.gguf', [Kind.Q4_0]).read_bytes()
    rng, opened = random.Random(0), 0
    for at in [*range(0, 1500, 37), *range(1500, len(whole), 5000), len(whole) - 40]:
        path = tmp_path/f'cut{at}.gguf' # each has its own, as Windows keeps a file that is mapped
        path.write_bytes(whole[:at])
        one_line(open_gguf, path, 'cannot be a base')
    for n in range(150):
        path = tmp_path/f'damaged{n}.gguf'
        data = bytearray(whole)
        for _ in range(3): data[rng.randrange(9000 if rng.random() < 0.9 else len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try: model, tok = open_gguf(path)
        except ValueError as e: assert '\n' not in str(e) and len(str(e)) < 600
        else:
            opened += 1
            assert model.config.vocab_size == tok.vocab_size and all(p.isfinite().all() for p in model.parameters())
    assert opened < 100

def test_numbers_that_are_not_finite(tmp_path):
    path = save_gguf(hf_model('llama', True), tmp_path/'m.gguf', [Kind.Q8_0])
    f = GGUFFile(path)
    at = f.start + f.tensors['blk.1.ffn_up.weight'].offset
    data = bytearray(path.read_bytes())
    data[at:at+2] = struct.pack('<e', float('inf'))
    (path := tmp_path/'infinite.gguf').write_bytes(data)
    one_line(open_gguf, path, 'layers.1.mlp.up_proj.weight holds something that is not a finite number')

def test_too_large_for_this_computer(tmp_path, monkeypatch):
    import tinychat.bases.formats
    def no_memory(c): raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
    folder = save_hf(hf_model('llama', True), tmp_path/'m')
    monkeypatch.setattr(tinychat.bases.formats, 'GPT', no_memory)
    one_line(open_hf, folder, r'need 0\.0 GB of memory, which are not there. Take a smaller one')

def test_a_name_in_two_lines_is_one_line(tmp_path): one_line(open_gguf, tmp_path/'a\nb\x1b[2J', 'not there') if sys.platform != 'win32' else None

def test_without_gguf(tmp_path, monkeypatch):
    path = save_gguf(hf_model('llama', True), tmp_path/'m.gguf')
    monkeypatch.setitem(sys.modules, 'gguf', None)
    one_line(open_gguf, path, 'Install it: pip install gguf')

def test_no_file(tmp_path):
    one_line(open_gguf, tmp_path/'none.gguf', 'not there')
    one_line(open_hf, tmp_path, 'config.json is not there')
    one_line(open_gguf, tmp_path, 'cannot')

# The real one

def test_smollm2_itself(smollm2):
    "Shape, ids and greedy text, as transformers has them from the same file; its logits differ by at most 7.5e-5."
    model, tok = open_gguf(smollm2)
    assert model.config == GPTConfig(49_173, 30, 9, 576, 8192, n_kv_head=3, n_hidden=1536, rope_theta=100_000, qk_norm=False, norm_eps=1e-5)
    assert (tok.end_of_text, tok.im_start, tok.im_end) == (0, 1, 2) and model.n_params() == 134_515_008 + 21*576
    assert tok.encode('The capital of France is') == [504, 3575, 282, 4649, 314] and tok.encode('1 + 1 = 2, 2 + 2 =') == [33, 1232, 216, 33, 446, 216, 34, 28, 216, 34, 1232, 216, 34, 446]
    assert list(generate(model, [1, 504, 3575, 282, 4649, 314], 12, temperature=0)) == [7042, 30, 198, 198, 504, 3575, 282, 260, 1797, 1918, 314, 1315]
