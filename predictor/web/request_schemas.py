"""What requests may hold beside the features, and what `POST /feedback` takes, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Any, Final

from predictor.penguin import EXAMPLES, LABEL, NOUN, SPECIES
from predictor.prediction import MAX_ID_CHARS
from predictor.schema import ACCEPTED, FEATURES, IDS

FEEDBACK_PROBLEMS: Final = ("400", "404", "408", "413", "415", "422", "503")
FEEDBACK_ANSWER: Final[dict[str, Any]] = {
    "description": "It is counted, and not kept.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"status": {"const": "counted"}}, "required": ["status"]}
        }
    },
}


def describe_record(schema: dict[str, Any], features: Sequence[str]) -> None:
    """Say in the JSON Schema of one row which features it must hold, and what it may have beside them."""
    ignored = {name: {"description": "Ignored."} for name in FEATURES if name not in features}
    schema["properties"] |= {**ignored, **_accepted_members()}
    schema["required"] = list(features)


def _accepted_members() -> dict[str, Any]:
    an_id = {
        "description": "The row's own id; comes back beside the answer of a row of a batch.",
        "anyOf": [
            {"type": "string", "maxLength": MAX_ID_CHARS},
            {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1},
            {"type": "number", "exclusiveMinimum": -(2**53), "exclusiveMaximum": 2**53},
            {"type": "boolean"},
            {"type": "null"},
        ],
    }
    return {name: an_id if name in IDS else {"description": "Ignored."} for name in sorted(ACCEPTED)}


def feedback_body(row: dict[str, str]) -> dict[str, Any]:
    """The request body, where `row` is the reference to the schema of one row."""
    schema = {
        "type": "object",
        "properties": {NOUN: row, LABEL: {"type": "string", "enum": list(SPECIES)}},
        "required": [NOUN, LABEL],
        "additionalProperties": False,
    }
    examples = {"feedback": {"value": {NOUN: EXAMPLES[0], LABEL: SPECIES[0]}}}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}
