# Sourced, in the repository's folder, by the checks that need a copy of it, so that they change nothing here.
# Afterwards the environment for the tests is set up, and $scratch is a folder that goes away.
. tools/setup_env.sh
set_up dev

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# copy DIR: make DIR, and put there what the library is made from, without what builds and installs leave around it
copy() {
    mkdir "$1"
    cp -RP nbs tinychat settings.ini setup.py pyproject.toml MANIFEST.in README.md LICENSE _quarto.yml "$1"
}

# same OURS THEIRS: show how they differ, if they do
same() {
    diff -ru -x __pycache__ -x .ipynb_checkpoints "$1" "$2" > "$scratch/diff" || { head -60 "$scratch/diff" | cut -c1-200; return 1; }
}
