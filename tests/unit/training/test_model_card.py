from sklearn.linear_model import LogisticRegression

from predictor.training.dataset import Dataset
from predictor.training.model_card import published_card


def test_a_card_says_what_is_known_and_what_is_not(dataset: Dataset) -> None:
    card = published_card(
        dataset, LogisticRegression(C=7), columns=("a", "b"), notes=("note one",), metrics={"data_set_rows": 333.0}
    )
    assert card.startswith("# LogisticRegression\n")
    assert "`LogisticRegression(C=7)`" in card
    assert "Columns: `a`, `b`." in card
    assert "- note one\n\n## Figures" in card
    assert "- data_set_rows: 333\n" in card
    assert f"333 labelled rows (sha256\n`{dataset.sha256}`)" in card
    assert "{" not in card


def test_without_metrics_it_says_why(dataset: Dataset) -> None:
    card = published_card(dataset, LogisticRegression(), columns=("a",), notes=(), metrics={})
    assert "None: its classes are not those of the labelled rows." in card
