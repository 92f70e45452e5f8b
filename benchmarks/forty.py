"""Forty ordinary turns with a model: plans, feelings, names to remember, a joke, follow-ups.

    python benchmarks/forty.py --checkpoint out/ckpt.pt

They were written before any model saw them. The seed is fixed, and nothing is selected. Four talks of ten turns; four
turns ask about what was said before. The result is a JSON object on standard output. runs/forty.json holds such objects, each with the model, the person and the
marks of two readers or more, a 1 for each reply that fits; nbs/runs/candidates.ipynb shows them."""
from __future__ import annotations
import json, sys
from tinychat.commands import command

TALKS = [
    ['hey! how was your day?', 'mine was ok. my name is Anna by the way', 'i went to the beach with my sister yesterday', 'it was so warm, we even swam',
     'do you like the beach?', 'do you remember who i went with?', 'she wants to move to another city next year', 'i would miss her a lot', 'do you have any brothers or sisters?', 'what is my name?'],
    ['good morning', 'did you sleep well?', 'i was up till 3 because i had to finish an essay', 'it was about the french revolution', 'what are you studying?',
     'want to get lunch on friday?', 'how about pizza?', 'cool, 12:30 at the place near the library?', 'should i bring anything?', 'when are we meeting again?'],
    ['ugh i had a really bad day', 'i failed my math test', 'i studied so hard for it', 'do you think i should talk to the teacher?', 'thanks, that helps',
     'tell me something funny', 'haha ok', 'what do you do when you feel sad?', 'i usually just watch a movie', 'what is your favorite movie?'],
    ['guess what, i got a dog!', 'his name is Bruno', 'he is so tiny and he sleeps all day', 'do you have any pets?', 'would you come over and meet him?',
     'saturday works for me', 'what was the name of my dog again?', 'i also need to find a job for the summer', 'have you ever worked in a restaurant?', 'ok i have to go now, talk to you later!'],
]

@command
def forty(
    checkpoint:str='out/ckpt.pt', # A model
    seed:int=0,             # Of what is drawn
    temperature:float=None, # Boldness (none: as by default)
    candidates:int=None,    # Drafts of each reply (none: as by default)
):
    "Talk to a model for forty turns."
    from tinychat.runs import load_chat
    how = {k: v for k, v in dict(temperature=temperature, candidates=candidates).items() if v is not None}
    chat, talks = load_chat(checkpoint, seed=seed, **how), []
    for turns in TALKS:
        chat.reset()
        talks.append([[said, *chat.reply(said)] for said in turns])
    json.dump(dict(seed=seed, temperature=chat.temperature, candidates=getattr(chat, 'candidates', 1), talks=talks), sys.stdout, indent=1, ensure_ascii=False)

if __name__ == '__main__': sys.exit(forty())
