"""Problem documents (RFC 9457), and the one table from error class to status."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import orjson
from pydantic import BaseModel, Field

from predictor.errors import InvalidInput, MalformedJson, ModelUnavailable, PredictorError, Violation, ViolationCode
from predictor.web.responses import PROBLEM, BytesResponse, RawHeader

TYPE_PREFIX: Final = "urn:penguin-predictor:problem:"


class HttpProblem(PredictorError):
    """Trouble that only HTTP knows: a method, a media type, a size."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Sequence[RawHeader] = (), kind: "Kind | None" = None
    ) -> None:
        """`kind` replaces the usual one of the status."""
        super().__init__(detail)
        self.status = status
        self.headers = tuple(headers)
        self.kind = kind


class ProblemViolation(BaseModel):
    """One violation. The caller's values are never repeated."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the document, or the row, that was sent.")]
    code: ViolationCode
    message: Annotated[str, Field(description="What is allowed.")]


class Problem(BaseModel):
    """A problem document, RFC 9457."""

    type: Annotated[str, Field(description="Names the kind of problem; stable.", examples=[f"{TYPE_PREFIX}not-found"])]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: Annotated[
        list[ProblemViolation], Field(max_length=100, description="All violations at once; with status 422.")
    ] = []


class Kind(NamedTuple):
    """One kind of problem. `type` and `title` are part of the contract, whatever Python calls the status."""

    name: str
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.name


KINDS: Final[dict[HTTPStatus, Kind]] = {
    HTTPStatus.BAD_REQUEST: Kind("malformed-json", "Bad Request", "The body is not JSON."),
    HTTPStatus.NOT_FOUND: Kind("not-found", "Not Found", "There is nothing at this path; /docs lists what there is."),
    HTTPStatus.METHOD_NOT_ALLOWED: Kind("method-not-allowed", "Method Not Allowed", "See the Allow header."),
    HTTPStatus.REQUEST_TIMEOUT: Kind("request-timeout", "Request Timeout", "The body did not arrive in time."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Kind("content-too-large", "Content Too Large", "The body is over the limit."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Kind(
        "unsupported-media-type",
        "Unsupported Media Type",
        "The body is not declared as application/json, or has a Content-Encoding.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: Kind(
        "invalid-input", "Unprocessable Content", "JSON, but no valid penguin; all violations are listed."
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: Kind(
        "internal-server-error", "Internal Server Error", "Something unforeseen happened; it has been logged."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Kind(
        "model-unavailable", "Service Unavailable", "No model can be served now; try again later."
    ),
}

_STATUS: Final[dict[type[PredictorError], HTTPStatus]] = {
    MalformedJson: HTTPStatus.BAD_REQUEST,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    ModelUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def violations_as_dicts(violations: Sequence[Violation]) -> list[dict[str, str]]:
    return [{"pointer": v.pointer, "code": v.code, "message": v.message} for v in violations]


def problem_response(error: PredictorError) -> BytesResponse:
    """The answer to an error that was raised on purpose; an unknown kind is a 500 that gives nothing away."""
    headers: list[RawHeader] = []
    status = _STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    detail = str(error)
    errors: list[dict[str, str]] = []
    if isinstance(error, HttpProblem):
        status = error.status
        headers += error.headers
    elif isinstance(error, InvalidInput):
        errors = violations_as_dicts(error.violations)
    elif isinstance(error, ModelUnavailable):
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s))))
    kind = getattr(error, "kind", None) or KINDS[status]
    if status >= 500:
        detail = kind.meaning  # Why is for the log: bucket names and digests are no business of a caller's.
    document: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": status.value, "detail": detail}
    if errors:
        document["errors"] = errors
    return BytesResponse(orjson.dumps(document), PROBLEM, status.value, headers)
