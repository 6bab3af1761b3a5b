#!/usr/bin/env bash
# Packs a binary for Debian and its kin; packaging/release.sh calls it.
#   packaging/deb.sh BINARY FOLDER-WITH-MAN-AND-COMPLETIONS VERSION OUT ARCHITECTURE
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1 shared=$2 version=$3 out=$4 arch=$5
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"
install -D -m 0755 "$binary" "$root/usr/bin/scanmill"
install -D -m 0644 config/aws/scanmill.service "$root/lib/systemd/system/scanmill.service"
# What a package installs is under /usr.
sed -i 's#/usr/local/bin/#/usr/bin/#; s#^\# /etc/systemd.*#\# /lib/systemd/system/scanmill.service#' "$root/lib/systemd/system/scanmill.service"
install -D -m 0640 packaging/scanmill.toml "$root/etc/scanmill/scanmill.toml"
install -D -m 0644 "$shared/completions/scanmill.bash" "$root/usr/share/bash-completion/completions/scanmill"
install -D -m 0644 "$shared/completions/scanmill.zsh" "$root/usr/share/zsh/vendor-completions/_scanmill"
install -D -m 0644 "$shared/completions/scanmill.fish" "$root/usr/share/fish/vendor_completions.d/scanmill.fish"
for page in "$shared"/man/*.1; do
    install -D -m 0644 "$page" "$root/usr/share/man/man1/$(basename "$page")"
    gzip -n -9 "$root/usr/share/man/man1/$(basename "$page")"
done
install -D -m 0644 LICENSE "$root/usr/share/doc/scanmill/copyright"
install -m 0644 README.md "$shared/sbom.cdx.json" "$root/usr/share/doc/scanmill/"
mkdir -p "$root/DEBIAN"
cat > "$root/DEBIAN/control" << CONTROL
Package: scanmill
Version: $version
Architecture: $arch
Maintainer: The scanmill authors <scanmill@example.invalid>
Depends: libc6 (>= 2.28), libgcc-s1 | libgcc1, adduser
Section: utils
Priority: optional
Installed-Size: $(du -sk "$root" | cut -f1)
Description: photos of QR codes into rows
 Turns a bucketful of photos into rows that an analyst can query minutes later: which product, when, where. Folder and
 SQLite on one machine, or S3, SQS and Redshift.
CONTROL
echo /etc/scanmill/scanmill.toml > "$root/DEBIAN/conffiles"
cat > "$root/DEBIAN/postinst" << 'POSTINST'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    # Not started: it has nothing to read before somebody says where the photos are.
    adduser --system --group --quiet --no-create-home --home /var/lib/scanmill scanmill
    chgrp scanmill /etc/scanmill/scanmill.toml
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
POSTINST
cat > "$root/DEBIAN/prerm" << 'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --now scanmill.service || true; fi
PRERM
cat > "$root/DEBIAN/postrm" << 'POSTRM'
#!/bin/sh
set -e
# Rows are somebody's: even `purge` leaves /var/lib/scanmill.
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
POSTRM
chmod 0755 "$root"/DEBIAN/{postinst,prerm,postrm}
dpkg-deb --root-owner-group --build "$root" "$out/scanmill_${version}_$arch.deb" > /dev/null
