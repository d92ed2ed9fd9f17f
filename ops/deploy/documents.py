"""JSON files, as deploy.sh saves Google's answers."""

import json
from pathlib import Path
from typing import Any

Json = Any


def load(file: str) -> Json:
    text = Path(file).read_text(encoding="utf-8")
    return json.loads(text) if text.strip() else None


def at(value: Json, path: str) -> Json:
    """The value at `a.b.c` in nested objects, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
