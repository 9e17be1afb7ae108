#!/usr/bin/env bash
# tests/vm/prepare-kernel.sh SUITE CACHE
# Brings the newest amd64 kernel of a Debian suite (bookworm, trixie, trixie-backports) into CACHE, together with an
# initramfs that mounts the host's file system, and prints the folder. What is there already is not brought again.
# Ends with 77 where something is not to be had here, and with another status where something is wrong.
set -euo pipefail

suite=$1
cache=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf 'prepare-kernel.sh: %s\n' "$*" >&2
  exit 1
}

# shellcheck source-path=SCRIPTDIR source=archive.sh
. "$here/archive.sh"

mkdir -p "$cache"
# One at a time: another run may be about to use what this one would make anew.
exec 9>"$cache/.lock"
flock 9
# The index changes when a new kernel comes: once a week is enough, and an old one does where the mirror is not there.
index="$cache/$suite.list"
if [ -z "$(find "$index" -mtime -7 2>/dev/null)" ]; then
  bring_list "$suite" "$index" || [ -e "$index" ] || lack "the list of packages of $suite could not be had from $mirror"
fi

version=$(sed -nE 's/^Package: linux-image-([0-9][^ ]*)$/\1/p' "$index" | grep -E -- '[0-9]-amd64$' | sort -V | tail -n 1)
[ -n "$version" ] || fail "$suite has no kernel"
folder="$cache/$version"
if [ -e "$folder/initramfs" ]; then
  echo "$folder"
  exit 0
fi

rm -rf "$folder"
mkdir -p "$folder"
# From 7.3 on the image's package only depends on those that have it.
for package in "linux-image-$version" "linux-binary-$version" "linux-modules-$version"; do
  if [ -n "$(stanza "$index" "$package" Filename)" ]; then unpack "$index" "$package" "$folder"; fi
done
# bookworm has them in /lib, trixie in /usr/lib.
modules=$(find "$folder" -type d -path "*/modules/$version" | head -n 1)
[ -n "$modules" ] || fail "the packages of $version have no modules"
find "$folder" -name 'vmlinuz*' -type f -exec mv {} "$folder/vmlinuz" \; -quit
if [ "$modules" != "$folder/lib/modules/$version" ]; then
  mkdir -p "$folder/lib/modules"
  mv "$modules" "$folder/lib/modules/$version"
fi
depmod --basedir "$folder" "$version" 2>/dev/null || fail "depmod failed on the modules of $version"

root="$folder/root"
mkdir -p "$root"/{bin,proc,sys,dev,host,merged,tmpfs,modules}
cp "$(command -v busybox)" "$root/bin/busybox"
ldd "$root/bin/busybox" >/dev/null 2>&1 && lack "busybox is not a static program: install busybox-static"
cp "$here/init" "$root/init"
: > "$root/modules/order"
for module in virtio_pci 9pnet_virtio 9p overlay; do
  # Built in where modprobe knows none.
  { modprobe --dirname "$folder" --set-version "$version" --show-depends "$module" 2>/dev/null || true; } | sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r file; do
    name=$(basename "$file")
    if [ -e "$root/modules/${name%.xz}" ]; then continue; fi
    case $name in
      *.xz) xz --decompress --stdout "$file" > "$root/modules/${name%.xz}" ;;
      *) cp "$file" "$root/modules/$name" ;;
    esac
    echo "${name%.xz}" >> "$root/modules/order"
  done
done
(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0 | gzip -1) > "$folder/initramfs.part"
rm -rf "$root"
mv "$folder/initramfs.part" "$folder/initramfs"
echo "$folder"
