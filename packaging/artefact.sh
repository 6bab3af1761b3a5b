#!/usr/bin/env bash
# Builds the binary that can be carried to another machine, and checks that it can.
#
#   packaging/artefact.sh             target/artefact/scanmill: needs glibc 2.28 or newer (Amazon Linux 2023, RHEL 8, Debian 10)
#   packaging/artefact.sh --static    target/artefact/scanmill-static: needs no C library at all
#   packaging/artefact.sh --plain     as the first, without zig: as old as the C library here lets it be, 2.34 at most
#
# The dependencies are those of `cargo build --release`, so after one this only links anew. What makes a binary need a new
# glibc is the link: zig's stands for an older one. It comes from PyPI, pinned, into target/artefact-tools.
# CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu makes the first kind for Graviton, target/artefact/scanmill-aarch64: its
# standard library has to be installed (rustup target add), and zig is its C compiler too unless CC_… names one.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
out=target/artefact
mkdir -p "$out"
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_BUILD_TARGET:-$host}
arch=${target%%-*}
built=${CARGO_TARGET_DIR:-target}
[ -z "${CARGO_BUILD_TARGET:-}" ] || built=$built/$CARGO_BUILD_TARGET
of_arch=
[ "$target" = "$host" ] || of_arch=-$arch

# Only the program itself is compiled and linked with these: no dependency is built anew for them. The result stands where
# `cargo build` puts its own, which the next one puts back.
link() { cargo rustc --locked --release --bin scanmill -- "$@"; }

case $kind in
--static)
    # glibc's own archive, position independent. It looks names up in /etc/hosts and by DNS; other services that
    # /etc/nsswitch.conf may name need the shared library of the same version, so this is for roots without one.
    link -C target-feature=+crt-static
    name=scanmill-static$of_arch newest=none
    ;;
--plain)
    cargo build --locked --release --bin scanmill
    name=scanmill$of_arch newest=2.34
    ;;
"")
    tools=target/artefact-tools
    if [ ! -e "$tools/complete" ]; then
        rm -rf "$tools"
        python3 -m venv "$tools"
        "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
            ziglang==0.17.1 cargo-zigbuild==0.24.0
        touch "$tools/complete"
    fi
    linker=$PWD/$tools/link-$arch archiver=$PWD/$tools/archive-$arch
    # cargo-zigbuild knows which of rustc's arguments zig's linker does not take.
    zig() {
        echo '#!/bin/sh'
        echo "PATH=\"$PWD/$tools/bin:\$PATH\" exec \"$PWD/$tools/bin/cargo-zigbuild\" zig $* \"\$@\""
    }
    zig "cc -- -target $arch-linux-gnu.2.28" > "$linker"
    zig "ar --" > "$archiver"
    chmod +x "$linker" "$archiver"
    if [ "$target" != "$host" ]; then
        # The names by which the crate `cc` looks for them, with which SQLite and ring are built.
        for pair in "CC=$linker" "AR=$archiver"; do
            variable=${pair%%=*}_${target//-/_}
            [ -n "${!variable:-}" ] || export "$variable=${pair#*=}"
        done
    fi
    link -C "linker=$linker" ${of_arch:+-C strip=symbols}
    name=scanmill$of_arch newest=2.28
    ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
install -m 0755 "$built/release/scanmill" "$out/$name"
# The one for another architecture is stripped by its linker: this machine's `strip` does not know it.
[ -n "$of_arch" ] || strip "$out/$name"
packaging/needs.sh "$out/$name" "$newest"
