#!/usr/bin/env bash
# Set up if needed, then chat. Every argument goes to tinychat-chat; paths count from this folder.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")"
. tools/setup_env.sh
export TINYCHAT_SCRIPT=run_chat.sh
set_up
exec tinychat-chat "$@"
