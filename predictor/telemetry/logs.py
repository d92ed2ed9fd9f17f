"""One JSON object per line on stdout, in the form that Cloud Logging reads.

Every line says what happened: in `event` (a name for programs; alerts and metrics filter on it) and in `message` (a
sentence for people). No line contains a value that a caller sent, but for a harmless `X-Request-Id`.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from predictor.telemetry.trace import current_headers, request_fields

# Not from `logging.getLogger`: the framework configures logging after it has loaded main.py, which switches off every
# logger that is registered by then. It has a registry of its own, which forgets cached levels when the level is set.
_LOGGER: Final = logging.RootLogger(logging.INFO)
_LOGGER.manager = logging.Manager(_LOGGER)

_SEVERITIES: Final = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARNING",
    logging.ERROR: "ERROR",
    logging.CRITICAL: "CRITICAL",
}

# What ends a line for Unicode and stands as it is in JSON: a reader may split there.
_LINE_ENDS: Final = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def configure_logs(level: str, project: str | None, stream: TextIO | None = None) -> None:
    """Send this package's log lines to `stream` (stdout). Replaces what an earlier call set up."""
    # The stream itself, if `capture_streams` has wrapped it: what comes from here is a line of JSON already.
    handler = logging.StreamHandler(stream or getattr(sys.stdout, "target", sys.stdout))
    handler.setFormatter(_JsonFormatter(project))
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(level)


def log(severity: int, event: str, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write one line. `fields` become the line's own JSON fields; `error` adds its traceback."""
    if _LOGGER.isEnabledFor(severity):
        _LOGGER.log(severity, message, extra={"event": event, "fields": fields}, exc_info=error)


class _JsonFormatter(logging.Formatter):
    def __init__(self, project: str | None) -> None:
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "severity": _SEVERITIES.get(record.levelno, "DEFAULT"),
            "message": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "event": getattr(record, "event", record.name),
            **getattr(record, "fields", {}),
            **request_fields(current_headers.get(), self._project),
        }
        if record.exc_info and record.exc_info[1]:
            # Error Reporting groups lines by this field.
            line["stack_trace"] = "".join(traceback.format_exception(record.exc_info[1]))
        text = json.dumps(line, ensure_ascii=False, default=str)
        for character, escape in _LINE_ENDS:
            text = text.replace(character, escape)
        return text
