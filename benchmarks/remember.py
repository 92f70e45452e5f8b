"""Twenty talks that end with a question about what was said before. How many does a model answer right?

    python benchmarks/remember.py --checkpoint out/ckpt.pt

They were written apart from the talks of nbs/bases/recall.ipynb, which the base has read: no question is the same, though
some come close. An answer counts as right if it holds the word that was asked for. The result is a JSON object on standard
output: how many of the drafts that would be sent are right, how many on average over all drafts, and the texts sent."""
from __future__ import annotations
import json, re, sys
from tinychat.commands import command

TALKS = [ # what a right answer holds; texts in turn, the last one to be answered
    ('anna', ['hey! how was your day?', 'pretty good! yours?', 'mine was ok. my name is Anna by the way', 'nice to meet you!', 'i went to the beach with my sister yesterday', 'oh fun!', 'do you have any brothers or sisters?', 'yeah, one brother', 'what is my name?']),
    ('sister', ['hey! how was your day?', 'pretty good! yours?', 'i went to the beach with my sister yesterday', 'oh fun!', 'it was so warm, we even swam', 'nice!', 'do you remember who i went with?']),
    ('12:30|friday', ['want to get lunch on friday?', 'sure!', 'cool, 12:30 at the place near the library?', 'sounds good', 'should i bring anything?', 'no', 'when are we meeting again?']),
    ('bruno', ['guess what, i got a dog!', 'aww!', 'his name is Bruno', 'cute', 'he is so tiny and he sleeps all day', 'haha', 'saturday works for me', 'great', 'what was the name of my dog again?']),
    ('fiona', ["hi! it's Fiona from class", 'hey!', 'did you do the homework?', 'not yet', 'me neither, it is so long', 'yeah', 'wait, do you even know who i am?']),
    ('tokyo', ['i am flying to Tokyo in may!', 'no way', 'yes, ten days', 'i am jealous', 'i still need a suitcase', 'they are cheap online', 'so which city am i going to?']),
    ('pasta', ['i am cooking pasta', 'yum', 'my kitchen is a mess', 'haha', 'do you cook?', 'sometimes', 'ok quiz: what am i cooking?']),
    ('thursday', ['the doctor moved my appointment to thursday', 'ok', 'i hope it is nothing bad', 'i hope so too', 'anyway how are you?', 'fine!', 'which day is my appointment again?']),
    ('jake', ['my brother jake is getting married', 'congrats!', 'yes in june', 'so soon', 'i need a dress', 'what color?', 'no idea yet. what did i say my brother is called?']),
    ('red', ['my favorite color is red', 'cool', 'what is yours?', 'blue i guess', 'blue is nice too', 'yeah', 'and what was mine?']),
    ('lion', ['we saw a lion today, in the zoo', 'wow', 'it was sleeping', 'lazy', 'we stayed for two hours', 'nice', 'which animal did we see?']),
    ('dentist', ['i have to go to the dentist tomorrow', 'oh no', 'i hate it', 'me too', 'wish me luck', 'good luck!', 'where do i have to go tomorrow?']),
    ('guitar', ['i started to play the guitar', 'cool!', 'my fingers hurt', 'haha', 'my teacher says i should practice more', 'probably', 'which instrument do i play?']),
    ('george', ['hello, i am george', 'hi!', 'what do you do?', 'i study', 'oh nice', 'and you?', 'i work in a bank. what was my name again?']),
    ('bank', ['i work in a bank', 'oh ok', 'it is boring', 'why?', 'i count money all day', 'haha', 'so where do i work?']),
    ('umbrella', ['i forgot my umbrella on the train', 'oh no', 'and now it is raining', 'get a taxi', 'too expensive', 'true', 'what did i forget on the train?']),
    ('7', ['see you at 7!', 'ok', 'in front of the cinema', 'cool', 'i will be late, like always', 'haha', 'what time did we say?']),
    ('cinema', ['see you at 7!', 'ok', 'in front of the cinema', 'cool', 'i will be late, like always', 'haha', 'and where do we meet?']),
    ('mira', ['my cat mira ran away', 'oh no!', 'she came back after two days', 'phew', 'she was so hungry', 'poor cat', 'do you still know what my cat is called?']),
    ('grandma', ['i visited my grandma today', 'nice', 'she baked a cake', 'yum', 'it had apples in it', 'i want some', 'who did i visit?']),
]

def count_right(
    chat,      # A `CandidateChat`
    name:str,  # Of the model, repeated in the result
)->dict: # How many of the talks are answered right
    "Ask a model what was said."
    from tinychat.data import Block
    from tinychat.runs.candidates import best_draft
    drafted, sent = 0., []
    for word, texts in TALKS:
        chat.reset()
        chat.talk = [Block(('user', 'assistant')[i % 2], text) for i, text in enumerate(texts)]
        drafts, said = chat.drafts(), lambda d: ' / '.join(map(chat.tokenizer.decode, d.messages))
        right = [bool(re.search(rf'(?<![\w:])({word})(?![\w:])', said(d).lower())) for d in drafts]
        best = best_draft(drafts)
        drafted += sum(right)/len(right)
        sent.append((said(best), right[drafts.index(best)]))
    return dict(model=name, right=sum(ok for _, ok in sent), of=len(TALKS), drafted=round(drafted, 2), sent=[text for text, _ in sent])

@command
def remember(
    checkpoint:str='out/ckpt.pt', # A model
    seed:int=0,             # Of what is drawn
):
    "Ask a model what was said before."
    from pathlib import Path
    from tinychat.runs import load_chat
    chat = load_chat(checkpoint, seed=seed, candidates=8)
    json.dump(count_right(chat, Path(checkpoint).stem) | dict(seed=seed), sys.stdout, indent=1, ensure_ascii=False)

if __name__ == '__main__': sys.exit(remember())
