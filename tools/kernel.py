"""Make the WebAssembly that runs in a page from its text form, which stands in nbs/share/phone.ipynb as KERNEL_SOURCE.

    python tools/kernel.py     # shows it as base64, for KERNEL in the same notebook; needs wasmtime (PyPI)
"""
import base64

from tinychat.share.phone import KERNEL_SOURCE


def assembled():
    "The machine code of `KERNEL_SOURCE`, as base64."
    from wasmtime import wat2wasm
    return base64.b64encode(wat2wasm(KERNEL_SOURCE)).decode()


if __name__ == '__main__': print(assembled())
