"""A folder in a Cloud Storage bucket as a store.

`google-cloud-storage` is imported when the first request is made, never before (`predictor.gcs`). It checks crc32c only
on some downloads (not on resumed ones, not without the hash header), so its check is off and the manifest's sha256,
which covers every byte of every download, is the only one: a damaged file is then reported with its expected and actual
digest instead of as a failed transfer.
"""

import io
from typing import TYPE_CHECKING, Any, Final

from predictor.artifacts.store import REPLACED, StoredFile
from predictor.errors import SizeMismatch, StoreUnavailable
from predictor.gcs import new_client, retry, timeout, translated
from predictor.gcs_timeout import GcsTimeout
from predictor.location import gs_uri

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

MAX_LISTED: Final = 1000


class GcsStore:
    """Objects directly below `gs://bucket/prefix/`."""

    def __init__(self, bucket: str, prefix: str, *, client: Any = None) -> None:
        self._bucket_name = bucket
        self._prefix = prefix.strip("/")
        self._client = client

    @property
    def uri(self) -> str:
        return gs_uri(self._bucket_name, self._prefix).rstrip("/")

    def list_files(self, *, deadline: float) -> dict[str, StoredFile]:
        start = len(self._path(""))
        limit = timeout(deadline)
        with translated(self.uri, limit=limit):
            blobs = self._list(limit, fields="items(name,size,generation),nextPageToken")
            files = [StoredFile(blob.name[start:], int(blob.size), int(blob.generation)) for blob in blobs]
        return {file.name: file for file in files if file.name}

    def list_folders(self, *, deadline: float) -> list[str]:
        start = len(self._path(""))
        limit = timeout(deadline)
        with translated(self.uri, limit=limit):
            blobs = self._list(limit, fields="prefixes,nextPageToken")
            for _ in blobs:  # The prefixes are known once the pages have been read.
                pass
            return sorted(prefix[start:].rstrip("/") for prefix in blobs.prefixes)

    def read(self, file: StoredFile, *, deadline: float) -> bytes:
        from google.api_core.exceptions import NotFound

        uri, limit = f"{self.uri}/{file.name}", timeout(deadline)
        sink = _BoundedBuffer(file)
        with translated(uri, limit=limit, file=file.name):
            try:
                blob = self._bucket().blob(self._path(file.name), generation=file.generation or None)
                # raw_download: an object stored with Content-Encoding is fetched as it lies, not unpacked on the way.
                blob.download_to_file(sink, raw_download=True, checksum=None, timeout=limit, retry=retry(deadline))
            except NotFound as error:
                # It was listed a moment ago: the next attempt lists again.
                raise StoreUnavailable(uri, REPLACED, file=file.name, attempts=limit.attempts) from error
        data = sink.getvalue()
        if len(data) != file.size:
            reason = f"it ended after {len(data)} of {file.size} bytes"
            raise StoreUnavailable(uri, reason, file=file.name, attempts=limit.attempts)
        return data

    def create(self, name: str, data: bytes, *, deadline: float) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        limit = timeout(deadline)
        with translated(f"{self.uri}/{name}", "written", limit=limit, file=name):
            blob = self._bucket().blob(self._path(name))
            try:
                blob.upload_from_string(
                    data,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    checksum="crc32c",
                    timeout=limit,
                    retry=retry(deadline),
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
            self._client = new_client()
        bucket: Bucket = self._client.bucket(self._bucket_name)
        return bucket

    def _list(self, limit: GcsTimeout, *, fields: str) -> Any:
        return self._bucket().list_blobs(
            prefix=self._path(""),
            delimiter="/",
            max_results=MAX_LISTED,
            fields=fields,
            timeout=limit,
            retry=retry(limit.deadline),
        )


class _BoundedBuffer(io.BytesIO):
    """Collects a download; stops it when it grows over the listed size."""

    def __init__(self, file: StoredFile) -> None:
        super().__init__()
        self._file = file

    def write(self, data: Any) -> int:
        written = super().write(data)
        if self.tell() > self._file.size:
            raise SizeMismatch(self._file.name, self._file.size, self.tell())
        return written
