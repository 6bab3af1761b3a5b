#!/usr/bin/env bash
# What a binary needs of the machine it is to start on; ends with 1 where that is more than allowed.
#   packaging/needs.sh BINARY [newest glibc, like 2.34; or `none`]
set -euo pipefail
binary=$1
allowed=${2:-2.34}
libraries=$(readelf --dynamic --wide "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort)
newest=$(readelf --version-info --wide "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1 || true)
newest=${newest#GLIBC_}
if [ "$allowed" = none ]; then
    if [ -n "$libraries" ] || readelf --program-headers --wide "$binary" | grep -q INTERP; then
        echo "$binary is not static: it needs" ${libraries:-an interpreter} >&2
        exit 1
    fi
    echo "$binary: static, $(stat -c %s "$binary") bytes"
    exit
fi
if [ -z "$newest" ]; then
    echo "$binary names no version of glibc" >&2
    exit 1
fi
# What no machine with glibc lacks.
others=$(grep -vxE 'lib(c|m|dl|rt|pthread|gcc_s)\.so\.[0-9]+|ld-linux-.*' <<< "$libraries" || true)
if [ "$(printf '%s\n' "$newest" "$allowed" | sort -V | tail -1)" != "$allowed" ]; then
    echo "$binary needs glibc $newest; $allowed is allowed. The symbols:" >&2
    objdump -T "$binary" | grep -F "GLIBC_$newest" >&2
    exit 1
fi
if [ -n "$others" ]; then
    echo "$binary needs libraries that a machine may not have:" $others >&2
    exit 1
fi
echo "$binary: glibc $newest and" $libraries "- $(stat -c %s "$binary") bytes"
