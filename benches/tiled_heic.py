#!/usr/bin/env python3
"""Writes HEIC as phones make it: a grid of tiles of 512 pixels, and a thumbnail of 320 pixels. Needs pillow-heif.

tiled_heic.py [--quality Q] [--no-thumbnail] PHOTO... FOLDER     a twin of each photo
tiled_heic.py [--quality Q] [--no-thumbnail] --drawn SHARE FOLDER
    a drawn photo of 12 megapixels, of which a code covers this share; 0 is none (needs NumPy and segno)
"""
import argparse
import io
import pathlib
import struct

import pillow_heif
from PIL import Image, ImageFilter

TILE = 512
THUMBNAIL = 320
SIDES = (4032, 3024)


def boxes(data):
    """Kind and body of the boxes in some data."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + size]
        at += size


def coded(picture, quality):
    """The HEVC configuration and data of a picture, out of a file that the library writes."""
    picture = picture.copy()
    picture.info = {}
    out = io.BytesIO()
    picture.save(out, "HEIF", quality=quality, chroma=420, save_nclx_profile=False)
    data = out.getvalue()
    meta = dict(boxes(dict(boxes(data))[b"meta"][4:]))
    config = dict(boxes(dict(boxes(meta[b"iprp"]))[b"ipco"]))[b"hvcC"]
    places = io.BytesIO(meta[b"iloc"])
    version = places.read(4)[0]
    sizes = struct.unpack(">H", places.read(2))[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))

    def number(size):
        return int.from_bytes(places.read(size), "big")

    assert number(2) == 1, "one item, without metadata"
    places.read(6 if version else 4)
    base = number(base_size)
    places.read(2 + (index_size if version else 0))
    start = base + number(offset_size)
    return config, data[start : start + number(length_size)]


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind, version, *parts):
    return box(kind, struct.pack(">I", version << 24), *parts)


def size_of(width, height):
    return full(b"ispe", 0, struct.pack(">II", width, height))


def tiled(photo, quality, thumbnail):
    """A HEIC file of a photo."""
    width, height = photo.size
    columns, rows = -(-width // TILE), -(-height // TILE)
    whole = Image.new("RGB", (columns * TILE, rows * TILE))
    whole.paste(photo, (0, 0))
    corners = [(x * TILE, y * TILE) for y in range(rows) for x in range(columns)]
    tiles = [coded(whole.crop((x, y, x + TILE, y + TILE)), quality) for x, y in corners]
    # Number, kind, data, and numbers of properties.
    items = [(number, b"hvc1", data, [1, 2]) for number, (_, data) in enumerate(tiles, 1)]
    grid = len(items) + 1
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    items.append((grid, b"grid", layout, [3]))
    made_of = [grid, len(tiles), *range(1, grid)]
    references = [box(b"dimg", struct.pack(f">{len(made_of)}H", *made_of))]
    properties = [box(b"hvcC", tiles[0][0]), size_of(TILE, TILE), size_of(width, height)]
    if thumbnail:
        small = photo.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL), Image.LANCZOS)
        small = small.crop((0, 0, small.width // 2 * 2, small.height // 2 * 2))
        config, data = coded(small, quality)
        items.append((grid + 1, b"hvc1", data, [4, 5]))
        properties += [box(b"hvcC", config), size_of(*small.size)]
        references.append(box(b"thmb", struct.pack(">HHH", grid + 1, 1, grid)))
    kinds = [full(b"infe", 2, struct.pack(">HH4s", number, 0, kind), b"\0") for number, kind, _, _ in items]
    uses = [
        struct.pack(">HB", number, len(used)) + bytes(0x80 | index for index in used) for number, _, _, used in items
    ]
    start = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(at):
        places = b""
        for number, _, data, _ in items:
            places += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        count = struct.pack(">H", len(items))
        return full(
            b"meta",
            0,
            full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, struct.pack(">H", grid)),
            full(b"iloc", 0, b"\x44\0", count, places),
            full(b"iinf", 0, count, *kinds),
            full(b"iref", 0, *references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, struct.pack(">I", len(items)), *uses)),
        )

    tables = meta(len(start) + len(meta(0)) + 8)
    return start + tables + box(b"mdat", *[data for _, _, data, _ in items])


def drawn(share):
    """A photo of 12 megapixels of texture, with a code that covers this share of it."""
    import numpy
    import segno

    random = numpy.random.default_rng(3)
    width, height = SIDES
    scene = numpy.full((height, width), 128, numpy.float32)
    for cells, contrast in ((8, 60), (32, 40), (128, 25), (512, 12)):
        coarse = random.integers(0, 255, (cells * 3 // 4 + 2, cells + 2), dtype=numpy.uint8)
        scene += (numpy.asarray(Image.fromarray(coarse).resize(SIDES, Image.BICUBIC), numpy.float32) - 128) * contrast / 64
    scene += random.normal(0, 3, scene.shape)
    tint = numpy.array([1.05, 1.0, 0.9], numpy.float32)
    photo = Image.fromarray((scene[..., None] * tint).clip(0, 255).astype(numpy.uint8))
    if share > 0:
        side = int((width * height * share) ** 0.5)
        out = io.BytesIO()
        segno.make("https://shop.example/p/4711", error="m").save(out, kind="png", scale=20, border=4)
        code = Image.open(out).convert("RGB").resize((side, side), Image.LANCZOS).convert("RGBA")
        code = code.rotate(12, expand=True, resample=Image.BICUBIC)
        photo.paste(code, ((width - code.width) // 2, (height - code.height) // 2), code)
    return photo.filter(ImageFilter.GaussianBlur(1))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quality", type=int, default=65)
    arguments.add_argument("--no-thumbnail", action="store_true")
    arguments.add_argument("--drawn", type=float)
    arguments.add_argument("photos", nargs="*", type=pathlib.Path)
    arguments.add_argument("folder", type=pathlib.Path)
    options = arguments.parse_args()
    pillow_heif.register_heif_opener()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.drawn is not None:
        twins = {f"drawn-{options.drawn:g}": drawn(options.drawn)}
    else:
        twins = {f"{path.parent.name}-{path.stem}": Image.open(path).convert("RGB") for path in options.photos}
    for name, photo in twins.items():
        ending = "-no-thumbnail" if options.no_thumbnail else ""
        heic = tiled(photo, options.quality, not options.no_thumbnail)
        (options.folder / f"{name}{ending}.heic").write_bytes(heic)


if __name__ == "__main__":
    main()
