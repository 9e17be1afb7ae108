# shellcheck shell=bash
# Sourced: what prepare-kernel.sh and prepare-qemu.sh take from Debian's archive. What is unpacked is booted, or run as
# root, so that nothing is taken on trust: a package has the checksum of the list, the list that of the suite's InRelease,
# and InRelease the archive's signature. Who sources it has a function fail, for what is wrong.
mirror=${XDPPS_VM_MIRROR:-https://deb.debian.org/debian}
keyring=${XDPPS_VM_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# lack MESSAGE: nothing is wrong, but something is not to be had here, such as the network. With the status of a test
# that is skipped.
lack() {
  (fail "$@") || exit 77
}

# download PATH FILE SECONDS: fails where it is not to be had.
download() {
  curl --fail --silent --show-error --location --max-time "$3" --output "$2" "$mirror/$1"
}

# has_sum FILE SHA256
has_sum() {
  echo "$2  $1" | sha256sum --check --status
}

# bring_list SUITE FILE: the suite's list of packages for amd64. Returns 1 where the archive cannot be reached; what is
# reached and is not the archive's own is an error.
bring_list() {
  local sum status
  command -v gpgv >/dev/null || lack "the archive's signature cannot be verified: gpgv is not installed"
  [ -e "$keyring" ] || lack "the archive's signature cannot be verified: there is no $keyring (package debian-archive-keyring)"
  download "dists/$1/InRelease" "$2.signed" 60 || return 1
  # Of several signatures those of newer keys may be unknown here: one has to be good, and none bad.
  rm -f "$2.release"
  status=$(gpgv --status-fd 1 --keyring "$keyring" --output "$2.release" "$2.signed" 2>/dev/null) || true
  if [[ $status != *'[GNUPG:] GOODSIG '* || $status == *'[GNUPG:] BADSIG '* ]]; then fail "InRelease of $1 from $mirror has no good signature of $keyring"; fi
  grep -qx "Codename: $1" "$2.release" || fail "InRelease of $1 from $mirror is that of another suite"
  sum=$(awk '/^[^ ]/ { on = ($1 == "SHA256:") } on && $3 == "main/binary-amd64/Packages.xz" { print $1 }' "$2.release")
  [ -n "$sum" ] || fail "InRelease of $1 names no list of packages for amd64"
  download "dists/$1/main/binary-amd64/by-hash/SHA256/$sum" "$2.xz" 120 || return 1
  has_sum "$2.xz" "$sum" || fail "the list of packages of $1 from $mirror is not the one that is signed"
  xz --decompress --stdout "$2.xz" > "$2.part" || fail "the list of packages of $1 could not be unpacked"
  mv "$2.part" "$2"
  rm -f "$2.xz" "$2.signed" "$2.release"
}

# stanza LIST PACKAGE FIELD: a field of a package.
stanza() {
  awk -v package="$2" -v field="$3:" '$1 == "Package:" { on = ($2 == package) } on && $1 == field { $1 = ""; print substr($0, 2); exit }' "$1"
}

# unpack LIST PACKAGE FOLDER: downloads a package of the list and unpacks it.
unpack() {
  local path sum
  path=$(stanza "$1" "$2" Filename)
  sum=$(stanza "$1" "$2" SHA256)
  if [ -z "$path" ] || [ -z "$sum" ]; then fail "there is no package $2 in $1"; fi
  download "$path" "$3/package.deb" 300 || lack "the package $2 could not be had"
  has_sum "$3/package.deb" "$sum" || fail "the checksum of the package $2 is not the one in the list"
  dpkg-deb --extract "$3/package.deb" "$3"
  rm "$3/package.deb"
}
