"""Many clients at once, each with a connection of its own, in one event loop."""

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Crowd:
    """What the clients got: answers by status, and connections that broke by their error."""

    answers: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_status(reader: asyncio.StreamReader) -> int:
    """The status of one answer, which is read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head[9:12])


async def send_together(port: int, request: bytes, clients: int, timeout_s: float = 300.0) -> Crowd:
    """Connect all clients, then let each send the request once and read its answer."""
    crowd = Crowd()
    go = asyncio.Event()
    connected = asyncio.Semaphore(0)

    async def client() -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        finally:
            connected.release()
        await go.wait()
        try:
            writer.write(request)
            crowd.answers[await read_status(reader)] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            crowd.broken[type(error).__name__] += 1
        finally:
            writer.close()

    async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
        for _ in range(clients):
            await connected.acquire()
        go.set()
    return crowd


def main() -> None:
    """`python -m tests.support.crowd PORT CLIENTS < BODY`: prints the answers by status, and what broke, as JSON."""
    port, clients = map(int, sys.argv[1:])
    crowd = asyncio.run(send_together(port, post("/predict", sys.stdin.buffer.read()), clients))
    print(json.dumps({"answers": crowd.answers, "broken": crowd.broken}))


if __name__ == "__main__":
    main()
