"""Problem documents (RFC 9457), and the table from error class to status."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from predictor.errors import (
    InvalidInput,
    MalformedJson,
    ModelUnavailable,
    PredictorError,
    Violation,
    for_error,
)
from predictor.penguin import NOUN
from predictor.web.responses import PROBLEM, BytesResponse, RawHeader

TYPE_PREFIX: Final = "urn:penguin-predictor:problem:"
INSTANCE_PREFIX: Final = "urn:penguin-predictor:request:"


class HttpProblem(PredictorError):
    """An error that only HTTP knows: a method, a media type, a size."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Sequence[RawHeader] = (),
        problem_type: "ProblemType | None" = None,
    ) -> None:
        """`problem_type` replaces the usual one of the status."""
        super().__init__(detail)
        self.status = status
        self.headers = tuple(headers)
        self.problem_type = problem_type


class ProblemType(NamedTuple):
    """One type of problem. `type` and `title` are part of the contract, whatever Python calls the status."""

    name: str
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.name


PROBLEM_TYPES: Final[dict[HTTPStatus, ProblemType]] = {
    HTTPStatus.BAD_REQUEST: ProblemType("malformed-json", "Bad Request", "The body is not JSON."),
    HTTPStatus.NOT_FOUND: ProblemType(
        "not-found", "Not Found", "There is nothing at this path; /docs lists what there is."
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: ProblemType("method-not-allowed", "Method Not Allowed", "See the Allow header."),
    HTTPStatus.REQUEST_TIMEOUT: ProblemType("request-timeout", "Request Timeout", "The body did not arrive in time."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemType(
        "content-too-large", "Content Too Large", "The body is over the limit."
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ProblemType(
        "unsupported-media-type",
        "Unsupported Media Type",
        "The body is declared neither as JSON nor as rows, or its Content-Encoding is neither gzip nor zstd.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: ProblemType(
        "invalid-input",
        "Unprocessable Content",
        f"The body is JSON, but not a valid {NOUN}; all violations are listed.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: ProblemType(
        "internal-server-error", "Internal Server Error", "An unexpected error; it has been logged."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: ProblemType(
        "model-unavailable", "Service Unavailable", "No model can be served now; try again later."
    ),
}

_STATUS: Final[dict[type[Exception], HTTPStatus]] = {
    MalformedJson: HTTPStatus.BAD_REQUEST,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    ModelUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem_response(error: PredictorError, request_id: bytes) -> BytesResponse:
    """The answer to an error. One without a status of its own is a 500 that gives nothing away."""
    document, headers = problem_document(error, request_id)
    return BytesResponse(orjson.dumps(document), PROBLEM, document["status"], headers)


def problem_document(error: PredictorError, request_id: bytes) -> tuple[dict[str, Any], list[RawHeader]]:
    """The members of the problem document, and the headers that the answer has beside it."""
    headers: list[RawHeader] = []
    status = for_error(_STATUS, error, HTTPStatus.INTERNAL_SERVER_ERROR)
    detail = str(error)
    errors: Sequence[Violation] = ()
    problem_type: ProblemType | None = None
    if isinstance(error, HttpProblem):
        status = error.status
        headers += error.headers
        problem_type = error.problem_type
    elif isinstance(error, InvalidInput):
        errors = error.violations
    elif isinstance(error, ModelUnavailable):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s))))
    problem_type = problem_type or PROBLEM_TYPES[status]
    if status >= 500:
        detail = problem_type.meaning  # The cause is for the log: callers need not see bucket names and digests.
    document: dict[str, Any] = {
        "type": problem_type.type,
        "title": problem_type.title,
        "status": status.value,
        "detail": detail,
        "instance": INSTANCE_PREFIX + request_id.decode(),
    }
    if errors:
        document["errors"] = errors
    return document, headers
