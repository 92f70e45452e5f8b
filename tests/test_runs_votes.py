"Learning from votes: what a file may hold, what is judged, and what is written."
import json, math
from pathlib import Path
from types import SimpleNamespace

import pytest, torch
from evaluating import talks
from test_runs import bases, quiet, sample # a fixture among them

import tinychat.runs.votes as V
from tinychat.bases import open_checkpoint
from tinychat.checkpoint import load_checkpoint, open_model
from tinychat.commands import tinychat_train
from tinychat.data import Block, write_chatml
from tinychat.fast.corpus import load_data
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs.votes import Vote, VoteOptions, dpo_loss, encode_reply, learn_votes, read_votes, reply_logp, vote_file

GOOD = dict(before=[['user', 'dinner?']], chosen=['yes'], rejected=['Yes!'])
def written(path, *votes):
    path.write_text(json.dumps(dict(votes=votes)))
    return path

@pytest.mark.parametrize('harm', [dict(before=[]), dict(before='hm'), dict(before=[['system', 'x']]), dict(before=[['user', 1]]), dict(before=[['user']]), dict(chosen=[]), dict(chosen=['']),
    dict(chosen=[1]), dict(rejected=None), dict(chosen='yes'), dict(before=[['user', 'x', 'y']]), dict(before=[{'user': 1, 'x': 2}]), dict(chosen=['\ud83d']), dict(before=[['user', '\ud83d']])])
def test_what_is_no_vote(tmp_path, harm):
    with pytest.raises(ValueError, match='vote 2 of them is damaged') as e: read_votes([written(tmp_path/'v.json', GOOD, GOOD | harm)])
    assert '\n' not in str(e.value) and 'dinner' not in str(e.value)

@pytest.mark.parametrize('text', ['', '[]', '{}', '{"votes": 3}', '{"votes": [3]}', 'null', '['*9999, '{"votes": {}}', '\x00'])
def test_what_are_no_votes(tmp_path, text):
    (tmp_path/'v.json').write_text(text)
    with pytest.raises(ValueError, match='holds no votes|There are 0 votes'): read_votes([tmp_path/'v.json'])

def test_a_file_that_is_missing_is_named_and_a_mark_at_its_beginning_is_no_vote(tmp_path):
    with pytest.raises(ValueError, match='missing.json is not there. Give the file that a blind test saved'): read_votes([tmp_path/'missing.json'])
    path = written(tmp_path/'v.json', GOOD)
    plain = read_votes([path])
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert read_votes([path]) == plain


def test_several_files_and_what_teaches_nothing(tmp_path):
    cut, equal, typed = GOOD | dict(chosen=['so long that '*31 + '…']), GOOD | dict(chosen=['Yes!']), GOOD | dict(chosen=['well…'])
    assert read_votes([written(tmp_path/'a.json', GOOD, cut), written(tmp_path/'b.json', equal, GOOD, typed)]) == [Vote([Block('user', 'dinner?')], [said], ['Yes!']) for said in ('yes', 'well…')] # once each
    with pytest.raises(ValueError, match='There are 0 votes'): read_votes([written(tmp_path/'a.json', cut)])

def a_model(tok, **how):
    torch.manual_seed(0)
    return GPT(GPTConfig(tok.vocab_size, **{**dict(n_layer=1, n_head=2, n_embd=32, context=64), **how}))

def test_only_the_reply_is_judged_and_its_end_is_kept(tok):
    before = [Block('assistant', 'my words before'), Block('user', 'word '*90)]
    ids, judged = encode_reply(tok, before, ['yes', 'ok'], 64)
    assert len(ids) == 64 and tok.decode(ids[judged].tolist()) == 'yes<|im_end|>assistantok<|im_end|>user'
    ids, judged = encode_reply(tok, [Block('assistant', 'mine'), Block('user', 'hi')], ['yes'], 64)
    assert tok.decode(ids[judged].tolist()) == 'yes<|im_end|>user'
    assert tok.decode(encode_reply(tok, [Block('user', f'no {n}') for n in range(9)], ['x'], 999)[0].tolist()).count('no ') == V.SHOWN

def test_long_and_short_side_by_side(tok):
    model = a_model(tok).eval()
    rows = [encode_reply(tok, [Block('user', q)], said, 64) for q, said in (('hi', ['a']), ('how are you?', ['fine', 'and you?']), ('x', ['no '*9]))]
    with torch.no_grad():
        torch.testing.assert_close(reply_logp(model, rows), torch.cat([reply_logp(model, [r]) for r in rows]))
        ids, judged = rows[1]
        by_hand = model(ids[None]).log_softmax(-1)[0,:-1].gather(-1, ids[1:,None])[judged[1:]].sum()
    torch.testing.assert_close(reply_logp(model, rows)[1], by_hand)

def test_the_loss_is_that_of_the_paper():
    m = torch.tensor([-3., 0., 5.])
    assert math.isclose(dpo_loss(m, .5).item(), sum(math.log(1 + math.exp(-.5*x)) for x in m.tolist())/3, rel_tol=1e-6)

MANY = [GOOD | dict(before=[['user', f'dinner at {n}?']]) for n in range(20)]

VOTES = [Vote([Block('user', f'number {n}?')], ['yes'], ['no']) for n in range(24)]

def test_what_is_chosen_gains(tok):
    model = a_model(tok)
    history = learn_votes(model, tok, VOTES, VoteOptions(lr=3e-3))
    assert len(history) == 9 and history[0]['chosen'] == history[0]['rejected'] == 0 and math.isclose(history[0]['loss'], math.log(2), rel_tol=1e-4)
    assert history[-1]['chosen'] > history[-1]['rejected'] + 1 and history[-1]['loss'] < history[0]['loss']
    again = a_model(tok)
    assert learn_votes(again, tok, VOTES, VoteOptions(lr=3e-3)) == history
    other = a_model(tok)
    assert learn_votes(other, tok, VOTES, VoteOptions(lr=3e-3, seed=1)) != history

def test_what_is_frozen_stays(tok):
    model = a_model(tok)
    for name, p in model.named_parameters(): p.requires_grad_('mlp' in name)
    before = {name: p.clone() for name, p in model.named_parameters()}
    learn_votes(model, tok, VOTES, VoteOptions(lr=3e-3))
    assert {name for name, p in model.named_parameters() if not torch.equal(p, before[name])} == {name for name in before if 'mlp' in name}

def test_from_file_to_file(bases, capsys, monkeypatch):
    quiet(max_iters=3)
    before, votes = Path('ckpt.pt').read_bytes(), written(Path('votes.json'), *MANY)
    monkeypatch.setattr('sys.argv', ['tinychat-train', '--votes', str(votes), '--data', str(sample), '--out', 'ckpt.pt', '--device', 'cpu'])
    assert not tinychat_train()
    said = capsys.readouterr().err
    assert 'Votes: 20.' in said and 'Saved in ckpt.pt' in said and 'dinner' not in said
    assert Path('ckpt.old1.pt').read_bytes() == before != Path('ckpt.pt').read_bytes()
    a, b = load_checkpoint('ckpt.old1.pt'), load_checkpoint('ckpt.pt')
    assert open_model('ckpt.pt') and a['history'] == b['history'] and abs(a['best'] - b['best']) <= V.MAY_COST + .001
    assert quiet(resume=True).done # it is as finished as before

def test_with_lora_only_the_difference_is_kept(bases):
    quiet(max_iters=3, lora=4)
    was = load_checkpoint('ckpt.pt')
    vote_file([written(Path('votes.json'), *MANY)], sample, 'ckpt.pt', 'cpu', say=lambda line: None)
    now = load_checkpoint('ckpt.pt')
    assert now['lora'] == was['lora'] and now['model'].keys() == was['model'].keys() and open_checkpoint('ckpt.pt')
    assert any(not torch.equal(now['model'][k], was['model'][k]) for k in was['model'])

@pytest.mark.parametrize('rise, part', [(.01, '1'), (.03, '1/2'), (.07, '1/4'), (1., None)])
def test_it_goes_as_far_as_it_may(bases, monkeypatch, rise, part):
    "As if each part of the way cost its part of `rise`."
    quiet(max_iters=3)
    before, old, said = Path('ckpt.pt').read_bytes(), load_checkpoint('ckpt.pt')['model'], []
    def costs(model, tok, held_out):
        gone = (model.norm.weight - old['norm.weight']).norm()
        costs.all = max(costs.all, gone)
        return 2 + (rise*(gone/costs.all).item() if costs.all else 0)
    costs.all = torch.tensor(0.)
    monkeypatch.setattr(V, 'evaluate', costs)
    go = lambda: vote_file([written(Path('votes.json'), *MANY)], sample, 'ckpt.pt', 'cpu', say=said.append)
    was = load_checkpoint('ckpt.pt')['best']
    if part: assert go().best == pytest.approx(was + rise*eval(part), abs=1e-3) and ('of the way' in said[-1]) == (part != '1')
    else:
        with pytest.raises(ValueError, match='Nothing was changed'): go()
        assert Path('ckpt.pt').read_bytes() == before and len([*Path().glob('*.pt')]) == 1

def test_what_votes_cannot_be_learned_by(bases, monkeypatch, capsys):
    votes = written(Path('votes.json'), *MANY)
    learn = lambda data=sample: vote_file([votes], data, 'ckpt.pt', 'cpu', say=lambda line: None)
    with pytest.raises(ValueError, match='ckpt.pt is not there'): learn()
    quiet(max_iters=3)
    Path('other.txt').write_text(Path(sample).read_text().replace('you', 'ye'))
    with pytest.raises(ValueError, match='was trained on other messages'): learn('other.txt')
    state = load_checkpoint('ckpt.pt') | dict(step=1)
    torch.save(state, 'ckpt.pt')
    with pytest.raises(ValueError, match='cannot|not what is needed|has not ended'): learn()
    with monkeypatch.context() as m:
        m.setattr(V, 'resume_run', lambda *_: SimpleNamespace(done=False))
        with pytest.raises(ValueError, match='has not ended'): learn()
    for extra in (['--minutes', '1'], ['--resume'], ['--init', 'base'], ['--use_all']):
        monkeypatch.setattr('sys.argv', ['tinychat-train', '--votes', str(votes), *extra])
        assert tinychat_train() == 1 and 'With --votes' in capsys.readouterr().err

def test_what_was_voted_on_does_not_say_what_votes_cost(bases, monkeypatch):
    "A blind test shows held-out replies."
    write_chatml('talks.txt', talks(40))
    quiet('talks.txt', init='base', max_iters=3)
    held_out, judged = load_data('talks.txt')[1], []
    real = [*{(c[n-1].text, c[n].text): (c[n-1], c[n]) for c in held_out for n in range(1, len(c)) if c[n-1].role == 'user' and c[n].role == 'assistant' and (n + 1 == len(c) or c[n+1].role == 'user')}.values()]
    some = len(real)//2
    evaluate = V.evaluate
    monkeypatch.setattr(V, 'evaluate', lambda model, tok, convs: judged.append(convs) or evaluate(model, tok, convs))
    shown = [dict(before=[['user', asked.text]], chosen=[said.text], rejected=['no']) for asked, said in real[:some]]
    vote_file([written(Path('votes.json'), *shown)], 'talks.txt', 'ckpt.pt', 'cpu', say=lambda line: None)
    left = [(c[n-1], c[n]) for c in judged[0] for n in range(1, len(c))]
    assert not any(pair in left for pair in real[:some]) and all(pair in left for pair in real[some:]) and load_checkpoint('ckpt.pt')['asked']['votes'] == some > 1

def test_what_had_no_held_out_is_still_known_for_it(bases):
    quiet(max_iters=3, use_all=True)
    said = []
    vote_file([written(Path('votes.json'), *MANY)], sample, 'ckpt.pt', 'cpu', say=said.append)
    assert load_checkpoint('ckpt.pt')['use_all'] is True and any('--use-all' in line for line in said)

def test_a_device_that_is_not_there(bases):
    quiet(max_iters=3)
    with pytest.raises(ValueError, match="The device 'banana' cannot be used here"): vote_file([written(Path('votes.json'), *MANY)], sample, 'ckpt.pt', 'banana')
