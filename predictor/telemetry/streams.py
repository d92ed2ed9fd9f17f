"""Whatever else this process prints, as log lines: prints, warnings, and the log of libraries and of the framework.

Cloud Logging takes each line as an entry, and a line that is a JSON object as a structured one. So text of several
lines falls apart, and text with a caller's words in it, such as the framework's "Exception on /path", could be made to
look like a line of ours. Here each piece of text becomes the message of one JSON object.
"""

import io
import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Final, TextIO

from predictor.telemetry.logs import log
from predictor.telemetry.trace import LABELS, current_headers, request_fields

MAX_MESSAGE: Final = 100_000
"""Cloud Logging refuses lines over 256 KiB."""
_FRAMEWORKS_FIELDS: Final = {"message", LABELS, "logging.googleapis.com/spanId"}
_TRACEBACK: Final = "Traceback (most recent call last)"


def capture_streams() -> None:
    """From here on, what Python code writes to stdout and stderr becomes log lines. Again: no further effect."""
    if isinstance(sys.stdout, OutputLines):
        return
    sys.stdout = OutputLines(sys.stdout, "INFO")
    sys.stderr = OutputLines(sys.stderr, "WARNING")
    sys.excepthook = lambda _kind, error, _traceback: _log_unhandled(error)
    threading.excepthook = lambda args: _log_unhandled(args.exc_value)
    sys.unraisablehook = lambda args: _log_unhandled(args.exc_value)


def _log_unhandled(error: BaseException | None) -> None:
    log(logging.ERROR, "unhandled_error", f"Unhandled {type(error).__name__}.", error=error)


class OutputLines(io.TextIOBase):
    """A text stream that writes each text up to a line's end, be it of several lines, as one JSON object."""

    def __init__(self, target: TextIO, severity: str) -> None:
        self.target = target
        self._severity = severity
        self._texts: list[str] = []
        self._lock = threading.RLock()

    def write(self, text: str, /) -> int:
        with self._lock:
            self._texts.append(text)
            if text.endswith("\n"):  # Handlers write a record at once, print in parts.
                self._write_line()
        return len(text)

    def flush(self) -> None:
        self.target.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self.target.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def _write_line(self) -> None:
        text = "".join(self._texts).rstrip("\n")
        self._texts.clear()
        if not text:
            return
        message = _message(text)
        severity = "ERROR" if _TRACEBACK in message else self._severity
        line = {
            "severity": severity,
            "message": message[:MAX_MESSAGE],
            "time": datetime.now(UTC).isoformat(),
            "event": "output",
            **request_fields(current_headers.get(), None),
        }
        self.target.write(json.dumps(line) + "\n")
        self.target.flush()


def _message(text: str) -> str:
    """The text, out of the object that the framework has wrapped it in already, if it logs execution ids."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(document, dict) and document.keys() <= _FRAMEWORKS_FIELDS and "message" in document:
        return str(document["message"])
    return text
