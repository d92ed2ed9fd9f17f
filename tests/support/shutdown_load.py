"""Keep-alive clients that post without a pause while the process is told to end."""

import json
import os
import signal
import socket
import threading
import time

from tests.support.bundles import EXAMPLE
from tests.support.processes import FunctionProcess

_BODY = json.dumps(EXAMPLE).encode()
_REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY


def answered_until_the_end(function: FunctionProcess, *, clients: int, seconds: float) -> tuple[list[str], int, float]:
    """What was lost of the requests, how many were answered, and the seconds from SIGTERM to the end of the process.

    SIGTERM comes after `seconds`.

    Lost is a request that was sent on a connection that had not been announced to end, and got no complete answer.
    Every connection has been accepted before: the kernel resets those that still wait for it.
    """
    lost: list[str] = []
    answered = [0] * clients
    accepted = threading.Barrier(clients + 1)

    def post(number: int) -> None:
        with socket.create_connection(("127.0.0.1", function.port), timeout=30) as connection:
            while True:
                answer = b""
                try:
                    connection.sendall(_REQUEST)
                    while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                        part = connection.recv(65536)
                        if not part:
                            lost.append(f"an end after {answer!r}")
                            return
                        answer += part
                except OSError as error:
                    lost.append(f"{error!r} after {answer!r}")
                    return
                answered[number] += 1
                if answered[number] == 1:
                    accepted.wait(30)
                if b"connection: close" in answer:
                    return

    threads = [threading.Thread(target=post, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    accepted.wait(30)
    time.sleep(seconds)
    started = time.monotonic()
    os.kill(function.process.pid, signal.SIGTERM)
    function.process.wait(9)
    took_s = time.monotonic() - started
    for thread in threads:
        thread.join(30)
    return lost, sum(answered), took_s
