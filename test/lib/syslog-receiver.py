"""A syslog server that prints what comes, one line a message, with control characters and length prefixes as they are.

syslog-receiver.py tcp PORT | udp PORT | unix PATH | unixgram PATH | tls PORT CERT KEY [CLIENTS' CA]: "ready", then the messages.
"""
import os, socket, ssl, sys, threading

kind, where, *files = sys.argv[1:]
family = socket.AF_UNIX if kind.startswith("unix") else socket.AF_INET
stream = kind in ("tcp", "tls", "unix")
server = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_UNIX and os.path.exists(where):
    os.unlink(where)
server.bind(where if family == socket.AF_UNIX else ("127.0.0.1", int(where)))


def secured(connection):
    """With TLS; of a client that has to show who it is, the name comes first."""
    cert, key, *ca = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if ca:
        context.load_verify_locations(ca[0])
        context.verify_mode = ssl.CERT_REQUIRED
    connection = context.wrap_socket(connection, server_side=True)
    if ca:
        show(f"client {dict(pair[0] for pair in connection.getpeercert()['subject'])['commonName']}\n".encode())
    return connection


def show(data):
    os.write(1, data)


def serve(connection):
    if kind == "tls":
        try:
            connection = secured(connection)
        except (ssl.SSLError, OSError):
            return
    while data := connection.recv(65536):
        show(data)


if stream:
    server.listen(16)
show(b"ready\n")
while True:
    if stream:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
    else:
        data = server.recv(262144)
        show(data if data.endswith(b"\n") else data + b"\n")
