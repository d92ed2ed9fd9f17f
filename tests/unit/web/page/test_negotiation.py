import pytest

from predictor.web.page.negotiation import prefers_html
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
        ("text/html, */*", True),
        ("text/html;q=0.5, */*", False),
        ("text/html, application/*;q=0.5", True),
    ],
)
def test_who_gets_a_page(accept: str, html: bool) -> None:
    assert prefers_html([(b"accept", accept.encode())]) is html
