#!/usr/bin/env python3
"""Reads each photo with every tool, in turn and on one thread, and prints photos read and CPU time side by side.

compare.py MANIFEST [--set SET]... [--rounds N] [--details FILE]

MANIFEST is tab-separated: path, category, number of codes, where the truth comes from, expected texts as a JSON list.
The first folder of a path is its set. Photos without a known text are left out. A tool's time on a photo is its best
of N rounds, and between two rounds of one tool all others run: what the machine does beside us only ever adds.
A text counts when it is the expected one, but for line ends; a photo is read when one of its texts counts.
"""
import argparse
import collections
import io
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version

import numpy
import simplejpeg
import zxingcpp
from PIL import Image

PLAIN, DRAFT, TURBO, ZXING, BYTES, LUMA = (
    "Pillow + zxing-cpp, full size",
    "Pillow draft 1/4 + zxing-cpp, then full size",
    "libjpeg-turbo grey 1/4, no reader",
    "zxing-cpp, luma in memory",
    "scanmill, bytes to text",
    "scanmill, luma in memory",
)
Image.MAX_IMAGE_PIXELS = None


class Photo:
    def __init__(self, path, texts):
        self.path = path
        self.texts = set(map(plain, texts))
        with open(path, "rb") as file:
            self.bytes = file.read()
        image = Image.open(io.BytesIO(self.bytes))
        self.is_jpeg = image.format == "JPEG"
        self.luma = grey(image)


def plain(text):
    return text.replace("\r\n", "\n").rstrip("\r\n")


def grey(image):
    """Brightness, transparency over white; the same pixels go to every reader of luma."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode.startswith("I;16"):
        return numpy.ascontiguousarray(numpy.asarray(image) >> 8, dtype=numpy.uint8)
    return numpy.asarray(image.convert("L"))


def read(luma):
    found = zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode, text_mode=zxingcpp.TextMode.Plain)
    return [code.text for code in found if code.text]


def pillow_plain(photo):
    return read(grey(Image.open(io.BytesIO(photo.bytes))))


def pillow_draft(photo):
    image = Image.open(io.BytesIO(photo.bytes))
    if photo.is_jpeg:
        image.draft("L", (image.width // 4, image.height // 4))
        texts = read(grey(image))
        if texts:
            return texts
    return pillow_plain(photo)


def turbo(photo):
    height, width, _, _ = simplejpeg.decode_jpeg_header(photo.bytes)
    simplejpeg.decode_jpeg(photo.bytes, colorspace="GRAY", min_height=-(-height // 4), min_width=-(-width // 4), min_factor=1)
    return []


def timed(work):
    def run(photo):
        start = time.process_time()
        texts = work(photo)
        return texts, (time.process_time() - start) * 1e3, 0

    return run


class Scanmill:
    """The bench binary as a worker; it measures the CPU time of its own thread."""

    def __init__(self):
        command = ["cargo", "bench", "--locked", "--quiet", "--bench", "peers", "--", "--serve"]
        self.worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *request):
        for part in request:
            self.worker.stdin.write(part)
        self.worker.stdin.flush()
        line = self.worker.stdout.readline()
        if not line:
            sys.exit("peers: scanmill's worker ended; its message stands above")
        answer = json.loads(line)
        return answer["texts"], answer["ms"], answer["rungs"]

    def file(self, photo):
        return self.ask(f"file {os.path.abspath(photo.path)}\n".encode())

    def luma(self, photo):
        height, width = photo.luma.shape
        return self.ask(f"luma {width} {height}\n".encode(), photo.luma.tobytes())

    def close(self):
        self.worker.stdin.close()
        self.worker.wait()


class Tally:
    def __init__(self):
        self.times, self.read, self.wrong, self.rungs = [], 0, 0, []

    def add(self, photo, texts, ms, rungs):
        texts = set(map(plain, texts))
        self.times.append(ms)
        self.rungs.append(rungs if texts & photo.texts else None)
        self.read += bool(texts & photo.texts)
        self.wrong += bool(texts - photo.texts)

    def mean(self):
        return sum(self.times) / len(self.times)

    def rank(self, share):
        return sorted(self.times)[min(len(self.times) - 1, len(self.times) * share // 100)]


def compare(photo, tools, rounds, offset):
    """Texts, best milliseconds and rungs by tool; who begins changes with every round."""
    best = {}
    names = [name for name in tools if name != TURBO or photo.is_jpeg]
    for round_ in range(rounds):
        turn = (offset + round_) % len(names)
        for name in names[turn:] + names[:turn]:
            texts, ms, rungs = tools[name](photo)
            if name not in best or ms < best[name][1]:
                best[name] = texts, ms, rungs
    return best


def print_set(name, count, tallies, both):
    print(f"\n{name}: {count} photos")
    print(f"  {'':<46}{'read':>5}{'wrong':>6}{'mean ms':>9}{'p50':>8}{'p99':>9}{'p99/p50':>8}{'/ draft':>9}{'/ zxing':>9}")
    for tool in (PLAIN, DRAFT, TURBO, BYTES, ZXING, LUMA):
        tally = tallies.get(tool)
        if not tally:
            continue
        half, most = tally.rank(50), tally.rank(99)
        read = ("-", "-") if tool == TURBO else (tally.read, tally.wrong)
        # Only a tool that saw the same photos may be compared.
        ratio = [
            f"{tally.mean() / tallies[other].mean():.2f}" if len(tallies[other].times) == len(tally.times) else "-"
            for other in (DRAFT, ZXING)
        ]
        print(
            f"  {tool:<46}{read[0]:>5}{read[1]:>6}{tally.mean():>9.2f}{half:>8.2f}{most:>9.2f}"
            f"{most / max(half, 1e-9):>8.1f}{ratio[0]:>9}{ratio[1]:>9}"
        )
    if TURBO in tallies:
        ours, theirs = tallies["jpeg only"], tallies[TURBO]
        print(f"  scanmill, bytes to text / libjpeg-turbo grey 1/4, the {len(theirs.times)} JPEG files: {ours.mean() / theirs.mean():.2f}")
    if both[0].times:
        ratio = both[0].mean() / both[1].mean()
        print(f"  scanmill / zxing-cpp, luma in memory, the {len(both[0].times)} photos that both read: {ratio:.2f}")
    early = sum(1 for rungs in tallies[BYTES].rungs if rungs and rungs <= 2)
    print(f"  read on scanmill's first two rungs: {early} of {count}, {100 * early / count:.0f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--set", action="append", dest="sets", help="only this set; may be repeated")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over each photo (default 3)")
    parser.add_argument("--details", help="also write each photo's milliseconds, and what was read, to this file (TSV)")
    options = parser.parse_args()

    folder = os.path.dirname(os.path.abspath(options.manifest))
    sets = collections.OrderedDict()
    with open(options.manifest, encoding="utf-8") as manifest:
        for line in manifest:
            path, _, _, _, texts = line.rstrip("\n").split("\t")[:5]
            name = path.split("/")[0]
            if json.loads(texts) and (not options.sets or name in options.sets):
                sets.setdefault(name, []).append((path, json.loads(texts)))
    if not sets:
        sys.exit(f"peers: no photo with a known text in {options.manifest} for {options.sets or 'any set'}")

    scanmill = Scanmill()
    tools = {
        PLAIN: timed(pillow_plain),
        DRAFT: timed(pillow_draft),
        TURBO: timed(turbo),
        ZXING: timed(lambda photo: read(photo.luma)),
        BYTES: scanmill.file,
        LUMA: scanmill.luma,
    }
    packages = ", ".join(f"{name} {version(name)}" for name in ("zxing-cpp", "pillow", "simplejpeg"))
    print(f"{options.manifest}; CPU ms, best of {options.rounds} rounds; {packages}")
    details = open(options.details, "w", encoding="utf-8") if options.details else None
    done, total, said = 0, sum(map(len, sets.values())), time.monotonic()
    for name, photos in sets.items():
        tallies = collections.defaultdict(Tally)
        both = Tally(), Tally()
        for index, (path, texts) in enumerate(photos):
            photo = Photo(os.path.join(folder, path), texts)
            best = compare(photo, tools, options.rounds, index)
            if all(set(map(plain, best[tool][0])) & photo.texts for tool in (LUMA, ZXING)):
                for tally, tool in zip(both, (LUMA, ZXING)):
                    tally.add(photo, *best[tool])
            for tool, (read_texts, ms, rungs) in best.items():
                tallies[tool].add(photo, read_texts, ms, rungs)
                if tool == BYTES and photo.is_jpeg:
                    tallies["jpeg only"].add(photo, read_texts, ms, rungs)
                if details:
                    ok = bool(set(map(plain, read_texts)) & photo.texts)
                    print(path, tool, f"{ms:.3f}", rungs, "read" if ok else "missed", sep="\t", file=details)
            done += 1
            if time.monotonic() - said > 2:
                said = time.monotonic()
                print(f"peers: {done} of {total} photos", file=sys.stderr, flush=True)
        print_set(name, len(photos), tallies, both)
        sys.stdout.flush()
    scanmill.close()


if __name__ == "__main__":
    main()
