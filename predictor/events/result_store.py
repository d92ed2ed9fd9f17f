"""The results bucket: what is stored there already, and one streaming upload that no other writer can interfere with.

The custom metadata of each result says which object and model it is the answer of. A result appears with the last byte
of a resumable upload, so an upload that ends early leaves nothing, and only if nobody else has written it meanwhile.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from predictor.answers import is_error_line
from predictor.bulk import Count
from predictor.errors import PredictorError, StoreUnavailable
from predictor.gcs import new_client, retry, timeout, translated
from predictor.location import gs_uri
from predictor.prediction import ModelIdentity

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

UPLOAD_BYTES: Final = 8 * 1024 * 1024
"""What is sent with one request, and so the most that is held of a result; a multiple of 256 KiB."""


class Conflict(PredictorError):
    """Another writer has written the result meanwhile."""


@dataclass(frozen=True, slots=True)
class ResultTag:
    """What a result is the answer of."""

    source: str
    generation: int
    model: ModelIdentity

    def as_metadata(self) -> dict[str, str]:
        return {
            "source": self.source,
            "source-generation": str(self.generation),
            "model-digest": self.model.digest,
            "model-version": self.model.version,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str] | None) -> "ResultTag | None":
        """None for an object that is no result of ours."""
        try:
            found = metadata or {}
            model = ModelIdentity(found["model-version"], found["model-digest"])
            return cls(found["source"], int(found["source-generation"]), model)
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Existing:
    """A result, or something else under its name: its generation, and its tag."""

    generation: int
    tag: ResultTag | None


class ResultStore:
    """One bucket; the client is built when first needed, since none would survive the fork of the worker."""

    def __init__(self, bucket: str, client: "Client | None" = None) -> None:
        self.bucket = bucket
        self._client = client
        self._lock = threading.Lock()

    @property
    def client(self) -> "Client":
        with self._lock:
            if self._client is None:
                self._client = new_client()
            return self._client

    def uri(self, name: str) -> str:
        return gs_uri(self.bucket, name)

    def find(self, name: str, *, deadline: float) -> Existing | None:
        """Raises `StoreUnavailable`."""
        bucket = self.client.bucket(self.bucket)
        with translated(self.uri(name)):
            blob = bucket.get_blob(name, timeout=timeout(deadline), retry=retry(deadline))
        return None if blob is None else Existing(int(blob.generation), ResultTag.from_metadata(blob.metadata))

    def write(
        self, name: str, pieces: Iterator[bytes], tag: ResultTag, *, replaces: Existing | None, deadline: float
    ) -> None:
        """Upload what `pieces` gives; whatever it raises ends the upload. Raises `Conflict`, `StoreUnavailable`."""
        from google.api_core.exceptions import PreconditionFailed

        blob = self._blob(name)
        blob.metadata = tag.as_metadata()
        content = _Content(pieces)
        with translated(self.uri(name), "written"):
            try:
                blob.upload_from_file(
                    content,
                    content_type="application/x-ndjson",
                    if_generation_match=0 if replaces is None else replaces.generation,
                    checksum="crc32c",
                    timeout=timeout(deadline),
                    retry=retry(deadline),
                )
            except PreconditionFailed as error:
                raise Conflict(f"{self.uri(name)} has been written by another writer.") from error
            except ValueError as error:
                if error is content.error:
                    raise
                # The client raises it when the store keeps less of a request than was sent: it cannot send it again.
                raise StoreUnavailable(self.uri(name), "it did not keep all of a request", action="written") from error

    def count(self, name: str, existing: Existing, *, deadline: float) -> Count:
        """Count the rows of a result. Raises `StoreUnavailable`."""
        blob = self._blob(name, generation=existing.generation)
        with (
            translated(self.uri(name)),
            blob.open("rb", raw_download=True, timeout=timeout(deadline), retry=retry(deadline)) as lines,
        ):
            count = Count()
            for line in lines:
                count.rows += 1
                count.invalid += is_error_line(line)
            return count

    def _blob(self, name: str, generation: int | None = None) -> "Blob":
        return self.client.bucket(self.bucket).blob(name, chunk_size=UPLOAD_BYTES, generation=generation)


class _Content:
    """The pieces as a file for the client to upload, made as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.error: Exception | None = None
        """What `pieces` raised, to tell it from the client's own errors."""
        self._pieces = pieces
        self._waiting = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        taken, length = [self._waiting], len(self._waiting)
        try:
            while length < size and (piece := next(self._pieces, None)) is not None:
                taken.append(piece)
                length += len(piece)
        except Exception as error:
            self.error = error
            raise
        data = b"".join(taken)
        self._waiting = data[size:]
        data = data[:size]
        self._position += len(data)
        return data

    def tell(self) -> int:
        return self._position
