"""Has SmolLM2 met the people of the Chit-Chat Challenge? Two traces that a text leaves in a network that has read it.

    python benchmarks/met.py

1. The ids of the participants are random: 32 hexadecimal digits, of which the file repeats some thousands of times.
   Who has read it needs fewer than 4 bits for a digit, once the first 8 are given. Random ids are the comparison.
2. Whoever knows a text by heart can go on with it. Each message is cut in the middle, after all that came before it
   in the chat; how often are the next four words the real ones? The comparison is the same network and other chats
   of the same person in between, which changes nothing if it writes what is likely anyway."""
from __future__ import annotations
import json, math, random, uuid
from collections import Counter

def bits_of(model, tok, before, text):
    "Bits to predict a text after another."
    import torch
    import torch.nn.functional as F
    a, b = tok.encode(before), tok.encode(text)
    with torch.no_grad(): scores = model(torch.tensor([[tok.end_of_text, *a, *b]]))[0]
    return F.cross_entropy(scores[len(a):-1], torch.tensor(b), reduction='sum').item()/math.log(2)

def main():
    import torch
    from tinychat.bases import open_smollm2
    from tinychat.data import all_demo_chats
    from tinychat.gpt import generate
    model, tok = open_smollm2(adapted=False)
    counts, rng = Counter(m.sender for chat in all_demo_chats() for m in chat), random.Random(0)
    people = [p for p, _ in counts.most_common(40)]
    strangers = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in people]
    def digit_bits(ids): return sum(bits_of(model, tok, f'"sender": "{i[:8]}', i[8:]) for i in ids)/sum(len(i[8:].replace('-', '')) for i in ids)
    row = dict(bits_a_digit=dict(participants=round(digit_bits(people), 3), random=round(digit_bits(strangers), 3)))
    chats = [c for c in all_demo_chats() if len(c) > 12]
    def goes_on(before, text):
        words = text.split(' ')
        half = len(words)//2
        ids = [tok.end_of_text, *tok.encode('\n'.join([*before, ' '.join(words[:half])]))][-400:]
        new = tok.decode([*generate(model, ids, 12, temperature=0)]).split()
        return new[:4] == words[half:][:4]
    hits = Counter()
    for n in range(300):
        chat, other = rng.choice(chats), rng.choice(chats)
        at = rng.randrange(8, len(chat))
        if len(chat[at].text.split(' ')) < 10: continue
        hits['tried'] += 1
        hits['in its place'] += goes_on([m.text for m in chat[at-8:at]], chat[at].text)
        hits['elsewhere'] += goes_on([m.text for m in other[:8]], chat[at].text)
    print(json.dumps(row | dict(next_four_words=hits)))

if __name__ == '__main__': main()
