#!/usr/bin/env python3
"""What a photo costs while many messages wait in the embedded queue: deep_queue.py BINARY [MESSAGES] [SECONDS].

A queue of so many messages is made by SQL, all of them of the same 4,000 photos, and an engine reads it for so long. CPU is
the kernel's account of the process less what the engine says it decoded. Ten million messages take 4 GB of disk."""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

# Many: a photo whose message comes again waits until the first is durable.
PHOTOS = 4000
binary = os.path.abspath(sys.argv[1])
messages = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 30


def event(key, size):
    object = {"key": urllib.parse.quote_plus(key, safe="/"), "size": size}
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "local", "eventName": "ObjectCreated:Put"}
    return json.dumps({"Records": [dict(record, eventTime="2026-01-01T00:00:00.000Z", s3={"bucket": {"name": "inbox"}, "object": object})]})


with tempfile.TemporaryDirectory() as root:
    pump = ["pump", "--quiet", "--no-wait", "--count", str(PHOTOS), "--size", "small", "--pictures", "100", "--root", root]
    subprocess.run([binary, *pump], check=True, stdout=subprocess.DEVNULL)
    # Announced by the first run: the queue is there, and empty.
    quiet = ["run", "--quiet", "--root", root]
    subprocess.run([binary, *quiet, "--until-empty", "--metrics", "off"], check=True, stderr=subprocess.DEVNULL)
    inbox = f"{root}/inbox"
    found = [os.path.join(folder, name) for folder, _, names in os.walk(inbox) for name in names]
    bodies = [event(os.path.relpath(path, inbox), os.path.getsize(path)) for path in found]
    queue = sqlite3.connect(f"{root}/queue.sqlite")
    queue.execute("PRAGMA synchronous = OFF")
    now = int(time.time() * 1e6) - messages
    sent = ((bodies[n % len(bodies)], now + n, now + n) for n in range(messages))
    queue.executemany("INSERT INTO messages (body, sent_us, visible_us) VALUES (?, ?, ?)", sent)
    queue.commit()
    queue.close()
    engine = subprocess.Popen([binary, *quiet, "--metrics", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    page = engine.stderr.readline().split("page ")[1].split()[0]

    def seen():
        """Photos, CPU beside the decode, messages that wait."""
        state = json.load(urllib.request.urlopen(f"{page}state"))
        with open(f"/proc/{engine.pid}/stat") as stat:
            cpu = sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        return state["totals"]["photos"], cpu - state["totals"]["decode_cpu_seconds"], state["queue"]["ready"]

    # Without the start, which looks through the inbox.
    time.sleep(5)
    first = seen()
    time.sleep(seconds)
    last = seen()
    engine.terminate()
    engine.communicate()
    photos = last[0] - first[0]
    print(f"{last[2]:,} messages wait: {photos:,} photos, {(last[1] - first[1]) * 1e6 / photos:.0f} µs a photo beside its decode")
