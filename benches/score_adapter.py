#!/usr/bin/env python3
"""Turns the JSON Lines of `scanmill decode` (stdin) into the results that a corpus scorer takes (stdout).

One line a photo: path, then each code's text, then `ms=` with the CPU milliseconds; tab-separated, with backslash, tab,
CR and LF in a text escaped.

    scanmill decode --from-list list.txt | python3 benches/score_adapter.py
"""
import json
import sys

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main() -> None:
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        photo = json.loads(line)
        texts = [code["text"].translate(ESCAPES) for code in photo["codes"]]
        print(photo["path"], *texts, f"ms={photo['decode_ms']:.3f}", sep="\t")


if __name__ == "__main__":
    main()
