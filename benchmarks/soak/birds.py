"""The bodies that a soak sends, with the answers that it expects. The model itself says what is right, once, before."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sample_penguins import Row, sample_penguins
from predictor.artifacts import open_store
from predictor.models import LoadedModel, load_model
from predictor.penguin import Penguin
from predictor.service import predict_class
from tests.support.bundles import PublishedBundle

BAD_ROW = b'{"bill_length_mm": -1}'


@dataclass(frozen=True)
class Body:
    """Some birds as JSON, and their species in order."""

    data: bytes
    species: tuple[str, ...]


@dataclass(frozen=True)
class Birds:
    """Bodies of every kind: single birds, batches, files."""

    singles: tuple[Body, ...]
    batch: Body
    large_batch: Body
    files: tuple[tuple[str, Body], ...]
    """Suffix of the name, and content."""


def make_birds(bundle: PublishedBundle) -> Birds:
    model = load_model(
        open_store(str(Path(bundle.folder))), pin=bundle.digest, choice="auto", deadline=time.monotonic() + 60
    )
    rows = sample_penguins(300)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in sample_penguins(5000))
    table = ",".join(rows[0]) + "\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    return Birds(
        singles=tuple(Body(json.dumps(row).encode(), _species(model, [row])) for row in rows),
        batch=_batch(model, rows[:100]),
        large_batch=_batch(model, sample_penguins(1000)),
        files=(
            (".ndjson", Body(lines, _species(model, sample_penguins(5000)))),
            (".csv", Body(table.encode(), _species(model, rows))),
        ),
    )


def _batch(model: LoadedModel, rows: list[Row]) -> Body:
    return Body(json.dumps({"instances": rows}).encode(), _species(model, rows))


def _species(model: LoadedModel, rows: list[Row]) -> tuple[str, ...]:
    return tuple(predict_class(model, Penguin.model_validate(row)) for row in rows)
