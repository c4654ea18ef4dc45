"""
Sends Ethernet frames from network namespaces and tells which of them came by where. One argument, JSON:
taps {name: [pid, device]}, frames [[pid, device, hex]], sockets [[address, port, peer, peer's port]], sentinel [pid, device], bridge (a
tap's name), answers (frames that go behind the sockets' datagrams), waitS. Frames end in "mark" and a byte; prints JSON: the bytes by tap,
and for each socket, which sends a datagram behind the frames, whether an error came back, and a datagram. All is sent on one processor, whose queue keeps the order; so what a sentinel has not overtaken is lost.
"""
import ctypes
import json
import os
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
what = json.loads(sys.argv[1])
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
own = os.open("/proc/self/ns/net", os.O_RDONLY)
ETH_P_ALL = 3


def raw(pid, device):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY) if pid else os.dup(own)
    if libc.setns(fd, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.bind((device, 0))
    made.setblocking(False)
    os.close(fd)
    libc.setns(own, 0)
    return made


taps = {name: raw(*place) for name, place in what["taps"].items()}
seen = {name: set() for name in taps}


def look():
    for name, tap in taps.items():
        while True:
            try:
                frame = tap.recv(65536)
            except BlockingIOError:
                break
            at = frame.rfind(b"mark")
            if at != -1:
                seen[name].add(frame[at + 4])


senders = {}
for pid, device, text in what["frames"]:
    key = (pid, device)
    if key not in senders:
        senders[key] = raw(pid, device)
    senders[key].send(bytes.fromhex(text))
pid, device = what["sentinel"]
sentinel = raw(pid, device)
for turn in range(3):
    frame = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + b"mark" + bytes([255 - turn])
    sentinel.send(frame.ljust(60, b"\0"))
    until = time.monotonic() + 20
    while 255 - turn not in seen[what["bridge"]]:
        if time.monotonic() > until:
            sys.exit("a sentinel did not arrive")
        look()
        time.sleep(0.001)
look()

asking = []
for address, port, peer, peer_port in what["sockets"]:
    asked = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind((address, port))
    asked.connect((peer, peer_port))
    asked.send(b"question")
    asking.append(asked)
until = time.monotonic() + what["waitS"]
refused = [False] * len(asking)
answered = [False] * len(asking)
for pid, device, text in what["answers"]:
    senders[(pid, device)].send(bytes.fromhex(text))
while not (all(refused) and sum(answered) == len(what["answers"])) and time.monotonic() < until:
    for index, asked in enumerate(asking):
        asked.setblocking(False)
        try:
            answered[index] = asked.recv(100).startswith(b"mark") or answered[index]
        except ConnectionRefusedError:
            refused[index] = True
        except BlockingIOError:
            pass
    time.sleep(0.005)
marks = {name: sorted(found) for name, found in seen.items()}
print(json.dumps({"seen": marks, "refused": refused, "answered": answered}))
