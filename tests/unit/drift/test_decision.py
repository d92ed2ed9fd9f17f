"""Decisions: changed measurements and a changed mix are told apart, and unchanged traffic raises no alarm.

The rates are in benchmarks/drift.py; here each kind of change happens once, large enough to leave no doubt.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest

from predictor.drift.baseline import Baseline
from predictor.drift.decision import LABEL_KIND, Decision, decide
from predictor.drift.periods import log_threshold
from predictor.drift.summaries import Counts
from predictor.penguin import Penguin
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference
from tests.support.traffic import counted, counts_in

Decide = Callable[..., Decision]
THRESHOLD = log_threshold(12)


@pytest.fixture
def decided(reference: Reference, baseline: Baseline) -> Decide:
    def decided(rows: list[LabelledRow], **changes: Any) -> Decision:
        fields = counted(reference, [row.penguin for row in rows], [row.label for row in rows])
        return decide(counts_in({**fields, **changes}), baseline, THRESHOLD)

    return decided


def changed(row: LabelledRow, **changes: float) -> LabelledRow:
    penguin = Penguin.model_validate({**row.penguin.model_dump(), **changes})
    return LabelledRow(row.row, penguin, row.label, row.extra)


def test_the_reference_itself_raises_no_alarm(decided: Decide, dataset: Dataset) -> None:
    found = decided([*dataset.rows] * 3)
    assert not found.measurements_alarm
    assert not found.mix_alarm
    assert found.log10_e_measurements < 0
    assert found.log10_e_mix < 0
    assert all(abs(item.mean_sd) < 0.001 for item in found.measurements.values())


def test_one_shifted_measurement_is_an_alarm_that_names_it(decided: Decide, dataset: Dataset) -> None:
    rows = [changed(row, body_mass_g=0.95 * row.penguin.body_mass_g) for row in dataset.rows]
    found = decided(rows)
    assert found.measurements_alarm
    assert not found.mix_alarm
    by_evidence = sorted(found.measurements, key=lambda name: found.measurements[name].log10_e_alone)
    assert by_evidence[-1] == "body_mass_g"
    assert found.measurements["body_mass_g"].shift == pytest.approx(-5, abs=0.01)
    assert found.measurements["bill_depth_mm"].shift == pytest.approx(0, abs=0.01)


def test_a_changed_mix_is_an_alarm_of_its_own(decided: Decide, dataset: Dataset) -> None:
    chinstraps = [row for row in dataset.rows if row.label == "Chinstrap"]
    found = decided([*dataset.rows, *chinstraps * 4])
    assert found.mix_alarm
    assert not found.measurements_alarm
    assert found.mix[LABEL_KIND].counted["Chinstrap"] == 5 * len(chinstraps)
    assert found.mix[LABEL_KIND].log10_e > found.mix["sex"].log10_e


def test_refused_and_unlike_rows_are_an_alarm(decided: Decide, dataset: Dataset) -> None:
    rows = [*dataset.rows]
    for changes in ({"refused": {"out_of_range": 30, "other": 0}}, {"flagged": 100}):
        assert decided(rows, **changes).measurements_alarm
    assert not decided(rows, refused={"out_of_range": 0, "other": 5000}).measurements_alarm


def test_no_rows_decide_nothing(baseline: Baseline) -> None:
    found = decide(Counts(), baseline, THRESHOLD)
    assert found.log10_e_measurements == pytest.approx(0)
    assert found.log10_e_mix == pytest.approx(0)
    assert found.measurements["body_mass_g"].psi is None


def test_only_refused_rows_still_raise_an_alarm(baseline: Baseline) -> None:
    refused = {"out_of_range": 50, "other": 0}
    assert decide(Counts.model_validate({"refused": refused}), baseline, THRESHOLD).measurements_alarm


def test_a_class_that_the_reference_does_not_have_changes_the_mix(dataset: Dataset) -> None:
    """The model knows it, the reference rows do not: it has no residuals."""
    without = Dataset(tuple(row for row in dataset.rows if row.label != "Gentoo"), (), dataset.sha256)
    reference = make_reference(without, "not tried")
    baseline = Baseline.of(reference)
    fields = counted(reference, dataset.penguins, dataset.labels)
    found = decide(counts_in(fields), baseline, THRESHOLD)
    assert found.mix_alarm
    assert found.mix[LABEL_KIND].reference["Gentoo"] == 0
    assert fields["measurements"]["body_mass_g"]["rows"] == len(without.rows)
    assert not any(item.log10_e > 0 for item in found.measurements.values())


def test_2007_is_found_against_the_years_after_it(dataset: Dataset) -> None:
    early = [row for row in dataset.rows if row.extra["year"] == "2007"]
    late = Dataset(tuple(row for row in dataset.rows if row.extra["year"] != "2007"), (), dataset.sha256)
    reference = make_reference(late, "not tried")
    fields = counted(reference, [row.penguin for row in early], [row.label for row in early])
    found = decide(counts_in(fields), Baseline.of(reference), THRESHOLD)
    assert found.measurements_alarm
    assert -3 < found.measurements["flipper_length_mm"].shift < -1
    assert found.log10_threshold == pytest.approx(math.log10(1200))
