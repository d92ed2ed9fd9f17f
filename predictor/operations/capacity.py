"""What a load needs and costs, computed from measurements and a price table; both files state their date and source.

Request-based billing: you pay for an instance while it answers at least one request, in steps of 100 ms, and at a lower
rate while it is kept warm without one.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from predictor.errors import CapacityUnknown
from predictor.operations.instance import Instance

OPS: Final = Path(__file__).resolve().parents[2] / "ops"
FIGURES_FILE: Final = OPS / "figures.json"
PRICES_FILE: Final = OPS / "prices.json"
ALERTS: Final = OPS / "alerts"

GROWTH: Final = 10
"""The plan covers the load, and so many times the load."""
WORKER_CPUS: Final = 1.0
"""An instance runs one worker, and Python runs it on one vCPU however many there are."""
SECONDS_PER_MONTH: Final = 30 * 24 * 3600
_MILLION: Final = 1_000_000
_MIB_PER_GIB: Final = 1024
_BYTES_PER_MIB: Final = 1024 * 1024

_Positive = Annotated[float, Field(gt=0)]
_Price = Annotated[float, Field(ge=0)]


class MeasuredFile(BaseModel):
    """A JSON file of measurements or prices, which says where they are from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a file; raises `CapacityUnknown` when it is not as expected."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise CapacityUnknown(str(path), f"it cannot be read ({type(error).__name__})") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise CapacityUnknown(str(path), f"{where}: {first['msg']}") from error


class Figures(MeasuredFile):
    """What a benchmark measured on one instance (`ops/figures.json`); a benchmark run writes it."""

    requests_per_s_per_vcpu: Annotated[_Positive, Field(description="single predictions, per CPU-second of the worker")]
    p99_ms: _Positive
    cold_start_ms: Annotated[_Positive, Field(description="from the start of the process to the first prediction")]
    memory_mb: Annotated[_Positive, Field(description="10**6 bytes, all processes of an instance, after the run")]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    machine: str
    command: Annotated[str, Field(description="what measured it")]


class Prices(MeasuredFile):
    """What Cloud Run charges (`ops/prices.json`), in `currency`, without the free tier and discounts."""

    currency: str
    tier: str
    billing: str
    cpu_per_vcpu_s: _Price
    memory_per_gib_s: _Price
    idle_cpu_per_vcpu_s: Annotated[_Price, Field(description="an instance kept warm by min instances")]
    idle_memory_per_gib_s: _Price
    per_million_requests: _Price
    billed_step_ms: Annotated[_Positive, Field(description="time is rounded up to this")]
    alert_condition_per_month: _Price
    dataflow_per_vcpu_h: Annotated[_Price, Field(description="a batch worker")]
    dataflow_per_gib_h: _Price
    bigquery_per_tib: Annotated[_Price, Field(description="bytes read by queries, on demand")]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="when the source was read")]
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Load:
    """What so many requests per second need. The cost is per million predictions, one bird each."""

    rps: float
    instances: int
    cost_per_million: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer, with what it rests on."""

    figures: Figures
    prices: Prices
    instance: Instance
    headroom: float
    rps_per_instance: float
    planned_rps_per_instance: float
    loads: tuple[Load, ...]
    sparse_cost_per_million: float
    idle_cost_per_month: float
    alert_conditions: int

    @property
    def alerts_cost_per_month(self) -> float:
        return self.alert_conditions * self.prices.alert_condition_per_month


def count_alert_conditions(folder: Path = ALERTS) -> int:
    """How many conditions the alerts in a folder have: each is paid for, also when it never alerts."""
    return sum(len(json.loads(path.read_bytes())["conditions"]) for path in folder.glob("*.json"))


def busy_price_per_s(prices: Prices, instance: Instance) -> float:
    """What an instance costs per second while it answers."""
    return instance.cpu * prices.cpu_per_vcpu_s + instance.memory_mib / _MIB_PER_GIB * prices.memory_per_gib_s


def plan(
    figures: Figures, prices: Prices, instance: Instance, *, rps: float, headroom: float, alert_conditions: int = 0
) -> Plan:
    """Instances and cost for `rps` and ten times that; `headroom` is the share of an instance that is not planned for.

    Raises `CapacityUnknown` when Cloud Run has no such instance, or it is too small for what was measured.
    """
    instance.check()
    memory_bytes = instance.memory_mib * _BYTES_PER_MIB
    if figures.memory_mb * _MILLION > memory_bytes:
        raise CapacityUnknown(
            f"{instance.memory_mib} MiB", f"the function was measured with {figures.memory_mb:g} MB and would be ended"
        )
    # An instance is limited by its CPU, and by the requests that it may hold at once (Little's law, with the 99th
    # percentile instead of the mean, so rather too few).
    by_cpu = figures.requests_per_s_per_vcpu * min(instance.cpu, WORKER_CPUS)
    by_concurrency = instance.concurrency / (figures.p99_ms / 1000)
    limit = min(by_cpu, by_concurrency)
    planned = limit * (1 - headroom)
    gib = instance.memory_mib / _MIB_PER_GIB
    busy_per_s = busy_price_per_s(prices, instance)
    idle_per_s = instance.cpu * prices.idle_cpu_per_vcpu_s + gib * prices.idle_memory_per_gib_s
    loads = []
    for load_rps in (rps, rps * GROWTH):
        instances = max(1, math.ceil(load_rps / planned))
        # Every instance always has a request to answer: the most that this load can cost.
        seconds_per_million = instances * _MILLION / load_rps
        loads.append(Load(load_rps, instances, seconds_per_million * busy_per_s + prices.per_million_requests))
    alone_s = math.ceil(figures.p99_ms / prices.billed_step_ms) * prices.billed_step_ms / 1000
    return Plan(
        figures,
        prices,
        instance,
        headroom,
        limit,
        planned,
        tuple(loads),
        _MILLION * alone_s * busy_per_s + prices.per_million_requests,
        SECONDS_PER_MONTH * idle_per_s,
        alert_conditions,
    )


def describe(plan: Plan) -> Sequence[str]:
    """The plan in lines for people; `docs/how-to/runbook.md` quotes them."""
    figures, prices, instance = plan.figures, plan.prices, plan.instance
    used = figures.memory_mb * _MILLION / (instance.memory_mib * _BYTES_PER_MIB)
    currency = prices.currency
    lines = [
        f"measured {figures.date}: {figures.requests_per_s_per_vcpu:,.0f} requests/s per vCPU,"
        f" p99 {figures.p99_ms:.1f} ms, cold start {figures.cold_start_ms:.0f} ms, {figures.memory_mb:.0f} MB",
        f"one instance ({instance.cpu:g} vCPU, {instance.memory_mib} MiB, {used:.0%} of it used, concurrency"
        f" {instance.concurrency}): {plan.rps_per_instance:,.0f} requests/s, planned for"
        f" {plan.planned_rps_per_instance:,.0f} (headroom {plan.headroom:.0%})",
    ]
    for load in plan.loads:
        noun = "instance" if load.instances == 1 else "instances"
        lines.append(
            f"{load.rps:,g} requests/s: {load.instances} {noun},"
            f" at most {load.cost_per_million:.2f} {currency} per million predictions"
        )
    return [
        *lines,
        f"requests that come one by one: {plan.sparse_cost_per_million:.2f} {currency} per million predictions",
        f"one instance kept warm without requests: {plan.idle_cost_per_month:.2f} {currency} in 30 days",
        f"{plan.alert_conditions} conditions of alerts: {plan.alerts_cost_per_month:.2f} {currency} a month",
        f"prices of {prices.date}: {prices.tier}, {prices.billing}, {prices.source}",
    ]
