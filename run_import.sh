#!/usr/bin/env bash
# Set up if needed, then import:
#   ./run_import.sh my_exports/   shows what will be trained on, and trains nothing
# --help explains the options. Exports' paths count from where you are, all others from this folder.
set -euo pipefail
here=$PWD
CDPATH='' cd -P -- "$(dirname -- "$0")"
. tools/setup_env.sh
export TINYCHAT_SCRIPT=run_import.sh
set_up
exec python tools/run_train.py "$here" "$@"
