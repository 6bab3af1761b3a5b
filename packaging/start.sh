#!/usr/bin/env bash
# Starts a binary where there is nothing but what it says it needs, and has it read photos there.
#   packaging/start.sh BINARY none       a root that holds the binary alone
#   packaging/start.sh BINARY bullseye   a root with the C library of that Debian (bullseye: glibc 2.31)
# Needs root, and for the second kind apt-get and Debian's archive; installs nothing. A binary for aarch64 is emulated, by
# qemu-aarch64-static (apt-get install qemu-user-static), on a machine of another architecture.
set -euo pipefail
binary=$1
kind=${2:-none}
debian=$(dpkg --print-architecture 2> /dev/null || true) emulator=
if readelf --file-header --wide "$binary" | grep -q AArch64 && [ "$(uname -m)" != aarch64 ]; then
    debian=arm64 emulator=$(command -v qemu-aarch64-static)
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,tmp,proc}
touch "$root"/dev/{null,urandom,random}
if [ "$kind" != none ]; then
    state=$root/.apt
    mkdir -p "$state"/lists/partial "$state"/archives/partial
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $kind main" > "$state/sources.list"
    apt=(apt-get -qq -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "APT::Architecture=$debian" -o "APT::Architectures=$debian"
        -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state" -o Dir::State::status=/dev/null
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    "${apt[@]}" update
    (cd "$state" && "${apt[@]}" download libc6 libgcc-s1)
    for package in "$state"/*.deb; do dpkg-deb -x "$package" "$root"; done
    rm -rf "$state"
fi
install -m 0755 "$binary" "$root/scanmill"
[ -z "$emulator" ] || install -m 0755 "$emulator" "$root/emulator"
# /dev and /proc are what every container has. A network namespace of its own has not even a loopback that is up, which the demo's page needs.
inside() {
    unshare --mount --net --pid --fork bash -c '
        mount -t proc proc "$0/proc"
        for device in null urandom random; do mount --bind /dev/$device "$0/dev/$device"; done
        ip link set lo up 2> /dev/null || true; exec chroot "$@"' "$root" "$root" ${emulator:+/emulator} /scanmill "$@"
}
inside --version
if [ -z "$emulator" ]; then
    inside demo --photos 60 --quiet --root /tmp/demo --json > "$root/outcome.json"
else
    # The demo starts itself once more, which the kernel refuses for another architecture: its parts one by one.
    inside pump --count 20 --no-wait --quiet --root /tmp/demo
    inside run --until-empty --quiet --root /tmp/demo
    inside verify --root /tmp/demo --json > "$root/outcome.json"
fi
head -c 300 "$root/outcome.json"
echo
