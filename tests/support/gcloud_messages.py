"""Reads JSON with the real gcloud's message classes and prints, for each document, what they do not know.

Runs as a program of its own, since gcloud's libraries are not ours: SDK folder as argument, stdin a list of [api,
version, message, document].
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    sdk = Path(sys.argv[1])
    sys.path[:0] = [str(sdk / "lib"), str(sdk / "lib" / "third_party")]
    encoding = importlib.import_module("apitools.base.py.encoding")
    apis = importlib.import_module("googlecloudsdk.api_lib.util.apis")
    found = []
    for api, version, message, document in json.load(sys.stdin):
        decoded = encoding.JsonToMessage(getattr(apis.GetMessagesModule(api, version), message), document)
        found.append(sorted(_unknown(encoding, decoded, message)))
    print(json.dumps(found))


def _unknown(encoding: Any, message: Any, path: str) -> list[str]:
    """Paths of fields, and of enumerations' values, that the message does not have."""
    unknown = [f"{path}.{name}" for name in message.all_unrecognized_fields()]
    if "additionalProperties" in [field.name for field in message.all_fields()]:
        return []  # A map: all keys are welcome.
    for field in message.all_fields():
        value = message.get_assigned_value(field.name)
        for item in value if field.repeated and value else [value]:
            if hasattr(item, "all_unrecognized_fields"):
                unknown += _unknown(encoding, item, f"{path}.{field.name}")
    return unknown


if __name__ == "__main__":
    main()
