#!/usr/bin/env python3
"""Runs each worker over the same messages and prints what it cost. Started by run.sh.

run.py --work DIR [--size small|medium|large]... [--worker NAME]... [--photos N]

Photos read are those with a text that the picture's answer key names. CPU seconds are the worker's alone, start and
end included: of all its processes, by the kernel's account. Peak memory is the sum over its processes, looked at ten
times a second. p99 is how long a message was held, from its receive to its delete.
"""
import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTOS = {"small": 3000, "medium": 600, "large": 150}
PICTURES = {"small": 200, "medium": 60, "large": 12}


def workers(release):
    python = [sys.executable]
    cores = str(os.cpu_count())
    return {
        "python-threads": python + [f"{HERE}/plain.py", "--threads", "8"],
        "python-processes": python + [f"{HERE}/plain.py", "--processes", cores],
        "python-tuned": python + [f"{HERE}/tuned.py", cores],
        "rust-rqrr": [f"{release}/pipeline-rust"],
        "scanmill": [f"{release}/scanmill", "run", "--quiet", "--until-empty", "--metrics", "off"],
    }


def make(size, work):
    """Pictures with a code in them, numbered, and the texts of each."""
    release = os.path.join(os.path.dirname(work), "release")
    folder = os.path.join(work, size)
    with tempfile.TemporaryDirectory() as root:
        key_file = f"{root}/key.jsonl"
        pump = ["pump", "--quiet", "--no-wait", "--count", str(2 * PICTURES[size]), "--size", size]
        # A root that is only pumped into: no engine runs there.
        os.makedirs(f"{root}/inbox")
        subprocess.run(
            [f"{release}/scanmill", *pump, "--root", root, "--key-file", key_file], check=True, stdout=subprocess.DEVNULL
        )
        texts = []
        os.makedirs(folder + ".part", exist_ok=True)
        with open(key_file, encoding="utf-8") as lines:
            for line in lines:
                photo = json.loads(line).get("photo")
                codes = (((photo or {}).get("expect") or {}).get("scans") or {}).get("codes")
                path = f"{root}/inbox/{photo['key']}" if photo else ""
                if not codes or photo["fault"] or not path.endswith(".jpg") or len(texts) == PICTURES[size]:
                    continue
                shutil.copy(path, f"{folder}.part/{len(texts):04}.jpg")
                texts.append([code["payload"] for code in codes])
    with open(f"{folder}.texts.json", "w", encoding="utf-8") as file:
        json.dump(texts, file)
    os.rename(folder + ".part", folder)


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def tree(pid):
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            with open(f"/proc/{one}/task/{one}/children") as children:
                waiting += map(int, children.read().split())
        except OSError:
            pass
    return found


def resident(pid):
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as lines:
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1000


def rows(out):
    """What was put: a key and its texts."""
    for name in sorted(os.listdir(out)):
        opened = gzip.open if name.endswith(".gz") else open
        with opened(os.path.join(out, name), "rt", encoding="utf-8") as file:
            # One row a line in batches, one object otherwise.
            for row in map(json.loads, file if name.endswith(".gz") else [file.read()]):
                if "texts" in row:
                    yield row["key"], row["texts"]
                elif "payload" in row:
                    yield row["object_key"], [row["payload"]]


def against(port, root):
    """The environment of a worker that works for the stub at this port."""
    endpoint = f"http://127.0.0.1:{port}"
    queue = f"{endpoint}/000000000000/photos"
    return dict(
        os.environ, AWS_ACCESS_KEY_ID="stub", AWS_SECRET_ACCESS_KEY="stub", AWS_EC2_METADATA_DISABLED="true",
        AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1", ENDPOINT=endpoint, QUEUE_URL=queue,
        RESULTS="results", SCANMILL_LOCAL_ROOT=root, SCANMILL_STORE_KIND="s3", SCANMILL_STORE_INBOX="photos",
        SCANMILL_STORE_RESULTS="results", SCANMILL_S3_ENDPOINT=endpoint, SCANMILL_S3_PATH_STYLE="true",
        SCANMILL_QUEUE_KIND="sqs", SCANMILL_SQS_ENDPOINT=endpoint, SCANMILL_SQS_QUEUE_URL=queue,
    )


def run(name, command, size, count, work, release):
    with open(os.path.join(work, f"{size}.texts.json"), encoding="utf-8") as file:
        texts = [set(expected) for expected in json.load(file)]
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as root:
        stub = subprocess.Popen(
            [f"{release}/pipeline-stub", os.path.join(work, size), str(count), out], stdout=subprocess.PIPE, text=True
        )
        try:
            port = stub.stdout.readline().strip()
            environment = against(port, root)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            log = open(f"{root}/log", "w+", encoding="utf-8", errors="replace")
            worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
            peak = 0
            while worker.poll() is None:
                peak = max(peak, resident(worker.pid))
                time.sleep(0.1)
            log.seek(0)
            said = log.read()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if worker.returncode:
                sys.exit(f"{name} ended with {worker.returncode}:\n{said}")
            held = ask(port, "/finish")
        finally:
            stub.kill()
            stub.wait()
        read = set()
        for key, found in rows(out):
            if texts[int(key.removesuffix(".jpg").split("-")[1])] & set(found):
                read.add(key)
        if held["deleted"] != count:
            sys.exit(f"{name} left {count - held['deleted']} of {count} messages:\n{said}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        decode = [line for line in said.splitlines() if "of it decoding" in line]
        decoding = float(decode[0].split("of it decoding ")[1].split(" s")[0]) if decode else None
        return {
            "cpu": cpu / count * 1000,
            "beside": None if decoding is None else (cpu - decoding) / count * 1e6,
            "rate": count / held["seconds"],
            "p99": held["p99_ms"] / 1000,
            "peak": peak,
            "read": 100 * len(read) / count,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--make", choices=PHOTOS)
    parser.add_argument("--size", action="append", choices=PHOTOS)
    parser.add_argument("--worker", action="append")
    parser.add_argument("--photos", type=int)
    parser.add_argument("--bin", help="folder of the binaries [default: target/release]")
    chosen = parser.parse_args()
    work = os.path.abspath(chosen.work)
    if chosen.make:
        return make(chosen.make, work)
    release = os.path.abspath(chosen.bin or os.path.join(os.path.dirname(work), "release"))
    for size in chosen.size or ["small", "large"]:
        count = chosen.photos or PHOTOS[size]
        folder = os.path.join(work, size)
        kilobytes = sum(entry.stat().st_size for entry in os.scandir(folder)) / len(os.listdir(folder)) / 1000
        print(f"\n{count} photos of {kilobytes:.0f} KB, CPU time of the worker alone\n")
        print("| worker | CPU s a 1,000 photos | of scanmill's | beside the decode, µs a photo | photos/s | p99 held, s | peak MB | read |")
        print("|---|---|---|---|---|---|---|---|")
        seen = {}
        for name, command in workers(release).items():
            if chosen.worker and name not in chosen.worker:
                continue
            seen[name] = run(name, command, size, count, work, release)
            print(f"{name} done", file=sys.stderr)
        for name, row in seen.items():
            times = row["cpu"] / seen["scanmill"]["cpu"] if "scanmill" in seen else 0
            beside = "" if row["beside"] is None else f"{row['beside']:.0f}"
            print(
                f"| {name} | {row['cpu']:.2f} | {times:.2f}× | {beside} | {row['rate']:.0f} | {row['p99']:.1f} "
                f"| {row['peak']:.0f} | {row['read']:.1f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
