#!/usr/bin/env bash
# What a tab of each of the engine's three pages costs it, share of one core: pages.sh [SCANMILL-BINARY] [SECONDS] [SCANS].
# The engine, on a warehouse of SCANS scans, is asked for as long as the pages ask and as often, by requests that name what
# they have, as those of the pages do. Beside it the same engine without a page; at rest, and while photos arrive at 5/s.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${1:-target/release/scanmill}")
seconds=${2:-60}
scans=${3:-60000}
root=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf "$root"' EXIT

"$binary" pump --quiet --no-wait --root "$root/data" --count 500 --pictures 100 --size small --key-file "$root/key.jsonl" > /dev/null
"$binary" run --quiet --until-empty --root "$root/data" --metrics off
python3 benches/million.py "$root/data/warehouse.sqlite" "$scans"

# Asks for a page's JSON every so many seconds, as the page does.
ask() {
    local tag=""
    while sleep "$1"; do
        tag=$(curl -s -D - -o /dev/null ${tag:+-H "If-None-Match: $tag"} "http://$address$2" | tr -d '\r' | sed -n 's/^etag: //Ip') || true
    done
}
# User and system time of a process in hundredths of a second.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
measure() {
    local before=$(ticks "$engine")
    sleep "$seconds"
    awk -v of="$1" -v ticks="$(($(ticks "$engine") - before))" -v seconds="$seconds" \
        'BEGIN { printf "%s: %.2f %% of a core\n", of, ticks / seconds }'
}

"$binary" run --quiet --root "$root/data" --metrics 127.0.0.1:0 2> "$root/log" & engine=$!
for _ in $(seq 100); do [ -f "$root/data/engine.json" ] && break; sleep 0.1; done
address=$(grep -o '127[0-9.]*:[0-9]*' "$root/data/engine.json" | head -1)
sleep 10
for what in "at rest" "5 photos a second"; do
    if [ "$what" != "at rest" ]; then
        "$binary" pump --quiet --root "$root/data" --rate 5/s --for "$((seconds * 2 + 40))s" --size small --key-file "$root/key-2.jsonl" > /dev/null & pump=$!
        sleep 10
    fi
    measure "$what, no page"
    ask 1 /state & asking=($!)
    ask 5 /history & asking+=($!)
    ask 5 /scans.json & asking+=($!)
    ask 3 /rejections.json & asking+=($!)
    sleep 5
    measure "$what, a tab of each of three pages"
    kill "${asking[@]}" && wait "${asking[@]}" 2> /dev/null || true
done
kill "$pump" 2> /dev/null && wait "$pump" 2> /dev/null || true
kill -TERM "$engine"
wait "$engine" || { cat "$root/log" >&2; exit 1; }
