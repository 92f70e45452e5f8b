#!/usr/bin/env bash
# The chat box and the pages are tried in real browsers: Chromium, and Firefox where it comes with it. Where machines come bare (CI) or are ours to change (root), get one.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")/.."
. tools/setup_env.sh

for name in chromium chromium-browser google-chrome google-chrome-stable '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do
    if command -v "$name" >/dev/null; then exit; fi
done
if command -v apt-get >/dev/null && { [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; }; then
    say 'Installing Chromium for the browser tests.'
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    root=; [ "$(id -u)" = 0 ] || root='sudo -n'
    if $root apt-get -qq update >&2 &&
        DEBIAN_FRONTEND=noninteractive $root apt-get -qq install -y --no-install-recommends chromium firefox-esr fonts-dejavu-core fonts-noto-color-emoji > "$log" 2>&1; then exit; fi
    tail -5 "$log" >&2
fi
say 'No Chromium or Chrome here: the browser tests are skipped.'
