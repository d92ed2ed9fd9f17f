"""JSONTestSuite as bodies, and inside of every place of a body. The verdict is compared with the standard library's."""

import json
from http.client import HTTPConnection
from typing import Any

from tests.hostile.conftest import FULL
from tests.support.bundles import EXAMPLE
from tests.support.events import push_document
from tests.support.foreign_suites import json_cases
from tests.support.processes import FunctionProcess
from tests.support.reliability_page import record

BIRD = json.dumps(EXAMPLE)
PLACES = {
    "body": "@",
    "value": BIRD.replace("39.1", "@"),
    "category": BIRD.replace('"male"', "@"),
    "id": BIRD[:-1] + ', "id": @}',
    "ignored": BIRD[:-1] + ', "species": @}',
    "unknown": BIRD[:-1] + ', "what": @}',
    "batch": '{"instances": @}',
    "row": '{"instances": [@]}',
    "row value": '{"instances": [' + BIRD.replace("18.7", "@") + "]}",
    "beside a row": '{"instances": [' + BIRD + ", @]}",
}
QUICK = ("body", "value", "row")


def is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode("utf-8"))
    except RecursionError:
        return False  # The function's limit of nesting is lower.
    except ValueError:
        return False
    return True


def post(connection: HTTPConnection, body: bytes) -> tuple[int, Any]:
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_every_document_gets_the_right_status_in_every_place(predict: FunctionProcess) -> None:
    connection = HTTPConnection("127.0.0.1", predict.port, timeout=60)
    sent = 0
    for case in json_cases():
        for place in PLACES if FULL else QUICK:
            body = PLACES[place].replace("@", case.text).encode()
            status, answer = post(connection, body)
            sent += 1
            where = (case.name, place, answer)
            if case.name.startswith("n_") and place == "body":
                assert status == 400 or (status == 422 and is_json(body)), where
            elif case.name.startswith("y_") and place == "body":
                assert status == 422, where
            elif is_json(body):
                assert status in (200, 422, 413), where
            else:
                assert status == 400, where
    assert sent >= 900
    assert post(connection, BIRD.encode()) == (200, {"prediction": "Adelie"})
    print(f"{sent} JSON documents")
    if FULL:
        record("JSONTestSuite as bodies, and within bodies", f"{sent:,} requests, each with the right status")


def test_every_document_as_an_event_is_scored_or_rejected(score: FunctionProcess) -> None:
    connection = HTTPConnection("127.0.0.1", score.port, timeout=60)
    cases = json_cases() if FULL else json_cases()[::5]
    for case in cases:
        as_data = json.dumps(push_document(case.text.encode())).encode()
        for body, allowed in ((as_data, {204}), (case.text.encode(), {400})):
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in allowed, case.name
