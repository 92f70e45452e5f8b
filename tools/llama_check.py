"""Does llama.cpp say what tinychat says? It needs `pip install llama-cpp-python`, which compiles for a quarter of an hour.

    python tools/llama_check.py [CHECKPOINT]      without one: the base that comes with tinychat
"""
import random, sys, tempfile
from dataclasses import asdict
from pathlib import Path

import llama_cpp, torch
from tinychat.bases import open_base
from tinychat.runs import load_chat
from tinychat.share.export import export_file

ODD = [*"ab sS'’\n\r\t012.,!<|>_", 'ſ', '\u2028', '\xa0', '\u3000', '\x85', 'é', 'e\u0301', '😂', '\u200d', '漢', '٣', '½', 'ǅ', 'İ', '\ufeff']
QUESTIONS = 'how are you?', 'what did you do today?', 'do you like music?', 'hey', 'tell me a story'

def main(checkpoint=None):
    with tempfile.TemporaryDirectory() as folder:
        if not checkpoint:
            model, tok = open_base('tiny')
            checkpoint = Path(folder)/'ckpt.pt'
            torch.save(dict(config=asdict(model.config), model=model.state_dict(), tokenizer=tok.to_dict()), checkpoint)
        chat = load_chat(checkpoint, 'cpu', temperature=0)
        path = export_file('gguf', checkpoint, Path(folder)/'gguf')/'tinychat.gguf'
        llama = llama_cpp.Llama(str(path), n_ctx=chat.model.config.context, verbose=False)
    tok, rng = chat.tokenizer, random.Random(0)
    texts = [''.join(rng.choices([*ODD, *tok.special], k=rng.randint(1, 15))) for _ in range(10_000)]
    ids = sum(llama.tokenize(t.encode(), add_bos=False, special=False) == tok.encode(t) for t in texts)
    same = 0
    for q in QUESTIONS:
        chat.reset()
        theirs = llama.create_chat_completion([dict(role='user', content=q)], temperature=0, top_k=1, repeat_penalty=1., max_tokens=chat.room())
        same += theirs['choices'][0]['message']['content'] == chat.reply(q)[0]
    print(f'llama-cpp-python {llama_cpp.__version__}: {ids:,} of {len(texts):,} texts have the same ids, {same} of {len(QUESTIONS)} questions the same reply.')
    return int(ids < len(texts) or same < len(QUESTIONS))

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
