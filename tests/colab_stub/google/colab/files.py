import os, shutil
from pathlib import Path

def upload():
    "Somebody chooses what COLAB_UPLOAD names. Colab writes it to the working folder, and returns it, too."
    source = Path(os.environ['COLAB_UPLOAD'])
    shutil.copy(source, source.name)
    return {source.name: source.read_bytes()}

def download(filename):
    "The browser saves a file; here it goes to the folder COLAB_DOWNLOADS."
    if not os.path.exists(filename): raise FileNotFoundError(f'Cannot find file: {filename}')
    shutil.copy(filename, os.environ['COLAB_DOWNLOADS'])
