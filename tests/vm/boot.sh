#!/usr/bin/env bash
# tests/vm/boot.sh KERNEL OUT [QEMU-ARGUMENT...]
# Boots a folder of prepare-kernel.sh, runs the script OUT/command in it, and ends with its exit code. The guest sees
# the host's file system read-only, with a writable layer in memory above it, and OUT as /out; OUT/log has what the
# command printed, OUT/console what the kernel did. XDPPS_VM_SECONDS limits it (default 600).
set -euo pipefail

kernel=$1
out=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$(basename "$kernel")

rm -f "$out/code" "$out/log"
code=0
machine=""
# A shell runs its traps at once only while it waits for what is in the background.
trap 'trap "" TERM INT HUP; if [ -n "$machine" ]; then kill "$machine" 2>/dev/null; wait "$machine"; fi; exit 143' TERM INT HUP
# Emulation everywhere: what a virtual machine within a virtual machine would do is not what is tested.
timeout "${XDPPS_VM_SECONDS:-600}" "${XDPPS_VM_QEMU:-qemu-system-x86_64}" \
  -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m "${XDPPS_VM_MEMORY:-3072}" \
  -nodefaults -no-user-config -display none -no-reboot -serial "file:$out/console" \
  -kernel "$kernel/vmlinuz" -initrd "$kernel/initramfs" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off iommu.passthrough=1 vm.guest=$here/guest.sh vm.modules=$kernel/lib/modules/$version" \
  -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=host,mount_tag=host \
  -fsdev "local,id=out,path=$out,security_model=none" -device virtio-9p-pci,fsdev=out,mount_tag=out \
  "$@" < /dev/null &
machine=$!
wait "$machine" || code=$?
if [ ! -e "$out/code" ]; then
  echo "boot.sh: the virtual machine ended (QEMU's exit code $code) before its command did; the kernel's last lines:" >&2
  tail -n 20 "$out/console" >&2 || true
  exit 1
fi
exit "$(cat "$out/code")"
