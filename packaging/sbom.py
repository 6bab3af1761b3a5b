"""Writes what is in the binary as CycloneDX 1.5 JSON to stdout: every crate that the release links, with version, licence
and checksum, from cargo's own metadata and lock file. Dependencies of tests, benches and build scripts are left out."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-gnu"
    asked = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    meta = json.loads(subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in meta["packages"]}
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    root = next(p["id"] for p in meta["packages"] if p["name"] == "scanmill")

    def linked(id):
        return [d["pkg"] for d in nodes[id]["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]

    seen, open_ = set(), [root]
    while open_:
        id = open_.pop()
        if id not in seen:
            seen.add(id)
            open_.extend(linked(id))

    def purl(package):
        return f"pkg:cargo/{package['name']}@{package['version']}"

    def component(package, kind):
        found = {
            "type": kind,
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            "purl": purl(package),
        }
        if package["license"]:
            found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if checksum := checksums.get((package["name"], package["version"])):
            found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return found

    order = sorted(seen, key=lambda id: purl(packages[id]))
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], "application")},
        "components": [component(packages[id], "library") for id in order if id != root],
        "dependencies": [
            {"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[d]) for d in linked(id))} for id in order
        ],
    }
    json.dump(bom, sys.stdout, indent=1)
    print()


main()
