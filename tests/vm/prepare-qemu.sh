#!/usr/bin/env bash
# tests/vm/prepare-qemu.sh CACHE
# Prints a QEMU that has the card igb (8 or later): the one on PATH, else Debian's of this release's backports, unpacked
# in CACHE beside the installed one, whose libraries it needs.
set -euo pipefail

cache=$1
mirror=${XDPPS_VM_MIRROR:-http://deb.debian.org/debian}

fail() {
  printf 'the card igb needs QEMU 8 or later, and %s\n' "$*" >&2
  exit 1
}

has_igb() {
  [[ $("$1" -device igb,help 2>&1) == *'igb options'* ]]
}

if has_igb qemu-system-x86_64; then
  command -v qemu-system-x86_64
  exit 0
fi
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ "$release" = bookworm ] || fail "only bookworm's backports are known to have it for a release that has an older one"
folder="$cache/qemu"
if [ ! -x "$folder/qemu" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  index=$folder/packages
  curl --fail --silent --show-error --location --max-time 120 "$mirror/dists/$release-backports/main/binary-amd64/Packages.xz" | xz --decompress > "$index" || fail "its list of packages could not be had"
  for package in qemu-system-x86 qemu-system-common qemu-system-data seabios; do
    read -r path sum < <(awk -v package="$package" '$1 == "Package:" { on = ($2 == package) } on && $1 == "Filename:" { path = $2 } on && $1 == "SHA256:" { print path, $2; exit }' "$index") || true
    # What the installed QEMU came with does where the backports have none.
    if [ -z "${path:-}" ]; then continue; fi
    curl --fail --silent --show-error --location --max-time 300 --output "$folder/package.deb" "$mirror/$path" || fail "$package could not be had"
    echo "$sum  $folder/package.deb" | sha256sum --check --status || fail "the checksum of $package is not the one in the list"
    dpkg-deb --extract "$folder/package.deb" "$folder"
    rm "$folder/package.deb"
    path=""
  done
  missing=$(ldd "$folder/usr/bin/qemu-system-x86_64" | sed -n 's/ => not found//p' | xargs)
  [ -z "$missing" ] || fail "that of the backports needs libraries that are not here: $missing"
  # -L finds the firmware.
  printf '#!/bin/sh\nexec "%s/usr/bin/qemu-system-x86_64" -L "%s/usr/share/qemu" -L "%s/usr/share/seabios" -L /usr/share/seabios "$@"\n' \
    "$folder" "$folder" "$folder" > "$folder/qemu"
  chmod +x "$folder/qemu"
fi
has_igb "$folder/qemu" || fail "that of the backports does not start, or has no igb"
echo "$folder/qemu"
