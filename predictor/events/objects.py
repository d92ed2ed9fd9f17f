"""Score an object in a bucket: read as a stream at one generation, answered line by line into the results bucket.

What makes a redelivery harmless: the answer of one generation by one model is always the same bytes, the result's custom
metadata says which generation and model it is the answer of, and it is written on the condition that nobody else has
written meanwhile. So a result that is there is not written again, and of two that race one wins and the other sees it.

- The object was deleted: `BadObject` (`object_gone`). It was overwritten: `object_overwritten`, since the notification
  of the newer generation brings the newer result, and an older answer must never replace a newer one.
- A row that is no valid penguin is an error line in the result. A file of which no row could be scored, or that breaks
  in the middle (not UTF-8, not CSV), is bad as a whole: nothing is written, and the error names the rows.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from predictor.bulk import Count, FileFormat, answer_lines
from predictor.errors import BadObject, StoreUnavailable, UnusableFile
from predictor.events.buckets import Conflict, Gone, ResultTag, Results, Source
from predictor.models.loader import LoadedModel

SUFFIX: Final = ".scored.ndjson"
TIMEOUT_S: Final = 540.0
"""Of one object, everything together: Pub/Sub waits 600 s at most."""

_FORMATS: Final[dict[str, FileFormat]] = {".csv": "csv", ".ndjson": "ndjson"}


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """What came of an object: rows in it, how many of them are answered with an error, and where the answers are."""

    rows: int
    rejected_rows: int
    result_uri: str


def format_of(name: str) -> FileFormat | None:
    """How to read an object, by its name; None for what is not scored, such as our own results."""
    if name.endswith(SUFFIX):
        return None
    return next((file_format for suffix, file_format in _FORMATS.items() if name.endswith(suffix)), None)


class ObjectScorer:
    """Scores objects into one results bucket. Blocking; safe to call from several threads."""

    def __init__(
        self, results_bucket: str, max_bytes: int, max_rows: int, client: Any = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        """`client` is a `google.cloud.storage.Client`; without one it is built when first needed."""
        self._results = Results(results_bucket, client)
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._timeout_s = timeout_s

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        """Raises `BadObject` for what can never be scored, `StoreUnavailable` for what may work later."""
        file_format = format_of(name)
        if file_format is None:
            raise BadObject("unsupported_type", f"{name} is neither a .csv nor an .ndjson object to score.")
        deadline = time.monotonic() + self._timeout_s
        source = Source(self._results.client, bucket, name, generation)
        tag = ResultTag(source.uri, generation, model.identity)
        ...
