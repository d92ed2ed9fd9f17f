import pytest

from predictor.schema import COMBINATIONS, RANGES, categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel
from predictor.training.golden_rows import choose_golden


def test_golden_rows_hold_every_kind_of_bird_and_the_least_certain_ones(model: FittedModel, dataset: Dataset) -> None:
    golden = choose_golden(model, dataset)
    kinds = {
        (row.penguin.island, row.penguin.sex, golden.classes[row.probabilities.index(max(row.probabilities))])
        for row in golden.rows
    }
    assert kinds >= {(bird.penguin.island, bird.penguin.sex, bird.label) for bird in dataset.rows}
    least = min(max(row) for row in model.probabilities(dataset.penguins).tolist())
    assert min(max(row.probabilities) for row in golden.rows) == pytest.approx(least, abs=1e-6)


def test_golden_rows_hold_birds_that_no_data_set_has(model: FittedModel, dataset: Dataset) -> None:
    penguins = [row.penguin for row in choose_golden(model, dataset).rows]
    corners = [tuple(bounds[end] for bounds in RANGES.values()) for end in (0, 1)]
    assert set(corners) <= {measurements_of(penguin) for penguin in penguins}
    seen = {(measurements_of(penguin), categories_of(penguin)) for penguin in dataset.penguins}
    moved = [p for p in penguins if measurements_of(p) in {values for values, _ in seen} - set(corners)]
    assert any((measurements_of(p), categories_of(p)) not in seen for p in moved)


def test_no_bird_is_golden_twice_and_the_answers_are_the_models(model: FittedModel, dataset: Dataset) -> None:
    golden = choose_golden(model, dataset)
    penguins = [row.penguin for row in golden.rows]
    assert len(set(penguins)) == len(penguins) >= len(COMBINATIONS)
    answers = [row.probabilities for row in golden.rows]
    assert [pytest.approx(row, abs=1e-9) for row in model.probabilities(penguins).tolist()] == answers
