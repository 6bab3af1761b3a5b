#!/usr/bin/env bash
# Scores `scanmill decode` on the development photos: score.sh SHARED-FOLDER [SCANMILL-BINARY]
# Prints score.py's table for each set and fails when a set falls below its floor or a text is wrong.
set -euo pipefail
shared=$(realpath "${1:?usage: score.sh SHARED-FOLDER [SCANMILL-BINARY]}")
binary=$(realpath "${2:-target/release/scanmill}")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Set, the share of its photos that must be read, in percent, and photos with a text that is not in the truth: one of the
# phone photos shows four codes, and the truth has the text of one.
while read -r set floor unlisted; do
    grep "^$set/" "$shared/qr-dev/manifest.tsv" > "$work/manifest.tsv"
    cut -f1 "$work/manifest.tsv" | sed "s|^|$shared/qr-dev/|" > "$work/list"
    "$binary" decode --quiet --from-list "$work/list" > "$work/lines.jsonl"
    # score.py takes paths relative to the manifest's folder.
    python3 "$here/score_adapter.py" < "$work/lines.jsonl" | sed "s|^$shared/qr-dev/||" > "$work/results.tsv"
    echo "-- $set (at least $floor %)"
    python3 "$shared/score.py" "$work/manifest.tsv" "$work/results.tsv" --min-read "$floor" --max-wrong "$unlisted" | sed -n '1p;$p'
done <<'FLOORS'
zxing 98.8 0
zxingcpp 98.5 0
misc 97 0
quircs-generated 100 0
phone 96.7 1
made 100 0
FLOORS
