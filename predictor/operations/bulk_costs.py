"""What a billion rows cost by each road, at most, without the free tier and without what storage costs.

On Cloud Run an instance is paid for while it answers, on Dataflow a worker while it exists, and in BigQuery the bytes
of the columns that are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from predictor.operations.capacity import OPS, Figures, MeasuredFile, Prices, busy_price_per_s
from predictor.operations.instance import Instance
from predictor.schema import CATEGORIES, MEASUREMENTS

BULK_FIGURES_FILE: Final = OPS / "bulk_figures.json"
BATCH_ROWS: Final = 1000
BEAM_SHARE: Final = 0.7
"""A Beam worker scores at least this share of the rows that `predict FILE` does (`python -m benchmarks.beam`)."""
WORKER_GIB: Final = 3.75
"""Of Dataflow's smallest usual worker, n1-standard-1, which has one vCPU."""
_BILLION: Final = 1_000_000_000
_BYTES_PER_TIB: Final = 1024**4
BYTES_PER_ROW: Final = 8 * len(MEASUREMENTS) + sum(2 + max(map(len, values)) for values in CATEGORIES.values())
"""BigQuery counts 8 bytes for a number, and for a string those of the text and 2 more."""
_Rate = Annotated[float, Field(gt=0)]


class BulkFigures(MeasuredFile):
    """What benchmarks measured of many rows (`ops/bulk_figures.json`), on one core."""

    batch_rows_per_s: _Rate
    file_rows_per_s: Annotated[float, Field(gt=0, description="from bucket to bucket, waiting included")]
    file_rows_per_cpu_s: Annotated[float, Field(gt=0, description="the processor alone, as on the command line")]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    machine: str
    command: str


@dataclass(frozen=True, slots=True)
class Road:
    """A way to score rows; `rows_per_s` of one core, None where no core is yours."""

    name: str
    rows_per_s: float | None
    cost_per_billion: float


def roads(figures: Figures, bulk: BulkFigures, prices: Prices, instance: Instance) -> Sequence[Road]:
    """The roads, dearest first."""
    busy = busy_price_per_s(prices, instance)
    per_request = prices.per_million_requests / 1_000_000
    worker_h = prices.dataflow_per_vcpu_h + WORKER_GIB * prices.dataflow_per_gib_h
    beam = BEAM_SHARE * bulk.file_rows_per_cpu_s
    found = (
        Road("one per request", figures.requests_per_s_per_vcpu, busy / figures.requests_per_s_per_vcpu + per_request),
        Road(
            f"{BATCH_ROWS:,} per request",
            bulk.batch_rows_per_s,
            busy / bulk.batch_rows_per_s + per_request / BATCH_ROWS,
        ),
        Road("as files in a bucket", bulk.file_rows_per_s, busy / bulk.file_rows_per_s),
        Road("by Dataflow", beam, worker_h / 3600 / beam),
        Road("by bigquery.onnx", None, BYTES_PER_ROW / _BYTES_PER_TIB * prices.bigquery_per_tib),
    )
    per_billion = [Road(road.name, road.rows_per_s, road.cost_per_billion * _BILLION) for road in found]
    return sorted(per_billion, key=lambda road: -road.cost_per_billion)


def describe(found: Sequence[Road], currency: str) -> Sequence[str]:
    """The roads in lines for people; `docs/explanation/scale.md` quotes them."""
    return [f"a billion rows, {road.name}: at most {road.cost_per_billion:,.2f} {currency}" for road in found]
