#!/usr/bin/env bash
# Makes everything that a release is, with checksums: an archive for the instances of config/aws, a Debian package, the
# static binary, and the list of what is in them.
#   packaging/release.sh [FOLDER [TARGET]]     default: target/release-files
# TARGET, like aarch64-unknown-linux-gnu, adds archive and package for another architecture.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/release-files} also=${2:-}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
arch=$(uname -m)
rm -rf "$out" && mkdir -p "$out"
packaging/artefact.sh
packaging/artefact.sh --static
binary=target/artefact/scanmill

# What both hold beside the binary.
shared=$(mktemp -d)
trap 'rm -rf "$shared"' EXIT
mkdir -p "$shared"/{man,completions}
"$binary" man "$shared/man"
for shell in bash zsh fish; do "$binary" completions "$shell" > "$shared/completions/scanmill.$shell"; done

# The archive and the package of one architecture: its binary, what it and Debian call it, and cargo's name of it.
pack() {
    local binary=$1 arch=$2 debian=$3 target=$4 name folder
    python3 packaging/sbom.py "$target" > "$shared/sbom.cdx.json"
    name=scanmill-$version-$arch
    folder=$shared/$name
    mkdir -p "$folder"
    install -m 0755 "$binary" "$folder/scanmill"
    install -m 0755 config/aws/scanmill-watch "$folder/"
    install -m 0644 config/aws/*.service LICENSE README.md "$shared/sbom.cdx.json" "$folder/"
    cp -r "$shared/man" "$shared/completions" docs "$folder/"
    # The same files give the same archive.
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" \
        -C "$shared" -cf - "$name" | gzip -n -9 > "$out/$name.tar.gz"
    packaging/deb.sh "$binary" "$shared" "$version" "$out" "$debian"
}
if [ -n "$also" ]; then
    CARGO_BUILD_TARGET=$also packaging/artefact.sh
    other=${also%%-*}
    pack "target/artefact/scanmill-$other" "$other" "${other/aarch64/arm64}" "$also"
fi
pack "$binary" "$arch" "$(dpkg --print-architecture)" "$arch-unknown-linux-gnu"
install -m 0755 target/artefact/scanmill-static "$out/scanmill-$version-$arch-static"
cp "$shared/sbom.cdx.json" "$out/scanmill-$version.cdx.json"
(cd "$out" && sha256sum -- * > SHA256SUMS && cat SHA256SUMS)
