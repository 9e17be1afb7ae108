"""Sends one of each kind of frame that tcpdump's language has a word for and that few kernels send of their own accord.

Called by record-captures.sh, with the interface as its argument.
"""
import sys

from scapy.all import (
    ARP, Dot1AD, Dot1Q, Dot3, Ether, GRE, ICMP, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, ICMPv6EchoRequest, IPOption_Router_Alert, LLC, PPP, PPPoE, PPPoED, Raw, SCTP, SNAP, TCP, UDP, conf, sendp,
)
from scapy.contrib.lldp import LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID, LLDPDUTimeToLive
from scapy.contrib.mpls import MPLS
from scapy.layers.ipsec import AH, ESP
from scapy.layers.sctp import SCTPChunkData, SCTPChunkInit
from scapy.layers.vrrp import VRRP

conf.verb = 0
ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
ip4 = IP(src="10.0.0.1", dst="10.0.0.2")
ip6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
outer = IP(src="192.0.2.1", dst="192.0.2.2")
dns = UDP(sport=40000, dport=53) / Raw(b"0123456789")
web = TCP(sport=40001, dport=80, flags="PA") / Raw(b"GET / HTTP/1.0\r\n\r\n")
echo = ICMP() / Raw(b"abcdefgh")

frames = [
    # VLANs, one tag and two, and what they carry.
    *[ether / Dot1Q(vlan=tag) / ip4 / inner for tag in (1, 100, 200) for inner in (dns, web, echo)],
    ether / Dot1Q(vlan=100, prio=5) / ip6 / dns,
    Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=100) / ARP(psrc="10.0.0.1", pdst="10.0.0.2", hwsrc="02:00:00:00:00:01"),
    ether / Dot1AD(vlan=10) / Dot1Q(vlan=100) / ip4 / dns,
    ether / Dot1AD(vlan=10) / Dot1Q(vlan=100) / ip6 / web,
    ether / Dot1Q(vlan=10) / Dot1Q(vlan=100) / ip4 / echo,
    # Tunnels.
    ether / outer / GRE() / ip4 / dns,
    ether / outer / GRE(key_present=1, key=7) / ip6 / dns,
    ether / outer / GRE(proto=0x6558) / back / ip4 / echo,
    ether / outer / IP(src="10.0.0.1", dst="10.0.0.2") / dns,
    ether / outer / ip6 / web,
    ether / ip6 / ip4 / echo,
    ether / MPLS(label=16, s=1, ttl=64) / ip4 / dns,
    ether / MPLS(label=100, s=0, ttl=64) / MPLS(label=16, s=1, ttl=63) / ip4 / web,
    Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / PPPoED(code=0x09),
    *[ether / PPPoE(sessionid=session) / PPP(proto=0x0021) / ip4 / dns for session in (7, 9)],
    ether / PPPoE(sessionid=7) / PPP(proto=0x0057) / ip6 / dns,
    # Transports and routing protocols.
    ether / ip4 / SCTP(sport=40002, dport=80) / SCTPChunkInit(init_tag=1, a_rwnd=1000, n_out_streams=1, n_in_streams=1, init_tsn=1),
    back / IP(src="10.0.0.2", dst="10.0.0.1") / SCTP(sport=80, dport=40002) / SCTPChunkData(data=b"hello"),
    ether / ip6 / SCTP(sport=40002, dport=80) / SCTPChunkData(data=b"hello"),
    ether / ip4 / AH(nh=17, spi=1, seq=1, icv=b"0" * 12) / dns,
    ether / ip6 / AH(nh=6, spi=1, seq=1, icv=b"0" * 12) / web,
    ether / ip4 / ESP(spi=2, seq=1, data=b"0" * 24),
    ether / ip6 / ESP(spi=2, seq=1, data=b"0" * 24),
    ether / IP(src="10.0.0.1", dst="224.0.0.18", ttl=255) / VRRP(vrid=1, addrlist=["10.0.0.3"]),
    *[ether / IP(src="10.0.0.1", dst="224.0.0.5", proto=number, ttl=1) / Raw(b"\x02\x01" + b"\x00" * 42) for number in (9, 89, 103, 112)],
    # Options, extension headers and fragments.
    ether / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption_Router_Alert()]) / dns,
    ether / ip6 / IPv6ExtHdrHopByHop() / dns,
    ether / ip6 / IPv6ExtHdrDestOpt() / web,
    ether / ip6 / IPv6ExtHdrRouting(addresses=["2001:db8::3"]) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(),
    ether / ip6 / IPv6ExtHdrFragment(offset=0, m=1, nh=17) / dns,
    ether / ip6 / IPv6ExtHdrFragment(offset=64, m=0, nh=17) / Raw(b"the rest"),
    ether / IP(src="10.0.0.1", dst="10.0.0.2", flags="MF", id=1) / dns,
    ether / IP(src="10.0.0.1", dst="10.0.0.2", frag=8, id=1) / Raw(b"the rest"),
    ether / ip4 / TCP(sport=22, dport=40003, flags="R"),
    # LLDP, and CDP in LLC and SNAP.
    Ether(src="02:00:00:00:00:01", dst="01:80:c2:00:00:0e") / LLDPDUChassisID(subtype=4, id=b"\x02\x00\x00\x00\x00\x01")
    / LLDPDUPortID(subtype=5, id=b"lab0") / LLDPDUTimeToLive(ttl=120) / LLDPDUEndOfLLDPDU(),
    Dot3(src="02:00:00:00:00:01", dst="01:00:0c:cc:cc:cc") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0x00000C, code=0x2000)
    / Raw(b"\x02\xb4\x00\x00\x00\x01\x00\x07lab"),
    # Frames of 802.3 and of protocols that are no more.
    Dot3(src="02:00:00:00:00:01", dst="09:00:2b:00:00:05") / LLC(dsap=0xFE, ssap=0xFE, ctrl=3) / Raw(b"\x83" + b"\x00" * 20),
    Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC(dsap=0xF0, ssap=0xF0, ctrl=3) / Raw(b"\x00" * 20),
    Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC(dsap=0xE0, ssap=0xE0, ctrl=3) / Raw(b"\xff\xff" + b"\x00" * 28),
    Dot3(src="02:00:00:00:00:01", dst="09:00:07:ff:ff:ff") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0x080007, code=0x809B) / Raw(b"\x00" * 20),
    Dot3(src="02:00:00:00:00:01", dst="09:00:07:ff:ff:ff") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x80F3) / Raw(b"\x00" * 20),
    *[Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=number) / Raw(b"\x00" * 46)
      for number in (0x6001, 0x6002, 0x6003, 0x6004, 0x8035, 0x8137, 0x809B, 0x80F3, 0x88B5)],
]
sendp(frames, iface=sys.argv[1])
