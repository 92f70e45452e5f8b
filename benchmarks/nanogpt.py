"""nanoGPT's model and recipe, to compare with: GPT-2's network, random windows, every token counts, AdamW.

After https://github.com/karpathy/nanoGPT (config/train_shakespeare_char.py), at tinychat's shape (4 layers, 4 heads, width 256, context 512, 4,096 tokens)
so that what differs is the recipe. The weights with the lowest reply bits per byte on held-out conversations are kept.

usage: python benchmarks/nanogpt.py [DATA] [OUT.pt] [--seed 0] [--device auto]"""
import argparse, math, time
import torch
import torch.nn.functional as F
from torch import nn
from tinychat.data import encode_all
from tinychat.fast.corpus import load_data
from tinychat.gpt import GPTConfig
from tinychat.checkpoint import pick_device, tokenizer_from
from tinychat.fast.half import autocast
from tinychat.runs.plan import make_tokenizer
from tinychat.train import reply_bpb


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        n = c.n_embd
        self.heads, self.dropout = c.n_head, c.dropout
        self.ln_1, self.ln_2 = nn.LayerNorm(n), nn.LayerNorm(n)
        self.c_attn, self.attn_proj = nn.Linear(n, 3*n), nn.Linear(n, n)
        self.c_fc, self.mlp_proj = nn.Linear(n, 4*n), nn.Linear(4*n, n)
    def forward(self, x, cache, layer):
        drop = lambda y: F.dropout(y, self.dropout, self.training)
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.c_attn(self.ln_1(x)).chunk(3, -1))
        mask, T = None, x.shape[1]
        if cache is not None:
            if hasattr(cache, 'mask'): mask = cache.mask(T) # which also knows where rows are padded
            k, v = cache.extend(layer, k, v)
            if not hasattr(cache, 'mask'): mask = torch.ones(T, k.shape[2], dtype=torch.bool, device=x.device).tril(k.shape[2] - T)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=cache is None, dropout_p=self.dropout if self.training else 0)
        x = x + drop(self.attn_proj(y.transpose(1, 2).flatten(2)))
        return x + drop(self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)))))


class NanoGPT(nn.Module):
    "GPT-2 as nanoGPT writes it. It answers to what tinychat asks of a model: `config`, `device`, `hidden`, `embed_tokens`, `output_embedding`."
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.embed_tokens, self.wpe = nn.Embedding(c.vocab_size, c.n_embd), nn.Embedding(c.context, c.n_embd)
        self.layers, self.ln_f = nn.ModuleList(Block(c) for _ in range(c.n_layer)), nn.LayerNorm(c.n_embd)
        for name, p in self.named_parameters():
            if p.dim() == 2: nn.init.normal_(p, std=0.02 / (math.sqrt(2*c.n_layer) if name.endswith('_proj.weight') else 1))
            elif name.endswith('bias'): nn.init.zeros_(p)
    @property
    def device(self): return self.embed_tokens.weight.device
    @property
    def output_embedding(self): return self.embed_tokens.weight
    def n_params(self): return sum(p.numel() for p in self.parameters())
    def hidden(self, ids, cache=None):
        at = cache.length if cache else 0
        places = torch.arange(at, at + ids.shape[1], device=ids.device)[None]
        if hasattr(cache, 'starts'): places = (places - cache.starts[:,None]).clamp_min(0) # rows filled up on the left
        x = F.dropout(self.embed_tokens(ids) + self.wpe(places), self.config.dropout, self.training)
        for n, layer in enumerate(self.layers): x = layer(x, cache, n)
        if cache: cache.length += ids.shape[1]
        return self.ln_f(x)
    def forward(self, ids, cache=None): return F.linear(self.hidden(ids, cache), self.embed_tokens.weight)


def half_logits(model, ids):
    with autocast(model.device): return model(ids)


def train(data, seed=0, device='auto', steps=5000, batch_size=64, lr=1e-3, warmup=100, look_every=20, patience=10):
    "Returns (model with its best weights, tokenizer, best reply bits per byte, steps to it)."
    learn, held = load_data(data)
    torch.manual_seed(seed)
    tok = make_tokenizer(learn)
    model = NanoGPT(GPTConfig(tok.vocab_size, dropout=0.2)).to(pick_device(device))
    ids = encode_all(tok, learn)[0].to(model.device)
    context = model.config.context
    groups = [dict(params=[p for p in model.parameters() if (p.dim() == 2) == decays], weight_decay=0.1*decays) for decays in (True, False)]
    opt = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))
    rate = lambda n: (n + 1)/(warmup + 1) if n < warmup else 0.1 + 0.9*(1 + math.cos(math.pi*(n - warmup)/(steps - warmup)))/2
    best, at = math.inf, 0
    for n in range(steps):
        for g in opt.param_groups: g['lr'] = lr*rate(n)
        start = torch.randint(0, len(ids) - context - 1, (batch_size, 1), device=model.device) + torch.arange(context, device=model.device)
        model.train()
        with autocast(model.device): logits = model(ids[start])
        F.cross_entropy(logits.flatten(0, 1).float(), ids[start + 1].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step(); opt.zero_grad(set_to_none=True)
        if (n + 1) % look_every: continue
        now = reply_bpb(model, tok, held, logits=half_logits)
        if now < best: best, at, kept = now, n + 1, {k: v.detach().to('cpu', copy=True) for k, v in model.state_dict().items()}
        elif n + 1 - at >= patience*look_every: break
    model.load_state_dict(kept)
    return model.eval(), tok, best, at


def load(path):
    "A checkpoint of this file: (model, tokenizer)."
    kept = torch.load(path, weights_only=True)
    model = NanoGPT(GPTConfig(**kept['config']))
    model.load_state_dict(kept['model'])
    return model.eval(), tokenizer_from(kept['tokenizer'])


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('data', nargs='?', default='training_data/chatml_format.txt'); p.add_argument('out', nargs='?', default='out/nanogpt.pt')
    p.add_argument('--seed', type=int, default=0); p.add_argument('--device', default='auto')
    a = p.parse_args()
    begin = time.perf_counter()
    model, tok, best, at = train(a.data, a.seed, a.device)
    from dataclasses import asdict
    torch.save(dict(config=asdict(model.config), model={k: v.cpu() for k, v in model.state_dict().items()}, tokenizer=tok.to_dict(), best=best), a.out)
    print(f'{best:.3f} reply bits per byte after {at} steps, {time.perf_counter()-begin:.0f} s; {model.n_params()/1e6:.1f}M parameters')
