#!/usr/bin/env bash
# Compares whole workers, from the queue to the results, on the same photos against the same stub of S3 and SQS:
# run.sh [run.py's options]. scanmill, Python as one would write it, Python tuned, Rust with `image` and `rqrr`. Needs
# python3 (3.10 or newer) with venv, and once a network or a cache of wheels for PyPI: the packages of requirements.txt
# go into target/pipelines/venv, nothing else is installed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=benches/peers/pipelines
work=target/pipelines
venv=$work/venv

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
# Together: on their own these tools would have the SDK built anew, with fewer features.
cargo build --locked --release --quiet -p scanmill -p scanmill-pipelines --bins

# The same photos in every run, without injected faults' broken files: those no worker reads.
for size in small medium large; do
    [ -d "$work/$size" ] || "$venv/bin/python" "$here/run.py" --make "$size" --work "$work"
done
exec "$venv/bin/python" "$here/run.py" --work "$work" "$@"
