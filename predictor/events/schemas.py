"""The published messages' contract as files: JSON Schema, and the columns of a BigQuery table.

`python -m predictor.events.schemas` writes them beside the models; a test holds them together. Nothing imports this
while serving.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from predictor.events.documents import RejectMessage, ResultMessage

FOLDER: Final = Path(__file__).parent
_MESSAGES: Final[dict[str, type[BaseModel]]] = {"result": ResultMessage, "reject": RejectMessage}
_COLUMN_TYPES: Final = {"string": "STRING", "integer": "INTEGER", "number": "FLOAT", "boolean": "BOOLEAN"}


def files() -> dict[str, str]:
    """Every schema file's name and content."""
    made = {}
    for name, model in _MESSAGES.items():
        schema = model.model_json_schema(mode="serialization")
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        made[f"{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
        made[f"{name}.table.json"] = json.dumps(_columns(schema, schema["$defs"]), indent=2) + "\n"
    return made


def _columns(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [_column(name, value, name in required, definitions) for name, value in schema["properties"].items()]


def _column(name: str, schema: dict[str, Any], required: bool, definitions: dict[str, Any]) -> dict[str, Any]:
    mode = "REQUIRED" if required else "NULLABLE"
    described = {"description": schema["description"]} if "description" in schema else {}
    (schema,) = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    if schema.get("type") == "array":
        mode, schema = "REPEATED", schema["items"]
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    column = {"name": name, "mode": mode, **described}
    if schema["type"] == "object":
        return column | {"type": "RECORD", "fields": _columns(schema, definitions)}
    return column | {"type": _COLUMN_TYPES[schema["type"]]}


if __name__ == "__main__":
    for file, content in files().items():
        (FOLDER / file).write_text(content)
