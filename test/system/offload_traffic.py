# SPDX-License-Identifier: BSD-2-Clause
"""offload_traffic.py server ADDRESS | client ADDRESS BYTES DATAGRAM: bytes over TCP and datagrams
over UDP, each looked at when it comes back. The client exits with 1 if any was changed."""
import random
import socket
import sys

PORT = 5400


def read_all(connection, count):
    parts = []
    while count > 0 and (part := connection.recv(min(count, 1 << 20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def serve(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.bind((address, PORT))
    listener = socket.create_server((address, PORT), family=family)
    connection, _ = listener.accept()
    size = int.from_bytes(read_all(connection, 8), "big")
    data = read_all(connection, size)
    connection.sendall(data)
    # One at a time, so that none is lost for want of room.
    while (datagram := datagrams.recvfrom(65535)) and datagram[0]:
        datagrams.sendto(datagram[0], datagram[1])


def ask(address, size, datagram):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    seed = random.randrange(1 << 32)
    print("seed", seed)
    data = random.Random(seed).randbytes(size)
    with socket.create_connection((address, PORT), 20) as connection:
        connection.settimeout(20)
        connection.sendall(size.to_bytes(8, "big"))
        connection.sendall(data)
        assert read_all(connection, size) == data, "TCP bytes were changed or are missing"
    with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((address, PORT))
        datagrams.settimeout(20)
        for length in (1, datagram // 2 + 1, datagram):
            datagrams.send(data[:length])
            assert datagrams.recv(65535) == data[:length], "a datagram was changed"
        datagrams.setsockopt(socket.SOL_UDP, 103, datagram)  # UDP_SEGMENT
        datagrams.send(data[: 5 * datagram + 3])
        for at in range(0, 5 * datagram + 3, datagram):
            want = data[at : min(at + datagram, 5 * datagram + 3)]
            assert datagrams.recv(65535) == want, "a datagram of a segmented send was changed"
        datagrams.setsockopt(socket.SOL_UDP, 103, 0)
        datagrams.send(b"")


if sys.argv[1] == "server":
    serve(sys.argv[2])
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
