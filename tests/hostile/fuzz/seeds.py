"""Where the fuzzer begins: one small valid input or two of each kind, made and not stored."""

import json
import struct
from pathlib import Path
from typing import Any

from predictor.training.dataset import load_penguins
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import reference_of
from predictor.trust.reference import Reference, Sets
from tests.support.bundles import EXAMPLE, publish_by_hand
from tests.support.events import binary_event, push_document, structured_event


def _small_reference() -> Reference:
    """Short enough for the fuzzer, and complete."""
    dataset = load_penguins()
    reference = reference_of(fit(dataset.penguins, dataset.labels), dataset)
    sets = Sets(scores=tuple(place / 50 for place in range(1, 41)), folds=2, max_coverage=0.95)
    birds = {"birds": reference.birds[:3], "background": (0, 1, 2), "scores": reference.scores[::10]}
    return reference.model_copy(update={**birds, "sets": sets})


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
    if target == "tensors":
        return [b"%b\n%b" % found for found in (_tensors(), (json.dumps({"inputs": _texts()}).encode(), b""))]
    if target == "reference":
        return [_small_reference().to_bytes()]
    published = publish_by_hand(folder, linear=True)
    name = {"manifest": "manifest.json", "golden": "golden.json", "compiled": "compiled.json"}[target]
    return [(published.folder / name).read_bytes()]


def _tensors() -> tuple[bytes, bytes]:
    """One bird in the binary extension of the Open Inference Protocol: the JSON, and the data behind it."""
    inputs, parts = [], []
    for name, value in EXAMPLE.items():
        is_text = isinstance(value, str)
        parts.append(struct.pack("<I", len(value)) + value.encode() if is_text else struct.pack("<d", value))
        size = {"binary_data_size": len(parts[-1])}
        inputs.append({"name": name, "shape": [1], "datatype": "BYTES" if is_text else "FP64", "parameters": size})
    return json.dumps({"inputs": inputs}).encode(), b"".join(parts)


def _texts() -> list[dict[str, Any]]:
    cells = [str(value) for value in EXAMPLE.values()]
    return [{"name": "features", "shape": [1, len(cells)], "datatype": "BYTES", "data": [cells]}]
