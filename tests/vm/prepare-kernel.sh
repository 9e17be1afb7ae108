#!/usr/bin/env bash
# tests/vm/prepare-kernel.sh SUITE CACHE
# Brings the newest amd64 kernel of a Debian suite (bookworm, trixie, trixie-backports) into CACHE, together with an
# initramfs that mounts the host's file system, and prints the folder. What is there already is not brought again.
set -euo pipefail

suite=$1
cache=$2
mirror=${XDPPS_VM_MIRROR:-http://deb.debian.org/debian}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
  printf 'prepare-kernel.sh: %s\n' "$*" >&2
  exit 1
}

# stanza PACKAGE FIELD: a field of a package in the suite's index.
stanza() {
  awk -v package="$1" -v field="$2:" '$1 == "Package:" { on = ($2 == package) } on && $1 == field { $1 = ""; print substr($0, 2); exit }' "$index"
}

# bring PACKAGE: downloads it, compares its checksum, and unpacks it.
bring() {
  local path sum file
  path=$(stanza "$1" Filename)
  sum=$(stanza "$1" SHA256)
  [ -n "$path" ] || fail "$suite has no package $1"
  file="$cache/$(basename "$path")"
  if [ ! -e "$file" ]; then
    curl --fail --silent --show-error --location --max-time 300 --output "$file.part" "$mirror/$path"
    mv "$file.part" "$file"
  fi
  echo "$sum  $file" | sha256sum --check --status || fail "the checksum of $file is not the one in the index of $suite"
  dpkg-deb --extract "$file" "$folder"
  rm "$file"
}

mkdir -p "$cache"
# The index changes when a new kernel comes: once a week is enough, and an old one does where the mirror is not there.
index="$cache/$suite.packages"
if [ -z "$(find "$index" -mtime -7 2>/dev/null)" ]; then
  if curl --fail --silent --show-error --location --max-time 120 --output "$index.xz" "$mirror/dists/$suite/main/binary-amd64/Packages.xz"; then
    xz --decompress --stdout "$index.xz" > "$index.part"
    mv "$index.part" "$index"
    rm "$index.xz"
  elif [ ! -e "$index" ]; then
    exit 1
  fi
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
  if [ -n "$(stanza "$package" Filename)" ]; then bring "$package"; fi
done
# bookworm has them in /lib, trixie in /usr/lib.
modules=$(find "$folder" -type d -path "*/modules/$version" | head -n 1)
[ -n "$modules" ] || fail "the packages of $version have no modules"
find "$folder" -name 'vmlinuz*' -type f -exec mv {} "$folder/vmlinuz" \; -quit
if [ "$modules" != "$folder/lib/modules/$version" ]; then
  mkdir -p "$folder/lib/modules"
  mv "$modules" "$folder/lib/modules/$version"
fi
depmod --basedir "$folder" "$version" 2>/dev/null

root="$folder/root"
mkdir -p "$root"/{bin,proc,sys,dev,host,merged,tmpfs,modules}
cp "$(command -v busybox)" "$root/bin/busybox"
ldd "$root/bin/busybox" >/dev/null 2>&1 && fail "busybox is not a static program: install busybox-static"
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
