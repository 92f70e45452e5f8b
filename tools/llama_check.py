"""Does llama.cpp say what tinychat says? It needs `pip install xllamacpp`, which is llama.cpp's server, ready-made.

    python tools/llama_check.py               the base that comes with tinychat, and a random model of each family and tokenizer
    python tools/llama_check.py CHECKPOINT    this model

A line for each model and number format; exit status 1 if tokens differ, if float32 gives another reply, or if logits are further apart than the format explains.
"""
import http.client, json, random, sys, tempfile, unicodedata
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlparse

import gguf, torch, xllamacpp
from tinychat.bases import open_base
from tinychat.bases.tokens import KNOWN_PATTERNS
from tinychat.chat import Chat
from tinychat.checkpoint import ForeignTokenizer
from tinychat.data import Block
from tinychat.gpt import GPT, GPTConfig, generate
from tinychat.share.export import EXPORT_FORMATS, export_file
from tinychat.tokenizer import SPECIAL, train_bpe_fast

ODD = [*"ab sS'’\n\r\t012.,!<|>_", 'ſ', '\u2028', '\xa0', '\u3000', '\x85', 'é', 'e\u0301', '😂', '\u200d', '漢', '٣', '½', 'ǅ', 'İ', '\ufeff']
QUESTIONS = 'how are you?', 'what did you do today?', 'do you like music?', 'hey', 'tell me a story'
# Family and tokenizer. llama.cpp multiplies with its activations in the weights' format, hence the room for f16 and q8_0.
MODELS = {('llama', 'smollm'): dict(qk_norm=False, tied=False), ('llama', 'llama3'): dict(qk_norm=False, n_kv_head=1, head_dim=32),
          ('qwen2', 'qwen2'): dict(qk_norm=False, qkv_bias=True), ('qwen3', 'gpt2'): dict(head_dim=32, tied=False)}
ROOM = dict(f32=1e-4, f16=5e-3, q8_0=0.2) # between log probabilities, on average

def random_checkpoint(path, pattern, shape):
    "A model that nobody trained, with a tokenizer whose special tokens come first"
    torch.manual_seed(0)
    special = {s: i for i, s in enumerate([*SPECIAL, '<filename>'])}
    text = (Path(__file__).parent.parent/'training_data'/'sample.txt').read_text(encoding='utf-8')
    ranks = {t: i + len(special) for t, i in train_bpe_fast([text], 500, KNOWN_PATTERNS[pattern]).items()}
    tok = ForeignTokenizer(ranks, KNOWN_PATTERNS[pattern], special, 'NFC' if pattern == 'qwen2' else None)
    model = GPT(GPTConfig(**dict(dict(vocab_size=tok.vocab_size, n_layer=3, n_head=4, n_embd=64, context=256, n_kv_head=2, norm_eps=1e-5, rope_theta=1e5), **shape)))
    with torch.no_grad():
        for p in model.parameters(): p.add_(0.2*torch.randn_like(p))
    torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), path)
    return path

class Llama:
    "llama.cpp with a file, exact where it can be"
    def __init__(self, path, context):
        p = xllamacpp.CommonParams()
        p.model.path, p.n_ctx, p.n_parallel, p.verbosity = str(path), context, 1, -1
        p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(p)
        self.http = http.client.HTTPConnection(urlparse(self.server.listening_address).netloc)
    def ask(self, path, **request):
        self.http.request('POST', path, json.dumps(request), {'Content-Type': 'application/json'})
        return json.loads(self.http.getresponse().read())
    def ids(self, text): return self.ask('/tokenize', content=text, add_special=False, parse_special=False)['tokens']
    def likeliest(self, ids):
        "The 20 likeliest tokens after these -> log probability; empty if it shows none"
        got = self.ask('/completion', prompt=ids, n_predict=1, n_probs=20, temperature=0, cache_prompt=False)
        found = got.get('completion_probabilities') # it shows none if the next token is half a character
        return {t['id']: t['logprob'] for t in found[0]['top_logprobs']} if found else {}
    def prompt(self, text):
        "A question by the chat template in the file"
        made = self.ask('/apply-template', messages=[dict(role='user', content=text)])['prompt']
        return self.ask('/tokenize', content=made, add_special=True, parse_special=True)['tokens']
    def greedy(self, ids, n): return self.ask('/completion', prompt=ids, n_predict=n, temperature=0, top_k=1, return_tokens=True)['tokens']

def use_weights_of(model, path):
    "Let a model have the weights that a file holds; rows of q and k go back to their places."
    c, family, theirs = model.config, model.hf_config()['model_type'], {t.name: t for t in gguf.GGUFReader(path).tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[family.upper()], c.n_layer)
    for name, w in model.hf_weights().items():
        t = theirs[names.get_name(name, ('.weight', '.bias'))]
        read = torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()).view_as(w)
        heads = c.n_head if '.q_proj.' in name else c.n_kv_head if '.k_proj.' in name else 0
        if family == 'llama' and heads: read = read.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)
        w.copy_(read)

def check(name, checkpoint, dtype, folder):
    "A line of what was found, and whether it is as it should be"
    path = export_file('gguf', checkpoint, folder/f'{name}-{dtype}', dtype)/'tinychat.gguf'
    chat = Chat.load(checkpoint, 'cpu')
    tok, rng = chat.tokenizer, random.Random(0)
    use_weights_of(chat.model, path)
    llama = Llama(path, chat.model.config.context)
    texts = [''.join(rng.choices([*ODD, *tok.special], k=rng.randint(1, 15))) for _ in range(10_000)]
    if getattr(tok, 'normalizer', None): texts = [unicodedata.normalize('NFC', t) for t in texts] # llama.cpp does not
    same_ids = sum(llama.ids(t) == tok.encode(t) for t in texts)
    replies, gaps = 0, []
    for q in QUESTIONS:
        chat.talk = [Block('user', q)]
        prompt, ends = chat.prompt(), tok.special.values()
        ours = list(takewhile(lambda i: i not in ends, generate(chat.model, prompt, 40, temperature=0)))
        theirs = list(takewhile(lambda i: i not in ends, llama.greedy(prompt, 40)))
        replies += llama.prompt(q) == prompt and ours == theirs
    for _ in range(30):
        ids = [tok.end_of_text, *(rng.randrange(min(tok.ranks.values()), tok.vocab_size) for _ in range(40))]
        with torch.no_grad(): ours = chat.model(torch.tensor([ids]))[0,-1].log_softmax(-1)
        gaps += [abs(ours[i].item() - p) for i, p in llama.likeliest(ids).items()]
    print(f'{name} {dtype}: {same_ids:,} of {len(texts):,} texts have the same ids; {replies} of {len(QUESTIONS)} questions the same reply; '
          f'{len(gaps)} log probabilities are at most {max(gaps):.1e} apart, {sum(gaps)/len(gaps):.1e} on average', flush=True)
    return same_ids == len(texts) and sum(gaps)/len(gaps) < ROOM[dtype] and (dtype != 'f32' or replies == len(QUESTIONS))

def main(checkpoint=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        checkpoints = {'yours': checkpoint} if checkpoint else {}
        if not checkpoint:
            model, tok = open_base('tiny')
            torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), folder/'tiny.pt')
            checkpoints['tiny'] = folder/'tiny.pt'
            for (family, pattern), shape in MODELS.items():
                checkpoints[f'{family}-{pattern}'] = random_checkpoint(folder/f'{family}-{pattern}.pt', pattern, shape)
        print(f'xllamacpp {xllamacpp.__version__}')
        return int(not all([check(name, path, dtype, folder) for name, path in checkpoints.items() for dtype in EXPORT_FORMATS['gguf']]))

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
