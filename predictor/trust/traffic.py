"""What a process was asked, counted for `python -m predictor drift`: a log line a minute, at most.

A request only appends to a queue. The rows are counted many at a time, within a request: between requests Cloud Run
takes the CPU away. `predictor.trust.traffic_counts` counts; it is imported with the first rows that are counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from predictor.errors import PredictorError, RowFailure
from predictor.prediction import ModelIdentity
from predictor.schema import Categories

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns
    from predictor.trust.assessment import Assessor
    from predictor.trust.traffic_counts import TrafficCounts

INTERVAL_S: Final = 60.0
"""Between two summaries of one process, at least."""
MIN_ROWS: Final = 10
"""A summary of fewer rows could show what single callers sent. They wait for the next one."""
PENDING_ROWS: Final = 256
"""So many rows are counted at once: a fraction of a millisecond."""
_MAX_PENDING_ROWS: Final = 4096
"""More never wait, unless the reference cannot be read."""

CountedRow = tuple[tuple[float, ...], Categories, int]
"""A row's measurements and categories, and the index of its predicted class. The row itself would be more to keep."""
Write = Callable[[dict[str, Any]], None]


class CountedModel(Protocol):
    """What is counted: a model with a reference."""

    @property
    def identity(self) -> ModelIdentity: ...

    def assessor(self) -> "Assessor | None": ...


class Traffic:
    """Counts of one model in one process. Safe to call from several threads."""

    def __init__(
        self,
        model: CountedModel,
        write: Write,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_first: Callable[[Callable[[], None]], bool] = lambda _flush: True,
    ) -> None:
        """`write` gets the fields of each summary.

        `on_first` gets `flush`, with the first row, to have it called before the process ends. It says whether that
        will be; if not, it is asked again with each summary.
        """
        self._model = model
        self._write = write
        self._clock = clock
        self._on_first = on_first
        self._will_flush = False
        self._pending: deque[CountedRow] = deque(maxlen=_MAX_PENDING_ROWS)
        self._due_s = 0.0
        self._lock = threading.Lock()
        self._counts: TrafficCounts | None = None
        self._unreadable = False

    def add(self, measurements: tuple[float, ...], categories: Categories, index: int) -> None:
        """One row, and the index of its predicted class. A plain answer pays for this."""
        self._pending.append((measurements, categories, index))
        if len(self._pending) >= PENDING_ROWS or self._clock() >= self._due_s:
            self._work(None)

    def add_batch(
        self,
        columns: "PenguinColumns",
        indexes: "NDArray[np.intp]",
        in_distribution: "NDArray[np.bool_]",
        errors: Sequence[RowFailure] = (),
    ) -> None:
        """Many rows, the indexes of their predicted classes, and which rows are like the reference rows.

        `errors` are those of the rows that are not valid.
        """

        def count(counts: "TrafficCounts") -> None:
            counts.add_columns(columns, indexes, in_distribution)
            for error in errors:
                counts.add_refused(error)

        self._work(count)

    def refuse(self, error: RowFailure) -> None:
        """One row that is not valid."""
        self._work(lambda counts: counts.add_refused(error))

    def feedback(self, label: str, predicted: str, *, covered: bool | None) -> None:
        """One row whose class is known. `covered`: whether its prediction set has it; None without prediction sets."""
        self._work(lambda counts: counts.add_feedback(label, predicted, covered=covered))

    def flush(self) -> None:
        """Write what has not been written yet: this process ends."""
        with self._lock:
            counts = self._counted()
            if counts is not None:
                self._summarise(counts, last=True)

    def _work(self, count: "Callable[[TrafficCounts], None] | None") -> None:
        """Count the rows that wait and what is given, and write a summary where it is due."""
        with self._lock:
            now_s = self._clock()
            first = self._due_s == 0.0
            if first:
                self._due_s = now_s + INTERVAL_S
                self._will_flush = self._on_first(self.flush)
                if count is None:
                    return  # The first row of all waits: it is answered before anything more is imported.
            counts = self._counted()
            if counts is None:
                return
            if count is not None:
                count(counts)
            if now_s >= self._due_s:
                self._due_s = now_s + INTERVAL_S
                self._summarise(counts, last=False)
                self._will_flush = self._will_flush or self._on_first(self.flush)

    def _counted(self) -> "TrafficCounts | None":
        """All counts, with the rows that wait; None where the reference cannot be read."""
        if self._counts is None and not self._unreadable:
            from predictor.trust.traffic_counts import TrafficCounts

            try:
                assessor = self._model.assessor()
            except PredictorError:
                assessor = None  # A detailed answer says so. A plain one needs no reference, and must not fail.
            self._unreadable = assessor is None
            self._counts = None if assessor is None else TrafficCounts(assessor)
        if self._counts is not None:
            # Other threads append meanwhile: what is not taken out stays.
            rows = [self._pending.popleft() for _ in range(len(self._pending))]
            if rows:
                self._counts.add_rows(rows)
        return self._counts

    def _summarise(self, counts: "TrafficCounts", *, last: bool) -> None:
        if 0 < counts.rows < MIN_ROWS:
            if not last:
                return
            counts.discard_rows()
        if not counts.is_empty:
            identity = self._model.identity
            self._write({"model_version": identity.version, "model_digest": identity.digest, **counts.fields()})
            counts.clear()
