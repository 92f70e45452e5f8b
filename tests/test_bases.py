"What a model starts from: where it is found, and whether the base in the package is what its card says."
import json, re, shutil, sys
from dataclasses import asdict
from pathlib import Path

import pytest, torch
from safetensors.torch import save_file

import tinychat.bases
from tinychat.bases import describe_lora, is_hub_id, list_bases, open_base, open_checkpoint, open_smollm2
from tinychat.bases.fetch import SMOLLM2
from tinychat.bases.lora import add_lora
from tinychat.bases.pretrain import RECIPES
from tinychat.checkpoint import BASES
from tinychat.fast.corpus import load_data
from tinychat.fast import evaluate
from tinychat.gpt import GPT, GPTConfig
from tinychat.runs import sample_reply
from tinychat.share.export import hf_tokenizer, write_gguf

RUNS = Path(__file__).parent.parent/'benchmarks'/'runs'

TALK = "hey, I'll be there at 10:30 😀"

def hf_folder(folder, model, tok):
    "A model of ours in the format of Hugging Face."
    folder.mkdir(parents=True)
    save_file({n: w.clone() for n, w in model.hf_weights().items()}, folder/'model.safetensors')
    for name, d in (('config', model.hf_config()), ('tokenizer', hf_tokenizer(tok))): (folder/f'{name}.json').write_text(json.dumps(d), encoding='utf-8')
    return folder

@pytest.fixture(scope='module')
def tiny(): return open_base('tiny')

def test_a_name_a_folder_or_one_clear_line(tmp_path, monkeypatch):
    "A folder of one's own is no rival of a base: the name counts, and ./name is the folder."
    monkeypatch.chdir(tmp_path)
    Path('letter.txt').write_text('Dear Ada,')
    for odd in ('huge', 'letter.txt', '', '.'):
        with pytest.raises(ValueError) as e: open_base(odd)
        assert '\n' not in str(e.value) and ('tiny, smollm2' in str(e.value) or odd in ('', '.'))
    Path('tiny').mkdir()
    assert open_base('tiny')[0].n_params() == open_base(BASES/'tiny')[0].n_params()
    with pytest.raises(ValueError, match='holds no base'): open_base('./tiny')
    monkeypatch.setattr(tinychat.bases, 'BASES', tmp_path/'none')
    assert list_bases() == []
    with pytest.raises(ValueError, match='There are: smollm2. Or'): open_base('tiny2')

def test_what_looks_like_the_id_of_a_model():
    for yes in ('Qwen/Qwen2.5-0.5B', 'HuggingFaceTB/SmolLM2-360M', 'a/b', '01-ai/Yi_1.5'): assert is_hub_id(yes)
    for no in ('tiny', './tiny', '../tiny', 'a/b/c', '/a', 'a/', '', 'a b/c', 'out/ckpt.pt', 'out/model.safetensors', '~/base', 'a\n/b', 'https://x', 'ä/b', 'a/..', 'C:/x', 'a\\b'): assert not is_hub_id(no), no

def test_every_way_to_say_where(tmp_path, monkeypatch):
    "A folder of ours, one of others, a file; the hub is asked only for what is none of these."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tinychat.bases, 'fetch_from_hub', lambda *a: pytest.fail('the hub was asked'))
    model, tok = open_base('tiny')
    hf_folder(Path('owner/name'), model, tok)
    write_gguf(model, tok, 'owner/base.GGUF')
    shutil.copytree(BASES/'tiny', 'owner/mine')
    for where in ('owner/name', Path('owner/name'), 'owner/base.GGUF', 'owner/mine'):
        again, its_tok = open_base(where)
        assert again.config == model.config and its_tok.encode(TALK) == tok.encode(TALK)
        assert all(torch.equal(p, q) for p, q in zip(again.parameters(), model.parameters(), strict=True))
    for odd, says in (('owner/none.gguf', 'none.gguf is not there'), ('owner', 'owner holds no base'), ('owner/none.pt', 'There is no base')):
        with pytest.raises(ValueError, match=says): open_base(odd)
    for damaged in ('{', '['*10**5, '[]'):
        Path('owner/mine/config.json').write_text(damaged)
        with pytest.raises(ValueError, match='mine holds no base, or a damaged one'): open_base('owner/mine')
    Path('owner/name/config.json').write_text('{"model_type": "gemma3"}')
    with pytest.raises(ValueError, match="name cannot be a base: its model_type is 'gemma3'; known are llama, qwen2, qwen3"): open_base('owner/name')

@pytest.fixture
def hub(tmp_path, monkeypatch):
    "An empty cache of huggingface_hub, which must not go online; the function puts a model into it as the hub's own client does."
    from huggingface_hub import constants
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path/'cache'))
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    def put(repo):
        place, commit = tmp_path/'cache'/f'models--{repo.replace("/", "--")}', 'ab'*20
        (place/'refs').mkdir(parents=True)
        (place/'refs'/'main').write_text(commit)
        return place/'snapshots'/commit
    return put

def test_a_model_on_the_hub_is_taken_from_its_cache(hub):
    model, tok = open_base('tiny')
    folder = hf_folder(hub('owner/name'), model, tok)
    again, its_tok = open_base('owner/name')
    assert again.config == model.config and its_tok.encode(TALK) == tok.encode(TALK)
    (folder/'config.json').write_text('{"model_type": "phi"}')
    with pytest.raises(ValueError, match="model_type is 'phi'"): open_base('owner/name')

def test_what_the_hub_says_is_one_line(hub, monkeypatch):
    import huggingface_hub
    def long_story(*a, **k): raise OSError('404 Client Error.\n\nIf you are trying to access a private repo,\n' + 'make sure that you are authenticated. '*50)
    with monkeypatch.context() as m:
        m.setattr(huggingface_hub, 'snapshot_download', long_story)
        with pytest.raises(ValueError, match='hub says: 404 Client Error. If you are trying') as e: open_base('owner/none')
    assert '\n' not in str(e.value) and len(str(e.value)) < 320
    with pytest.raises(ValueError, match="There is no folder 'owner/none', and the Hugging Face hub says: ") as e: open_base('owner/none')
    assert '\n' not in str(e.value) and len(str(e.value)) < 320
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(ValueError, match=r"pip install 'tinychat\[hub\]'"): open_base('owner/none')

def test_only_what_is_needed_is_fetched_and_what_does_not_fit_is_not(hub, monkeypatch, tmp_path):
    "The small files come first; a model that is refused costs no weights. Pickles and code are never asked for."
    import huggingface_hub
    model, tok = open_base('tiny')
    folder, asked = hf_folder(tmp_path/'remote', model, tok), []
    def snapshot_download(repo, allow_patterns, local_files_only): asked.append((repo, allow_patterns, local_files_only)); return str(folder)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', snapshot_download)
    open_base('owner/name')
    assert asked[0] == ('owner/name', ['config.json', 'tokenizer.json'], False) and len(asked) == 2
    names = ['pytorch_model.bin', 'model.py', 'x.pt', 'onnx/model.onnx', 'training_args.bin', 'tokenizer.json', 'model-00001-of-00002.safetensors', 'model.safetensors', 'model.safetensors.index.json', 'README.md', 'consolidated.safetensors']
    assert [*huggingface_hub.utils.filter_repo_objects(names, allow_patterns=asked[1][1])] == names[5:9]
    asked.clear()
    (folder/'config.json').write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="model_type is 'gpt2'"): open_base('owner/name')
    assert len(asked) == 1

def test_for_a_strangers_checkpoint_nothing_is_fetched_from_the_hub(hub, monkeypatch, tmp_path):
    import huggingface_hub
    model, tok = open_base('tiny')
    folder, asked = hf_folder(tmp_path/'remote', model, tok), []
    def snapshot_download(repo, allow_patterns, local_files_only): asked.append(local_files_only); return str(folder)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', snapshot_download)
    ckpt = dict(config=asdict(model.config), tokenizer=tok.to_dict(), lora=describe_lora(model, 'owner/name', 4))
    torch.save({**ckpt, 'model': add_lora(model, 4).state_dict()}, tmp_path/'difference.pt')
    assert open_checkpoint(tmp_path/'difference.pt')[1].to_dict() == tok.to_dict() and asked == [True, True]

def test_a_base_that_is_another_network_now_is_refused(monkeypatch, tmp_path):
    "The weights are the same; what is done with them is not."
    model, tok = open_base('tiny')
    folder = hf_folder(tmp_path/'theirs', model, tok)
    monkeypatch.chdir(tmp_path)
    base, tok = open_base('theirs')
    monkeypatch.setenv('HOME', str(tmp_path))
    lora = describe_lora(base, 'theirs', 4)
    assert lora['base'] == '~/theirs' and describe_lora(base, tmp_path/'theirs', 4) == lora and describe_lora(base, '/tmp', 4)['base'] == '/tmp'
    torch.save(dict(config=asdict(base.config), tokenizer=tok.to_dict(), lora=lora, model=add_lora(base, 4).state_dict()), tmp_path/'difference.pt')
    (tmp_path/'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path/'elsewhere')
    open_checkpoint(tmp_path/'difference.pt') # the folder is found from another one
    config = json.loads((folder/'config.json').read_text())
    for key, value in dict(rms_norm_eps=.5, rope_parameters=dict(rope_type='default', rope_theta=12345)).items():
        (folder/'config.json').write_text(json.dumps(config | {key: value}))
        with pytest.raises(ValueError, match='on top of another base'): open_checkpoint(tmp_path/'difference.pt')
    (folder/'config.json').unlink()
    with pytest.raises(ValueError, match='which cannot be had') as e: open_checkpoint(tmp_path/'difference.pt')
    assert 'hub' not in str(e.value)

@pytest.mark.parametrize('name', ['x'*5000, ''])
def test_a_name_has_some_characters_and_not_too_many(name):
    with pytest.raises(ValueError, match='has a name of 1 to') as e: open_base(name)
    assert len(str(e.value)) < 100

def test_smollm2_is_fetched_and_opened(monkeypatch, tmp_path, capsys):
    fetched = []
    def fetch(what, say): fetched.append(what); say('it is fetched'); return tmp_path/'toy.gguf'
    tok = open_base('tiny')[1]
    toy = GPT(GPTConfig(tok.vocab_size, n_layer=1, n_head=2, n_embd=32, context=64, qk_norm=False))
    write_gguf(toy, tok, tmp_path/'toy.gguf')
    monkeypatch.setattr(tinychat.bases, 'fetch_file', fetch)
    model, _ = open_smollm2(adapted=False)
    assert fetched == [SMOLLM2] and model.config == toy.config and capsys.readouterr().err == 'it is fetched\n'

def test_is_what_its_card_and_recipe_say(tiny):
    model, tok = tiny
    card, made, plan = (BASES/'tiny'/'README.md').read_text(encoding='utf-8'), json.loads((BASES/'tiny'/'recipe.json').read_text()), RECIPES['tiny']
    assert f'{model.n_params()/1e6:.1f} million parameters' in card and f'{made["tokens"]/1e9:.1f} billion tokens' in card
    assert (plan.n_layer, plan.n_head, plan.n_embd, plan.context, tok.vocab_size) == (model.config.n_layer, model.config.n_head, model.config.n_embd, model.config.context, model.config.vocab_size)
    assert made['shares'] == plan.shares and abs(made['tokens']/plan.tokens - 1) < 0.01
    assert made['teachers'] == list(plan.teachers)

def test_small_enough(tiny):
    assert tiny[0].n_params() < 8e6
    assert sum(f.stat().st_size for f in BASES.rglob('*') if f.is_file()) < 30e6

def test_knows_what_it_knew_when_it_was_made(tiny, sample):
    "Chats that were invented for this repository, so nobody has learned from them."
    assert evaluate(*tiny, load_data(sample)[1]) == pytest.approx(2.332, abs=0.005)

def test_answers_in_words(tiny):
    said = sample_reply(*tiny, 'hey! how are you?', temperature=0.)
    assert re.fullmatch(r"[A-Za-z ,.'?!-]{2,}", said), said

def test_credits_name_every_source():
    text = (BASES/'CREDITS.md').read_text(encoding='utf-8')
    for name in ('chitchat-dataset', 'IRC', 'CaSiNo', 'Taskmaster', 'Persona', 'Topical-Chat', 'books'): assert re.search(name, text), name

@pytest.mark.parametrize('name', ['base', 'finetune'])
def test_runs_are_numbers(name):
    for line in (RUNS/f'{name}.jsonl').read_text(encoding='utf-8').splitlines():
        run = json.loads(line)
        people = [run['best']] if 'best' in run else [b for p in run['people'].values() for b in (p.get('before', p['after']), p['after'])]
        assert all(1 < b < 2.5 for b in people) and run['device'] and isinstance(run['seed'], int)

def test_other_languages_gain_from_the_base():
    runs = [json.loads(line) for line in (RUNS/'language.jsonl').read_text(encoding='utf-8').splitlines()]
    assert all(0.9 < r['best'] == min(r['looks']) < 5 and r['device'] and r['steps'] > 0 for r in runs)
    def best(start, plan=None): return {(r['text'], r['messages']): r['best'] for r in runs if r['start'] == start and r.get('default') == plan}
    scratch, base = best('scratch'), best('tiny', True)
    both = scratch.keys() & base.keys()
    assert len(both) > 12 and all(base[k] < scratch[k] for k in both)
