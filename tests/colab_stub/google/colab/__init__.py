"What notebooks use of the module that Colab brings, played for tools/colab_run.py."
from . import drive, files
