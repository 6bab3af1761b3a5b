#!/usr/bin/env python3
"""Makes the seeds in `photo` that no encoder in the tests writes: lossy WebP and TIFF's compressions.

    python3 -m venv target/venv && target/venv/bin/pip install pillow
    target/venv/bin/python crates/decode/tests/data/fuzz/make.py

All other files beside this are inputs that a target once failed on, named by what they did.
"""
import pathlib

from PIL import Image

HERE = pathlib.Path(__file__).parent
PICTURE = Image.open(HERE.parent / "jpeg" / "baseline_420.jpg").resize((79, 61))
ALPHA = PICTURE.copy()
ALPHA.putalpha(Image.linear_gradient("L").resize(PICTURE.size))

(HERE / "photo").mkdir(exist_ok=True)
for name, image, options in [
    ("lossy.webp", PICTURE, dict(quality=40)),
    ("lossy_alpha.webp", ALPHA, dict(quality=20)),
    ("lzw.tiff", PICTURE.convert("L"), dict(compression="tiff_lzw")),
    ("deflate.tiff", PICTURE.convert("L"), dict(compression="tiff_adobe_deflate")),
    ("packbits.tiff", PICTURE.convert("1"), dict(compression="packbits")),
    ("fax4.tiff", PICTURE.convert("1"), dict(compression="group4")),
    ("jpeg.tiff", PICTURE, dict(compression="jpeg", quality=30)),
    ("palette.tiff", PICTURE.quantize(16), {}),
    ("palette.bmp", PICTURE.quantize(16), {}),
    ("palette_alpha.png", ALPHA.quantize(16), {}),
    ("one_bit.png", PICTURE.convert("1"), {}),
    ("interlaced.gif", PICTURE.quantize(8), dict(interlace=1)),
]:
    image.save(HERE / "photo" / name, **options)
