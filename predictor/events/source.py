"""An object in a bucket as a stream of bytes: one generation of it, a range at a time, checked at its end."""

import base64
import io
from typing import TYPE_CHECKING, Any, Final

from predictor.artifacts.gcs_client import retry, timeout, translated
from predictor.errors import BadObject, StoreUnavailable

if TYPE_CHECKING:
    from google.cloud.storage import Blob

RANGE_BYTES: Final = 4 * 1024 * 1024
"""What is fetched with one request, and so the most that is held of an object."""


class Source(io.RawIOBase):
    """Readable from its beginning to its end, once."""

    def __init__(self, client: Any, bucket: str, name: str, generation: int, *, deadline: float) -> None:
        """Looks the object up. Raises `BadObject` when this generation is there no more, `StoreUnavailable`."""
        import google_crc32c

        self.uri = f"gs://{bucket}/{name}"
        self._generation = generation
        self._deadline = deadline
        self._blob: Blob = client.bucket(bucket).blob(name, generation=generation)
        self._look_up(self._blob)
        self.size = int(self._blob.size)
        self.content_encoding: str | None = self._blob.content_encoding
        self._checksum = google_crc32c.Checksum()
        self._position = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        ...
