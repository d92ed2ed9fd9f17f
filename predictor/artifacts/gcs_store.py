"""A folder in a Cloud Storage bucket as a store.

`google-cloud-storage` costs 0.35 s to import, so it is imported when the first request is made, never before. The
client checks crc32c only on some downloads (not on resumed ones, not without the hash header), so its check is off and
the manifest's sha256, which covers every byte on every path, is the only one: a damaged file is then reported with its
expected and actual digest instead of as a failed transfer.
"""

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from predictor.artifacts.store import REPLACED, StoredFile
from predictor.errors import SizeMismatch, StoreUnavailable

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Bucket

CONNECT_TIMEOUT_S: Final = 3.0
MAX_LISTED: Final = 1000
_NO_PROJECT: Final = "-"  # Reading and writing objects needs no project; the client's constructor demands a name.


class GcsStore:
    """Objects directly below `gs://bucket/prefix/`."""

    def __init__(self, bucket: str, prefix: str, *, client: Any = None) -> None:
        self._bucket_name = bucket
        self._prefix = prefix.strip("/")
        self._client = client

    @property
    def uri(self) -> str:
        return f"gs://{self._bucket_name}/{self._prefix}".rstrip("/")

    def list_files(self, *, deadline: float) -> dict[str, StoredFile]:
        start = len(self._path(""))
        with self._translated(self.uri):
            blobs = self._list(deadline, fields="items(name,size,generation),nextPageToken")
            files = [StoredFile(blob.name[start:], int(blob.size), int(blob.generation)) for blob in blobs]
        return {file.name: file for file in files if file.name}

    def list_folders(self, *, deadline: float) -> list[str]:
        start = len(self._path(""))
        with self._translated(self.uri):
            blobs = self._list(deadline, fields="prefixes,nextPageToken")
            for _ in blobs:  # The prefixes are known once the pages have been read.
                pass
            return sorted(prefix[start:].rstrip("/") for prefix in blobs.prefixes)

    def read(self, file: StoredFile, *, deadline: float) -> bytes:
        sink = _BoundedBuffer(f"{self.uri}/{file.name}", file, deadline)
        with self._translated(f"{self.uri}/{file.name}", is_object=True):
            blob = self._bucket().blob(self._path(file.name), generation=file.generation or None)
            # raw_download: an object stored with Content-Encoding is fetched as it lies, not unpacked on the way.
            blob.download_to_file(
                sink, raw_download=True, checksum=None, timeout=_timeout(deadline), retry=_retry(deadline)
            )
        data = sink.getvalue()
        if len(data) != file.size:
            raise StoreUnavailable(f"{self.uri}/{file.name}", f"it ended after {len(data)} of {file.size} bytes")
        return data

    def create(self, name: str, data: bytes, *, deadline: float) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        with self._translated(f"{self.uri}/{name}"):
            blob = self._bucket().blob(self._path(name))
            try:
                blob.upload_from_string(
                    data,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    checksum="crc32c",
                    timeout=_timeout(deadline),
                    retry=_retry(deadline),
                )
            except PreconditionFailed:
                return False
        return True

    def folder(self, name: str) -> "GcsStore":
        return GcsStore(self._bucket_name, self._path(name), client=self._client)

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _bucket(self) -> "Bucket":
        if self._client is None:
            # Otherwise the client asks for the bucket's metadata in a thread of its own, for traces nobody collects.
            os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
            from google.cloud.storage import Client

            self._client = Client(project=_NO_PROJECT)
        bucket: Bucket = self._client.bucket(self._bucket_name)
        return bucket

    def _list(self, deadline: float, *, fields: str) -> Any:
        return self._bucket().list_blobs(
            prefix=self._path(""),
            delimiter="/",
            max_results=MAX_LISTED,
            fields=fields,
            timeout=_timeout(deadline),
            retry=_retry(deadline),
        )

    @contextmanager
    def _translated(self, uri: str, *, is_object: bool = False) -> Iterator[None]:
        """Turn the client's exceptions into ours, once, here."""
        from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except NotFound as error:
            # An object that was listed a moment ago: the next attempt lists again.
            raise StoreUnavailable(uri, REPLACED if is_object else "there is no such bucket") from error
        except (Forbidden, Unauthorized) as error:
            raise StoreUnavailable(uri, f"access was refused ({error.code})") from error
        except (GoogleAPIError, GoogleAuthError, RequestException, HTTPError, OSError) as error:
            raise StoreUnavailable(uri, f"{type(error).__name__}: {_first_line(error)}") from error


class _BoundedBuffer(io.BytesIO):
    """Collects a download; stops it when it grows over the listed size or past the deadline.

    The HTTP client's own timeout is per received chunk: a server that trickles would never meet it.
    """

    def __init__(self, uri: str, file: StoredFile, deadline: float) -> None:
        super().__init__()
        self._uri = uri
        self._file = file
        self._deadline = deadline

    def write(self, data: Any) -> int:
        if time.monotonic() > self._deadline:
            raise StoreUnavailable(self._uri, "it did not arrive in time")
        written = super().write(data)
        if self.tell() > self._file.size:
            raise SizeMismatch(self._file.name, self._file.size, self.tell())
        return written


def _timeout(deadline: float) -> tuple[float, float]:
    remaining = max(0.1, deadline - time.monotonic())
    return min(CONNECT_TIMEOUT_S, remaining), remaining


def _retry(deadline: float) -> "Retry":
    from google.cloud.storage.retry import DEFAULT_RETRY

    retry: Retry = DEFAULT_RETRY.with_timeout(max(0.1, deadline - time.monotonic())).with_delay(initial=0.1, maximum=2)
    return retry


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
