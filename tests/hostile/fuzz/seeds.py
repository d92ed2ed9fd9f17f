"""Where the fuzzer begins: one small valid input or two of each kind, made and not stored."""

import json
from pathlib import Path

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
    if target == "reference":
        return [_small_reference().to_bytes()]
    published = publish_by_hand(folder, linear=True)
    name = {"manifest": "manifest.json", "golden": "golden.json", "compiled": "compiled.json"}[target]
    return [(published.folder / name).read_bytes()]
