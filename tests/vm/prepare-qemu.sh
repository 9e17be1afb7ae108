#!/usr/bin/env bash
# tests/vm/prepare-qemu.sh CACHE
# Prints a QEMU that has the card igb (8 or later): the one on PATH, else Debian's of this release's backports, unpacked
# in CACHE beside the installed one, whose libraries it needs. Ends with 77 where there is none to be had here, and with
# another status where something is wrong.
set -euo pipefail

cache=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf 'the card igb needs QEMU 8 or later, and %s\n' "$*" >&2
  exit 1
}

# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$here/archive.sh"

has_igb() {
  [[ $("$1" -device igb,help 2>&1) == *'igb options'* ]]
}

if has_igb qemu-system-x86_64; then
  command -v qemu-system-x86_64
  exit 0
fi
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ "$release" = bookworm ] || lack "only bookworm's backports are known to have it for a release that has an older one"
folder="$cache/qemu"
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
if [ ! -x "$folder/qemu" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  bring_list "$release-backports" "$folder/list" || lack "its list of packages could not be had"
  for package in qemu-system-x86 qemu-system-common qemu-system-data seabios; do
    # What the installed QEMU came with does where the backports have none.
    if [ -n "$(stanza "$folder/list" "$package" Filename)" ]; then unpack "$folder/list" "$package" "$folder"; fi
  done
  missing=$(ldd "$folder/usr/bin/qemu-system-x86_64" | sed -n 's/ => not found//p' | xargs)
  [ -z "$missing" ] || lack "that of the backports needs libraries that are not here: $missing"
  # -L finds the firmware.
  printf '#!/bin/sh\nexec "%s/usr/bin/qemu-system-x86_64" -L "%s/usr/share/qemu" -L "%s/usr/share/seabios" -L /usr/share/seabios "$@"\n' \
    "$folder" "$folder" "$folder" > "$folder/qemu"
  chmod +x "$folder/qemu"
fi
has_igb "$folder/qemu" || fail "that of the backports does not start, or has no igb"
echo "$folder/qemu"
