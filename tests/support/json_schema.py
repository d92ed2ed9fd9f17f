"""JSON Schema and OpenAPI as the reference validators see them.

These are imported when a test first needs them: that builds parsers for seconds, and every worker imports all tests.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


def validator_of(schema: dict[str, Any]) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


def check_openapi(document: dict[str, Any]) -> None:
    from openapi_spec_validator import validate

    validate(document)
