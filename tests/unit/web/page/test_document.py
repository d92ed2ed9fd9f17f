import pytest

from predictor.web.page.document import percent


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1.0, "> 99 %"),
        (0.9901, "> 99 %"),
        (0.99, "99 %"),
        (0.5, "50 %"),
        (0.01, "1 %"),
        (0.0099, "< 1 %"),
        (0.0, "< 1 %"),
    ],
)
def test_no_probability_is_shown_as_certain(probability: float, text: str) -> None:
    assert percent(probability).replace("\u00a0", " ") == text


def test_where_there_is_no_probability_none_is_shown() -> None:
    assert percent(None) == ""
