"""What a process was asked, counted for `python -m predictor drift`: a log line a minute, at most.

A request only appends to a list. The rows are counted many at a time, in a request: between requests Cloud Run takes
the CPU away. `predictor.trust.traffic_counts` counts; it is imported with the first rows that are counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from predictor.errors import RowFailure
from predictor.penguin import Penguin
from predictor.prediction import ModelIdentity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns
    from predictor.trust.assessment import Assessor
    from predictor.trust.traffic_counts import TrafficCounts

INTERVAL_S: Final = 60.0
"""Between two summaries of one process, at least."""
MIN_ROWS: Final = 10
"""A summary of fewer rows would show what single callers sent. They wait for the next one."""
PENDING_ROWS: Final = 64
"""So many rows are counted at once: a fraction of a millisecond."""

Write = Callable[[dict[str, Any]], None]


class Traffic:
    """Counts of one model in one process. Safe to call from several threads."""

    def __init__(
        self,
        identity: ModelIdentity,
        assessor: "Callable[[], Assessor]",
        write: Write,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_first: Callable[[Callable[[], None]], bool] = lambda _flush: True,
    ) -> None:
        """`assessor` is called once, when rows are counted first. `write` gets the fields of each summary.

        `on_first` gets `flush` with the first row, to call it when the process ends; while it answers false, it is
        asked again a minute later.
        """
        self._identity = identity
        self._assessor = assessor
        self._write = write
        self._clock = clock
        self._on_first = on_first
        self._flushed_at_the_end = False
        self._pending: deque[tuple[Penguin, int]] = deque()
        self._due_s = 0.0
        self._lock = threading.Lock()
        self._counts: TrafficCounts | None = None

    def add(self, penguin: Penguin, place: int) -> None:
        """One row, and the place of its predicted class. This is all that a plain prediction pays for."""
        self._pending.append((penguin, place))
        if len(self._pending) >= PENDING_ROWS or self._clock() >= self._due_s:
            self._work()

    def add_batch(
        self,
        columns: "PenguinColumns",
        places: "NDArray[np.intp]",
        in_distribution: "NDArray[np.bool_]",
        errors: "list[RowFailure] | tuple[RowFailure, ...]" = (),
    ) -> None:
        """Many rows, the places of their predicted classes, and which rows are like the reference rows.

        `errors` are those of the rows that were refused.
        """
        with self._lock:
            counts = self._counting()
            counts.add_columns(columns, places, in_distribution)
            for error in errors:
                counts.add_refused(error)
        if self._clock() >= self._due_s:
            self._work()

    def refuse(self, error: RowFailure) -> None:
        """One row that is not valid."""
        with self._lock:
            self._counting().add_refused(error)
        if self._clock() >= self._due_s:
            self._work()

    def feedback(self, label: str, predicted: str, *, covered: bool | None) -> None:
        """One row whose class is known. `covered`: whether its prediction set has it; None without prediction sets."""
        with self._lock:
            self._counting().add_feedback(label, predicted, covered=covered)
        if self._clock() >= self._due_s:
            self._work()

    def flush(self) -> None:
        """Write what has not been written yet: this process ends."""
        with self._lock:
            self._count_pending()
            if self._counts is not None:
                self._write_summary(self._counts, last=True)

    def _work(self) -> None:
        """Count the rows that wait, and write a summary where it is due."""
        now_s = self._clock()
        if self._due_s == 0.0:
            self._due_s = now_s + INTERVAL_S  # The first row of all: it is answered before anything is imported.
            self._flushed_at_the_end = self._on_first(self.flush)
            return
        with self._lock:
            self._count_pending()
            if now_s >= self._due_s and self._counts is not None:
                self._due_s = now_s + INTERVAL_S
                self._write_summary(self._counts, last=False)
                if not self._flushed_at_the_end:
                    self._flushed_at_the_end = self._on_first(self.flush)

    def _counting(self) -> "TrafficCounts":
        if self._counts is None:
            from predictor.trust.traffic_counts import TrafficCounts

            self._counts = TrafficCounts(self._assessor())
        return self._counts

    def _count_pending(self) -> None:
        if not self._pending:
            return
        counts = self._counting()
        rows = []
        while self._pending:  # Other threads may append meanwhile: nothing that is not taken out is removed.
            rows.append(self._pending.popleft())
        counts.add_rows(rows)

    def _write_summary(self, counts: "TrafficCounts", *, last: bool) -> None:
        if counts.rows and counts.rows < MIN_ROWS:
            if not last:
                return
            counts.discard_rows()
        if counts.is_empty:
            return
        self._write(
            {
                "model_version": self._identity.version,
                "model_digest": self._identity.digest,
                **counts.fields(),
            }
        )
        counts.clear()
