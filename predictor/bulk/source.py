"""What a stream of bytes is, by its first ones: text, gzip around it, Parquet, or something that is not read.

Names do not count: a gzip file is unzipped whatever it is called.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from predictor.errors import UnusableFile

MAX_UNZIPPED_BYTES: Final = 16 * 1024**3
"""So much comes out of a gzip file at most, or as much as the caller says. A few megabytes can hold any amount."""
_PEEKED_BYTES: Final = 4096
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_PARQUET: Final = b"PAR1"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SHEETS: Final = (b"xl/", b"[Content_Types].xml", b"docProps/", b"opendocument.spreadsheet")
"""What the first entries of a zip archive are called, or say, that is a workbook of Excel or LibreOffice."""


class Readable(Protocol):
    """A stream of bytes that gives fewer than it is asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


Seen = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes to read, without gzip, and what they were."""

    stream: Readable
    unzipped: bool = False
    parquet: bool = False


def open_source(stream: Readable, seen: Seen | None = None, max_unzipped_bytes: int = MAX_UNZIPPED_BYTES) -> Source:
    """Raises `UnusableFile` for what is known not to be text. `seen` is told how many bytes of `stream` were read."""
    if seen is not None:
        stream = _Watched(stream, seen)
    first, stream = _peek(stream)
    unzipped = first.startswith(_GZIP)
    if unzipped:
        first, stream = _peek(_Unzipped(stream, max_unzipped_bytes))
    if first.startswith(_OLD_EXCEL) or (first.startswith(_ZIP) and any(mark in first for mark in _SHEETS)):
        raise UnusableFile("unsupported_format", "this is a spreadsheet; open it and save it as CSV (UTF-8)")
    if first.startswith(_ZIP):
        raise UnusableFile("unsupported_format", "this is a zip archive; unpack it and give the file that is in it")
    if first.startswith(_GZIP):
        raise UnusableFile("unsupported_format", "this is gzip in gzip; unpack it once")
    return Source(stream, unzipped, is_parquet(first))


def is_parquet(first: bytes) -> bool:
    """Whether a file that begins with these bytes is Parquet."""
    return first.startswith(_PARQUET)


def _peek(stream: Readable) -> "tuple[bytes, Readable]":
    first = stream.read(_PEEKED_BYTES)
    return first, _Peeked(first, stream)


class _Watched:
    """A stream that tells how many bytes were read from it."""

    def __init__(self, stream: Readable, seen: Seen) -> None:
        self._stream = stream
        self._seen = seen

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._seen(len(data))
        return data


class _Peeked:
    """A stream of which the first bytes have been read."""

    def __init__(self, first: bytes, rest: Readable) -> None:
        self._first = first
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if not self._first:
            return self._rest.read(size)
        data, self._first = self._first[:size], self._first[size:]
        return data + self._rest.read(size - len(data)) if len(data) < size else data


class _Unzipped:
    """What is in a gzip stream, up to a limit. Raises `UnusableFile` where that breaks or ends early."""

    def __init__(self, stream: Readable, limit: int) -> None:
        self._content = gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[call-overload]  # It only reads.
        self._limit = limit
        self._left = limit

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = self._content.read(size)
        except EOFError as error:
            raise UnusableFile("broken_gzip", "the gzip data end early; the file was not copied completely") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnusableFile("broken_gzip", f"the gzip data are damaged: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise UnusableFile("object_too_large", f"unzipped, it has more than {self._limit} bytes")
        return data
