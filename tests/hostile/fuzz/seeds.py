"""Where the fuzzer begins: one small valid input or two of each kind, made and not stored."""

import json
from pathlib import Path

from tests.support.bundles import EXAMPLE, publish_by_hand
from tests.support.events import binary_event, push_document, structured_event


def seeds(target: str, folder: Path) -> list[bytes]:
    """Valid inputs of a target; `folder` is empty and may be used."""
    bird = json.dumps(EXAMPLE).encode()
    row = ",".join(str(value) for value in EXAMPLE.values()).encode() + b"\n"
    if target == "decode":
        return [bird, b'{"instances": [%b, %b]}' % (bird, bird)]
    if target == "csv":
        header = ",".join(EXAMPLE).encode() + b"\n"
        return [header + row, (header + row).replace(b",", b";")]
    if target == "ndjson":
        return [bird + b"\n" + bird + b"\n"]
    if target == "envelopes":
        shapes = (binary_event(push_document()), structured_event(push_document()))
        found = [json.dumps(headers).encode() + b"\n" + body for headers, body in shapes]
        return [*found, json.dumps(push_document()).encode()]
    published = publish_by_hand(folder, linear=True)
    name = {"manifest": "manifest.json", "golden": "golden.json", "compiled": "compiled.json"}[target]
    return [(published.folder / name).read_bytes()]
