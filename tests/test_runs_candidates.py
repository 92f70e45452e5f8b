"A chat that writes several drafts says what they are worth, and sends the best."
from collections import Counter

import pytest, torch
from evaluating import chat as random_chat, talks, tok # fixtures among them

from tinychat.chat import BREAK, Chat
from tinychat.commands import tinychat_chat
from tinychat.data import Block
from tinychat.fast import writer_for
from tinychat.share.terminal import screen_text
from tinychat.runs import load_chat, train_file
from tinychat.runs.candidates import DRAFTS, MOST_CANDIDATES, CandidateChat, Draft, best_draft, best_replies
from tinychat.runs.loops import LoopFreeChat

HEY = [Block('user', 'hello there my friend')]

@pytest.fixture
def chat(random_chat):
    "Ends a message more often."
    with torch.no_grad(): random_chat.model.embed_tokens.weight[random_chat.tokenizer.im_end] *= 5
    return random_chat

def of(chat, candidates=6, **how):
    "A chat with candidates and the model of another."
    return CandidateChat(chat.model, chat.tokenizer, candidates=candidates, **{**dict(temperature=1., max_tokens=30, max_messages=3, seed=3), **how})

@torch.no_grad()
def log_p(chat, before, drawn):
    "The plain model's, all tokens at once, as `Chat` would put them into the conversation."
    tok, total, ids = chat.tokenizer, 0., list(before)
    for n, i in enumerate(drawn):
        total += chat.model(torch.tensor([ids]))[0,-1].log_softmax(-1)[i].item()
        ids.append(i)
        if i == tok.im_end: ids += [*tok.encode('\n'), *chat.header('assistant')]
    return total

def test_one_candidate_is_a_chat(chat):
    one, plain = of(chat, 1), LoopFreeChat(chat.model, chat.tokenizer, writer_for, temperature=1., max_tokens=30, max_messages=3, seed=3)
    for text in ('hello', 'why not tomorrow?'): assert list(one.stream(text)) == list(plain.stream(text))
    assert list(one.again()) == list(plain.again()) and one.talk == plain.talk

@pytest.mark.parametrize('temperature, top_k', [(1., 0), (.6, 0), (1.5, 5)])
def test_scores_are_those_of_the_plain_model(chat, temperature, top_k):
    "Whatever the temperature: of what the model says, not of what was left to draw from."
    me = of(chat, 24, weight=.4, temperature=temperature, top_k=top_k)
    me.talk = talks(1)[0][:3]
    before, written = me.prompt(), me.write_drafts()
    drafts = me.score(written)
    assert len(written) == len(drafts) > 2 and max(len(r.said) for r in written) > 2
    for r, d in zip(written, drafts):
        n = len(r.drawn)
        talk, nothing = log_p(me, before, r.drawn), log_p(me, [me.tokenizer.end_of_text, *me.header('assistant')], r.drawn)
        assert (d.in_talk*n, d.anywhere*n, d.score*n) == pytest.approx((talk, nothing, talk - .4*nothing), abs=1e-2)
    assert len({d.score for d in drafts}) == len(drafts)

def test_the_best_is_sent_and_remembered(chat):
    me, twin = of(chat, seed=12), of(chat, seed=12)
    twin.talk = list(HEY)
    best = max(twin.drafts(), key=lambda d: d.score)
    assert best.messages
    pieces = list(me.stream(HEY[0].text))
    assert sum(p is BREAK for p in pieces) == len(best.messages) - 1 > 0
    assert [b.text for b in me.talk[1:]] == [me.tokenizer.decode(ids) for ids in best.messages]

def test_seeds_again_and_reset(chat):
    def said(me): return [me.reply('hello'), list(me.again()), me.reset() or me.reply('well')]
    assert said(of(chat)) == said(of(chat)) != said(of(chat, seed=4))
    me = of(chat)
    first = me.reply('hello')
    assert [b.text for b in list(me.again()) and me.talk[1:]] != first and me.talk[0] == Block('user', 'hello') and me.talk[1].role == 'assistant'

def test_stopped_in_the_middle_keeps_what_was_said(chat):
    me = of(chat, seed=12)
    stream = me.stream('hello')
    heard = [next(stream), next(stream)]
    assert BREAK not in heard
    stream.close()
    assert [b.text for b in me.talk[1:]] == [''.join(heard)]

def test_a_ban_holds(chat):
    free, banned, seen = of(chat), of(chat), []
    free.talk, banned.talk = list(HEY), list(HEY)
    often = Counter(i for r in free.write_drafts() for i in r.drawn).most_common(3)
    def ban(ids): seen.append(list(ids)); return [i for i, _ in often]
    banned.ban = ban # as the command sets a guard
    drawn = {i for r in banned.write_drafts() for i in r.drawn}
    assert drawn and not drawn & {i for i, _ in often} and [] in seen and max(map(len, seen)) > 3

def test_limits_hold(chat):
    me = of(chat, 20, max_tokens=7, max_messages=2)
    me.talk = list(HEY)
    for r in me.write_drafts(): assert len(r.drawn) <= 7 and len(r.texts()) <= 2

def test_a_talk_longer_than_the_context(chat):
    "Old messages are dropped as the chat drops them, and stay dropped."
    me, plain = of(chat, max_tokens=12), Chat(chat.model, chat.tokenizer, max_tokens=12)
    for n in range(12):
        me.talk.append(Block('user', 'so ' + 'well '*(n%3)))
        plain.talk, plain.n_dropped = list(me.talk), me.n_dropped
        ids = plain.prompt()
        written = me.write_drafts()
        assert [r.ids for r in written] == [ids]*len(written) and me.n_dropped == plain.n_dropped
        for r in written[:2]: assert r.log_p == pytest.approx(log_p(me, ids, r.drawn), abs=1e-2)
        list(me.answer())
    assert me.n_dropped > 3

def test_many_talks_get_the_best_of_their_own_drafts(chat, monkeypatch):
    "Whatever the batches; what was said in the chat plays no part and stays."
    me, asked, judged, done = of(chat, 3), [t[:1 + 2*(n % 3)] for n, t in enumerate(talks(5))], [], []
    me.talk = list(HEY)
    plain_score = CandidateChat.score
    def score(self, written): judged.append((written, found := plain_score(self, written))); return found
    monkeypatch.setattr(CandidateChat, 'score', score)
    made = best_replies(me, asked, batch_size=7, progress=done.append)
    assert sum(done) == 5 and done[0] == 2 and me.talk == HEY and me.n_dropped == 0
    assert len(judged) == 5 and {len(w) for w, _ in judged} == {3} and len({w[0].log_p for w, _ in judged}) == 5
    for written, drafts in judged:
        reply = made[next(n for n, t in enumerate(asked) if t == written[0].talk)]
        for r in written: assert r.log_p == pytest.approx(log_p(me, r.ids, r.drawn), abs=1e-2)
        assert reply == ([me.tokenizer.decode(ids) for ids in max(drafts, key=lambda d: (bool(d.messages), d.score)).messages] or [''])
    with pytest.raises(ValueError, match='at least 1'): best_replies(me, asked, batch_size=0)

def test_one_candidate_side_by_side_is_many_replies(chat):
    from tinychat.fast import many
    assert best_replies(of(chat, 1), [HEY, HEY]) == many.replies(of(chat, 1), [HEY, HEY])

def test_empty_only_if_all_are():
    empty, dull, good = Draft([], 0., -9., 5.4), Draft([[1]], -3., -1., -2.4), Draft([[2]], -2., -1., -1.4)
    assert best_draft([empty, dull, good]) is good and best_draft([empty, dull]) is dull and best_draft([empty]) is empty

def test_equal_drafts_count_once(chat):
    me = of(chat, 5, temperature=0, max_messages=1)
    me.talk = list(HEY)
    assert len(me.drafts()) == 1
    plain = LoopFreeChat(chat.model, chat.tokenizer, temperature=0, max_tokens=30, max_messages=1)
    plain.talk = list(HEY)
    assert ''.join(me.answer()) == ''.join(plain.answer()) != ''

def test_an_empty_reply_is_no_message(chat):
    "As a chat's: nothing is remembered of it."
    me = of(chat, 3)
    me.ban = lambda ids: [i for i in range(chat.model.config.vocab_size) if i != chat.tokenizer.end_of_text]
    assert list(me.stream('hello')) == [] and me.talk == [Block('user', 'hello')]

@pytest.mark.parametrize('n', [0, -1, 2.5, '8', MOST_CANDIDATES + 1])
def test_senseless_numbers_are_refused(chat, n):
    with pytest.raises(ValueError, match=f'from 1 to {MOST_CANDIDATES}'): of(chat, n)

def test_load_chat_and_the_command(workplace, capsys):
    train_file(out='out/ckpt.pt', n_embd=32, n_head=2, n_layer=1, context=64, vocab_size=300, max_iters=1, device='cpu', progress=False)
    how = dict(device='cpu', max_tokens=12, seed=1)
    me, one = load_chat(**how), load_chat(candidates=1, **how)
    assert type(me) is CandidateChat and me.candidates == DRAFTS and type(one) is LoopFreeChat and (me.temperature, one.temperature) == (.8, .9)
    for n in (DRAFTS, 3):
        tinychat_chat(prompt='hi', candidates=n, **how)
        assert capsys.readouterr().out.splitlines() == [' '.join(screen_text(t).splitlines()) for t in load_chat(candidates=n, **how).reply('hi')]
    tinychat_chat(prompt='hi', **how)
    assert capsys.readouterr().out.splitlines() == [' '.join(screen_text(t).splitlines()) for t in me.reply('hi')]
    tinychat_chat(prompt='hi', device='cpu', max_tokens=12, candidates=1, temperature=0)
    assert capsys.readouterr().out.splitlines() == [' '.join(screen_text(t).splitlines()) for t in load_chat(device='cpu', candidates=1, max_tokens=12, temperature=0).reply('hi')]
    with pytest.raises(ValueError, match='from 1 to 64, not 65'): load_chat('nowhere.pt', candidates=65)
    with pytest.raises(ValueError, match='--candidates must be from 1'): tinychat_chat(candidates=0)
