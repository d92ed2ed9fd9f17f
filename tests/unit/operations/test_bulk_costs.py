import pytest

from predictor.operations.bulk_costs import BULK_FIGURES_FILE, BYTES_PER_ROW, BulkFigures, describe, roads
from predictor.operations.capacity import FIGURES_FILE, PRICES_FILE, Figures, Prices
from tests.support.processes import PROJECT
from tests.unit.operations.test_capacity import FIGURES, ONE, PRICES

BULK = BulkFigures(
    batch_rows_per_s=100_000,
    file_rows_per_s=50_000,
    file_rows_per_cpu_s=200_000,
    date="2026-01-02",
    machine="a machine",
    command="a command",
)
BUSY_PER_S = 0.00002 + 0.5 * 0.000002


def test_a_billion_rows_cost_the_time_of_what_scores_them() -> None:
    costs = {road.name: road.cost_per_billion for road in roads(FIGURES, BULK, PRICES, ONE)}
    assert costs == pytest.approx(
        {
            "one per request": 1e9 / 1000 * BUSY_PER_S + 1000 * 0.5,
            "1,000 per request": 1e9 / 100_000 * BUSY_PER_S + 0.5,
            "as files in a bucket": 1e9 / 50_000 * BUSY_PER_S,
            "by Dataflow": 1e9 / (0.7 * 200_000) / 3600 * (0.05 + 3.75 * 0.004),
            "by bigquery.onnx": 1e9 * 51 / 1024**4 * 6,
        }
    )
    assert list(costs.values()) == sorted(costs.values(), reverse=True)


def test_bigquery_reads_four_numbers_and_two_short_texts() -> None:
    assert 4 * 8 + (2 + len("female")) + (2 + len("Torgersen")) == BYTES_PER_ROW


def test_the_page_quotes_what_the_command_prints() -> None:
    found = roads(
        Figures.from_file(FIGURES_FILE), BulkFigures.from_file(BULK_FIGURES_FILE), Prices.from_file(PRICES_FILE), ONE
    )
    assert "\n".join(describe(found, "USD")) in (PROJECT / "docs/explanation/scale.md").read_text()
