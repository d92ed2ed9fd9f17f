"""What is counted of rows: one by one and as columns the same, to the last digit."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from predictor.batch import PenguinColumns
from predictor.errors import InvalidInput, MalformedJson, Violation
from predictor.penguin import SPECIES, Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS
from predictor.training.dataset import Dataset
from predictor.training.reference import make_reference
from predictor.trust.assessment import Assessor
from predictor.trust.traffic_counts import TrafficCounts
from tests.support.traffic import counted_rows

VOLATILE = {"summary_id", "since", "until"}


def counted(counts: TrafficCounts) -> dict[str, Any]:
    return {name: value for name, value in counts.fields().items() if name not in VOLATILE}


def places_of(dataset: Dataset) -> list[int]:
    return [SPECIES.index(label) for label in dataset.labels]


def unusual(dataset: Dataset) -> list[Penguin]:
    """The data set's birds, some of them far too heavy, and each on the next island."""
    birds = []
    for number, penguin in enumerate(dataset.penguins):
        _, island = next(values for values in COMBINATIONS if values != (penguin.sex, penguin.island))
        mass = 49_999.0 if number % 10 == 0 else penguin.body_mass_g
        birds.append(Penguin.model_validate({**penguin.model_dump(), "body_mass_g": mass, "island": island}))
    return birds


def counted_alike(assessor: Assessor, penguins: Sequence[Penguin], places: Sequence[int]) -> dict[str, Any]:
    """The same counts of rows and of columns, and as many flagged rows as detailed answers would flag."""
    columns = PenguinColumns.of(penguins)
    probabilities = np.eye(len(SPECIES))[places]
    in_distribution = assessor.for_batches.assess(columns, probabilities, None).in_distribution
    one_by_one, together = TrafficCounts(assessor), TrafficCounts(assessor)
    one_by_one.add_rows(counted_rows(penguins, places))
    together.add_columns(columns, np.array(places), in_distribution)
    assert counted(one_by_one) == counted(together)
    assert one_by_one.rows == len(penguins)
    assert counted(one_by_one)["flagged"] == int(np.count_nonzero(~in_distribution))
    return counted(one_by_one)


def test_rows_and_columns_are_counted_alike(assessor: Assessor, dataset: Dataset) -> None:
    for penguins in (dataset.penguins, unusual(dataset)):
        counted_alike(assessor, penguins, places_of(dataset))


def test_rows_of_a_class_without_reference_rows_are_counted_alike_too(dataset: Dataset) -> None:
    last = len(SPECIES) - 1
    some = Dataset(tuple(row for row in dataset.rows if row.label != SPECIES[last]), (), dataset.sha256)
    assessor = Assessor(make_reference(some, "not tried"), SPECIES)
    for penguins in (dataset.penguins, unusual(dataset)):
        for places in (places_of(dataset), [last] * len(penguins)):
            fields = counted_alike(assessor, penguins, places)
            measured = sum(place != last for place in places)
            assert all(item["rows"] == measured for item in fields["measurements"].values())


def test_a_row_is_flagged_exactly_where_a_detailed_answer_warns(assessor: Assessor, dataset: Dataset) -> None:
    for penguin, place in zip(
        [*dataset.penguins[:60], *unusual(dataset)[:60]], places_of(dataset)[:60] * 2, strict=True
    ):
        counts = TrafficCounts(assessor)
        counts.add_rows(counted_rows([penguin], [place]))
        values = tuple(getattr(penguin, name) for name in MEASUREMENTS)
        assessment = assessor.assess(values, (penguin.sex, penguin.island), np.eye(3)[place].tolist())
        assert counts.fields()["flagged"] == (not assessment.in_distribution)


def test_sums_are_whole_numbers_and_histograms_hold_every_row(assessor: Assessor, dataset: Dataset) -> None:
    counts = TrafficCounts(assessor)
    counts.add_rows(counted_rows(dataset.penguins, places_of(dataset)))
    fields = counts.fields()
    for item in fields["measurements"].values():
        assert all(isinstance(item[name], int) for name in ("rows", "sum", "sum_of_squares"))
        assert sum(item["histogram"]) == item["rows"] == len(dataset.rows)
    assert sum(sum(by_value.values()) for by_value in fields["groups"].values()) == len(dataset.rows)
    assert all(sum(by_value.values()) == len(dataset.rows) for by_value in fields["categories"].values())
    assert json.loads(json.dumps(fields)) == fields


def test_refused_rows_are_told_apart_by_whether_a_value_is_out_of_range(assessor: Assessor) -> None:
    counts = TrafficCounts(assessor)
    missing, range_ = Violation("/a", "missing", ""), Violation("/b", "out_of_range", "")
    for error in (InvalidInput([missing]), InvalidInput([missing, range_]), MalformedJson("x"), InvalidInput([], 3)):
        counts.add_refused(error)
    assert counts.fields()["refused"] == {"out_of_range": 1, "other": 3}


def test_discarded_rows_leave_no_measurement_behind(assessor: Assessor, dataset: Dataset) -> None:
    counts = TrafficCounts(assessor)
    counts.add_rows(counted_rows(dataset.penguins[:1], [0]))
    counts.add_refused(MalformedJson("x"))
    counts.add_feedback("Gentoo", "Adelie", covered=False)
    counts.discard_rows()
    fields = counted(counts)
    assert (fields["rows"], fields["discarded"], fields["flagged"]) == (0, 1, 0)
    assert fields["groups"] == {}
    assert all(item["sum_of_squares"] == 0 for item in fields["measurements"].values())
    assert fields["refused"] == {"out_of_range": 0, "other": 1}
    assert fields["feedback"] == {"pairs": {"Gentoo": {"Adelie": 1}}, "with_sets": 1, "covered": 0}


def test_nothing_is_left_after_clear(assessor: Assessor, dataset: Dataset) -> None:
    counts, fresh = TrafficCounts(assessor), TrafficCounts(assessor)
    counts.add_rows(counted_rows(dataset.penguins[:1], [0]))
    counts.add_feedback("Gentoo", "Gentoo", covered=None)
    assert not counts.is_empty
    counts.clear()
    assert counts.is_empty
    assert counted(counts) == counted(fresh)


def test_every_summary_has_an_id_of_its_own(assessor: Assessor) -> None:
    counts = TrafficCounts(assessor)
    assert counts.fields()["summary_id"] != counts.fields()["summary_id"]
