#!/usr/bin/env bash
# Fuzzes the decode targets: run.sh [SECONDS-PER-TARGET] [TARGET…]. Without arguments, a minute for each.
# Needs a C++ compiler, for libFuzzer; the stable Rust toolchain is enough. Corpora grow in target/fuzz/corpus, inputs
# that fail end in target/fuzz/found: copy such a file to crates/decode/tests/data/fuzz/TARGET, where every `cargo test` replays it.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(inspect jpeg exif ladder photo)
if ! command -v "${CXX:-c++}" > /dev/null; then
    echo "run.sh: no C++ compiler '${CXX:-c++}', which libFuzzer needs: install one (g++ or clang++) or name it in CXX." >&2
    echo "run.sh: 'cargo test -p scanmill-decode --test fuzz' tries the same targets on changed seeds without one." >&2
    exit 1
fi

# What `cargo fuzz` sets, without the sanitizers: they need a nightly toolchain and look for errors of memory, and the
# only unsafe code of scanmill's own are two calls of functions compiled for wider registers.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing"
# The versions that scanmill is built with; cargo adds those of libFuzzer.
cp Cargo.lock crates/decode/tests/fuzz/Cargo.lock
host=$(rustc -vV | sed -n 's/^host: //p')
# With --target the flags are not for build scripts.
RUSTFLAGS="${RUSTFLAGS:-} $(echo $coverage)" cargo build --release --target "$host" \
    --manifest-path crates/decode/tests/fuzz/Cargo.toml --target-dir target/fuzz/build --bins

status=0
for target in "${targets[@]}"; do
    corpus=target/fuzz/corpus/$target
    found=target/fuzz/found/$target
    known=crates/decode/tests/data/fuzz/$target
    # The ladder takes its time for every pixel: 64 x 64 of them.
    longest=20000
    [ "$target" != ladder ] || longest=4100
    mkdir -p "$corpus" "$found"
    [ -d "$known" ] && cp "$known"/* "$corpus"/
    printf '\n== %s, %s s\n' "$target" "$seconds"
    # The time limit is for one input: even the ladder has its answer in a second when nothing is wrong.
    SCANMILL_FUZZ_CORPUS=$corpus "target/fuzz/build/$host/release/$target" "$corpus" \
        -max_total_time="$seconds" -artifact_prefix="$found/" -timeout=30 -rss_limit_mb=1024 -max_len=$longest \
        -print_final_stats=1 -verbosity=1 2>&1 | tail -n 40 || status=1
done
exit $status
