"""Makes the lossy WebP files of this folder, which no encoder among the crates can: python make.py (needs Pillow)."""
import math
import pathlib

from PIL import Image

FOLDER = pathlib.Path(__file__).parent
EMPTY_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"


def wave(x, y):
    return int(120 + 90 * math.sin(x / 9) * math.cos(y / 7))


def picture(width, height, colour):
    made = Image.new("RGB", (width, height))
    made.putdata([colour(x, y) for y in range(height) for x in range(width)])
    return made


def warm(x, y):
    return (wave(x, y) + 30, wave(x, y), wave(x, y) - 25)


def checked(x, y):
    return (255,) * 3 if (x // 8 + y // 8) % 2 else (wave(x, y),) * 3


picture(75, 53, warm).save(FOLDER / "lossy_colour.webp", quality=80)
# With EXIF, so that the extended header comes first.
picture(75, 53, checked).save(FOLDER / "lossy_grey.webp", quality=80, exif=EMPTY_EXIF)
shaded = picture(40, 33, warm)
shaded.putalpha(Image.linear_gradient("L").resize((40, 33)))
shaded.save(FOLDER / "lossy_alpha.webp", quality=80)
