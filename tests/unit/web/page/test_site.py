"""The paths of the page, as a browser and as a program see them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from tests.support.asgi import Client, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.processes import PROJECT
from tests.unit.web.page.conftest import BROWSER

FORM = {"content-type": "application/x-www-form-urlencoded"}
MAX_BYTES, MAX_COMPRESSED_BYTES = 60_000, 20_000


def addresses(page: str) -> list[str]:
    """Everything that a browser loads with the page."""
    found = re.findall(r'(?:src|href)="(page/[^"]+)"', page) + re.findall(r'"reference":"([^"]+)"', page)
    return sorted(set(found))


def submit(client: Client, values: dict[str, object]) -> tuple[int, str]:
    response = client.post("/page", content=urlencode(values), headers=FORM)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return response.status_code, response.text


class TestHome:
    def test_browsers_get_the_page_and_programs_the_greeting(self, client: Client) -> None:
        page = client.get("/", headers=BROWSER)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>Which species is this penguin?</h1>" in page.text
        for headers in ({}, {"accept": "application/json"}):
            greeting = client.get("/", headers=headers)
            assert greeting.content == b'{"message":"Penguin Predictor Active!"}'
            usual = {"content-type", "content-length", "model-version", "server-timing", "x-request-id"}
            assert set(greeting.headers) <= usual

    def test_all_of_it_is_small(self, client: Client) -> None:
        page = client.get("/", headers=BROWSER)
        answers = [page, *(client.get(f"/{path}", headers=BROWSER) for path in addresses(page.text))]
        assert len(answers) == len(["/", "app.js", "style.css", "icon.svg", "reference.json"])
        assert sum(len(answer.content) for answer in answers) <= MAX_BYTES
        assert sum(int(answer.headers["content-length"]) for answer in answers) <= MAX_COMPRESSED_BYTES

    def test_what_it_may_load_and_what_it_may_not(self, client: Client) -> None:
        for path in ("/", "/card"):
            headers = client.get(path, headers=BROWSER).headers
            policy = dict(part.split(maxsplit=1) for part in headers["content-security-policy"].split(";"))
            assert policy.pop("require-trusted-types-for") == "'script'", "no script may make markup of text"
            assert set(policy.values()) == {"'none'", "'self'"}
            for name in ("default-src", "base-uri", "frame-ancestors"):
                assert policy[name] == "'none'", name
            assert headers["x-content-type-options"] == "nosniff"

    def test_it_is_asked_for_again_and_not_sent_again(self, client: Client) -> None:
        first = client.get("/", headers=BROWSER)
        assert (first.headers["cache-control"], first.headers["vary"]) == ("no-cache", "Accept, Accept-Encoding")
        again = client.get("/", headers={**BROWSER, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-length" not in again.headers

    def test_no_model_value_breaks_out_of_its_place(self, client: Client) -> None:
        page = client.get("/", headers=BROWSER).text
        assert page.count("</script>") == 2
        assert " style=" not in page
        assert " onclick=" not in page

    def test_without_a_model_it_says_so_as_a_page(self, empty_store: Client) -> None:
        response = empty_store.get("/", headers=BROWSER)
        assert (response.status_code, response.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert int(response.headers["retry-after"]) >= 1
        assert "No model is loaded yet" in response.text

    def test_without_a_reference_the_plots_are_left_out(self, without_reference: Client) -> None:
        page = without_reference.get("/", headers=BROWSER).text
        assert "<figure>" not in page
        assert 'aria-labelledby="compare-title" hidden' in page

    def test_programs_import_nothing_of_it(self, referenced: PublishedBundle) -> None:
        code = """if True:
            import json, sys
            from predictor.bootstrap import build
            from predictor.settings import Settings
            from tests.support.asgi import Client
            client = Client(build(Settings(model_uri=sys.argv[1])))
            statuses = client.get("/").status_code, client.post("/predict", json=json.loads(sys.argv[2])).status_code
            print(statuses, [name for name in sys.modules if name.startswith("predictor.web.page")])
        """
        command = [sys.executable, "-c", code, str(referenced.folder), json.dumps(EXAMPLE)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.splitlines()[-1] == "(200, 200) []"


class TestFiles:
    def test_they_are_kept_for_ever_under_the_name_of_their_content(self, client: Client) -> None:
        for path in addresses(client.get("/", headers=BROWSER).text):
            answer = client.get(f"/{path}", headers={"accept-encoding": "gzip"})
            assert answer.headers["cache-control"] == "max-age=31536000, immutable", path
            assert client.get(f"/{path}", headers={"accept-encoding": ""}).content == answer.content

    def test_under_another_revisions_name_they_are_not_kept(self, client: Client) -> None:
        for name in ("app.js", "reference.json"):
            answer = client.get(f"/page/0123456789ab/{name}")
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")

    @pytest.mark.parametrize(
        "path", ["/page/", "/page/x", "/page/x/", "/page/x/index.html", "/page/x/../site.py", "/page/x/%2e%2e/site.py"]
    )
    def test_nothing_else_is_served(self, client: Client, path: str) -> None:
        problem_of(client.get(path), 404)

    def test_a_model_without_a_reference_has_none(self, without_reference: Client) -> None:
        problem_of(without_reference.get("/page/x/reference.json"), 404)


class TestForm:
    def test_a_form_is_answered_as_a_page(self, client: Client) -> None:
        status, page = submit(client, EXAMPLE)
        assert status == 200
        assert '<strong id="verdict" class="c0">Adelie</strong>' in page
        assert "At 95\u00a0% coverage it is Adelie." in page
        assert 'name="bill_depth_mm" value="18.7"' in page
        assert 'value="Torgersen" required checked' in page

    def test_doubts_are_told(self, client: Client) -> None:
        status, page = submit(client, {**EXAMPLE, "body_mass_g": 30000, "flipper_length_mm": 350})
        assert status == 200
        assert "Let a person decide." in page
        assert "body mass stands out most" in page

    def test_what_is_wrong_stands_at_its_field(self, client: Client) -> None:
        status, page = submit(client, {**EXAMPLE, "flipper_length_mm": 18.1})
        assert status == 422
        assert (
            'id="error-flipper_length_mm">Must be a number from 80 to 450 mm. Fits if it was measured in centimetres.'
            in page
        )
        assert page.count('aria-invalid="true"') == 1
        assert 'name="flipper_length_mm" value="18.1"' in page

    def test_what_somebody_enters_is_shown_as_text(self, client: Client) -> None:
        status, page = submit(client, {"bill_length_mm": '"><script>alert(1)</script>', "sex": "<b>", "other": "<b>"})
        assert status == 422
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert page.count("Is required.") == len(EXAMPLE) - 2

    def test_only_forms_are_taken(self, client: Client) -> None:
        problem_of(client.post("/page", json=EXAMPLE), 415)
        problem_of(client.post("/page", content="a=" + "b" * 20_000, headers=FORM), 413)
        problem_of(client.get("/page"), 405)

    def test_other_fields_are_not_read(self, client: Client) -> None:
        assert submit(client, {**EXAMPLE, **{f"field{number}": 1 for number in range(1000)}})[0] == 200

    def test_a_model_without_a_reference_answers_too(self, without_reference: Client) -> None:
        status, page = submit(without_reference, EXAMPLE)
        assert status == 200
        assert ">Adelie</strong>" in page


class TestCard:
    def test_it_is_a_page(self, client: Client) -> None:
        card = client.get("/card")
        assert card.headers["content-type"] == "text/html; charset=utf-8"
        assert "<h1>A model for tests</h1>" in card.text
        assert client.get("/card", headers={"if-none-match": card.headers["etag"]}).status_code == 304

    def test_it_is_verified(self, tmp_path: Path, referenced: PublishedBundle) -> None:
        folder = tmp_path / "copy"
        folder.mkdir()
        for file in referenced.folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "model_card.md").write_bytes(b"# A MODEL FOR TESTS\n")
        client = Client(build(Settings(model_uri=str(folder), model_digest=referenced.digest)))
        assert client.post("/predict", json=EXAMPLE).status_code == 200
        assert "A MODEL" not in client.get("/card").text

    def test_it_may_be_missing(self, tmp_path: Path, referenced: PublishedBundle) -> None:
        for file in referenced.folder.iterdir():
            if file.name != "model_card.md":
                (tmp_path / file.name).write_bytes(file.read_bytes())
        problem_of(Client(build(Settings(model_uri=str(tmp_path)))).get("/card"), 404)
