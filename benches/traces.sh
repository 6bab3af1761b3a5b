#!/usr/bin/env bash
# What traces cost: CPU of the same run with one photo in a hundred traced, to a collector that takes everything, ÷ without
# traces: traces.sh [SCANMILL-BINARY] [PHOTOS] [ROUNDS] [SAMPLE]. The rounds alternate, and each ratio is of neighbours, so
# that what else the machine does meets both. Asked for is a median of at most 1.02.
set -euo pipefail
binary=$(realpath "${1:-target/release/scanmill}")
photos=${2:-1000} rounds=${3:-7} sample=${4:-0.01}
root=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf "$root"' EXIT

cat > "$root/collector.py" <<'COLLECTOR'
import http.server, json, sys

class Collector(http.server.BaseHTTPRequestHandler):
    spans = 0

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                Collector.spans += len(scope["spans"])
        with open(sys.argv[1], "w") as told:
            told.write(str(Collector.spans))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_address[1], flush=True)
server.serve_forever()
COLLECTOR
echo 0 > "$root/spans"
python3 "$root/collector.py" "$root/spans" > "$root/port" &
for _ in $(seq 100); do [ -s "$root/port" ] && break; sleep 0.1; done
collector="http://127.0.0.1:$(cat "$root/port")"

"$binary" pump --quiet --no-wait --root "$root/made" --count "$photos" --size small --pictures 50 --key-file "$root/key.jsonl" > /dev/null

# User and system seconds of one run over all photos.
TIMEFORMAT='%U %S'
cpu() {
    rm -rf "$root/run"
    mkdir "$root/run"
    cp -r "$root/made/inbox" "$root/run/inbox"
    { time env -u OTEL_EXPORTER_OTLP_ENDPOINT "$binary" run --quiet --until-empty --metrics off --root "$root/run" "$@" \
        2> "$root/run.log" >&2; } 2> "$root/time" || { cat "$root/run.log" >&2; exit 1; }
    awk '{ print $1 + $2 }' "$root/time"
}
cpu > /dev/null
for round in $(seq "$rounds"); do
    if [ $((round % 2)) = 0 ]; then
        off=$(cpu); on=$(cpu --set otel.endpoint="$collector" --set otel.sample="$sample")
    else
        on=$(cpu --set otel.endpoint="$collector" --set otel.sample="$sample"); off=$(cpu)
    fi
    awk -v on="$on" -v off="$off" 'BEGIN { printf "%.4f  %.2f s with traces, %.2f s without\n", on / off, on, off }'
done | tee "$root/ratios"
sort -n "$root/ratios" | awk -v photos="$photos" -v spans="$(cat "$root/spans")" '
    { ratio[NR] = $1 }
    END { printf "median %.4f of %d pairs of %d photos; %d spans received\n", ratio[int((NR + 1) / 2)], NR, photos, spans }'
[ "$(cat "$root/spans")" -gt 0 ] || { echo "no span was received" >&2; exit 1; }
