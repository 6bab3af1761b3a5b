#!/usr/bin/env bash
# Compares scanmill with Python workers on the same photos: run.sh [SHARED-FOLDER] [compare.py's options]
# SHARED-FOLDER holds qr-dev/manifest.tsv (default ../shared); without it the photos are drawn here. One thread, CPU
# time, every tool in turn on every photo. Needs python3 (3.10 or newer) with venv, and once a network or a cache of
# wheels for PyPI: the packages of requirements.txt go into target/peers/venv, nothing else is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
shared=../shared
case ${1:-} in "" | --*) ;; *) shared=$1; shift ;; esac
here=benches/peers
venv=target/peers/venv
stamp=$venv/requirements.txt

command -v python3 > /dev/null || { echo "peers: no python3 here; install Python 3.10 or newer" >&2; exit 1; }
if ! cmp -s "$here/requirements.txt" "$stamp"; then
    echo "peers: installing $(grep -c '^[a-z]' "$here/requirements.txt") pinned packages into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv" || { echo "peers: python3 has no venv module; install it (Debian: python3-venv)" >&2; exit 1; }
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"; then
        echo "peers: pip could not get the packages above: a network is needed once, or a folder of wheels named in PIP_FIND_LINKS" >&2
        exit 1
    fi
    cp "$here/requirements.txt" "$stamp"
fi

echo "peers: building scanmill's side" >&2
cargo bench --locked --quiet --no-run --bench peers

manifest=$shared/qr-dev/manifest.tsv
if [ ! -f "$manifest" ]; then
    echo "peers: no $manifest; drawing photos into target/peers/made" >&2
    mkdir -p target/peers/made
    cargo bench --locked --quiet --bench peers -- --make "$PWD/target/peers/made"
    manifest=target/peers/made/manifest.tsv
fi
exec "$venv/bin/python" "$here/compare.py" "$manifest" "$@"
