"""Where models and files are: `gs://bucket/folder`, or a folder on this machine. Names only; nothing is opened here."""

import re
from typing import Final

GCS_SCHEME: Final = "gs://"
MAX_OBJECT_NAME_BYTES: Final = 1024
# Cloud Storage's rules, without their finer points: https://cloud.google.com/storage/docs/buckets#naming
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def is_bucket_name(text: str) -> bool:
    return _BUCKET.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """Whether an object can have this name: https://cloud.google.com/storage/docs/objects#naming."""
    return "\r" not in text and "\n" not in text and 0 < len(text.encode()) <= MAX_OBJECT_NAME_BYTES


def gs_uri(bucket: str, name: str) -> str:
    return f"{GCS_SCHEME}{bucket}/{name}"


def split_gs_uri(uri: str) -> tuple[str, str] | None:
    """Bucket and path of a `gs://` URI; None for a local folder. Raises `ValueError` with a sentence's end."""
    if uri.startswith(GCS_SCHEME):
        bucket, _, path = uri.removeprefix(GCS_SCHEME).partition("/")
        if not bucket:
            raise ValueError("it names no bucket")
        return bucket, path
    if "://" in uri:
        raise ValueError("expected gs://bucket/folder or a local folder")
    return None
