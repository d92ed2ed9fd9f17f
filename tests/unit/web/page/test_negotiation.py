import pytest

from predictor.web.page.negotiation import accepts_gzip, is_current, prefers_html
from tests.unit.web.page.conftest import BROWSER


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER["accept"], True),
        ("text/html", True),
        ("text/html, application/json;q=0.9", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html;q=0.5", False),
        ("text/html, application/json", False),
        ("text/html;q=0", False),
        ("text/html;q=nonsense", False),
        ("text/plain", False),
    ],
)
def test_who_gets_a_page(accept: str, html: bool) -> None:
    assert prefers_html([(b"accept", accept.encode())]) is html


@pytest.mark.parametrize(("value", "accepted"), [("gzip, br", True), ("gzip;q=0", False), ("br", False), ("", False)])
def test_who_gets_gzip(value: str, accepted: bool) -> None:
    assert accepts_gzip([(b"accept-encoding", value.encode())]) is accepted


@pytest.mark.parametrize(
    ("value", "known"), [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ("", False)]
)
def test_who_has_it_already(value: str, known: bool) -> None:
    assert is_current([(b"if-none-match", value.encode())], '"a"') is known
