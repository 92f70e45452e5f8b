"""How large should the vocabulary of a base be? What its tokens hold of ordinary texting, in English and in languages that it has not read.

    python benchmarks/vocabulary.py --corpora FOLDER [--sizes 8192 12288 16384] [--out FILE]

FOLDER holds the corpora that nbs/bases/pretrain.ipynb names. Each line of JSON is a vocabulary: for each language bytes and tokens a word (English: what the demo person and another one are
asked and answer in their last tenth). nbs/bases/pretrain.ipynb shows them."""
import argparse, json

from tinychat.bases.pretrain import base_tokenizer, read_sources
from tinychat.data import demo_chats, from_chats, split_by_time

SAID = dict(
    German=['Hey, bist du schon zu Hause?', 'ja grad angekommen, war mega voll in der Bahn', 'Sollen wir heute Abend was kochen?', 'gerne, ich hab aber nix mehr im Kühlschrank',
            'kein Problem, ich geh noch schnell einkaufen', 'du bist die Beste 😘', 'Wann kommt eigentlich deine Schwester?', 'ich glaub am Samstag, muss sie aber nochmal fragen', 'ok sag mir dann Bescheid', 'mach ich, bis gleich!'],
    Spanish=['Hola, ¿ya saliste del trabajo?', 'todavía no, me falta como media hora', '¿Vamos por unos tacos después?', 'sí porfa, me muero de hambre jaja', 'te espero en la esquina de siempre',
             'va, te aviso cuando salga', '¿Y tu hermano también viene?', 'no creo, dijo que estaba cansado', 'qué lástima, hace mucho que no lo veo', 'ya sé, pero el sábado sí puede'],
    Portuguese=['Oi, tudo bem? Já chegou em casa?', 'ainda não, o ônibus atrasou de novo', 'nossa, que chato', 'pois é, tô aqui faz quarenta minutos', 'quer que eu vá te buscar?',
                'não precisa, acho que já tá vindo', 'então me avisa quando chegar', 'aviso sim, obrigada ❤️', 'amanhã a gente se vê na casa da vó?', 'claro, vou levar o bolo'],
    Italian=['Ciao, sei già arrivata?', 'quasi, sono ancora in macchina', 'ok ti aspetto al bar', 'prendi un caffè anche per me per favore', 'certo, con lo zucchero?', 'sì grazie, sei un tesoro',
             'stasera che facciamo?', 'boh, magari un film a casa mia', 'perfetto, porto io la pizza', 'allora ci vediamo alle otto'],
    Hindi=['क्या तुम घर पहुँच गए?', 'हाँ अभी पहुँचा हूँ', 'आज खाने में क्या बनाना है?', 'कुछ भी बना लो, बहुत भूख लगी है', 'ठीक है, दाल चावल बनाती हूँ', 'बढ़िया, मैं दही ले आता हूँ', 'कल ऑफिस जाना है क्या?',
           'नहीं यार, कल छुट्टी है', 'तो फिर फिल्म देखने चलें?', 'हाँ पक्का, शाम को चलते हैं'],
    Indonesian=['Hai, udah sampai rumah belum?', 'belum, masih di jalan nih macet banget', 'mau makan apa nanti malam?', 'terserah, yang penting kenyang hehe', 'aku beli nasi goreng aja ya',
                'boleh, jangan lupa kerupuknya', 'besok jadi pergi ke pantai?', 'jadi dong, aku udah bilang sama yang lain', 'oke, kita berangkat jam berapa?', 'jam tujuh pagi biar nggak panas'])

def english():
    "What two people were asked and said last."
    held_out = [split_by_time(from_chats(chats, who))[1] for who, chats in map(demo_chats, ('0f9fe1f8', '720840be'))]
    return [b.text for convs in held_out for conv in convs for b in conv]

def held(tok, texts):
    "Bytes a token, and tokens a word."
    tokens = sum(len(tok.encode(t)) for t in texts)
    return dict(bytes=round(sum(len(t.encode()) for t in texts)/tokens, 3), tokens_a_word=round(tokens/sum(len(t.split()) for t in texts), 3))

def main(a):
    read, texts = read_sources(a.corpora), dict(English=english()) | SAID
    for size in a.sizes:
        tok = base_tokenizer(read, size)
        line = json.dumps(dict(vocab_size=size, **{language: held(tok, some) for language, some in texts.items()}))
        print(line, flush=True)
        if a.out:
            with open(a.out, 'a') as f: f.write(line + '\n')

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--corpora', required=True); p.add_argument('--sizes', type=int, nargs='+', default=[8192, 12288, 16384]); p.add_argument('--out')
    main(p.parse_args())
