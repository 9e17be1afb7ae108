#!/usr/bin/env bash
# tests/vm/run-cell.sh KERNEL DEVICE OUT
# One cell of the matrix: boots KERNEL (a folder of prepare-kernel.sh) with two network cards of a model, and runs the
# script OUT/command there. DEVICE is a name below. Each card's other end is a tap in a network namespace made for this
# run; there this script sends and records what the guest's tests ask for with files in OUT (see HostSide.psm1).
set -euo pipefail

kernel=$1
device=$2
out=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
namespace="xdpps-vm-$$"
agent="" boot=""

offloads=guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off
case $device in
  # The driver binds zero-copy only where it does the DMA mapping itself, hence iommu_platform.
  # With a program it has two queues more, for the CPUs, where there are as many, and a tap deals packets out by their hash:
  # of two it stays with one, so that a socket on queue 0 gets all.
  virtio-net) model="virtio-net-pci,mq=on,vectors=10,iommu_platform=on,disable-legacy=on,$offloads" queues=2 ;;
  virtio-net-4) model="virtio-net-pci,mq=on,vectors=10,iommu_platform=on,disable-legacy=on,$offloads" queues=4 ;;
  igb) model=igb queues=1 ;;
  none) model="" queues=0 ;;
  *) echo "run-cell.sh: no such device: $device (virtio-net, virtio-net-4, igb, none)" >&2; exit 2 ;;
esac

finish() {
  trap '' INT TERM HUP
  if [ -n "$boot" ]; then kill "$boot" 2>/dev/null || true; wait "$boot" 2>/dev/null || true; fi
  if [ -n "$agent" ]; then kill "$agent" 2>/dev/null || true; wait "$agent" 2>/dev/null || true; fi
  if [ -e "/var/run/netns/$namespace" ]; then ip netns delete "$namespace"; fi
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# replay TAP FILE RATE
replay() {
  tcpreplay --quiet --pps "$3" --intf1 "$1" "$out/$2" > "$out/replay.log" 2>&1 || true
}

# serve: does what the guest asks for: OUT/ask.N has the words of one request, OUT/answer.N says that it was done.
serve() {
  local number=1 words capture="" recorded=""
  trap 'if [ -n "$capture" ]; then kill -INT "$capture" 2>/dev/null; wait "$capture" 2>/dev/null; fi; exit 0' TERM
  while true; do
    if [ ! -e "$out/ask.$number" ]; then
      sleep 0.05
      continue
    fi
    read -r -a words < "$out/ask.$number"
    case ${words[0]} in
      # replay TAP FILE RATE
      replay) replay "${words[@]:1}" ;;
      # begin TAP FILE RATE: the same, and answers before it is done
      begin) replay "${words[@]:1}" & ;;
      # join, part: what comes from one card goes to the other, whatever its addresses
      join)
        ip link add bridge mtu 9216 type bridge ageing_time 0
        for tap in tap0 tap1; do
          ip link set "$tap" master bridge
          bridge link set dev "$tap" learning off
        done
        ip link set bridge up
        ;;
      part) ip link delete bridge ;;
      # record TAP FILE: only what comes from the guest
      record)
        recorded=${words[2]}
        rm -f "$out/record.log"
        tcpdump -i "${words[1]}" -w "$out/${words[2]}" -U --immediate-mode -s 65535 -B 32768 -Q in -Z root 2> "$out/record.log" &
        capture=$!
        until grep -q 'listening on' "$out/record.log" 2>/dev/null; do sleep 0.05; done
        ;;
      # stop COUNT: once there are so many frames, or in 5 s
      stop)
        for _ in $(seq 50); do
          if [ "$(tcpdump --count -r "$out/$recorded" 2>/dev/null | sed 's/ .*//')" -ge "${words[1]}" ] 2>/dev/null; then break; fi
          sleep 0.1
        done
        # One frame too many has its time to come.
        sleep 0.2
        kill -INT "$capture"
        wait "$capture" || true
        capture=""
        ;;
    esac
    echo 'done' > "$out/answer.$number"
    number=$((number + 1))
  done
}

rm -f "$out"/ask.* "$out"/answer.*
cards=()
ip netns add "$namespace"
# Without IPv6 the host sends nothing of its own.
# shellcheck disable=SC2016 # the shell in the namespace expands it
ip netns exec "$namespace" bash -c 'for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > "$file"; done' 2>/dev/null || true
if [ "$queues" -gt 0 ]; then
  multi=""
  if [ "$queues" -gt 1 ]; then multi=multi_queue; fi
  for card in 0 1; do
    ip -n "$namespace" tuntap add "tap$card" mode tap $multi
    # Frames of 9,000 bytes are to get through, too.
    ip -n "$namespace" link set "tap$card" mtu 9216 up
    netdev="tap,id=n$card,ifname=tap$card,script=no,downscript=no,vhost=off"
    if [ "$queues" -gt 1 ]; then netdev="$netdev,queues=$queues"; fi
    cards+=(-netdev "$netdev")
    bus=""
    if [ "$device" = igb ]; then
      # A port each: the virtual functions that it has as well would take each other's places.
      cards+=(-device "pcie-root-port,id=port$card,chassis=$((card + 1))")
      bus=",bus=port$card"
    fi
    cards+=(-device "$model$bus,netdev=n$card,mac=52:54:00:00:00:0$((card + 1))")
  done
fi

export out
export -f serve replay
ip netns exec "$namespace" bash -c serve &
agent=$!
# In the background, so that the traps above are run at once, and end the machine, too.
ip netns exec "$namespace" "$here/boot.sh" "$kernel" "$out" "${cards[@]}" &
boot=$!
code=0
wait "$boot" || code=$?
boot=""
(exit "$code")
