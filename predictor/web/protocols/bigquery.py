"""BigQuery's remote functions: one reply per call, in the same order.

BigQuery sends a batch again after 408, 429, 500, 503 and 504. So what can never be scored has none of these statuses,
and a row that is not valid is no error of its batch.
"""

import re
from typing import Any, Final

from starlette.requests import Request

from predictor.models import LoadedModel
from predictor.schema import MEASUREMENTS
from predictor.text import NUMBER
from predictor.web.endpoint import OtherRoute
from predictor.web.parameters import parameters_in
from predictor.web.protocols.errors import error_responses
from predictor.web.protocols.scorer import Scorer, array_in, in_feature_order, parse_object
from predictor.web.responses import BytesResponse

_NUMBER: Final = re.compile(f"{NUMBER}|NaN|[+-]?Infinity")
"""NUMERIC comes as text, and so does a FLOAT64 that JSON cannot express."""

_error_response: Final = error_responses(lambda sentence, _status: {"errorMessage": sentence})


class BigQuery:
    """Its handler."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def routes(self) -> list[OtherRoute]:
        return [OtherRoute("/bigquery", {"POST": self.call}, _error_response)]

    async def call(self, request: Request) -> BytesResponse:
        return await self._scorer.answer(request, self._call)

    def _call(self, model: LoadedModel, body: bytes) -> BytesResponse:
        document = parse_object(body)  # Who asks, and for which query, makes no difference.
        rows = [_row(call, model) for call in array_in(document, "calls")]
        parameters = parameters_in(document.get("userDefinedContext"), "/userDefinedContext")
        # Without details the function returns STRING: an object would fail the query, so an error is NULL.
        return self._scorer.rows(
            model, rows, parameters, where="/calls", body_bytes=len(body), member="replies", plain_errors=False
        )


def _row(call: Any, model: LoadedModel) -> Any:
    """The arguments of one call by their names; NULL is a value that is missing."""
    if not isinstance(call, list):
        return call
    row = {name: value for name, value in in_feature_order(call, model).items() if value is not None}
    for name in MEASUREMENTS:
        value = row.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            row[name] = float(value)
    return row
