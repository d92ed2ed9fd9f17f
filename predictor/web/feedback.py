"""`POST /feedback`: the class of a row, as somebody found it out later. It is counted, and nothing else is kept."""

from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from predictor.artifacts import ModelCache
from predictor.decoding import parse, pointer, validate
from predictor.error_limit import MAX_VIOLATIONS
from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.penguin import LABEL, NOUN, Penguin
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.service import give_feedback
from predictor.web.body import read_json_body
from predictor.web.problems import HttpProblem
from predictor.web.responses import BytesResponse, json_response
from predictor.web.threads import BLOCKING_BODY_BYTES, run_maybe_in_thread

_MEMBERS: Final = (NOUN, LABEL)


class Feedback:
    """The handler, which is there only with the setting FEEDBACK."""

    def __init__(self, models: ModelCache[LoadedModel], max_body_bytes: int) -> None:
        self._models = models
        # Parsing more would keep the event loop busy, and one row with its class has a few hundred bytes.
        self._max_body_bytes = min(max_body_bytes, BLOCKING_BODY_BYTES)

    async def __call__(self, request: Request) -> BytesResponse:
        body = await read_json_body(request, self._max_body_bytes)
        model = self._models.current or await self._models.get()
        if model.traffic is None:
            raise HttpProblem(HTTPStatus.NOT_FOUND, "This model was published without a reference; nothing is counted.")
        penguin, label = decode_feedback(body, model.manifest.classes, model.schema)
        await run_maybe_in_thread(model.engine.blocking, give_feedback, model, model.traffic, penguin, label)
        return json_response({"status": "counted"}, HTTPStatus.ACCEPTED)


def decode_feedback(body: bytes, classes: tuple[str, ...], schema: RecordSchema = ALL_FEATURES) -> tuple[Penguin, str]:
    """The row and its class. Raises `MalformedJson`, or `InvalidInput` with every violation."""
    document = parse(body)
    if not isinstance(document, dict):
        message = f"Must be a JSON object with {' and '.join(_MEMBERS)}."
        raise InvalidInput([Violation("", "wrong_type", message)])
    repeated = getattr(document, "repeated", ())
    violations = [Violation(pointer(name), "duplicate_key", "Must not be given more than once.") for name in repeated]
    violations += [
        Violation(pointer(name), "unknown_field", f"No such field beside {' and '.join(_MEMBERS)}.")
        for name in document
        if name not in _MEMBERS
    ]
    violations += [Violation(pointer(name), "missing", "Is required.") for name in _MEMBERS if name not in document]
    label: Any = document.get(LABEL)
    if LABEL in document and label not in classes:
        violations.append(Violation(pointer(LABEL), "unknown_value", f"Must be one of {', '.join(classes)}."))
    penguin = None
    if NOUN in document:
        try:
            penguin = validate(document[NOUN], schema)
        except InvalidInput as error:
            violations += [
                Violation(pointer(NOUN) + found.pointer, found.code, found.message) for found in error.violations
            ]
    if violations or penguin is None:
        raise InvalidInput(violations[:MAX_VIOLATIONS], len(violations))
    return penguin, label
