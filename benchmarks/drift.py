"""What `python -m predictor drift` finds and what it does not: `make bench-drift`.

Each seed draws a reference of its own, as large as the data set, fits this project's model to it, and counts traffic
with the functions that serve. So the tables include what a reference's and a model's own errors do.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.document import write_between
from benchmarks.drift_population import Birds, Numbers, Population, birds_of
from benchmarks.drift_service import Service
from benchmarks.paths import ROOT
from predictor.drift import decision, evidence
from predictor.drift.decision import Decision, decide
from predictor.drift.periods import LOOKS_PER_YEAR, log_threshold
from predictor.drift.psi import LIMIT
from predictor.penguin import SPECIES
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS
from predictor.training.dataset import Dataset, load_penguins

PAGE: Final = ROOT / "docs" / "explanation" / "drift.md"
_BEGIN: Final = "<!-- figures: written by `python -m benchmarks.drift --document` -->"
_END: Final = "<!-- end of figures -->"
HOURS_PER_YEAR: Final = 8766
SIZES: Final = (200, 1_000, 10_000)
CHANGED_ROWS: Final = 1_000
DOUBLED: Final = "Chinstrap"
FLIPPER, MASS = MEASUREMENTS.index("flipper_length_mm"), MEASUREMENTS.index("body_mass_g")

Change = Callable[[Birds, np.random.Generator], Birds]
Row = list[str]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`mix`: whether the report on the mix is the one that should raise the alarm."""

    name: str
    rows: int
    change: Change = lambda birds, _: birds
    shares: "dict[str, float] | None" = None
    mix: bool = False


def scenarios(population: Population) -> list[Scenario]:
    return [
        *(Scenario("nothing has changed", rows) for rows in SIZES),
        Scenario("flippers 2 mm longer", CHANGED_ROWS, lambda birds, _: _plus(birds, FLIPPER, 2.0)),
        Scenario("flippers 3 mm longer", CHANGED_ROWS, lambda birds, _: _plus(birds, FLIPPER, 3.0)),
        Scenario("masses 5 % smaller", CHANGED_ROWS, lambda birds, _: _times(birds, MASS, 0.95)),
        Scenario("twice the Chinstraps", CHANGED_ROWS, shares={DOUBLED: 2 * population.share(DOUBLED)}, mix=True),
        Scenario("wrong units in 2 % of requests", CHANGED_ROWS, _slips),
    ]


def _plus(birds: Birds, index: int, amount: float) -> Birds:
    return birds.with_measurements(birds.measurements + amount * np.eye(len(MEASUREMENTS))[index])


def _times(birds: Birds, index: int, factor: float) -> Birds:
    return birds.with_measurements(birds.measurements * np.where(np.arange(len(MEASUREMENTS)) == index, factor, 1))


# cm, m and inches for lengths; kg, pounds and ounces for the mass; the decimal point one place off.
_LENGTH_FACTORS: Final = (0.1, 0.001, 1 / 25.4, 10.0)
_MASS_FACTORS: Final = (0.001, 1 / 453.592, 1 / 28.3495, 0.1, 10.0)


def _slips(birds: Birds, random: np.random.Generator) -> Birds:
    """One measurement of some birds in another unit."""
    values = birds.measurements.copy()
    for row in np.flatnonzero(random.random(len(values)) < 0.02):
        index = int(random.integers(len(MEASUREMENTS)))
        values[row, index] *= random.choice(_MASS_FACTORS if index == MASS else _LENGTH_FACTORS)
    return birds.with_measurements(values)


def simulate(population: Population, size: int, seeds: int) -> Iterator[tuple[Scenario, list[Decision]]]:
    """The decisions of all seeds, by scenario."""
    found: dict[str, tuple[Scenario, list[Decision]]] = {}
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        service = Service(population.draw(size, random))
        for scenario in scenarios(population):
            birds = scenario.change(population.draw(scenario.rows, random, scenario.shares), random)
            entry = found.setdefault(f"{scenario.name} {scenario.rows}", (scenario, []))
            entry[1].append(decide(service.count(birds), service.baseline, 0.0))
    return iter(found.values())


def scenario_table(population: Population, size: int, seeds: int) -> list[Row]:
    """The share of seeds with an alarm, by kind of period, for the report that the scenario is about."""
    kinds = list(LOOKS_PER_YEAR)
    rows = [["traffic", "rows", "report", *(f"alarm, as a {kind}" for kind in kinds), "PSI over 0.2"]]
    for scenario, decisions in simulate(population, size, seeds):
        unchanged = scenario.name.startswith("nothing")
        for report in ("measurements", "mix") if unchanged else ("mix" if scenario.mix else "measurements",):
            log10_es = np.array([_log10_e(found, report) for found in decisions])
            shares = [
                _per_cent(np.mean(log10_es >= log_threshold(LOOKS_PER_YEAR[kind]) / np.log(10))) for kind in kinds
            ]
            psis = [item.psi > LIMIT for found in decisions for item in found.measurements.values() if item.psi]
            rows.append([scenario.name, f"{scenario.rows:,}", report, *shares, _per_cent(float(np.mean(psis)))])
    return rows


def _log10_e(found: Decision, report: str) -> float:
    return found.log10_e_mix if report == "mix" else found.log10_e_measurements


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %"


def hourly_false_alarms(population: Population, size: int, per_hour: int, years: int, seed: int) -> int:
    """False alarms, of both reports together, in simulated years of hourly looks; each year has its own reference."""
    alarms = 0
    threshold = log_threshold(HOURS_PER_YEAR)
    for year in range(years):
        random = np.random.default_rng((seed, per_hour, year))
        service = Service(population.draw(size, random))
        log_es = hours(service, population.draw(HOURS_PER_YEAR * per_hour, random), per_hour)
        alarms += sum(int(np.count_nonzero(log_e >= threshold)) for log_e in log_es)
    return alarms


def hours(service: Service, birds: Birds, per_hour: int) -> tuple[Numbers, Numbers]:
    """The log e-values of each hour, for measurements and for the mix: `decide`, for many looks at once."""
    columns, baseline = birds.columns, service.baseline
    predicted = service.predict(columns)
    means = service.residuals(columns, predicted).reshape(-1, per_hour, len(MEASUREMENTS)).mean(axis=1)
    flagged = per_hour - service.in_distribution(columns, predicted).reshape(-1, per_hour).sum(axis=1)
    keys = list(baseline.groups)
    groups = np.array([[keys.index(service.group(label, values)) for values in COMBINATIONS] for label in SPECIES])
    in_group = _counted(groups[predicted, columns.combinations], len(keys), per_hour)
    variance = 1 / per_hour + (np.square(in_group / per_hour) / np.array(list(baseline.groups.values()))).sum(axis=1)
    marginal, alone = decision.of_mean_residuals(means, variance, baseline)
    out_of_range = evidence.of_rare(np.zeros(len(means)), per_hour)
    measurements = decision.of_measurements(
        [*marginal, *alone], decision.of_flagged(flagged, np.full(len(means), per_hour), baseline), out_of_range
    )
    kinds = [
        evidence.of_shares(_counted(predicted, len(SPECIES), per_hour), [baseline.labels[name] for name in SPECIES])
    ]
    for number, (name, values) in enumerate(CATEGORIES.items()):
        value_of = np.array([values.index(combination[number]) for combination in COMBINATIONS])
        counted = _counted(value_of[columns.combinations], len(values), per_hour)
        kinds.append(evidence.of_shares(counted, list(baseline.categories[name].values())))
    return measurements, decision.of_mix(kinds)


def _counted(kinds: "NDArray[np.intp]", count: int, per_hour: int) -> "NDArray[np.intp]":
    """How often each kind occurs in each hour, shape (hours, count)."""
    return np.stack([(kinds.reshape(-1, per_hour) == kind).sum(axis=1) for kind in range(count)], axis=1)


def year_table(dataset: Dataset) -> list[Row]:
    """Each real year against the two others."""
    rows = [["year", "birds", "measurements, log10 e", "alarm, as a month", "what stands out most"]]
    threshold = log_threshold(LOOKS_PER_YEAR["month"])
    for year in sorted({row.extra["year"] for row in dataset.rows}):
        own = [row for row in dataset.rows if row.extra["year"] == year]
        service = Service(birds_of([row for row in dataset.rows if row.extra["year"] != year]))
        found = decide(service.count(birds_of(own)), service.baseline, threshold)
        name, most = max(found.measurements.items(), key=lambda item: max(item[1].log10_e, item[1].log10_e_alone))
        alarm = "yes" if found.measurements_alarm else "no"
        rows.append([year, f"{len(own)}", f"{found.log10_e_measurements:.1f}", alarm, f"{name} {most.shift:+.1f} %"])
    return rows


def thirds(dataset: Dataset, seeds: int) -> float:
    """The share of random thirds of the real birds that raise an alarm against the rest, in either report."""
    birds = birds_of(dataset.rows)
    alarms = 0
    for seed in range(seeds):
        third = np.random.default_rng(seed).permutation(len(dataset.rows)) % 3 == 0
        service = Service(birds.where(~third))
        found = decide(service.count(birds.where(third)), service.baseline, log_threshold(LOOKS_PER_YEAR["month"]))
        alarms += found.measurements_alarm or found.mix_alarm
    return alarms / seeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="references that are drawn (default: 200)")
    parser.add_argument("--years", type=int, default=60, help="years of hourly looks, at each rate (default: 60)")
    parser.add_argument("--document", action="store_true", help="also write the tables into docs/explanation/drift.md")
    options = parser.parse_args()
    dataset = load_penguins()
    population, size = Population(dataset), len(dataset.rows)
    sections = [
        f"Alarms in {options.seeds} seeds, by the kind of period that the rows are:",
        table(scenario_table(population, size, options.seeds)),
        "The real birds of each year, with those of the other years as the reference:",
        table(year_table(dataset)),
        f"Of {options.seeds} random thirds of the real birds, with the others as the reference,"
        f" {_per_cent(thirds(dataset, options.seeds))} raise an alarm, as a month.",
    ]
    print("\n\n".join(sections), flush=True)
    hourly = [
        f"Hourly looks at {per_hour} birds each, an alarm from {HOURS_PER_YEAR:,} / 0.01 on:"
        f" {hourly_false_alarms(population, size, per_hour, options.years, 0)} false alarms in {options.years} years."
        for per_hour in (5, 50)
    ]
    print("\n" + "\n".join(hourly))
    if options.document:
        write_document("\n\n".join([*sections, *hourly]))


def table(rows: list[Row]) -> str:
    """Rows as Markdown; the first one is the head."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])


def write_document(figures: str) -> None:
    write_between(PAGE, _BEGIN, _END, f"\n{figures}\n")


if __name__ == "__main__":
    main()
