from predictor.training.dataset import Dataset
from predictor.training.model_card import published_card
from predictor.training.reference import make_reference


def test_a_card_says_what_is_known_and_what_is_not(dataset: Dataset) -> None:
    metrics = {"data_set_rows": 333.0}
    card = published_card(
        dataset,
        "LogisticRegression",
        "LogisticRegression(C=7)",
        columns=("a", "b"),
        metrics=metrics,
        reference=make_reference(dataset, "it cannot be fitted again"),
    )
    assert card.startswith("# LogisticRegression\n")
    assert "`LogisticRegression(C=7)`" in card
    assert "Columns: `a`, `b`." in card
    assert "- data_set_rows: 333\n" in card
    assert f"333 labelled rows (sha256\n`{dataset.sha256}`)" in card
    assert "Unlike does not mean wrong. There are no prediction sets: it cannot be fitted again." in card
    assert "{" not in card
