"""What the package logs during a test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from predictor.telemetry import configure_logs


class Log:
    """The lines that were written so far."""

    def __init__(self) -> None:
        self.stream = StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Every line, or those of one event."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if event is None or line["event"] == event]


@contextmanager
def captured_log(project: str | None = "my-project") -> Iterator[Log]:
    log = Log()
    configure_logs("INFO", project, log.stream)
    yield log
    configure_logs("INFO", None)
