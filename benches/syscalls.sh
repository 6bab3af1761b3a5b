#!/usr/bin/env bash
# System calls and CPU time a photo of `run` over an inbox of hand-copied photos, without what a start costs:
# syscalls.sh [SCANMILL-BINARY] [PHOTOS]. Each figure is the difference between a run over PHOTOS more photos and a run
# over a few, divided by PHOTOS. Makes the photos itself in a temporary folder. Needs strace.
set -euo pipefail
binary=$(realpath "${1:-target/release/scanmill}")
photos=${2:-3000}
few=200
command -v strace > /dev/null || { echo "syscalls: no strace here; install it (Debian: strace)" >&2; exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# An inbox of its own for each run: in that of `pump` the photos are announced already.
inbox() {
    mkdir -p "$root/made/inbox" "$root/$1"
    "$binary" pump --quiet --no-wait --root "$root/made" --count "$2" --size small --pictures 4 --key-file "$root/$1.jsonl" > /dev/null
    mv "$root/made/inbox" "$root/$1/inbox"
    rm -rf "$root/made"
}
run() { "${@:2}" "$binary" run --quiet --until-empty --metrics off --root "$root/$1" 2> "$root/$1.log" || { cat "$root/$1.log" >&2; exit 1; }; }
cpu_beside_decode() { sed -n 's/.*cpu \([0-9.]*\) s, of it decoding \([0-9.]*\) s.*/\1 \2/p' "$root/$1.log" | awk '{ print $1 - $2 }'; }

for kind in traced timed; do
    inbox "$kind-few" "$few"
    inbox "$kind-many" "$((few + photos))"
done
sleep 2
run traced-few strace -f -c -U name,calls -o "$root/few.calls"
run traced-many strace -f -c -U name,calls -o "$root/many.calls"
run timed-few
run timed-many
"$binary" verify --quiet --root "$root/traced-many" --key "$root/traced-many.jsonl" > /dev/null
"$binary" verify --quiet --root "$root/timed-many" --key "$root/timed-many.jsonl" > /dev/null

awk -v photos="$photos" '
    FNR == NR { if ($2 ~ /^[0-9]+$/) few[$1] = $2; next }
    $2 ~ /^[0-9]+$/ { a_photo = ($2 - few[$1]) / photos; if (a_photo >= 0.05) printf "%-18s %8.2f\n", $1, a_photo }
' "$root/few.calls" "$root/many.calls" | sed 's/^total /~total /' | sort -k2,2nr | sed 's/^~total  *\(.*\)/system calls a photo, all: \1/'
awk -v few="$(cpu_beside_decode timed-few)" -v many="$(cpu_beside_decode timed-many)" -v photos="$photos" \
    'BEGIN { printf "CPU beside the decode: %.0f microseconds a photo\n", (many - few) * 1e6 / photos }'
