"""Sends frames of the protocols that a packet is dissected into, with the fields that few real frames have, and with mistakes.

Called by record-captures.sh, with the interface as its argument.
"""
import sys

from scapy.all import (
    ARP, BOOTP, DHCP, DNS, DNSQR, DNSRR, Dot1AD, Dot1Q, Dot3, Ether, GRE, ICMP, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6MLDone,
    ICMPv6MLQuery, ICMPv6MLReport, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IP, IPOption_LSRR, IPOption_NOP,
    IPOption_SSRR, IPOption_Timestamp, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, LLC, Raw, SNAP, STP,
    TCP, UDP, conf, sendp,
)
from scapy.contrib.lldp import (
    LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUManagementAddress, LLDPDUPortDescription, LLDPDUPortID, LLDPDUSystemCapabilities,
    LLDPDUSystemDescription, LLDPDUSystemName, LLDPDUTimeToLive,
)
from scapy.layers.ipsec import AH
from scapy.layers.vxlan import VXLAN

conf.verb = 0
A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
ether = Ether(src=A, dst=B)
ip4 = IP(src="10.0.0.1", dst="10.0.0.2")
ip6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
near6 = IPv6(src="fe80::1", dst="fe80::2", hlim=255)
dns = UDP(sport=40000, dport=53)
echo = ICMP(id=7, seq=1) / Raw(b"abcdefgh")
syn = TCP(sport=40001, dport=8000, flags="S", seq=1, options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (11, 0)), ("NOP", None), ("WScale", 7)])
quoted4 = IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=5000, dport=5001) / Raw(b"12345678")
quoted6 = IPv6(src="2001:db8::2", dst="2001:db8::1") / TCP(sport=5000, dport=5001, flags="A")
query = DNS(id=0x1a2b, rd=1, qd=DNSQR(qname="www.example.test", qtype="A"))
lldp = Ether(src=A, dst="01:80:c2:00:00:0e")
bpdu = Dot3(src=A, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3)
dhcp = Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)


def boot(*options, **fields):
    return dhcp / BOOTP(xid=0x01020304, chaddr=bytes.fromhex("020000000001"), **fields) / DHCP(options=[*options, "end"])


frames = [
    # ARP: a reply, an announcement, a probe, RARP, and addresses that are not IPv4.
    ether / ARP(op=2, hwsrc=A, psrc="10.0.0.1", hwdst=B, pdst="10.0.0.2"),
    Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=A, psrc="10.0.0.1", hwdst="00:00:00:00:00:00", pdst="10.0.0.1"),
    Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=A, psrc="0.0.0.0", hwdst="00:00:00:00:00:00", pdst="10.0.0.9"),
    Ether(src=A, dst=B, type=0x8035) / ARP(op=3, hwsrc=A, psrc="0.0.0.0", hwdst=A, pdst="0.0.0.0"),
    Ether(src=A, dst=B, type=0x8035) / ARP(op=4, hwsrc=B, psrc="10.0.0.2", hwdst=A, pdst="10.0.0.1"),
    ether / ARP(op=9, hwsrc=A, psrc="10.0.0.1", hwdst=B, pdst="10.0.0.2"),
    # Tags: three of them, priority only, with the drop eligible bit, and around 802.3.
    ether / Dot1AD(vlan=10, prio=3, id=1) / Dot1Q(vlan=20, prio=6) / Dot1Q(vlan=30) / ip4 / echo,
    ether / Dot1Q(vlan=0, prio=7, id=1) / ip4 / dns / query,
    ether / Dot1Q(vlan=4095) / ip6 / ICMPv6EchoRequest(id=1, seq=2),
    ether / Dot1AD(vlan=7) / ip4 / syn,
    # IPv4: options, differentiated services, congestion, fragments, lengths.
    ether / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption_LSRR(routers=["10.0.0.9", "10.0.0.8"]), IPOption_NOP()]) / dns / query,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption_SSRR(routers=["10.0.0.9"]), IPOption_Timestamp()]) / echo,
    *[ether / IP(src="10.0.0.1", dst="10.0.0.2", tos=tos, ttl=ttl, id=tos) / syn for tos, ttl in ((0xb8, 1), (0x03, 255), (0x29, 64))],
    ether / IP(src="10.0.0.1", dst="10.0.0.2", flags="MF", id=77) / echo,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", frag=185, id=77, proto=1) / Raw(b"the rest"),
    ether / IP(src="10.0.0.1", dst="10.0.0.2", flags="DF", chksum=0x1234) / dns / query,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", proto=253) / Raw(b"experiment"),
    ether / IP(src="10.0.0.1", dst="10.0.0.2", len=28) / UDP(sport=9, dport=9, len=8) / Raw(b"longer than IP says"),
    # ICMP: errors about packets of several kinds, queries, and a wrong checksum.
    ether / ip4 / ICMP(type=3, code=4, nexthopmtu=1400) / quoted4,
    ether / ip4 / ICMP(type=3, code=3) / (IP(src="10.0.0.2", dst="10.0.0.1") / syn),
    ether / ip4 / ICMP(type=5, code=1, gw="10.0.0.254") / quoted4,
    ether / ip4 / ICMP(type=11, code=0) / quoted4,
    ether / ip4 / ICMP(type=12, code=0, ptr=20) / quoted4,
    ether / ip4 / ICMP(type=13, id=3, seq=4, ts_ori=1, ts_rx=0, ts_tx=0),
    ether / ip4 / ICMP(type=14, id=3, seq=4, ts_ori=1, ts_rx=2, ts_tx=3),
    ether / ip4 / ICMP(id=7, seq=2, chksum=0xbad) / Raw(b"abcdefgh"),
    # ICMPv6: errors, neighbour discovery, MLD.
    ether / ip6 / ICMPv6DestUnreach(code=4) / quoted6,
    ether / ip6 / ICMPv6PacketTooBig(mtu=1280) / quoted6,
    ether / ip6 / ICMPv6TimeExceeded() / quoted6,
    ether / ip6 / ICMPv6ParamProblem(ptr=6) / quoted6,
    ether / near6 / ICMPv6ND_NS(tgt="fe80::2") / ICMPv6NDOptSrcLLAddr(lladdr=A),
    *[ether / near6 / ICMPv6ND_NA(tgt="fe80::1", R=r, S=s, O=o) / ICMPv6NDOptDstLLAddr(lladdr=A) for r, s, o in ((1, 0, 0), (0, 1, 0), (0, 0, 1))],
    ether / near6 / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=A),
    ether / near6 / ICMPv6ND_RA(chlim=63, M=0, O=1, routerlifetime=600, reachabletime=30000, retranstimer=1000) / ICMPv6NDOptMTU(mtu=1400)
    / ICMPv6NDOptPrefixInfo(prefix="2001:db8:1::", prefixlen=64) / ICMPv6NDOptSrcLLAddr(lladdr=A),
    ether / near6 / ICMPv6ND_Redirect(tgt="fe80::9", dst="2001:db8::9") / ICMPv6NDOptDstLLAddr(lladdr=B),
    ether / near6 / ICMPv6MLQuery(mladdr="ff02::9", mrd=1000),
    ether / near6 / ICMPv6MLReport(mladdr="ff02::9"),
    ether / near6 / ICMPv6MLDone(mladdr="ff02::9"),
    ether / ip6 / ICMPv6EchoRequest(id=1, seq=3, cksum=0xbad),
    # IPv6: traffic class, flow label, all extension headers, fragments, a way by way of a router.
    ether / IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0xb9, fl=0x12345, hlim=3) / syn,
    ether / ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(addresses=["2001:db8::3"]) / dns / query,
    ether / ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(offset=0, m=1, id=9, nh=6) / syn,
    ether / ip6 / IPv6ExtHdrFragment(offset=181, m=0, id=9, nh=6) / Raw(b"the rest"),
    ether / ip6 / IPv6ExtHdrFragment(offset=0, m=0, id=10, nh=17) / dns / query,
    ether / IPv6(src="2001:db8::1", dst="2001:db8::2", nh=59) / Raw(b"nothing"),
    ether / ip6 / IPv6(src="2001:db8:1::1", dst="2001:db8:1::2") / syn,
    # UDP and TCP: no checksum, a wrong one, all flags, options.
    ether / ip4 / UDP(sport=5000, dport=5001, chksum=0) / Raw(b"no checksum"),
    ether / ip4 / UDP(sport=5000, dport=5001, chksum=0xbad) / Raw(b"a wrong one"),
    ether / ip6 / UDP(sport=5000, dport=5001, chksum=0xbad) / Raw(b"a wrong one"),
    ether / ip6 / UDP(sport=5000, dport=5001) / Raw(b"an odd number of bytes"[:21]),
    *[ether / ip4 / TCP(sport=40001, dport=8000, flags=flags, seq=4000000000, ack=3000000000, window=500, urgptr=3) for flags in ("S", "SA", "A", "FA", "R", "RA", "PA", "UA", "SEC", "FPU", "")],
    ether / ip4 / TCP(sport=40001, dport=8000, flags="A", reserved=1),
    ether / ip4 / syn,
    ether / ip6 / syn,
    ether / ip4 / TCP(sport=40001, dport=8000, flags="A", options=[("NOP", None), ("NOP", None), ("SAck", (100, 200, 300, 400))]),
    ether / ip4 / TCP(sport=40001, dport=8000, flags="PA", chksum=0xbad) / Raw(b"data"),
    ether / ip6 / TCP(sport=40001, dport=8000, flags="PA", chksum=0xbad) / Raw(b"data"),
    # DNS: kinds of query and of answer, names of names, mDNS.
    *[ether / ip4 / dns / DNS(id=n, opcode=opcode, aa=n & 1, tc=n >> 1 & 1, rd=n >> 2 & 1, cd=n & 1, qd=DNSQR(qname="zone.example.test", qtype=kind))
      for n, (opcode, kind) in enumerate(((0, "MX"), (0, "TXT"), (0, "SRV"), (0, "PTR"), (0, "ANY"), (2, "A"), (4, "SOA"), (5, "SOA")))],
    *[ether / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=53, dport=40000)
      / DNS(id=0x1a2b, qr=1, ra=1, ad=1, rcode=code, qd=DNSQR(qname="www.example.test"), an=DNSRR(rrname="www.example.test", rdata="10.0.0.2") if code == 0 else None)
      for code in (0, 1, 2, 3, 5)],
    ether / ip4 / dns / DNS(qd=DNSQR(qname=".", qtype="NS")),
    # Two questions, the second name by a pointer into the first; then a pointer to itself.
    ether / ip4 / dns / Raw(bytes.fromhex("00010100000200000000000003777777076578616d706c6504746573740000010001c01000010001")),
    ether / ip4 / dns / Raw(bytes.fromhex("000101000001000000000000c00c00010001")),
    Ether(src=A, dst="01:00:5e:00:00:fb") / IP(src="10.0.0.1", dst="224.0.0.251", ttl=255) / UDP(sport=5353, dport=5353)
    / DNS(qd=DNSQR(qname="_ssh._tcp.local", qtype="PTR", qclass=0x8001)),
    Ether(src=A, dst="01:00:5e:00:00:fb") / IP(src="10.0.0.1", dst="224.0.0.251", ttl=255) / UDP(sport=5353, dport=5353)
    / DNS(qr=1, aa=1, qd=None, an=DNSRR(rrname="_ssh._tcp.local", type="PTR", rdata="lab._ssh._tcp.local")),
    # DHCP: all messages, and BOOTP without them.
    *[boot(("message-type", kind), ("hostname", "lab"), ("requested_addr", "10.0.0.50"), ("server_id", "10.0.0.2"), ciaddr=client, secs=3)
      for kind, client in (("discover", "0.0.0.0"), ("request", "0.0.0.0"), ("decline", "0.0.0.0"), ("release", "10.0.0.50"), ("inform", "10.0.0.50"))],
    *[Ether(src=B, dst=A) / IP(src="10.0.0.2", dst="10.0.0.50") / UDP(sport=67, dport=68)
      / BOOTP(op=2, xid=0x01020304, chaddr=bytes.fromhex("020000000001"), yiaddr="10.0.0.50", siaddr="10.0.0.2", giaddr="10.0.0.3", hops=1, flags=0x8000)
      / DHCP(options=[("message-type", kind), ("server_id", "10.0.0.2"), ("lease_time", 86400), "pad", "end"]) for kind in ("offer", "ack", "nak")],
    dhcp / BOOTP(xid=5, chaddr=bytes.fromhex("020000000001")),
    # VXLAN and GRE, and what they carry.
    *[ether / ip4 / UDP(sport=50000, dport=4789) / VXLAN(vni=vni, flags=8) / Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / inner
      for vni, inner in ((1, IP(src="192.0.2.1", dst="192.0.2.2") / syn), (0xffffff, Dot1Q(vlan=5) / ip6 / dns / query), (77, ARP(psrc="192.0.2.1", pdst="192.0.2.2")))],
    ether / ip6 / UDP(sport=50000, dport=4789) / VXLAN(vni=9, flags=8) / Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / ip4 / echo,
    ether / ip4 / GRE(chksum_present=1) / IP(src="192.0.2.1", dst="192.0.2.2") / syn,
    ether / ip4 / GRE(chksum_present=1, key_present=1, key=0xdeadbeef, seqnum_present=1, sequence_number=5) / ip6 / dns / query,
    ether / ip4 / GRE(seqnum_present=1, sequence_number=6) / IP(src="192.0.2.1", dst="192.0.2.2") / echo,
    ether / ip4 / GRE(chksum_present=1, chksum=0xbad) / IP(src="192.0.2.1", dst="192.0.2.2") / echo,
    ether / ip6 / GRE(proto=0x6558, key_present=1, key=3) / Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02") / Dot1Q(vlan=5) / ip4 / dns / query,
    ether / ip4 / AH(nh=6, payloadlen=4, spi=0x100, seq=9, icv=b"0" * 12) / syn,
    ether / ip6 / AH(nh=17, payloadlen=4, spi=0x101, seq=10, icv=b"0" * 12) / dns / query,
    # LLDP: identifiers of every kind, all elements that are in the base.
    *[lldp / LLDPDUChassisID(subtype=subtype, id=name) / LLDPDUPortID(subtype=port, id=place) / LLDPDUTimeToLive(ttl=ttl) / LLDPDUEndOfLLDPDU()
      for subtype, name, port, place, ttl in ((4, A, 3, B, 120), (6, b"lab0", 5, b"lab0", 0), (7, b"rack 7", 7, b"port 9", 65535), (1, b"shelf", 2, b"slot", 30))],
    lldp / LLDPDUChassisID(subtype=4, id=A) / LLDPDUPortID(subtype=5, id=b"lab0") / LLDPDUTimeToLive(ttl=60)
    / LLDPDUPortDescription(description="uplink") / LLDPDUSystemName(system_name="switch-1") / LLDPDUSystemDescription(description="a switch of the lab")
    / LLDPDUSystemCapabilities(mac_bridge_available=1, router_available=1, mac_bridge_enabled=1)
    / LLDPDUManagementAddress(management_address_subtype=1, management_address=b"\x0a\x00\x00\x01", interface_numbering_subtype=2, interface_number=1)
    / LLDPDUEndOfLLDPDU(),
    # The spanning tree: configuration, rapid, and a change of topology.
    bpdu / STP(rootid=4096, rootmac=A, pathcost=4, bridgeid=32769, bridgemac=B, portid=0x8002, age=1, maxage=20, hellotime=2, fwddelay=15),
    bpdu / STP(version=2, bpdutype=2, bpduflags=0x3c, rootid=4096, rootmac=A, pathcost=20000, bridgeid=32769, bridgemac=B, portid=0x8002, age=1) / Raw(b"\x00"),
    bpdu / Raw(b"\x00\x00\x00\x80"),
    # LLC with SNAP around an EtherType.
    Dot3(src=A, dst=B) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x0800) / ip4 / echo,
    # Mistakes: lengths and versions that cannot be.
    ether / IP(src="10.0.0.1", dst="10.0.0.2", ihl=3) / dns / query,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", ihl=15) / Raw(b"0123456789"),
    ether / IP(src="10.0.0.1", dst="10.0.0.2", len=10) / dns / query,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", len=1000) / UDP(sport=5000, dport=5001, len=980) / Raw(b"much shorter"),
    ether / ip4 / UDP(sport=5000, dport=5001, len=4) / Raw(b"too short"),
    ether / ip4 / TCP(sport=40001, dport=8000, dataofs=3),
    ether / ip4 / TCP(sport=40001, dport=8000, dataofs=15),
    ether / ip4 / Raw(b"\x9c\x41"),
    ether / IPv6(src="2001:db8::1", dst="2001:db8::2", plen=500) / UDP(sport=5000, dport=5001, len=400) / Raw(b"much shorter"),
    ether / IPv6(src="2001:db8::1", dst="2001:db8::2", plen=8, nh=0) / Raw(bytes.fromhex("1101000000000000") + b"0123456789"),
]
sendp(frames, iface=sys.argv[1])
