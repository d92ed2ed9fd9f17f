"""From a stream of bytes to blocks of whole lines, with a limit on the length of a line."""

from collections.abc import Iterator
from itertools import chain
from typing import Final, Literal

from predictor.bulk.source import Readable
from predictor.errors import UnusableFile

FileFormat = Literal["csv", "ndjson"]

BLOCK_BYTES: Final = 128 * 1024
MAX_LINE_BYTES: Final = 1024 * 1024
MAX_BLOCK_LINES: Final = 8192
"""More lines in a block are too short for a penguin, and the error for each takes far more memory than the line."""


class Blocks:
    """Iterates over a stream in blocks that end where a line ends, without a byte order mark before the first.

    `lines` counts the lines handed out so far. The cuts depend on the bytes alone, so the same file always gives the
    same blocks.
    """

    def __init__(self, stream: Readable) -> None:
        self.lines = 0
        self._stream = stream
        self._blocks = self._cut()
        self._peeked: tuple[bytes, ...] = ()

    def __iter__(self) -> Iterator[bytes]:
        """Raises `UnusableFile` for a line that is too long."""
        for block in chain(self._peeked, self._blocks):
            # A line over the limit is longer than a piece, so an earlier piece began it, and it comes first here.
            end = block.find(b"\n")
            if (end if end >= 0 else len(block)) > MAX_LINE_BYTES:
                raise UnusableFile("line_too_long", f"line {self.lines + 1} is longer than {MAX_LINE_BYTES} bytes")
            for part in _split(block):
                self.lines += part.count(b"\n") + (not part.endswith(b"\n"))
                yield part

    def starts_like_json(self) -> bool:
        """Whether the first line that is not blank is JSON, and not the header of a table."""
        for block in self._blocks:
            if start := block.lstrip():
                self._peeked = (block,)
                return start.startswith((b"{", b"["))
            self.lines += block.count(b"\n")
        return False

    def _cut(self) -> Iterator[bytes]:
        rest = b""
        mark = b"\xef\xbb\xbf"
        while piece := self._stream.read(BLOCK_BYTES):
            block = (rest + piece).removeprefix(mark)
            mark = b""
            cut = block.rfind(b"\n") + 1 or (len(block) if len(block) > MAX_LINE_BYTES else 0)
            if cut:
                yield block[:cut]
            rest = block[cut:]
        if rest:
            yield rest


def _split(block: bytes) -> Iterator[bytes]:
    """The block in parts of at most so many lines."""
    if block.count(b"\n") <= MAX_BLOCK_LINES:
        yield block
        return
    lines = block.split(b"\n")
    for first in range(0, len(lines), MAX_BLOCK_LINES):
        part = b"\n".join(lines[first : first + MAX_BLOCK_LINES])
        last = first + MAX_BLOCK_LINES >= len(lines)
        if part or not last:
            yield part if last else part + b"\n"


def decode_block(block: bytes, lines_before: int) -> str:
    """The block's text. Raises `UnusableFile` with the number of the line that is not UTF-8."""
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        raise UnusableFile("not_utf8", f"line {line} is not UTF-8") from error
