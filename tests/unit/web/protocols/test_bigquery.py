import time
from typing import Any

import pytest

from predictor.artifacts import ModelCache
from predictor.errors import StoreUnavailable
from predictor.models import LoadedModel
from predictor.web import web_app
from tests.support.asgi import LIMITS, Client, plenty
from tests.support.bundles import EXAMPLE

CALL = list(EXAMPLE.values())
RETRIED = {408, 429, 500, 503, 504}
"""What BigQuery sends again."""


def test_each_call_has_its_reply_in_order(client: Client) -> None:
    calls = [CALL, [*CALL[:4], None, "Dream"], [str(value) for value in CALL], CALL[:2], ["NaN", *CALL[1:]]]
    document = {"requestId": "r", "caller": "c", "sessionUser": "u", "calls": calls}
    replies = client.post("/bigquery", json=document).json()["replies"]
    assert [reply.get("prediction") for reply in replies] == ["Adelie", None, "Adelie", None, None]
    codes = [[found["code"] for found in reply["error"]["errors"]] for reply in replies if "error" in reply]
    assert codes == [["missing"], ["missing"] * 4, ["not_finite"]]


@pytest.mark.parametrize("text", ["39,1", "1_0", "", "٣", "0x10"])
def test_text_that_is_no_number_is_none(client: Client, text: str) -> None:
    (reply,) = client.post("/bigquery", json={"calls": [[text, *CALL[1:]]]}).json()["replies"]
    assert [found["code"] for found in reply["error"]["errors"]] == ["wrong_type"]


def test_a_long_text_that_is_nearly_a_number_takes_no_time(client: Client) -> None:
    """Ten thousand digits took three seconds, and ten times as many a hundred times as long."""
    started = time.process_time()
    (reply,) = client.post("/bigquery", json={"calls": [["1" * 10_000 + "x", *CALL[1:]]]}).json()["replies"]
    assert time.process_time() - started < 1
    assert [found["code"] for found in reply["error"]["errors"]] == ["wrong_type"]


def test_without_details_a_reply_is_a_string_or_null(client: Client) -> None:
    document = {"userDefinedContext": {"details": "false"}, "calls": [CALL, [1], CALL]}
    assert client.post("/bigquery", json=document).json() == {"replies": ["Adelie", None, "Adelie"]}


@pytest.mark.parametrize(
    "body",
    [{}, {"calls": 1}, {"calls": [CALL] * 1001}, {"calls": [], "userDefinedContext": {"mode": "x"}}],
)
def test_a_batch_that_can_never_be_scored_is_not_sent_again(client: Client, body: Any) -> None:
    response = client.post("/bigquery", json=body)
    assert response.status_code not in RETRIED | {200}
    assert response.json()["errorMessage"].startswith("The input has 1 violation. ")


def test_a_batch_that_only_came_too_early_is_sent_again() -> None:
    def fail() -> LoadedModel:
        raise StoreUnavailable("gs://b", "it is down")

    app = web_app(ModelCache(fail), limits=LIMITS, admission=plenty(), protocols=("bigquery",))
    response = Client(app).post("/bigquery", json={"calls": [CALL]})
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["errorMessage"]
