#!/usr/bin/env bash
# Set up if needed, then run every check, each even if one before it failed. Exit status 1 if any did.
#   ./run_tests.sh           everything: some minutes on two cores
#   ./run_tests.sh --quick   without running the notebooks, the browser and the clean install
# Each tools/check_*.sh can be run alone, and so can `nbdev-test` and `pytest` in the environment made here.
set -euo pipefail
CDPATH='' cd -P -- "$(dirname -- "$0")"
. tools/setup_env.sh
case ${1:-} in
    '') quick= ;;
    --quick) quick=yes ;;
    *) stop "run_tests.sh knows no $1. It takes nothing, or --quick." ;;
esac
set_up dev

# Everything temporary, the notebooks' and the tests' too, goes in one folder that goes away.
scratch=$(mktemp -d)
packaging=
trap 'if [ -n "$packaging" ]; then kill -- "-$packaging" 2>/dev/null || true; wait; fi; rm -rf "$scratch"' EXIT
trap 'exit 130' INT
mkdir "$scratch/tmp"
export TMPDIR=$scratch/tmp
unset PYTHONDONTWRITEBYTECODE # or each of many hundred processes would compile the library anew

passed=0 failed=0 names=
# check NAME COMMAND...: run it, say how it went, and go on
check() {
    local start=$SECONDS name=$1
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then passed=$((passed + 1)); echo "ok, $((SECONDS - start)) s"
    else failed=$((failed + 1)); names="$names
  $name"; echo "FAILED, $((SECONDS - start)) s"; fi
}

# The wheel is built and tried beside the other checks, as most of that is waiting for downloads; this waits for its end.
packaged() {
    local code=0
    wait "$packaging" || code=$?
    packaging=
    cat "$scratch/package.log"
    return $code
}

if [ -z "$quick" ]; then
    set -m # a process group of its own, to be ended as one
    tools/check_package.sh "$scratch/package" > "$scratch/package.log" 2>&1 &
    packaging=$!
    set +m
    # In CI a missing browser is a failure, not a reason to skip.
    if [ "${CI:-}" = true ]; then export TINYCHAT_REQUIRE_BROWSER=1; fi
    tools/get_browser.sh
fi
check 'tinychat/ is what the notebooks export' tools/check_exported.sh
check 'the notebooks are clean' tools/check_clean.sh

# Two notebooks at a time, each with its share of the cores; what the stand-in for Colab runs whole, below, is left to it. Then some test files at a time; on two cores three, for some wait.
cores=$(getconf _NPROCESSORS_ONLN)
half=1 files=3 threads=1
if [ "$cores" -gt 2 ]; then half=$((cores / 2)) files=$((cores / 2)) threads=2; fi
if [ -z "$quick" ]; then check 'the other notebooks run' env OMP_NUM_THREADS=$half nbdev-test --n-workers 2 --timing --path-re '^(?!.*nbs/(index|0[014]_|commands|share/(colab|export|web)|messengers/whatsapp))'; fi
check 'pytest' env OMP_NUM_THREADS=$threads python -m pytest -q -n $files --dist loadfile --no-loadscope-reorder ${quick:+"--ignore-glob=tests/*_browser.py"}
if [ -z "$quick" ]; then
    check 'the wheel works in a clean environment' packaged
    check 'the notebooks run in Colab' tools/check_colab.sh "$scratch/package"
fi

printf '\n%s s in all' $SECONDS
[ $failed = 0 ] || printf '\nFailed:%s' "$names"
printf '\n%s passed, %s failed\n' $passed $failed
[ $failed = 0 ]
