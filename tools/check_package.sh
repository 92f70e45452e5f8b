#!/usr/bin/env bash
# Does the wheel work? Builds it from the sdist, installs it where nothing else is, and tries it away from the repository.
#   tools/check_package.sh       in a folder that goes away
#   tools/check_package.sh DIR   in DIR, a new folder; the packages stay in DIR/dist, the environment in DIR/venv
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")/.."
. tools/in_copy.sh
repo=$PWD
dir=${1:-$scratch/package}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

copy "$dir/source"
# What a person has there, and what must stay there.
mkdir "$dir/source/training_data" "$dir/source/out"
echo private > "$dir/source/training_data/chatml_format.txt"
echo private > "$dir/source/out/ckpt.pt"
cp -R tests benchmarks "$dir/source"
python -m build --outdir "$dir/dist" "$dir/source" > "$dir/build.log" 2>&1 || { tail -30 "$dir/build.log"; exit 1; }
python tools/check_dist.py "$dir"/dist/*

python -m venv "$dir/venv"
PATH=$dir/venv/bin:$PATH
hash -r
cd "$dir"
pip_install "$(sed -n '/^torch==/p' "$repo/requirements.txt")" dist/*.whl
python -I "$repo/tools/check_installed.py"
