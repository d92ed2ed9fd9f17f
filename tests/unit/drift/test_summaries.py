"""Sums of summaries: in any order and any grouping the same, to the byte."""

import random
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from predictor.drift.baseline import Baseline
from predictor.drift.report import make_report, report_json
from predictor.drift.summaries import Counts, Feedback, Measured, Refused, Summary, total
from predictor.penguin import SPECIES
from predictor.prediction import ModelIdentity
from predictor.schema import CATEGORIES, MEASUREMENTS
from predictor.training.dataset import Dataset
from predictor.trust.reference import Reference
from predictor.trust.residuals import BINS
from tests.support.traffic import DIGEST, counted, line

COUNT = st.integers(0, 10**6)
SOME_SPECIES = st.sampled_from(SPECIES)


def sparse(names: Any) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(sorted(names)), COUNT, max_size=len(names))


MEASURED = st.builds(
    Measured,
    rows=COUNT,
    sum=st.integers(-(10**9), 10**9),
    sum_of_squares=COUNT,
    histogram=st.lists(COUNT, min_size=BINS, max_size=BINS),
)
COUNTS = st.builds(
    Counts,
    rows=COUNT,
    discarded=COUNT,
    refused=st.builds(Refused, out_of_range=COUNT, other=COUNT),
    flagged=COUNT,
    groups=st.dictionaries(SOME_SPECIES, sparse(["male", "female"])),
    categories=st.fixed_dictionaries({name: sparse(values) for name, values in CATEGORIES.items()}),
    measurements=st.dictionaries(st.sampled_from(MEASUREMENTS), MEASURED),
    feedback=st.builds(Feedback, pairs=st.dictionaries(SOME_SPECIES, sparse(SPECIES)), with_sets=COUNT, covered=COUNT),
)


@settings(max_examples=40, deadline=None)
@given(first=COUNTS, second=COUNTS, third=COUNTS)
def test_merging_is_associative_and_free_of_order_and_has_a_zero(first: Counts, second: Counts, third: Counts) -> None:
    left, right = (first + second) + third, first + (second + third)
    assert left == right
    assert (first + second).model_dump_json() == (second + first).model_dump_json()
    assert left.model_dump_json() == right.model_dump_json()
    assert first + Counts() == first


def test_twenty_instances_give_byte_for_byte_the_decision_of_one(
    dataset: Dataset, reference: Reference, baseline: Baseline
) -> None:
    rows = [*zip(dataset.penguins, dataset.labels, strict=True)] * 3
    random.Random(1).shuffle(rows)

    def decided(parts: list[list[Any]]) -> bytes:
        summaries = [Summary.of(line(counted(reference, *zip(*part, strict=True)))) for part in parts]
        random.Random(len(parts)).shuffle(summaries)
        report = make_report(summaries, ModelIdentity("1", DIGEST), baseline, None)
        assert report is not None
        return report_json(report)

    alone = decided([rows])
    assert decided([rows[place::20] for place in range(20)]) == alone
    assert b'"rows": 999' in alone


def test_a_total_is_the_sum(reference: Reference, dataset: Dataset) -> None:
    fields = counted(reference, dataset.penguins, dataset.labels)
    one = Summary.of(line(fields)).counts
    assert total([one, one]) == reduce(Counts.__add__, [one, one])
    assert total([one, one]).rows == 2 * len(dataset.rows)
    assert total([]) == Counts()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"rows": -1}, "rows"),
        ({"rows": "12"}, "rows"),
        ({"measurements": {"wing_span_mm": {}}}, "features are not those"),
        ({"model_digest": "sha256:1"}, "model_digest"),
        ({"since": "2026-11-02T12:00:00"}, "since"),
        ({"refused": {"out_of_range": 0.5}}, "refused"),
    ],
    ids=["negative", "text", "other domain", "digest", "no time zone", "half a row"],
)
def test_a_line_of_another_shape_is_refused(
    reference: Reference, dataset: Dataset, change: dict[str, Any], where: str
) -> None:
    good = line(counted(reference, dataset.penguins, dataset.labels))
    with pytest.raises(ValidationError, match=where):
        Summary.of({**good, **change})
