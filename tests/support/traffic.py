"""Traffic summaries without a server: counted rows as the log lines that a process would write."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from predictor.artifacts import REFERENCE_FILE
from predictor.drift.summaries import Counts
from predictor.penguin import SPECIES, Penguin
from predictor.schema import categories_of, measurements_of
from predictor.training.dataset import load_penguins
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import reference_of
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference
from predictor.trust.traffic import CountedRow
from predictor.trust.traffic_counts import TrafficCounts
from tests.support.bundles import PublishedBundle, publish_by_hand

START = datetime(2026, 11, 2, 12, tzinfo=UTC)  # A Monday.
DIGEST = "sha256:" + "1" * 64
OTHER_DIGEST = "sha256:" + "2" * 64


def counted_rows(penguins: Sequence[Penguin], places: Sequence[int]) -> list[CountedRow]:
    """Penguins with the places of their predicted classes."""
    return [
        (measurements_of(penguin), categories_of(penguin), place)
        for penguin, place in zip(penguins, places, strict=True)
    ]


def counted(reference: Reference, penguins: Sequence[Penguin], labels: Sequence[str]) -> dict[str, Any]:
    """The fields of a summary, where every prediction is right."""
    counts = TrafficCounts(Assessor(reference, SPECIES))
    counts.add_rows(counted_rows(penguins, [SPECIES.index(label) for label in labels]))
    return counts.fields()


def counts_in(fields: dict[str, Any]) -> Counts:
    return Counts.model_validate({name: fields[name] for name in Counts.model_fields})


def line(fields: dict[str, Any], day: int = 0, digest: str = DIGEST, **changes: Any) -> dict[str, Any]:
    """A log line with these fields, counted around noon of a day."""
    since = START + timedelta(days=day)
    return {
        "severity": "INFO",
        "event": "traffic_summary",
        "model_version": "1",
        "model_digest": digest,
        **fields,
        "since": since.isoformat(),
        "until": (since + timedelta(minutes=1)).isoformat(),
        **changes,
    }


def plain_lines(lines: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def log_entries(lines: Sequence[dict[str, Any]]) -> bytes:
    """As `gcloud logging read --format=json` writes them."""
    entries = [{"insertId": str(number), "jsonPayload": one, "severity": "INFO"} for number, one in enumerate(lines)]
    return json.dumps(entries, indent=2).encode()


def bundle_with_reference(root: Path) -> PublishedBundle:
    """A small model with the reference that this project's own data set gives, prediction sets included."""
    dataset = load_penguins()
    reference = reference_of(fit(dataset.penguins, dataset.labels), dataset)
    return publish_by_hand(root, linear=True, overrides={REFERENCE_FILE: reference.to_bytes()})
