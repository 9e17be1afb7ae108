#!/usr/bin/env bash
# tools/compare-builds.sh [COMMIT]
# Builds a commit (HEAD) twice, in clones in folders of different names, and compares every file of the two modules.
# Prints the SHA-256 of each, and of the whole. The exit code is 1 where one differs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
commit=$(git -C "$root" rev-parse "${1:-HEAD}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build FOLDER: its module is in FOLDER/output/XdpPS.
build() {
  git clone --quiet --no-hardlinks "$root" "$1"
  git -C "$1" checkout --quiet --detach "$commit"
  (cd "$1" && pwsh -NoProfile -NonInteractive -File build.ps1 -Task Build)
}

# sums FOLDER: one line a file, by name.
sums() {
  (cd "$1/output/XdpPS" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

build "$work/one"
# Another length of path, another hour, another language and another time zone.
TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 build "$work/another/place/two"
sums "$work/one" > "$work/first"
sums "$work/another/place/two" > "$work/second"
cat "$work/first"
if ! diff "$work/first" "$work/second" > "$work/difference"; then
  echo "The two builds of $commit differ:"
  sed -n 's/^[<>] //p' "$work/difference" | awk '{ print $2 }' | sort -u
  if [ -n "${KEEP:-}" ]; then cp -r "$work" "$KEEP"; fi
  exit 1
fi
echo "Two builds of $commit are the same: $(wc -l < "$work/first") files, sha256 $(sha256sum < "$work/first" | cut -d ' ' -f 1) of the list above"
