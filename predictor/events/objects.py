"""Score an object in a bucket: read as a stream at one generation, answered line by line into the results bucket.

What makes a redelivery harmless: the answer of one generation by one model is always the same bytes, the result's
custom metadata says which generation and model it is the answer of, and it is written on the condition that nobody
else has written meanwhile. So a result that is there is not written again, and of two that race one wins and the other
sees it.

- The object was deleted: `BadObject` (`object_gone`). It was overwritten: `object_overwritten`, since the notification
  of the newer generation brings the newer result, and an older answer must never replace a newer one.
- A row that is no valid penguin is an error line in the result. A file of which no row could be scored, or that breaks
  in the middle (not UTF-8, not CSV), is bad as a whole: nothing is written, and the error names the rows.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from predictor.bulk import Count, FileFormat, answer_lines
from predictor.errors import BadObject, StoreUnavailable, UnusableFile
from predictor.events.ahead import ahead
from predictor.events.results import Conflict, Existing, Results, Tag
from predictor.events.source import Source
from predictor.models.loader import LoadedModel

SUFFIX: Final = ".scored.ndjson"
MAX_NAME_BYTES: Final = 1024
"""Cloud Storage answers 400 to a longer one."""
PIECES_AHEAD: Final = 8
"""Answers to so many blocks (about 1 MB each, up to 4 MB of errors) may wait while a part of the result is sent."""

OBJECTS_AT_ONCE: Final = 2
"""Each takes some 50 MB, and one processor does all the work: as many as requests are taken would not fit."""
TIMEOUT_S: Final = 540.0
"""Of one object, everything together, also the wait for its turn: Pub/Sub waits 600 s at most."""

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
        self,
        results_bucket: str,
        max_bytes: int,
        max_rows: int,
        client: Any = None,
        *,
        timeout_s: float = TIMEOUT_S,
        at_once: int = OBJECTS_AT_ONCE,
    ) -> None:
        """`client` is a `google.cloud.storage.Client`; without one it is built when first needed."""
        self._results = Results(results_bucket, client)
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._timeout_s = timeout_s
        self._turns = threading.BoundedSemaphore(at_once)

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        """Raises `BadObject` for what can never be scored, `StoreUnavailable` for what may work later."""
        file_format = format_of(name)
        if file_format is None:
            raise BadObject("unsupported_type", f"{name} is neither a .csv nor an .ndjson object to score.")
        deadline = time.monotonic() + self._timeout_s
        if len((name + SUFFIX).encode()) > MAX_NAME_BYTES:
            raise BadObject("name_too_long", f"With {SUFFIX} the name would have more than {MAX_NAME_BYTES} bytes.")
        if not self._turns.acquire(timeout=self._timeout_s):
            raise StoreUnavailable(f"gs://{bucket}/{name}", f"its turn did not come within {self._timeout_s:g} s")
        try:
            return self._score(model, bucket, name, generation, file_format, deadline=deadline)
        finally:
            self._turns.release()

    def _score(
        self, model: LoadedModel, bucket: str, name: str, generation: int, file_format: FileFormat, *, deadline: float
    ) -> ObjectResult:
        result_name = name + SUFFIX
        tag = Tag(f"gs://{bucket}/{name}", generation, model.identity)
        existing = self._results.find(result_name, deadline=deadline)
        count = self._count_if_done(result_name, existing, tag, deadline)
        if count is None:
            source = self._open(bucket, name, generation, deadline)
            count = Count()
            answers = self._answers(model, source, file_format, count, deadline)
            try:
                with closing(ahead(answers, PIECES_AHEAD)) as pieces:
                    self._results.write(result_name, pieces, tag, replaces=existing, deadline=deadline)
            except Conflict as error:
                existing = self._results.find(result_name, deadline=deadline)
                count = self._count_if_done(result_name, existing, tag, deadline)
                if count is None:
                    raise StoreUnavailable(self._results.uri(result_name), "somebody else is writing it") from error
        return ObjectResult(count.rows, count.bad, self._results.uri(result_name))

    def _count_if_done(self, name: str, existing: Existing | None, tag: Tag, deadline: float) -> Count | None:
        """The rows of the result that is there; None if it is to be written. Raises `BadObject` if it must not be."""
        if existing is None:
            return None
        uri = self._results.uri(name)
        if existing.tag is None or existing.tag.source != tag.source:
            raise BadObject("result_name_taken", f"{uri} is there already, and is not a result of {tag.source}.")
        if existing.tag.generation > tag.generation:
            raise BadObject("object_overwritten", f"{tag.source} has been overwritten; {uri} is a newer result.")
        return self._results.count(name, existing, deadline=deadline) if existing.tag == tag else None

    def _open(self, bucket: str, name: str, generation: int, deadline: float) -> Source:
        source = Source(self._results.client, bucket, name, generation, deadline=deadline)
        if source.size > self._max_bytes:
            reason = f"{source.uri} has {source.size} bytes; at most {self._max_bytes} are scored."
            raise BadObject("object_too_large", reason)
        if source.content_encoding:
            raise BadObject("content_encoding", f"{source.uri} has a content encoding; none is supported.")
        return source

    def _answers(
        self, model: LoadedModel, source: Source, file_format: FileFormat, count: Count, deadline: float
    ) -> Iterator[bytes]:
        """The result's bytes, in pieces. What makes the whole object bad is raised instead of an end."""
        try:
            for piece in answer_lines(model, source, file_format, count):
                if count.rows > self._max_rows:
                    reason = f"{source.uri} has more than {self._max_rows} rows."
                    raise BadObject("too_many_rows", reason, [self._max_rows + 1])
                if time.monotonic() > deadline:
                    raise StoreUnavailable(source.uri, f"it was not scored within {self._timeout_s:g} s")
                yield piece
        except UnusableFile as error:
            raise BadObject(error.code, f"{source.uri}: {error}.", [error.row] if error.row else []) from error
        if count.bad == count.rows:
            if not count.rows:
                raise BadObject("no_rows", f"{source.uri} has no rows.")
            raise BadObject("no_valid_row", f"{source.uri}: none of its rows is a valid penguin.", count.first_bad)
