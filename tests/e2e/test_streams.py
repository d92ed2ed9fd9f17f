"""Streams through the real server: answers while the body is sent, and bounded memory whatever the client does."""

import asyncio
from typing import Final

import psutil
import pytest

from tests.conftest import StartFunction
from tests.support.asgi import run
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.processes import FunctionProcess

HEADER: Final = (",".join(EXAMPLE) + "\n").encode()
ROW: Final = (",".join(map(str, EXAMPLE.values())) + "\n").encode()
ROWS: Final = 1_000_000
HEAD: Final = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture
def function(start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
    return start_function(
        {**bundle.env, "MODEL_ENGINE": "onnx", "MAX_STREAM_BYTES": str(len(HEADER) + len(ROW) * ROWS)}
    )


class Stream:
    """A client that sends and reads at the same time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer
        self.sent_bytes = 0

    @classmethod
    async def open(cls, function: FunctionProcess) -> "Stream":
        stream = cls(*await asyncio.open_connection("127.0.0.1", function.port))
        stream._writer.write(HEAD)
        return stream

    async def send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()
        self.sent_bytes += len(data)

    async def send_rows(self, count: int) -> None:
        await self.send(HEADER)
        for _ in range(count // 1000):
            await self.send(ROW * 1000)
        self._writer.write(b"0\r\n\r\n")

    async def read_to_end(self) -> int:
        """The number of rows that are answered."""
        rows, tail = 0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            data = await self.reader.read(256 * 1024)
            assert data, tail
            rows += (tail[-6:] + data).count(b'{"row":')
            tail = (tail + data)[-64:]
        return rows

    def abort(self) -> None:
        self._writer.transport.abort()


def memory_of(function: FunctionProcess) -> float:
    """Megabytes of the process that answers."""
    (worker,) = psutil.Process(function.process.pid).children()
    return float(worker.memory_info().rss) / 2**20


def test_the_first_rows_are_answered_before_the_last_ones_are_sent(function: FunctionProcess) -> None:
    async def scenario() -> list[bytes]:
        stream = await Stream.open(function)
        await stream.send(HEADER)
        lines = []
        for _ in range(3):
            await stream.send(ROW)
            lines.append(await asyncio.wait_for(stream.reader.readuntil(b'{"row":'), 30))
        stream.abort()
        return lines

    lines = run(scenario())
    assert lines[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: application/x-ndjson" in lines[0]


@pytest.mark.slow
def test_a_million_rows_and_a_client_that_stops_reading_take_a_few_megabytes(function: FunctionProcess) -> None:
    async def rows(count: int) -> int:
        stream = await Stream.open(function)
        sending = asyncio.create_task(stream.send_rows(count))
        answered = await stream.read_to_end()
        await sending
        stream.abort()
        return answered

    async def stall() -> tuple[int, int]:
        """How much could be sent without reading, at once and a little later."""
        stream = await Stream.open(function)
        sending = asyncio.create_task(stream.send_rows(ROWS))
        await stream.reader.readuntil(b'{"row":')
        sent = [-1, stream.sent_bytes]
        while sent[-1] > sent[-2]:
            await asyncio.sleep(1)
            sent.append(stream.sent_bytes)
        peak = memory_of(function)
        sending.cancel()
        stream.abort()
        return sent[-1], round(peak)

    assert run(rows(5000)) == 5000  # What is imported with the first stream stays.
    before = memory_of(function)
    assert run(rows(ROWS)) == ROWS
    after = memory_of(function)
    sent_bytes, stalled = run(stall())
    assert sent_bytes < len(ROW) * ROWS / 2
    print(f"{before:.0f} MiB before, {after:.0f} after, {stalled} while nobody reads; {sent_bytes} bytes were sent")
    assert max(after, stalled) - before < 30
    assert run(rows(1000)) == 1000
