# Sourced by run_import.sh, run_train.sh, run_chat.sh and run_tests.sh, in the repository's folder.
#   set_up       finds or makes a Python environment and installs what training and chatting need
#   set_up dev   and what the tests need
# Afterwards `python` and the tinychat commands are that environment's. Speaks on standard error only, so that
# `./run_chat.sh --prompt hi` prints the reply and nothing else. Written for bash 3.2, which is what macOS has.

say()  { printf '%s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

# setting NAME: its value in settings.ini
setting() { sed -n "s/^$1 *= *//p" settings.ini; }

# new_enough PYTHON: exit status 0 if tinychat runs on it
new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "$(setting min_python)" 2>/dev/null
}

# Print the first Python that is new enough and can make environments (Debian's needs a package for that).
find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if new_enough "$name" && "$name" -c 'import ensurepip, venv' 2>/dev/null; then echo "$name"; return; fi
    done
    stop "tinychat needs Python $(setting min_python) or newer with its venv module; found $(python3 --version 2>/dev/null || echo 'no python3')." \
         "Install one (python.org; on Debian and Ubuntu: apt install python3-venv) and run this again."
}

# Changes whenever what is to be installed changes, or the Python it is for.
fingerprint() {
    cat requirements.txt settings.ini setup.py pyproject.toml |
        python -I -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read() + sys.version.encode()).hexdigest())'
}

# present EXTRA: exit status 0 if tinychat is installed from this folder, with all it asks for. A stamp alone would not
# notice a `pip uninstall`. -I keeps the current folder off the path, where ./tinychat would look installed.
present() {
    python -I -c '
import re, sys
from importlib import metadata, util
here, extra = sys.argv[1:]
try:
    found = util.find_spec("tinychat").origin.startswith(here + "/")
    for need in metadata.requires("tinychat"):
        if "extra ==" not in need or f"extra == \"{extra}\"" in need: metadata.version(re.match(r"[\w.-]+", need)[0])
except (AttributeError, metadata.PackageNotFoundError): found = False
sys.exit(not found)' "$PWD" "$1"
}

# pip reports errors only; its progress would belong on standard error too. Most of what it would compile is never imported:
# what is, Python compiles then.
pip_install() { PIP_DISABLE_PIP_VERSION_CHECK=1 python -m pip install -qq --no-compile "$@" >&2; }

set_up() {
    local extra=${1:-} home=${VIRTUAL_ENV:-${CONDA_PREFIX:-}} python stamp print
    if [ -n "$home" ]; then
        new_enough "$home/bin/python" || stop "The active environment $home has no Python $(setting min_python) or newer." \
            "Leave it (\`deactivate\` or \`conda deactivate\`) and run this again: a .venv is then made here."
    else
        home=$PWD/.venv
        # One that was left half-made, or made before the folder was moved, does not work: make it anew.
        if ! "$home/bin/python" -m pip --version >/dev/null 2>&1 || ! grep -qF "$home" "$home/bin/activate"; then
            python=$(find_python)
            say "Making a virtual environment in .venv ($("$python" --version))."
            "$python" -m venv --clear "$home"
        fi
    fi
    export PATH="$home/bin:$PATH"
    hash -r
    chmod 700 training_data 2>/dev/null || true # people's messages will lie there

    stamp=$home/.tinychat-installed
    print=$(fingerprint)
    # What the tests need includes what everything else needs, so either stamp will do for no extra.
    case $(cat "$stamp" 2>/dev/null || true) in
        "$print $extra"|"$print dev") if present "$extra"; then return; fi ;;
    esac

    say "Installing tinychat and what it needs into $home. The first time takes minutes: PyTorch is large."
    rm -f "$stamp"
    python -m pip --version >/dev/null 2>&1 || python -m ensurepip >&2 ||
        stop "The environment $home has no pip, and Python could not add it. Install pip there and run this again."
    local what=".${extra:+[$extra]}" # with the tested versions, if they are to be had
    if ! pip_install -r requirements.txt -e "$what"; then
        [ -z "$extra" ] || stop "What tinychat needs for this could not be installed; pip says above why. Put that right and run this again."
        say "The tested versions could not be installed (pip says above why); trying any that settings.ini allows."
        pip_install -e "$what" || stop "tinychat could not be installed; pip says above why. Put that right and run this again."
    fi
    echo "$print $extra" > "$stamp"
    [ "$home" != "$PWD/.venv" ] || say "Installed. To type the other commands, such as tinychat-evaluate, first say: . .venv/bin/activate"
}
