"Which 16 bits, if any."
import subprocess, sys

import pytest, torch

from tinychat.fast import half
from tinychat.fast.half import autocast, cpu_half_type, half_type

@pytest.mark.parametrize('capability, dtype', [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)])
def test_a_gpu_by_its_generation(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    assert half_type(torch.device('cuda')) == dtype

@pytest.mark.parametrize('can, dtype', [({}, None), ({'avx512_bf16': True}, torch.bfloat16), ({'amx_bf16': True}, torch.bfloat16), ({'avx2': True}, None)])
def test_a_cpu_by_what_it_can(monkeypatch, can, dtype):
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: can, raising=False)
    assert cpu_half_type() == dtype

def test_an_older_pytorch_does_not_say(monkeypatch):
    monkeypatch.delattr(torch.cpu, 'get_capabilities', raising=False)
    assert cpu_half_type() is None

def test_elsewhere_nothing_is_converted(monkeypatch):
    monkeypatch.setattr(half, 'half_type', lambda device: None)
    with autocast(torch.device('cpu')): assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32

@pytest.mark.parametrize('dtype', [torch.bfloat16, None])
def test_compiled_in_one_piece(monkeypatch, dtype):
    "Entering mixed precision breaks no graph; whatever this processor is fast in."
    monkeypatch.setattr(half, '_CPU_HALF', dtype)
    def product(x):
        with autocast(x.device): return x @ x
    torch.compiler.reset()
    x = torch.randn(4, 4)
    y = torch.compile(product, fullgraph=True, backend='eager')(x)
    assert y.dtype == (dtype or torch.float32) and torch.equal(y, product(x))

def test_norms_in_16_bits_are_no_reason_to_warn():
    "In a process of its own, because PyTorch warns once, and pytest has filters of its own."
    code = ('import warnings, torch; warnings.simplefilter("error"); import tinychat.fast.half; '
            'x = torch.ones(2, 4).bfloat16(); print(torch.nn.functional.rms_norm(x, (4,), torch.ones(4)).sum().item())')
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert out.returncode == 0 and out.stdout.strip() == '8.0', out.stderr
