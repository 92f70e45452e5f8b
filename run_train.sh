#!/usr/bin/env bash
# Set up if needed, then train:
#   ./run_train.sh my_exports/   imports your exports, shows what will be trained on, and trains
#   ./run_train.sh               trains on what was imported before; if that is nothing, on a demo person
# --help explains the options. Exports' paths count from where you are, all others from this folder.
set -euo pipefail
here=$PWD
CDPATH='' cd -P -- "$(dirname -- "$0")"
. tools/setup_env.sh
export TINYCHAT_SCRIPT=run_train.sh
set_up
# exec: Ctrl-C reaches python itself, and its exit code is ours.
exec python tools/run_train.py "$here" "$@"
