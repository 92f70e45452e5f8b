#!/usr/bin/env bash
# Are the notebooks clean? Cleans them in a copy and compares; nothing is changed here.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")/.."
. tools/in_copy.sh

copy "$scratch/clean"
(cd "$scratch/clean" && nbdev-clean)
same nbs "$scratch/clean/nbs" || { echo 'The notebooks hold what nbdev-clean would remove. Run nbdev-clean.'; exit 1; }
