"""JSON logs, what names a request, and how long each phase of a start took. Imports nothing else of this project."""

from predictor.telemetry.logs import configure_logs, log
from predictor.telemetry.phases import Phases, process_age_ms
from predictor.telemetry.streams import capture_streams
from predictor.telemetry.termination import before_termination
from predictor.telemetry.trace import add_execution_id, current_headers, request_id, use_request_id

__all__ = [
    "Phases",
    "add_execution_id",
    "before_termination",
    "capture_streams",
    "configure_logs",
    "current_headers",
    "log",
    "process_age_ms",
    "request_id",
    "use_request_id",
]
