#!/usr/bin/env bash
# Set up if needed, then learn from training_data/chatml_format.txt, or without one from a demo person.
# Every argument goes to tinychat-train; paths count from this folder.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")"
. tools/setup_env.sh
set_up

own=training_data/chatml_format.txt
data=training_data/demo.txt

# exec: Ctrl-C reaches python itself, and its exit code is ours.
for arg in "$@"; do
    case $arg in --data|--data=*|-h|--help) exec tinychat-train "$@" ;; esac
done
if [ -e "$own" ]; then exec tinychat-train "$@"; fi

say "No messages in $own yet, so this trains on a demo person: a participant of the Chit-Chat Challenge (PyPI: chitchat-dataset). To use your own, put them there (training_data/README.md says how)."
demo=$(setting demo_requirements)
if python -c 'import chitchat_dataset' 2>/dev/null || pip_install "$demo"; then
    tinychat-demo --out "$data" --overwrite
else
    data=training_data/sample.txt
    say "$demo could not be installed, so $data must do: invented, and small."
fi
exec tinychat-train --data "$data" "$@"
