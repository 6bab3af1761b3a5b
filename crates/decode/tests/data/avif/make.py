"""Makes the AVIF files of this folder, which no encoder among the crates can: python make.py (needs Pillow 11.3, NumPy,
zxing-cpp, and avifenc 0.11 of libavif)."""
import pathlib
import subprocess
import tempfile

import numpy
import zxingcpp
from PIL import Image

FOLDER = pathlib.Path(__file__).parent
TEXT = "https://example.com/p/4711"
WORK = pathlib.Path(tempfile.mkdtemp())


def scene(width, height, dark=(25, 25, 25), light=(230, 230, 230)):
    """A code of four pixels a module on paper, a little turned."""
    code = zxingcpp.create_barcode(TEXT, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_image(scale=4)
    mask = Image.new("L", (width, height), 255)
    mask.paste(Image.fromarray(numpy.array(code)), (width // 2 - code.shape[1] // 2, height // 2 - code.shape[0] // 2))
    mask = mask.rotate(8, Image.BICUBIC, fillcolor=255)
    return Image.composite(Image.new("RGB", mask.size, light), Image.new("RGB", mask.size, dark), mask)


def made(name, picture, *arguments, pictures=None):
    sources = []
    for index, one in enumerate(pictures or [picture]):
        one.save(WORK / f"{index}.png")
        sources.append(str(WORK / f"{index}.png"))
    command = ["avifenc", "-s", "6", "--min", "20", "--max", "40", *arguments, *sources, str(FOLDER / f"{name}.avif")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


plain = scene(231, 177)
for depth in 8, 10, 12:
    for layout in "400", "420", "422", "444":
        if depth == 8 or layout in ("400", "420"):
            made(f"yuv{layout}_{depth}", plain, "-y", layout, "-d", str(depth))
made("limited", plain, "-y", "420", "-r", "limited")
made("lossless_rgb", plain, "-l")
made("tiles", scene(256, 192), "-y", "420", "--tilecolslog2", "1", "--tilerowslog2", "1")
made("grid", scene(256, 192), "-y", "420", "-g", "2x2")
# Read as stored, whatever is said of turning.
(WORK / "exif").write_bytes(FOLDER.joinpath("paris.exif").read_bytes())
made("turned_with_exif", plain, "-y", "420", "--irot", "1", "--imir", "0", "--exif", str(WORK / "exif"))
shaded = plain.convert("RGBA")
shaded.putalpha(Image.linear_gradient("L").resize(shaded.size))
made("alpha", shaded, "-y", "444")
# A code of which brightness shows nothing.
drawn = Image.new("RGBA", plain.size, (90, 90, 90, 255))
drawn.putalpha(plain.convert("L"))
drawn.save(FOLDER / "drawn_by_alpha.avif", quality=60, speed=6)
# As bright as each other.
made("tinted", scene(331, 277, dark=(210, 60, 60), light=(60, 139, 60)), "-y", "444")
made("moving", plain, "-y", "420", pictures=[plain, scene(231, 177, light=(200, 200, 200))])
# As much memory as a pixel can take, and little of all else.
made("large_444_12", scene(1600, 1200), "-y", "444", "-d", "12")
