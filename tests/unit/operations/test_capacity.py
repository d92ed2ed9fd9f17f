import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from predictor.cli import main
from predictor.errors import CapacityUnknown
from predictor.operations.capacity import FIGURES_FILE, PRICES_FILE, Figures, Prices, count_alert_conditions, plan
from predictor.operations.instance import Instance

FIGURES = Figures(
    requests_per_s_per_vcpu=1000,
    p99_ms=20,
    cold_start_ms=600,
    memory_mb=100,
    date="2026-01-02",
    machine="a machine",
    command="a command",
)
PRICES = Prices(
    currency="USD",
    tier="a tier",
    billing="request-based",
    cpu_per_vcpu_s=0.00002,
    memory_per_gib_s=0.000002,
    idle_cpu_per_vcpu_s=0.000002,
    idle_memory_per_gib_s=0.000001,
    per_million_requests=0.5,
    billed_step_ms=100,
    alert_condition_per_month=1.5,
    dataflow_per_vcpu_h=0.05,
    dataflow_per_gib_h=0.004,
    bigquery_per_tib=6,
    date="2026-01-02",
    source="https://prices.example",
    note="",
)
ONE = Instance(cpu=1, memory_mib=512, concurrency=80)


def test_instances_follow_from_the_load_the_figures_and_the_headroom() -> None:
    found = plan(FIGURES, PRICES, ONE, rps=600, headroom=0.5)
    assert (found.rps_per_instance, found.planned_rps_per_instance) == (1000, 500)
    assert [(load.rps, load.instances) for load in found.loads] == [(600, 2), (6000, 12)]


def test_the_cost_is_every_instance_busy_all_the_time_and_each_request() -> None:
    (load, _) = plan(FIGURES, PRICES, ONE, rps=500, headroom=0.5).loads
    # One instance for 2,000 s answers a million requests: 1 vCPU and half a GiB for so long.
    assert load.cost_per_million == pytest.approx(2000 * (0.00002 + 0.5 * 0.000002) + 0.5)


def test_requests_that_come_one_by_one_are_paid_in_full_steps() -> None:
    found = plan(FIGURES, PRICES, ONE, rps=1, headroom=0)
    assert found.sparse_cost_per_million == pytest.approx(100_000 * (0.00002 + 0.5 * 0.000002) + 0.5)
    slow = plan(FIGURES.model_copy(update={"p99_ms": 101}), PRICES, ONE, rps=1, headroom=0)
    assert slow.sparse_cost_per_million == pytest.approx(200_000 * (0.00002 + 0.5 * 0.000002) + 0.5)


def test_every_condition_of_an_alert_is_paid_for(tmp_path: Path) -> None:
    for name, count in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"conditions": [{}] * count}))
    conditions = count_alert_conditions(tmp_path)
    assert conditions == 3
    found = plan(FIGURES, PRICES, ONE, rps=1, headroom=0, alert_conditions=conditions)
    assert found.alerts_cost_per_month == 4.5


def test_a_warm_instance_costs_the_idle_rate() -> None:
    found = plan(FIGURES, PRICES, ONE, rps=1, headroom=0)
    assert found.idle_cost_per_month == pytest.approx(30 * 86_400 * (0.000002 + 0.5 * 0.000001))


def test_more_than_one_vcpu_makes_one_worker_no_faster_and_half_a_vcpu_half_as_fast() -> None:
    fast = FIGURES.model_copy(update={"p99_ms": 1})  # So that one request at a time is not the limit.

    def rate(instance: Instance) -> float:
        return plan(fast, PRICES, instance, rps=1, headroom=0).rps_per_instance

    assert rate(Instance(0.5, 512, 1)) == 500
    assert rate(Instance(1, 512, 80)) == rate(Instance(4, 2048, 80)) == 1000


def test_a_size_that_cloud_run_refuses_is_refused() -> None:
    with pytest.raises(CapacityUnknown, match="with so many vCPUs Cloud Run takes 128 to 4096 MiB"):
        plan(FIGURES, PRICES, Instance(1, 8192, 80), rps=1, headroom=0)


def test_few_requests_at_once_limit_an_instance_too() -> None:
    found = plan(FIGURES, PRICES, Instance(1, 512, 4), rps=1, headroom=0)
    assert found.rps_per_instance == pytest.approx(4 / 0.020)


def test_an_instance_that_is_too_small_for_what_was_measured_is_refused() -> None:
    big = FIGURES.model_copy(update={"memory_mb": 600})
    with pytest.raises(CapacityUnknown, match="512 MiB cannot be used: the function was measured with 600 MB"):
        plan(big, PRICES, ONE, rps=1, headroom=0)


def test_the_committed_files_are_as_described_and_say_where_they_come_from() -> None:
    assert Figures.from_file(FIGURES_FILE).command
    prices = Prices.from_file(PRICES_FILE)
    assert prices.source.startswith("https://cloud.google.com/")
    assert prices.idle_cpu_per_vcpu_s < prices.cpu_per_vcpu_s


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p99_ms": 0}, "p99_ms: Input should be greater than 0"),
        ({"date": "yesterday"}, "date: "),
        ({"surprise": 1}, "surprise: "),
        (None, "the document: "),
    ],
)
def test_a_file_that_is_not_as_expected_is_named_with_what_is_wrong(
    tmp_path: Path, change: dict[str, Any] | None, reason: str
) -> None:
    file = tmp_path / "figures.json"
    file.write_text("{" if change is None else json.dumps({**FIGURES.model_dump(), **change}))
    result = CliRunner().invoke(main, ["capacity", "--rps", "1", "--figures", str(file)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {file} cannot be used: {reason}")


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CapacityUnknown, match="it cannot be read"):
        Figures.from_file(tmp_path)


def test_the_command_prints_each_step_of_the_calculation() -> None:
    result = CliRunner().invoke(main, ["capacity", "--rps", "300", "--memory-mib", "1024", "--headroom", "0.5"])
    assert result.exit_code == 0, result.output
    kinds = (
        "measured ",
        "one instance (1 vCPU, 1024 MiB, ",
        "300 requests/s: ",
        "3,000 requests/s: ",
        "requests that ",
    )
    assert all(line.startswith(kind) for line, kind in zip(result.stdout.splitlines(), kinds, strict=False))
