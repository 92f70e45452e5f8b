"Which 16 bits, if any."
import pytest, torch

from tinychat.fast import half
from tinychat.fast.half import autocast, half_type

@pytest.mark.parametrize('capability, dtype', [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)])
def test_a_gpu_by_its_generation(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    assert half_type(torch.device('cuda')) == dtype

@pytest.mark.parametrize('can, dtype', [({}, None), ({'avx512_bf16': True}, torch.bfloat16), ({'amx_bf16': True}, torch.bfloat16), ({'avx2': True}, None)])
def test_a_cpu_by_what_it_can(monkeypatch, can, dtype):
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: can, raising=False)
    assert half_type(torch.device('cpu')) == dtype

def test_an_older_pytorch_does_not_say(monkeypatch):
    monkeypatch.delattr(torch.cpu, 'get_capabilities', raising=False)
    assert half_type(torch.device('cpu')) is None

def test_elsewhere_nothing_is_converted(monkeypatch):
    monkeypatch.setattr(half, 'half_type', lambda device: None)
    with autocast(torch.device('cpu')): assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
