#!/usr/bin/env bash
# What an engine costs that has nothing to do, share of one core, over SECONDS: idle.sh [SCANMILL-BINARY] [SECONDS].
# Once with folder and SQLite, once with S3 and SQS, which are the stub of peers/pipelines; a queue there is asked by long
# polls of 20 seconds, as at AWS.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${1:-target/release/scanmill}")
seconds=${2:-60}
cargo build --locked --release --quiet -p scanmill -p scanmill-pipelines --bins
root=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf "$root"' EXIT
mkdir "$root/photos" "$root/out"

# User and system time of a process in hundredths of a second.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
measure() {
    "${@:2}" "$binary" run --quiet --root "$root/$1" --metrics 127.0.0.1:0 2> "$root/$1.log" & local engine=$!
    for _ in $(seq 100); do [ -f "$root/$1/engine.json" ] && break; sleep 0.1; done
    # Until the start is over.
    sleep 10
    local before=$(ticks "$engine")
    sleep "$seconds"
    awk -v of="$1" -v ticks="$(($(ticks "$engine") - before))" -v seconds="$seconds" \
        'BEGIN { printf "%s, idle: %.2f %% of a core\n", of, ticks / seconds }'
    kill -TERM "$engine"
    wait "$engine" || { cat "$root/$1.log" >&2; exit 1; }
}

"$binary" pump --quiet --no-wait --root "$root/made" --count 1 --size small --key-file "$root/key.jsonl" > /dev/null
find "$root/made/inbox" -type f -exec cp {} "$root/photos/" \;
measure "folder and SQLite" env
target/release/pipeline-stub "$root/photos" 0 "$root/out" > "$root/port" &
for _ in $(seq 100); do [ -s "$root/port" ] && break; sleep 0.1; done
endpoint="http://127.0.0.1:$(cat "$root/port")"
measure "S3 and SQS" env AWS_ACCESS_KEY_ID=stub AWS_SECRET_ACCESS_KEY=stub AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1 \
    SCANMILL_STORE_KIND=s3 SCANMILL_STORE_INBOX=photos SCANMILL_STORE_RESULTS=results \
    SCANMILL_S3_ENDPOINT="$endpoint" SCANMILL_S3_PATH_STYLE=true SCANMILL_QUEUE_KIND=sqs \
    SCANMILL_SQS_ENDPOINT="$endpoint" SCANMILL_SQS_QUEUE_URL="$endpoint/000000000000/photos"
