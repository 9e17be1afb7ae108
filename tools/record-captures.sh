#!/usr/bin/env bash
# tools/record-captures.sh [FOLDER]
# Records the captures of tests/captures anew: real tools talk to each other over a cable (veth) between two network
# namespaces, and tcpdump listens. The namespaces and all in them are removed at the end, however it ends.
# Needs root and, as packages of Debian: iproute2 ethtool tcpdump iputils-ping iputils-arping traceroute bind9-dnsutils
# dnsmasq-base isc-dhcp-client busybox curl netcat-openbsd iperf3 lldpd python3-scapy
set -euo pipefail

folder=$(mkdir -p "${1:-tests/captures}" && cd "${1:-tests/captures}" && pwd)
client="xdpps-client-$$"
server="xdpps-server-$$"
work=$(mktemp -d)
started=()
capture=""

remove() {
  trap '' INT TERM HUP
  local process namespace
  for process in "${started[@]}" $capture; do kill "$process" 2>/dev/null || true; done
  wait
  for namespace in "$client" "$server"; do
    if [ -e "/var/run/netns/$namespace" ]; then ip netns delete "$namespace"; fi
  done
  rm -rf "$work"
}
trap remove EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

for tool in ip ethtool tcpdump ping arping traceroute dig dnsmasq dhclient busybox curl nc iperf3 lldpd /usr/bin/python3; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 1; }
done

on_client() { ip netns exec "$client" "$@"; }

# quietly COMMAND...: in the client's namespace. What is said and how it ends are of no interest, only what it sends.
quietly() { timeout 20 ip netns exec "$client" "$@" >/dev/null 2>&1 </dev/null || true; }

# serve COMMAND...: starts a server in the server's namespace, to be ended by 'stop_servers'.
serve() {
  ip netns exec "$server" "$@" >/dev/null 2>&1 </dev/null &
  started+=($!)
  sleep 0.5
}

stop_servers() {
  local process
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; wait "$process" 2>/dev/null || true; done
  started=()
}

# listen FILE SNAPLENGTH: tcpdump on the server's side.
listen() {
  ip netns exec "$server" tcpdump -i lab0 -s "$2" -B 16384 --immediate-mode -U -Z root -w "$folder/$1" 2>"$work/tcpdump" &
  capture=$!
  until grep -q 'listening on' "$work/tcpdump"; do
    if ! kill -0 "$capture" 2>/dev/null; then cat "$work/tcpdump" >&2; exit 1; fi
    sleep 0.1
  done
}

stop_listening() {
  sleep 0.5
  # 'ip netns exec' has become tcpdump.
  kill "$capture"
  wait "$capture" || true
  capture=""
  cat "$work/tcpdump"
}

# cable on|off: a new cable, its ends with the offloads on or off. It is up, and silent while it has no addresses.
cable() {
  local namespace
  ip -n "$client" link delete lab0 2>/dev/null || true
  ip -n "$client" link add lab0 address 02:00:00:00:00:01 type veth peer name lab0 address 02:00:00:00:00:02 netns "$server"
  for namespace in "$client" "$server"; do
    ip netns exec "$namespace" ethtool -K lab0 tx "$1" rx "$1" sg "$1" tso "$1" gso "$1" gro "$1" rxvlan off txvlan off >/dev/null 2>&1
    ip -n "$namespace" link set lo up
    ip -n "$namespace" link set lab0 addrgenmode none up
  done
  sleep 0.5
}

add_addresses() {
  ip -n "$server" address add fe80::2/64 dev lab0
  ip -n "$client" address add fe80::1/64 dev lab0
  ip -n "$server" address add 10.0.0.2/24 broadcast + dev lab0
  ip -n "$client" address add 10.0.0.1/24 broadcast + dev lab0
  ip -n "$server" address add 2001:db8::2/64 dev lab0
  ip -n "$client" address add 2001:db8::1/64 dev lab0
  sleep 2.5
}

record_lan() {
  cable off
  listen lan.pcap 0
  add_addresses
  quietly arping -c 2 -I lab0 10.0.0.2
  quietly arping -c 1 -U -I lab0 10.0.0.1
  quietly ping -c 3 -i 0.2 10.0.0.2
  quietly ping -c 3 -i 0.2 2001:db8::2
  quietly ping -c 1 -W 1 -s 4000 10.0.0.2
  quietly ping -c 1 -W 1 -s 4000 2001:db8::2
  quietly ping -c 1 -W 1 -R 10.0.0.2
  quietly ping -c 1 -W 1 -b 10.0.0.255
  quietly ping -c 1 -W 1 -I lab0 224.0.0.1
  quietly ping -c 2 -i 0.2 -W 1 -I lab0 ff02::1
  quietly ping -c 1 -W 1 -t 1 10.0.0.77
  quietly traceroute -n -q 2 -m 2 10.0.0.2
  quietly traceroute -n -q 2 -m 2 2001:db8::2

  # Joining and leaving groups: IGMP and MLD.
  ip -n "$client" address add 239.1.2.3/32 dev lab0 autojoin
  ip -n "$client" address add ff05::1:3/128 dev lab0 autojoin
  sleep 1.5
  ip -n "$client" address delete 239.1.2.3/32 dev lab0
  ip -n "$client" address delete ff05::1:3/128 dev lab0
  sleep 0.5

  serve dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= --interface=lab0 --bind-interfaces \
    --address=/www.example.test/10.0.0.2 --address=/www.example.test/2001:db8::2 --local=/test/ \
    --dhcp-range=10.0.0.50,10.0.0.60,1h --dhcp-range=2001:db8::50,2001:db8::60,64,1h --enable-ra --dhcp-leasefile="$work/leases"
  quietly dig +tries=1 +timeout=2 @10.0.0.2 www.example.test A
  quietly dig +tries=1 +timeout=2 @2001:db8::2 www.example.test AAAA
  quietly dig +tries=1 +timeout=2 @10.0.0.2 nowhere.test A
  quietly dig +tcp +tries=1 +timeout=2 @10.0.0.2 www.example.test A
  quietly busybox udhcpc -i lab0 -f -q -n -t 2 -T 1 -s /bin/true -x hostname:lab-client
  quietly dhclient -6 -1 -lf "$work/leases6" -pf "$work/dhclient6.pid" -sf /bin/true -cf /dev/null lab0
  # dhclient goes on in the background.
  if [ -s "$work/dhclient6.pid" ]; then kill "$(cat "$work/dhclient6.pid")" 2>/dev/null || true; fi
  stop_servers

  mkdir -p "$work/site"
  printf '<html><body>%s</body></html>\n' "$(seq -s ' ' 1 200)" > "$work/site/index.html"
  serve busybox httpd -f -p 80 -h "$work/site"
  quietly curl -s -A lab http://10.0.0.2/
  quietly curl -s -A lab 'http://[2001:db8::2]/'
  quietly curl -s -A lab -X HEAD -m 2 http://10.0.0.2/missing
  quietly curl -s -A lab -m 2 http://10.0.0.2:8080/
  stop_servers

  local port
  for port in 22 443; do
    serve nc -l -N 10.0.0.2 "$port"
    printf 'a line for port %s\n' "$port" | timeout 5 ip netns exec "$client" nc -N 10.0.0.2 "$port" >/dev/null 2>&1 || true
    stop_servers
  done
  for port in 53 67 514; do
    printf 'a datagram\n' | timeout 5 ip netns exec "$client" nc -u -p 40000 -w 1 10.0.0.2 "$port" >/dev/null 2>&1 || true
  done
  stop_listening
}

# A bridge that speaks the spanning tree.
record_bridge() {
  cable off
  ip -n "$server" link add br0 address 02:00:00:00:00:02 type bridge stp_state 1 hello_time 100
  ip -n "$server" link set lab0 master br0
  listen bridge.pcap 0
  ip -n "$server" link set br0 up
  sleep 5
  stop_listening
  ip -n "$server" link delete br0
}

# VXLAN by the kernel; all else that has no interface everywhere is made by scapy and sent through a packet socket.
record_encapsulated() {
  cable off
  add_addresses
  local namespace last=1 other=2
  for namespace in "$client" "$server"; do
    ip -n "$namespace" link add vx0 type vxlan id 42 dstport 4789 local "10.0.0.$last" remote "10.0.0.$other" dev lab0
    ip -n "$namespace" link set vx0 address "02:00:00:00:01:0$last"
    ip -n "$namespace" address add "192.0.2.$last/24" dev vx0
    last=2 other=1
  done
  listen encapsulated.pcap 0
  ip -n "$client" link set vx0 up
  ip -n "$server" link set vx0 up
  quietly ping -c 2 -i 0.2 192.0.2.2
  on_client /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/send-encapsulated.py" lab0
  stop_listening
}

# What the dissection is compared with tshark on, besides the rest: more tools, and by scapy all kinds of field and mistake.
record_protocols() {
  cable off
  add_addresses
  listen protocols.pcap 0
  serve iperf3 -s -1
  quietly iperf3 -c 10.0.0.2 -n 8K -l 4K
  stop_servers
  serve iperf3 -s -1
  quietly iperf3 -6 -c 2001:db8::2 -u -n 1K -l 512
  stop_servers
  serve dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= --interface=lab0 --bind-interfaces \
    --address=/www.example.test/10.0.0.2 --local=/test/ --mx-host=example.test,mail.example.test,10 --txt-record=example.test,"a text" \
    --srv-host=_ssh._tcp.example.test,www.example.test,22 --ptr-record=2.0.0.10.in-addr.arpa,www.example.test \
    --dhcp-range=10.0.0.50,10.0.0.60,1h --dhcp-leasefile="$work/leases"
  quietly dig +tries=1 +timeout=2 @10.0.0.2 example.test MX
  quietly dig +tries=1 +timeout=2 +noedns @10.0.0.2 example.test TXT
  quietly dig +tries=1 +timeout=2 +cdflag +dnssec @10.0.0.2 _ssh._tcp.example.test SRV
  quietly dig +tries=1 +timeout=2 +norecurse @10.0.0.2 -x 10.0.0.2
  quietly dhclient -4 -1 -lf "$work/leases4" -pf "$work/dhclient4.pid" -sf /bin/true -cf /dev/null lab0
  quietly dhclient -4 -r -lf "$work/leases4" -pf "$work/dhclient4.pid" -sf /bin/true -cf /dev/null lab0
  stop_servers
  # lldpd drops its privileges, and must reach its socket all the same.
  chmod 711 "$work"
  serve unshare --uts sh -c "hostname lab-host; exec lldpd -d -I lab0 -u '$work/lldpd.sock' -S 'a host of the lab'"
  sleep 6
  stop_servers
  on_client /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/send-protocols.py" lab0
  stop_listening
}

# transfer FILE SNAPLENGTH OFFLOADS KILOBYTES: a file by HTTP.
record_transfer() {
  cable "$3"
  add_addresses
  mkdir -p "$work/site"
  head -c "$(($4 * 1024))" /dev/zero | tr '\0' x > "$work/site/file"
  serve busybox httpd -f -p 80 -h "$work/site"
  listen "$1" "$2"
  quietly curl -s -A lab -o /dev/null http://10.0.0.2/file
  quietly curl -s -A lab -o /dev/null 'http://[2001:db8::2]/file'
  stop_listening
  stop_servers
}

ip netns add "$client"
ip netns add "$server"
record_lan
record_bridge
record_encapsulated
record_protocols
record_transfer offloads-on.pcap 0 on 40
record_transfer cut-offloads-on.pcap 80 on 600
record_transfer cut-offloads-off.pcap 60 off 120
"$(dirname "$0")/craft-frames.py" "$folder/crafted.pcap"
ls -l "$folder"
