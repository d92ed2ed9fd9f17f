"""What names a request in log lines: its id, the caller's trace, and the execution id.

The current request's headers are kept in a context variable and parsed only when a line is written: most requests
write none.
"""

import random
import re
from contextvars import ContextVar
from typing import Any, Final

RawHeaders = list[tuple[bytes, bytes]]

current_headers: ContextVar[RawHeaders | None] = ContextVar("current_headers", default=None)
"""Of the request that is being answered; None outside of one."""

_ID_HEADER: Final = b"x-request-id"
_EXECUTION_ID_HEADER: Final = b"function-execution-id"
# What may stand in a URN as it is (RFC 8141), without the quotes and brackets that a reader could stumble over.
_REQUEST_ID: Final = re.compile(rb"[0-9A-Za-z._~:=+/@-]{1,128}")

# W3C Trace Context, section 3.2: version-trace_id-parent_id-flags, all lower-case hex.
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
# Google's own: TRACE_ID/SPAN_ID;o=OPTIONS, whose span is decimal.
_CLOUD_TRACE: Final = re.compile(rb"([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?")

LABELS: Final = "logging.googleapis.com/labels"
# Cloud Functions and the framework make them of letters and digits. Any other is a caller's own text.
_EXECUTION_ID: Final = re.compile(rb"[0-9A-Za-z_-]{1,64}")


def request_id(headers: RawHeaders) -> bytes:
    """The caller's `X-Request-Id` if it is harmless; else one that is made, and kept among the headers."""
    for name, value in headers:
        if name == _ID_HEADER and _REQUEST_ID.fullmatch(value):
            return value
    made = _random_hex(16)
    headers.append((_ID_HEADER, made))
    return made


def add_execution_id(headers: RawHeaders) -> None:
    """What the framework does with a request that has none, but it makes twelve random numbers for each."""
    for name, _ in headers:
        if name == _EXECUTION_ID_HEADER:
            return
    headers.append((_EXECUTION_ID_HEADER, _random_hex(12)))  # As long as the framework's.


def _random_hex(digits: int) -> bytes:
    # Not from the kernel: a system call for each request. It need not be secret, and a fork seeds the generator anew.
    return b"%0*x" % (digits, random.getrandbits(4 * digits))  # nosec B311


def use_request_id(value: str) -> None:
    """From here on the current request has this id, if it is harmless."""
    headers = current_headers.get()
    if headers is not None:
        headers.insert(0, (_ID_HEADER, value.encode()))


def request_fields(headers: RawHeaders | None, project: str | None) -> dict[str, Any]:
    """What connects a log line to its request: its id, the trace, and the execution id in the framework's own form."""
    if headers is None:
        return {}
    fields: dict[str, Any] = {"request_id": request_id(headers).decode(), **trace_fields(headers, project)}
    for name, value in headers:
        if name.lower() == _EXECUTION_ID_HEADER and _EXECUTION_ID.fullmatch(value):
            fields[LABELS] = {"execution_id": value.decode()}
            break
    return fields


def trace_fields(headers: RawHeaders, project: str | None) -> dict[str, str | bool]:
    """Cloud Logging's trace fields for a request's headers; empty without a trace or without a project.

    `spanId` is 16 hex digits whatever the header's notation. `traceparent` wins when both are there.
    """
    if project is None:
        return {}
    found = {
        name.lower(): value for name, value in headers if name.lower() in (b"traceparent", b"x-cloud-trace-context")
    }
    match = _TRACEPARENT.fullmatch(found.get(b"traceparent", b""))
    if match and match[1] != b"0" * 32 and match[2] != b"0" * 16:
        return _fields(project, match[1], match[2].decode(), sampled=bool(int(match[3], 16) & 1))
    match = _CLOUD_TRACE.fullmatch(found.get(b"x-cloud-trace-context", b""))
    if match:
        span = int(match[2] or b"0")
        return _fields(project, match[1].lower(), f"{span:016x}" if 0 < span < 2**64 else None, match[3] == b"1")
    return {}


def _fields(project: str, trace: bytes, span: str | None, sampled: bool) -> dict[str, str | bool]:
    fields: dict[str, str | bool] = {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace.decode()}",
        "logging.googleapis.com/trace_sampled": sampled,
    }
    if span is not None:
        fields["logging.googleapis.com/spanId"] = span
    return fields
