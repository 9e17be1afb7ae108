#!/usr/bin/env python3
"""Writes frames that neither tools at hand nor interfaces of the kernel at hand send, for tests/captures: give it the file to write."""
import socket
import struct
import sys

from scapy.all import Ether, IP, IPv6, Raw, UDP, wrpcap

HERE, NEXT, LAST, OTHER = '2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4'
ETHER = Ether(dst='02:00:00:00:00:02', src='02:00:00:00:00:01')


def padded(frame):
    return frame + bytes(max(0, 60 - len(frame)))


def segment_routed(left, checksum_for, inner):
    """A segment routing header (RFC 8754): the list is from the last segment to the first, the last is the destination."""
    body = bytes(IPv6(src=HERE, dst=checksum_for) / inner)[40:]
    header = bytes([17, 4, 4, left, 1, 0, 0, 0])
    header += b''.join(socket.inet_pton(socket.AF_INET6, address) for address in (LAST, NEXT))
    return bytes(ETHER / IPv6(src=HERE, dst=LAST if left == 0 else NEXT, nh=43) / Raw(header + body))


def llc(payload, to='0180c2000000'):
    return padded(bytes.fromhex(to + '020000000001') + struct.pack('!H', len(payload)) + payload)


BPDU = bytes.fromhex('0000 02 02 3c 8001 020000000001 00000004 8002 020000000002 8001 0000 1400 0200 0f00 00'.replace(' ', ''))
DATAGRAM = bytes(IP(src='192.0.2.1', dst='192.0.2.2') / UDP(sport=4000, dport=4001) / b'inside')

frames = [
    segment_routed(left, address, UDP(sport=4000, dport=4001) / b'routed')
    for left, address in ((1, LAST), (1, NEXT), (1, OTHER), (0, LAST), (0, NEXT))
] + [
    # The spanning trees of single VLANs, of Cisco; IP by the encapsulation of bridge tunnels (RFC 1042).
    llc(bytes.fromhex('aaaa0300000c010b') + BPDU + bytes.fromhex('0000 0002 0001'.replace(' ', '')), '01000ccccccd'),
    llc(bytes.fromhex('aaaa030000f80800') + DATAGRAM, '020000000002'),
    # Numbered and supervisory frames, whose control fields have two bytes.
    llc(bytes.fromhex('f0f10107'), '020000000002'),
    llc(bytes.fromhex('f0f00208') + b'numbered', '020000000002'),
]
wrpcap(sys.argv[1], [Ether(frame) for frame in frames])
