"""One TCP connection as fast as it goes: `stream.py serve PORT`, `stream.py send HOST PORT SECONDS` prints bytes a second."""
import socket
import sys
import time

BLOCK = 1 << 20


def serve(port):
    with socket.create_server(("0.0.0.0", port)) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                buffer, total = bytearray(BLOCK), 0
                while count := connection.recv_into(buffer):
                    total += count
                connection.sendall(total.to_bytes(8, "big"))


def send(host, port, seconds):
    block = bytes(BLOCK)
    with socket.create_connection((host, port), timeout=10) as connection:
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        total = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
        print(total / (time.monotonic() - begun))


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
