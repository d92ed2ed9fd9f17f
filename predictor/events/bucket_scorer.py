"""Score an object in a bucket: read as a stream at one generation, answered line by line into the results bucket.

Scoring is idempotent, so a redelivered notification does no harm. The answer to one generation by one model is always
the same bytes; the result's custom metadata says which generation and model it belongs to; and it is written on the
condition that nobody else has written meanwhile. So a result that exists is not written again, and of two writers one
succeeds and the other finds its result.

- The object was deleted: `BadObject` (`object_gone`). It was overwritten: `object_overwritten`, because the
  notification of the newer generation brings the newer result, and an older answer must never replace a newer one.
- An invalid row is an error line in the result. A file without a valid row, or one that cannot be read to its end (not
  UTF-8, not CSV), is bad as a whole: nothing is written, and the error names the rows.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from predictor.bulk import Count, FileFormat, ScoredLines
from predictor.errors import BadObject, StoreUnavailable, UnusableFile
from predictor.events.notifications import SCORED_SUFFIX, format_of
from predictor.events.object_reader import ObjectReader
from predictor.events.object_scorer import ObjectResult
from predictor.events.prefetch import prefetch
from predictor.events.result_store import Conflict, Existing, ResultStore, ResultTag
from predictor.location import MAX_OBJECT_NAME_BYTES, gs_uri
from predictor.models import LoadedModel
from predictor.penguin import NOUN

PREFETCHED_PIECES: Final = 8
"""Answers to so many blocks (about 1 MB each, up to 4 MB of errors) may wait while a part of the result is sent."""

OBJECTS_AT_ONCE: Final = 2
"""Each takes some 50 MB, so an instance has no room for as many as it takes requests."""
TIMEOUT_S: Final = 540.0
"""Time limit of one object, with the wait for its turn. Pub/Sub waits at most 600 s for an acknowledgement."""


class BucketScorer:
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
        self._results = ResultStore(results_bucket, client)
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._timeout_s = timeout_s
        self._turns = threading.BoundedSemaphore(at_once)

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        """Raises `BadObject` (permanent) or `StoreUnavailable` (retryable)."""
        file_format = format_of(name)
        if file_format is None:
            raise BadObject("unsupported_type", f"{name} is no object to score: .csv, .ndjson, or one of them as .gz.")
        deadline = time.monotonic() + self._timeout_s
        if len((name + SCORED_SUFFIX).encode()) > MAX_OBJECT_NAME_BYTES:
            raise BadObject(
                "name_too_long", f"With {SCORED_SUFFIX} the name would have more than {MAX_OBJECT_NAME_BYTES} bytes."
            )
        if not self._turns.acquire(timeout=self._timeout_s):
            raise StoreUnavailable(gs_uri(bucket, name), f"its turn did not come within {self._timeout_s:g} s")
        try:
            return self._score(model, bucket, name, generation, file_format, deadline=deadline)
        finally:
            self._turns.release()

    def _score(
        self, model: LoadedModel, bucket: str, name: str, generation: int, file_format: FileFormat, *, deadline: float
    ) -> ObjectResult:
        result_name = name + SCORED_SUFFIX
        tag = ResultTag(gs_uri(bucket, name), generation, model.identity)
        existing = self._results.find(result_name, deadline=deadline)
        count = self._count_if_done(result_name, existing, tag, deadline)
        if count is None:
            source = self._open(bucket, name, generation, deadline)
            lines = ScoredLines(model, source, file_format, max_unzipped_bytes=self._max_bytes)
            count = lines.count
            try:
                with closing(prefetch(self._checked(lines, source, deadline), PREFETCHED_PIECES)) as pieces:
                    self._results.write(result_name, pieces, tag, replaces=existing, deadline=deadline)
            except Conflict as error:
                existing = self._results.find(result_name, deadline=deadline)
                count = self._count_if_done(result_name, existing, tag, deadline)
                if count is None:
                    raise StoreUnavailable(
                        self._results.uri(result_name), "another writer was first", action="written"
                    ) from error
        return ObjectResult(count.rows, count.invalid, self._results.uri(result_name))

    def _count_if_done(self, name: str, existing: Existing | None, tag: ResultTag, deadline: float) -> Count | None:
        """The rows of the result that is there; None if it is to be written. Raises `BadObject` if it must not be."""
        if existing is None:
            return None
        uri = self._results.uri(name)
        if existing.tag is None or existing.tag.source != tag.source:
            raise BadObject("result_name_taken", f"{uri} is there already, and is not a result of {tag.source}.")
        if existing.tag.generation > tag.generation:
            raise BadObject("object_overwritten", f"{tag.source} has been overwritten; {uri} is a newer result.")
        return self._results.count(name, existing, deadline=deadline) if existing.tag == tag else None

    def _open(self, bucket: str, name: str, generation: int, deadline: float) -> ObjectReader:
        source = ObjectReader(self._results.client, bucket, name, generation, deadline=deadline)
        if source.size > self._max_bytes:
            reason = f"{source.uri} has {source.size} bytes; at most {self._max_bytes} are scored."
            raise BadObject("object_too_large", reason)
        if source.content_encoding:
            raise BadObject("content_encoding", f"{source.uri} has a content encoding; store it without, as .csv.gz.")
        return source

    def _checked(self, lines: ScoredLines, source: ObjectReader, deadline: float) -> Iterator[bytes]:
        """The result's bytes, in pieces. Raises what makes the whole object bad, also at its end."""
        count = lines.count
        try:
            for piece in lines:
                if count.rows > self._max_rows:
                    reason = f"{source.uri} has more than {self._max_rows} rows."
                    raise BadObject("too_many_rows", reason, [self._max_rows + 1])
                if time.monotonic() > deadline:
                    raise StoreUnavailable(source.uri, f"it was not scored within {self._timeout_s:g} s")
                yield piece
        except UnusableFile as error:
            raise BadObject(error.code, f"{source.uri}: {error}.", [error.row] if error.row else []) from error
        if count.invalid == count.rows:
            if not count.rows:
                raise BadObject("no_rows", f"{source.uri} has no rows.")
            reason = f"{source.uri}: none of its rows is a valid {NOUN}."
            raise BadObject("no_valid_row", reason, count.first_invalid)
