"""Advertises itself as the router of 2001:db8:bad::/64 on eth0 to every neighbour (RFC 4861, 4.2)."""
import socket
import struct

PREFIX = socket.inet_pton(socket.AF_INET6, "2001:db8:bad::")
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
    index = socket.if_nametoindex("eth0")
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + PREFIX
    for _ in range(3):
        raw.sendto(header + option, ("ff02::1", 0, 0, index))
