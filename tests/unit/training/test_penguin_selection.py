from predictor.training.dataset import Dataset
from predictor.training.penguin_evaluation import evaluate
from predictor.training.penguin_selection import HEADER, candidates, format_row


def test_every_candidate_is_another_one() -> None:
    described = [(name, inputs) for name, inputs, _ in candidates()]
    assert len(described) == len(set(described)) > 20
    assert ("logistic regression, C = 100", "+ sex") in described


def test_a_row_fits_the_table(dataset: Dataset) -> None:
    name, inputs, make = next(candidates())
    row = format_row(name, inputs, evaluate(make, dataset, folds=2, repeats=1))
    assert row.count("|") == HEADER.splitlines()[0].count("|") == HEADER.splitlines()[1].count("|")
    assert row.startswith(f"| {name} | {inputs} | 0.9")
