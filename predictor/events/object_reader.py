"""An object in a bucket as a stream of bytes: one generation of it, a range at a time, checked at its end."""

import base64
from typing import TYPE_CHECKING, Any, Final

from predictor.errors import BadObject, StoreUnavailable
from predictor.gcs import retry, timeout, translated
from predictor.location import gs_uri

if TYPE_CHECKING:
    from google.cloud.storage import Blob

RANGE_BYTES: Final = 4 * 1024 * 1024
"""What is fetched with one request, and so the most that is held of an object."""


class ObjectReader:
    """Read once, from its beginning to its end."""

    def __init__(self, client: Any, bucket: str, name: str, generation: int, *, deadline: float) -> None:
        """Looks the object up. Raises `BadObject` when this generation is gone, `StoreUnavailable`."""
        import google_crc32c

        self.uri = gs_uri(bucket, name)
        self._live = client.bucket(bucket).blob(name)
        # Apart from the one that is looked up, whose link leads past the client's own endpoint.
        self._blob: Blob = client.bucket(bucket).blob(name, generation=generation)
        self._deadline = deadline
        found: Blob = client.bucket(bucket).blob(name, generation=generation)
        with translated(self.uri):
            self._reload(found)
        self.size = int(found.size)
        self.content_encoding: str | None = found.content_encoding
        self._checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
        self._expected_checksum: str | None = found.crc32c
        self._fetched = 0
        self._buffer = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next bytes, `size` of them unless the object ends before. Raises as the constructor does."""
        pieces = []
        while size > 0 and (self._buffer or self._fetched < self.size):
            if not self._buffer:
                self._buffer = memoryview(self._fetch())
            pieces.append(self._buffer[:size])
            size -= len(pieces[-1])
            self._buffer = self._buffer[len(pieces[-1]) :]
        return b"".join(pieces)

    def _fetch(self) -> bytes:
        from google.api_core.exceptions import NotFound

        end = min(self._fetched + RANGE_BYTES, self.size)
        with translated(self.uri):
            try:
                # Ranges have no checksum of their own; the whole object's is checked below.
                data: bytes = self._blob.download_as_bytes(
                    start=self._fetched,
                    end=end - 1,
                    raw_download=True,
                    checksum=None,
                    timeout=timeout(self._deadline),
                    retry=retry(self._deadline),
                )
            except NotFound as error:
                raise self._missing() from error
        if len(data) != end - self._fetched:
            raise StoreUnavailable(self.uri, f"a range of {end - self._fetched} bytes came with {len(data)}")
        self._fetched = end
        self._checksum.update(data)
        checksum = base64.b64encode(self._checksum.digest()).decode()
        if end == self.size and self._expected_checksum not in {None, checksum}:
            raise StoreUnavailable(self.uri, f"its crc32c is {checksum}, expected {self._expected_checksum}")
        return data

    def _reload(self, blob: Any) -> None:
        from google.api_core.exceptions import NotFound

        try:
            blob.reload(timeout=timeout(self._deadline), retry=retry(self._deadline))
        except NotFound as error:
            raise self._missing() from error

    def _missing(self) -> BadObject:
        with translated(self.uri):
            if self._live.exists(timeout=timeout(self._deadline), retry=retry(self._deadline)):
                return BadObject("object_overwritten", f"{self.uri} has been overwritten; a newer message covers it.")
        return BadObject("object_gone", f"{self.uri} has been deleted.")
