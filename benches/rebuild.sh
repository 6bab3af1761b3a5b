#!/usr/bin/env bash
# What a changed line costs a developer: CPU seconds from the change until the tests that look at it are built, with cargo's
# defaults. Prints a line for each place. The work tree must be clean; each change is taken back.
#
#     benches/rebuild.sh [jpeg|decode|domain|engine|cli|ports]...
set -euo pipefail
cd "$(dirname "$0")/.."

# Name, file, the tests that look at it.
places() {
    cat << 'END'
jpeg crates/jpeg/src/luma.rs -p scanmill-jpeg
decode crates/decode/src/scale.rs -p scanmill-decode
domain crates/core/src/domain/reject.rs -p scanmill-core
ports crates/ports/src/queue/sqlite/mod.rs --test adapters
engine src/actors/poller.rs --test engine
cli src/cli/check/ports.rs --test cli
END
}

[ -z "$(git status --porcelain --untracked-files=no)" ] || { echo "the work tree has changes: commit or stash them" >&2; exit 2; }
trap 'git checkout --quiet -- crates src' EXIT

places | while read -r name file tests; do
    if [ $# -gt 0 ] && ! [[ " $* " == *" $name "* ]]; then continue; fi
    # shellcheck disable=SC2086
    cargo test --quiet --locked $tests --no-run
    # An exported function that says something else each time, so that it reaches the object code.
    printf '\n#[unsafe(no_mangle)]\nextern "C" fn scanmill_rebuild_%s() -> u64 {\n    %s\n}\n' "$name" "$RANDOM" >> "$file"
    # shellcheck disable=SC2086
    TIMEFORMAT="$name: %U s of user time, %S s of system time, %R s in all ($file; cargo test $tests)"
    time cargo test --quiet --locked $tests --no-run
    git checkout --quiet -- "$file"
done
