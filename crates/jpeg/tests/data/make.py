#!/usr/bin/env python3
"""Makes the pictures in this folder: small JPEG files and, for each scale, libjpeg-turbo's own grey pixels of them.

    python3 -m venv target/venv && target/venv/bin/pip install pillow
    target/venv/bin/python crates/jpeg/tests/data/make.py

Pillow's wheels hold libjpeg-turbo; `draft` has it scale while decoding. Each `.grey` file holds the pixels at 1/1, 1/2,
1/4 and 1/8, one after the other, each with its width and height (16 bits, little-endian) before it.
"""
import io
import pathlib
import random
import struct

from PIL import Image

HERE = pathlib.Path(__file__).parent
SIZE = (157, 123)
KINDS = {
    "baseline_420": dict(quality=85, subsampling=2),
    "baseline_422_restarts": dict(quality=60, subsampling=1, restart_marker_blocks=3),
    "baseline_444_best": dict(quality=100, subsampling=0),
    "progressive_420": dict(quality=75, subsampling=2, progressive=True),
    "progressive_444_restarts": dict(quality=92, subsampling=0, progressive=True, restart_marker_rows=1),
    "grey_coarse": dict(quality=12),
}


def scene() -> Image.Image:
    """Shades, hard edges and noise in colour."""
    chance = random.Random(7)
    picture = Image.new("RGB", SIZE)
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            module = (x // 5 * 7 + y // 5 * 13 + (x // 5) * (y // 5)) % 3 == 0 and 30 < x < 120 and 25 < y < 100
            red, green, blue = (25, 20, 40) if module else (120 + x * 100 // SIZE[0], 200 - y // 2, 90 + y)
            noise = chance.randrange(-12, 13)
            picture.putpixel((x, y), (red + noise, green + noise, blue - noise))
    return picture


def main() -> None:
    for name, options in KINDS.items():
        file = io.BytesIO()
        picture = scene().convert("L") if name.startswith("grey") else scene()
        picture.save(file, "JPEG", **options)
        (HERE / f"{name}.jpg").write_bytes(file.getvalue())
        grey = b""
        for scale in (1, 2, 4, 8):
            small = Image.open(io.BytesIO(file.getvalue()))
            small.draft("L", tuple(side // scale for side in SIZE))
            small.load()
            assert small.mode == "L" and small.size == tuple(-(-side // scale) for side in SIZE), (name, small.size)
            grey += struct.pack("<HH", *small.size) + small.tobytes()
        (HERE / f"{name}.grey").write_bytes(grey)


if __name__ == "__main__":
    main()
