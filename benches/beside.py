#!/usr/bin/env python3
"""What a photo costs beside its decode, by two builds in turns.

beside.py folder|small|medium|large OLD NEW [--photos N] [--rounds N] [--instructions]

`folder` is an inbox and SQLite; `small`, `medium` and `large` are S3 and SQS with the stub and the pictures that
benches/peers/pipelines/run.sh makes (run it first). CPU is the kernel's account of the process less `decode_ms` of its
rows, over N photos less that over a tenth of them, so that start and end do not count. With `--instructions` they are
counted by valgrind instead (`callgrind.py`), over 2N photos less those over N.
"""
import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "peers", "pipelines"))
import callgrind  # noqa: E402
from run import against  # noqa: E402

WORK = os.path.join(HERE, "..", "target", "pipelines")
STUB = os.path.join(WORK, "..", "release", "pipeline-stub")
# Where instructions are counted every run has as many batches as its photos say, or one more or less would be a twentieth of
# the figure: the first is sealed when a quarter of the messages that are allowed until then wait for it, the others by rows.
IN_FIRST_BATCH, IN_BATCH = 16, 100


def inbox(binary, count, folder):
    """Photos that nobody has announced yet, in `folder`."""
    made = f"{folder}.made"
    os.makedirs(f"{made}/inbox")
    pump = ["pump", "--quiet", "--no-wait", "--root", made, "--count", str(count), "--size", "small", "--pictures", "4"]
    subprocess.run([binary, *pump, "--key-file", f"{made}/key.jsonl"], check=True, stdout=subprocess.DEVNULL)
    os.rename(f"{made}/inbox", folder)
    shutil.rmtree(made)


def ran(binary, kind, count, place, root, under=(), settings=(), prepare=None):
    """What the kernel says that one run over so many photos used, under a tool or none. Its warehouse is in `root`."""
    environment, stub = dict(os.environ), None
    with tempfile.TemporaryDirectory(dir=place) as out:
        if kind == "folder":
            subprocess.run(["cp", "-a", f"{place}/{count}", f"{root}/inbox"], check=True)
            # What was written a moment ago may be written still.
            time.sleep(1.1)
        else:
            stub = subprocess.Popen([STUB, os.path.join(WORK, kind), str(count), out], stdout=subprocess.PIPE, text=True)
            environment = against(stub.stdout.readline().strip(), root)
        environment.update(settings)
        command = [*under, binary, "run", "--quiet", "--until-empty", "--metrics", "off", "--root", root]
        try:
            with open(f"{root}/log", "w+", encoding="utf-8") as log:
                process = subprocess.Popen(
                    command, env=environment, stdout=subprocess.DEVNULL, stderr=log, preexec_fn=prepare
                )
                _, status, used = os.wait4(process.pid, 0)
                log.seek(0)
                said = log.read()
        finally:
            if stub:
                stub.kill()
                stub.wait()
        done = int(said.split(" photos,")[0].split()[-1].replace(",", "")) if status == 0 else 0
        if done < count:
            sys.exit(f"{binary} ended with {status} after {done} of {count} photos:\n{said}")
        return used


def seconds(binary, kind, count, place):
    """CPU of one run over so many photos, and of it that of their decodes."""
    with tempfile.TemporaryDirectory(dir=place) as root:
        used = ran(binary, kind, count, place, root)
        warehouse = sqlite3.connect(f"{root}/warehouse.sqlite")
        # Each code's row has its photo's time. A photo without a row of its own is taken to cost as the others.
        mean = "SELECT AVG(ms) FROM (SELECT MAX(decode_ms) AS ms FROM scans GROUP BY photo_id)"
        return used.ru_utime + used.ru_stime, warehouse.execute(mean).fetchone()[0] * count / 1000


def instructions(binary, kind, count, place):
    """Instructions of one run over so many photos, and of it those of their decodes."""
    with tempfile.TemporaryDirectory(dir=place) as root:
        profile = f"{root}/callgrind"
        settings = dict(callgrind.SLOW, SCANMILL_BATCH_MAX_ROWS=str(IN_BATCH))
        ran(binary, kind, count, place, root, callgrind.command(profile), settings, callgrind.hide_auxv)
        return callgrind.counted(profile)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2])
    parser.add_argument("kind", choices=["folder", "small", "medium", "large"])
    parser.add_argument("builds", nargs=2)
    parser.add_argument("--photos", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--instructions", action="store_true")
    chosen = parser.parse_args()
    builds = [os.path.abspath(build) for build in chosen.builds]
    if chosen.instructions:
        callgrind.require()
        more = -(-(chosen.photos or IN_BATCH) // IN_BATCH) * IN_BATCH
        few, many = IN_FIRST_BATCH + more, IN_FIRST_BATCH + 2 * more
        rounds, measured, unit, scale = chosen.rounds or 3, instructions, "thousand instructions", 1e-3
    else:
        many = chosen.photos or {"folder": 2000, "small": 2000, "medium": 600, "large": 200}[chosen.kind]
        few, rounds, measured, unit, scale = many // 10, chosen.rounds or 5, seconds, "µs", 1e6
    if chosen.kind != "folder" and not (os.path.exists(STUB) and os.path.isdir(os.path.join(WORK, chosen.kind))):
        sys.exit("no stub or no pictures: run benches/peers/pipelines/run.sh --size small --worker scanmill --photos 10 once")
    beside = [[], []]
    with tempfile.TemporaryDirectory() as place:
        if chosen.kind == "folder":
            for count in (few, many):
                inbox(builds[1], count, f"{place}/{count}")
        for build in builds:
            # Not counted: its pages are read from the disk.
            seconds(build, chosen.kind, few, place)
        for number in range(rounds):
            # Each comes first as often.
            for build, figures in list(zip(builds, beside))[:: 1 if number % 2 == 0 else -1]:
                (all_few, decode_few), (all_many, decode_many) = (measured(build, chosen.kind, n, place) for n in (few, many))
                figures.append((all_many - all_few - decode_many + decode_few) * scale / (many - few))
                print(f"{build}: {figures[-1]:.0f} {unit} a photo beside its decode", file=sys.stderr, flush=True)
    old, new = map(statistics.median, beside)
    ratio = statistics.median(after / before for before, after in zip(*beside))
    print(f"median of {rounds}: {old:.0f} and {new:.0f} {unit} a photo beside its decode, ratio {ratio:.2f}")


main()
