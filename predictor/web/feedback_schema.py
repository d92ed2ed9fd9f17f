"""What `POST /feedback` takes and answers, for the OpenAPI document."""

from typing import Any, Final

from predictor.penguin import EXAMPLES, LABEL, NOUN, SPECIES

FEEDBACK_PROBLEMS: Final = ("400", "404", "408", "413", "415", "422", "503")
FEEDBACK_ANSWER: Final[dict[str, Any]] = {
    "description": "It is counted, and not kept.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"status": {"const": "counted"}}, "required": ["status"]}
        }
    },
}


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
