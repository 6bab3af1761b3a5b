#!/usr/bin/env bash
# Peak memory of `run` over 20,000 small and 200 twelve-megapixel photos, against the two budgets plus 150 MB:
# memory.sh [SCANMILL-BINARY]. Makes the photos itself (2 GB in a temporary folder) and verifies every row afterwards.
set -euo pipefail
binary=$(realpath "${1:-target/release/scanmill}")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir "$root/inbox"

echo "making 20,000 small and 200 twelve-megapixel photos in $root"
"$binary" pump --quiet --no-wait --root "$root" --count 20000 --size small --pictures 2 --key-file "$root/small.jsonl"
"$binary" pump --quiet --no-wait --root "$root" --count 200 --size large --pictures 1 --seed 2 --key-file "$root/large.jsonl"

# Small budgets, so that they bind on any machine.
fetched=$((64 << 20)) decode=$((256 << 20))
"$binary" run --set memory.fetched_bytes=$fetched --set memory.decode_bytes=$decode --quiet --until-empty --metrics off --root "$root" 2>&1 | tee "$root/run.log"
"$binary" verify --root "$root" --key "$root/small.jsonl"
"$binary" verify --root "$root" --key "$root/large.jsonl"

peak=$(sed -n 's/.*peak memory \([0-9]*\) MB.*/\1/p' "$root/run.log")
limit=$(( (fetched + decode) / 1000000 + 150 ))
echo "peak $peak MB, allowed $limit MB (both budgets and 150 MB)"
[ "$peak" -le "$limit" ]
