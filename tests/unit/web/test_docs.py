import re

import pytest

from predictor.web import HttpProblem
from predictor.web.docs import docs_response
from tests.support.asgi import Client


def test_the_page_and_its_files_come_from_here(client: Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [r for r in references if not r.startswith("data:")] == [
        "docs/swagger-ui.css",
        "docs/page.css",
        "docs/swagger-ui-bundle.js",
        "docs/start.js",
    ]
    for reference in references[1:]:
        assert client.get(f"/{reference}").status_code == 200


def test_the_page_may_load_nothing_from_elsewhere(client: Client) -> None:
    header = client.get("/docs").headers["content-security-policy"]
    policy = dict(part.split(maxsplit=1) for part in header.split(";"))
    assert {source for sources in policy.values() for source in sources.split()} <= {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")


@pytest.mark.parametrize("path", ["/docs/", "/docs/index.html", "/docs/../docs.py", "/docs/swagger-ui.css/"])
def test_no_other_file_is_served(path: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        docs_response(path)
    assert caught.value.status == 404
