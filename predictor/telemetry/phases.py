"""How long each phase of a start took: `import`, `fetch`, `verify`, `load`, `predict`."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Phases:
    """Milliseconds by phase name, in the order in which they first ran. A phase that runs twice adds up."""

    def __init__(self) -> None:
        self._ms: dict[str, float] = {}
        self.current: str | None = None
        """The phase that was entered last: the one that failed, if something did."""

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        self.current = name
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - start) * 1000)

    def add(self, name: str, ms: float) -> None:
        self._ms[name] = self._ms.get(name, 0.0) + ms

    def as_dict(self) -> dict[str, float]:
        return {name: round(ms, 3) for name, ms in self._ms.items()}


def process_age_ms() -> float:
    """Milliseconds since the kernel started this process (10 ms resolution), so that interpreter and framework count.

    Falls back to the process's CPU time where there is no /proc.
    """
    try:
        stat = Path("/proc/self/stat").read_bytes()
        started_ticks = int(stat.rpartition(b")")[2].split()[19])  # field 22, starttime, see proc(5)
        return (time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")) * 1000
    except (OSError, AttributeError):
        return time.process_time() * 1000
