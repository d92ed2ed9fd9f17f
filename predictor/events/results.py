"""The results bucket: what is there already, and one streaming upload that nobody can cut in on.

Each result carries in its custom metadata what it is the answer of. It comes into being with the last byte of a
resumable upload, so an upload that ends early leaves nothing, and only if no other result was written meanwhile.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from predictor.artifacts.gcs_client import new_client, retry, timeout, translated
from predictor.bulk import Count, count_answers
from predictor.errors import PredictorError, StoreUnavailable
from predictor.prediction import ModelIdentity

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

UPLOAD_BYTES: Final = 8 * 1024 * 1024
"""What is sent with one request, and so the most that is held of a result; a multiple of 256 KiB."""


class Conflict(PredictorError):
    """Somebody else has written the result since it was looked for."""


@dataclass(frozen=True, slots=True)
class Tag:
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
    def from_metadata(cls, metadata: Mapping[str, str] | None) -> "Tag | None":
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
    tag: Tag | None


class Results:
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
        return f"gs://{self.bucket}/{name}"

    def find(self, name: str, *, deadline: float) -> Existing | None:
        """Raises `StoreUnavailable`."""
        bucket = self.client.bucket(self.bucket)
        with translated(self.uri(name)):
            blob = bucket.get_blob(name, timeout=timeout(deadline), retry=retry(deadline))
        return None if blob is None else Existing(int(blob.generation), Tag.from_metadata(blob.metadata))

    def write(
        self, name: str, pieces: Iterator[bytes], tag: Tag, *, replaces: Existing | None, deadline: float
    ) -> None:
        """Upload what `pieces` gives; whatever it raises ends the upload. Raises `Conflict`, `StoreUnavailable`."""
        from google.api_core.exceptions import PreconditionFailed

        blob = self._blob(name)
        blob.metadata = tag.as_metadata()
        pulled = _Pulled(pieces)
        with translated(self.uri(name)):
            try:
                blob.upload_from_file(
                    pulled,
                    content_type="application/x-ndjson",
                    if_generation_match=0 if replaces is None else replaces.generation,
                    checksum="crc32c",
                    timeout=timeout(deadline),
                    retry=retry(deadline),
                )
            except PreconditionFailed as error:
                raise Conflict(f"{self.uri(name)} has been written by somebody else.") from error
            except ValueError as error:
                if pulled.is_reading:
                    raise  # From whoever makes the pieces.
                # The store may keep less of a request than was sent; the client would have to send the rest again.
                raise StoreUnavailable(self.uri(name), "it did not keep all of a request") from error

    def count(self, name: str, existing: Existing, *, deadline: float) -> Count:
        """Count the rows of a result. Raises `StoreUnavailable`."""
        blob = self._blob(name, generation=existing.generation)
        with (
            translated(self.uri(name)),
            blob.open("rb", raw_download=True, timeout=timeout(deadline), retry=retry(deadline)) as lines,
        ):
            return count_answers(lines)

    def _blob(self, name: str, generation: int | None = None) -> "Blob":
        return self.client.bucket(self.bucket).blob(name, chunk_size=UPLOAD_BYTES, generation=generation)


class _Pulled:
    """A file for the client to upload, made as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""
        self._position = 0
        self.is_reading = False

    def read(self, size: int) -> bytes:
        self.is_reading = True
        taken, length = [self._waiting], len(self._waiting)
        while length < size and (piece := next(self._pieces, None)) is not None:
            taken.append(piece)
            length += len(piece)
        data = b"".join(taken)
        self._waiting = data[size:]
        data = data[:size]
        self._position += len(data)
        self.is_reading = False
        return data

    def tell(self) -> int:
        return self._position
