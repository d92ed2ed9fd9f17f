"""Errors in the shape that a protocol's clients read, with the members of the problem document beside it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from predictor.errors import PredictorError
from predictor.web.problems import problem_document
from predictor.web.responses import JSON, BytesResponse

_MAX_SHOWN: Final = 3
"""So many violations are in the sentence: most clients show nothing else."""

ErrorResponse = Callable[[PredictorError, bytes], BytesResponse]
"""From an error, and the id of its request."""


def error_responses(members: Callable[[str, int], Mapping[str, Any]]) -> ErrorResponse:
    """Answers to errors that begin with `members`, which gets the sentence and the status."""

    def error_response(error: PredictorError, request_id: bytes) -> BytesResponse:
        document, headers = problem_document(error, request_id)
        content = {**members(_sentence(document), document["status"]), **document}
        return BytesResponse(orjson.dumps(content), JSON, document["status"], headers)

    return error_response


def _sentence(problem: Mapping[str, Any]) -> str:
    violations = problem.get("errors", ())[:_MAX_SHOWN]
    return " ".join([problem["detail"], *(f"{found.pointer}: {found.message}".lstrip(": ") for found in violations)])


with_error: Final = error_responses(lambda sentence, _status: {"error": sentence})
"""`{"error": "..."}`, as KServe and Triton answer."""
