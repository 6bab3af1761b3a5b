#!/usr/bin/env python3
"""Milliseconds of CPU from a JPEG's bytes to its texts, beside libjpeg-turbo (Pillow's) that makes grey pixels of a quarter
of the size of it and nothing else.

turbo_ratio.py [--rounds N] BINARY PHOTO... (or `-`: one path a line on standard input)

Of each photo the best round counts, as the machine beside us only ever adds.
"""
import argparse
import io
import json
import statistics
import subprocess
import sys
import time

from PIL import Image


def turbo(path, rounds):
    """The best milliseconds of libjpeg-turbo; None where it cannot read the file."""
    with open(path, "rb") as file:
        data = file.read()
    best = None
    for _ in range(rounds):
        start = time.thread_time()
        try:
            photo = Image.open(io.BytesIO(data))
            photo.draft("L", tuple(max(1, side // 4) for side in photo.size))
            photo.load()
        except OSError:
            return None
        spent = (time.thread_time() - start) * 1e3
        best = spent if best is None else min(best, spent)
    return best


def scanmill(binary, photos, rounds):
    """The best milliseconds of each photo, and which had a text."""
    best, read = {}, set()
    for _ in range(rounds):
        command = [binary, "decode", "--quiet", "--threads", "1", "--from-list", "-"]
        lines = subprocess.run(command, input="\n".join(photos), capture_output=True, text=True, check=True).stdout
        for row in map(json.loads, lines.splitlines()):
            path, spent = row["path"], row["decode_ms"]
            best[path] = min(best.get(path, spent), spent)
            if row["codes"]:
                read.add(path)
    return best, read


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("binary")
    arguments.add_argument("photos", nargs="+")
    options = arguments.parse_args()
    photos = options.photos
    if photos == ["-"]:
        photos = [line.strip() for line in sys.stdin if line.strip()]
    alone = {path: turbo(path, options.rounds) for path in photos}
    photos = [path for path in photos if alone[path] is not None]
    ours, read = scanmill(options.binary, photos, options.rounds)
    print("| photos | number | scanmill mean, median ms | libjpeg-turbo mean, median ms | ratio of means | median ratio |")
    print("|---|---|---|---|---|---|")
    for name, paths in [
        ("all", photos),
        ("with a text", [path for path in photos if path in read]),
        ("without", [path for path in photos if path not in read]),
    ]:
        if not paths:
            continue
        mine, theirs = [ours[path] for path in paths], [alone[path] for path in paths]
        both = [f"{statistics.mean(times):.2f}, {statistics.median(times):.2f}" for times in (mine, theirs)]
        median_ratio = statistics.median(a / b for a, b in zip(mine, theirs))
        ratio = sum(mine) / sum(theirs)
        print(f"| {name} | {len(paths)} | {both[0]} | {both[1]} | {ratio:.2f} | {median_ratio:.2f} |")
    print()
    for path in sorted(photos, key=lambda path: alone[path] - ours[path])[:8]:
        print(f"{ours[path]:8.1f} {alone[path]:8.1f} {path}")


if __name__ == "__main__":
    main()
