#!/usr/bin/env bash
# tools/with-cable.sh COMMAND [ARGUMENT...]
# Runs a command in a network namespace of its own, in which the interfaces "left" and "right" are the two ends of
# one cable (veth). The namespace and all in it are removed when the command ends, however it ends.
set -euo pipefail

namespace="xdpps-demo-$$"

remove() {
  # Deaf to a second Ctrl-C, which must not cut the removal short.
  trap '' INT TERM HUP
  if [ -e "/var/run/netns/$namespace" ] && ip netns delete "$namespace"; then echo "Removed network namespace $namespace."; fi
}
trap remove EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

ip netns add "$namespace"
ip -n "$namespace" link set lo up
ip -n "$namespace" link add left type veth peer name right
for end in left right; do
  # No IPv6 address, so that the kernel sends nothing of its own; a kernel without IPv6 does not know the setting.
  ip -n "$namespace" link set "$end" addrgenmode none 2>/dev/null || true
  ip -n "$namespace" link set "$end" up
done
echo "Network namespace $namespace: left and right, joined by a cable (veth)."
echo
ip netns exec "$namespace" "$@"
