"""Takes one descriptor from whoever connects to a Unix socket, as console sockets are used.

receiver.py SOCKET terminal|pidfd: prints what the message says, then, of a terminal, its name and all that is written to it; of a
pidfd, the process that it is of.
"""
import array, os, socket, sys

path, kind = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(path)
server.listen(1)
print("ready", flush=True)
connection, _ = server.accept()
text, ancillary, _, _ = connection.recvmsg(64, socket.CMSG_LEN(4))
fds = array.array("i")
for _, _, data in ancillary:
    fds.frombytes(data[:4])
if not fds:
    sys.exit(0)  # whoever connected has gone
fd = fds[0]
print(text.decode(), flush=True)
if kind == "pidfd":
    with open(f"/proc/self/fdinfo/{fd}") as info:
        print([line.split()[1] for line in info if line.startswith("Pid:")][0], flush=True)
else:
    print(os.isatty(fd), flush=True)
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        sys.stdout.write(data.decode())
        sys.stdout.flush()
