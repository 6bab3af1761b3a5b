#!/usr/bin/env bash
# CPU of two builds of scanmill over the same photos: versus.sh [--rounds N] OLD NEW FOLDER...
# The builds take turns, and of each the round with the least user CPU counts, as what else the machine does only ever adds.
# A photo of which one build reads other texts than the other is named below the table.
set -euo pipefail
rounds=5
if [ "${1:-}" = --rounds ]; then rounds=$2; shift 2; fi
old=$(realpath "${1:?usage: versus.sh [--rounds N] OLD NEW FOLDER...}")
new=$(realpath "${2:?usage: versus.sh [--rounds N] OLD NEW FOLDER...}")
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# User seconds of one build over the photos of the list; its lines are kept under a name.
TIMEFORMAT=%U
cpu() {
    { time "$1" decode --quiet --threads 1 --from-list "$work/list" > "$work/$2.jsonl" 2> /dev/null || true; } 2>&1
}

echo "| folder | photos | old s | new s | new ÷ old |"
echo "|---|---|---|---|---|"
for folder in "$@"; do
    find "$folder" -type f | sort > "$work/list"
    cpu "$old" old > /dev/null
    for round in $(seq "$rounds"); do
        if [ $((round % 2)) = 0 ]; then
            cpu "$old" old >> "$work/old.times"; cpu "$new" new >> "$work/new.times"
        else
            cpu "$new" new >> "$work/new.times"; cpu "$old" old >> "$work/old.times"
        fi
    done
    least_old=$(sort -n "$work/old.times" | head -n 1) least_new=$(sort -n "$work/new.times" | head -n 1)
    rm "$work/old.times" "$work/new.times"
    awk -v folder="$(basename "$folder")" -v photos="$(wc -l < "$work/list")" -v old="$least_old" -v new="$least_new" \
        'BEGIN { printf "| %s | %d | %.2f | %.2f | %.2f |\n", folder, photos, old, new, (old > 0 ? new / old : 0) }'
    python3 - "$work/old.jsonl" "$work/new.jsonl" >> "$work/texts" <<'TEXTS'
import json, sys

def texts(path):
    rows = map(json.loads, open(path, encoding="utf-8"))
    return {row["path"]: sorted(code["text"] for code in row["codes"]) for row in rows}

old, new = (texts(path) for path in sys.argv[1:])
for path in sorted(old):
    if old[path] != new.get(path):
        lost = [text for text in old[path] if text not in new.get(path, [])]
        print(f"{path}: {len(old[path])} codes, now {len(new.get(path, []))}; lost: {lost}")
TEXTS
done
echo
cat "$work/texts"
