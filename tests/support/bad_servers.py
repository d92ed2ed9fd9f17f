"""Servers that a network may bring: one that cannot be reached, one that is silent, one that never ends."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket], None]

TLS_RECORD = b"\x16\x03\x03\x40\x00"
"""The head of a handshake record of 16 KiB."""
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def silent(connection: socket.socket) -> None:
    """Accepts, and never says a word."""
    while connection.recv(65536):
        pass


def endless_handshake(connection: socket.socket) -> None:
    """Sends a TLS record, a byte now and then."""
    connection.sendall(TLS_RECORD)
    while True:
        connection.sendall(b"\x02")
        time.sleep(0.2)


def trickled_header(connection: socket.socket) -> None:
    """Sends the header of an answer, a byte now and then."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def endless_body(connection: socket.socket) -> None:
    """An answer without an end, as fast as it is read."""
    connection.recv(65536)
    connection.sendall(ENDLESS)
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        connection.sendall(piece)


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    """The port of a server that talks so on every connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=speak, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@contextmanager
def unreachable() -> Iterator[int]:
    """A port whose SYN packets nobody answers: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        time.sleep(0.1)
        yield port
