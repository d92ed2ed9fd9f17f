"""The big list of naughty strings in every place that takes a string."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from urllib.parse import quote

from predictor.schema import FEATURES
from tests.hostile.conftest import FULL
from tests.support.bundles import EXAMPLE
from tests.support.events import push_document
from tests.support.foreign_suites import naughty_strings
from tests.support.processes import FunctionProcess
from tests.support.reliability_page import record

AS_JSON = {"Content-Type": "application/json"}
Request = tuple[str, str, bytes, dict[str, str]]


def _post(document: object, path: str = "/predict") -> Request:
    return "POST", path, json.dumps(document).encode(), AS_JSON


def _header(text: str) -> str:
    """What a header may carry of it."""
    return "".join(character for character in text if 32 <= ord(character) < 127 or 160 <= ord(character) < 256)


BODIES: dict[str, Callable[[str], Request]] = {
    **{name: lambda text, name=name: _post({**EXAMPLE, name: text}) for name in FEATURES},  # type: ignore[misc]
    "id": lambda text: _post({"instances": [{**EXAMPLE, "id": text}]}),
    "rowid": lambda text: _post({"instances": [{**EXAMPLE, "rowid": text}]}),
    "ignored": lambda text: _post({**EXAMPLE, "species": text}),
    "name": lambda text: _post({**EXAMPLE, text: 1}),
    "row": lambda text: _post({"instances": [text, EXAMPLE]}),
    "body": _post,
    "raw body": lambda text: ("POST", "/predict", text.encode(), AS_JSON),
}
HEADS: dict[str, Callable[[str], Request]] = {
    "path": lambda text: ("GET", "/" + quote(text, safe=""), b"", {}),
    "docs": lambda text: ("GET", "/docs/" + quote(text), b"", {}),
    "query": lambda text: _post(EXAMPLE, "/predict?" + quote(text, safe="")),
    "parameter": lambda text: _post(EXAMPLE, "/predict?details=" + quote(text, safe="")),
    "media type": lambda text: ("POST", "/predict", b"{}", {"Content-Type": _header(text)}),
    "origin": lambda text: ("OPTIONS", "/predict", b"", {"Origin": _header(text)}),
    "trace": lambda text: ("GET", "/health", b"", {"traceparent": _header(text), "X-Cloud-Trace-Context": "x"}),
}
COLUMNS = list(EXAMPLE)
CELLS = list(EXAMPLE.values())


def _stream(body: str, media_type: str) -> Request:
    return "POST", "/predict", body.encode(), {"Content-Type": media_type}


def _csv(header: list[str], row: list[object]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows([header, row])
    return lines.getvalue()


def _tensor(text: str, **more: object) -> Request:
    tensor = {"name": "island", "shape": [1], "datatype": "BYTES", "data": [text], **more}
    return _post({"inputs": [tensor]}, "/v2/models/penguin/infer")


OTHERS: dict[str, Callable[[str], Request]] = {
    "csv cell": lambda text: _stream(_csv(COLUMNS, [*CELLS[:-1], text]), "text/csv"),
    "csv header": lambda text: _stream(_csv([*COLUMNS, text], [*CELLS, "x"]), "text/csv"),
    "raw csv": lambda text: _stream(text, "text/csv"),
    "ndjson field": lambda text: _stream(json.dumps({**EXAMPLE, "island": text}), "application/x-ndjson"),
    "raw ndjson": lambda text: _stream(text, "application/x-ndjson"),
    "v1 instance": lambda text: _post({"instances": [{**EXAMPLE, "sex": text}]}, "/v1/models/penguin:predict"),
    "v1 parameter": lambda text: _post({"instances": [], "parameters": {text: text}}, "/v1/models/penguin:predict"),
    "v1 model": lambda text: _post({"instances": []}, f"/v1/models/{quote(text, safe='')}:predict"),
    "v2 data": _tensor,
    "v2 tensor": lambda text: _tensor("Dream", name=text),
    "v2 type": lambda text: _tensor("Dream", datatype=text),
    "v2 id": lambda text: _post({"id": text, "inputs": []}, "/v2/models/penguin/infer"),
    "v2 version": lambda text: ("GET", f"/v2/models/penguin/versions/{quote(text, safe='')}", b"", {}),
    "mlflow cell": lambda text: _post(
        {"dataframe_split": {"columns": COLUMNS, "data": [[*CELLS[:-1], text]]}}, "/invocations"
    ),
    "mlflow column": lambda text: _post({"inputs": {text: [1]}}, "/invocations"),
    "bigquery call": lambda text: _post({"calls": [[*CELLS[:-1], text]]}, "/bigquery"),
    "bigquery context": lambda text: _post({"calls": [CELLS], "userDefinedContext": {text: text}}, "/bigquery"),
    "request id": lambda text: ("GET", "/nothing", b"", {"X-Request-Id": _header(text)}),
    "content coding": lambda text: ("POST", "/predict", b"{}", {**AS_JSON, "Content-Encoding": _header(text)}),
    "known tag": lambda text: ("GET", "/model", b"", {"If-None-Match": _header(text), "Accept-Encoding": "x"}),
}
PLACES = {**BODIES, **HEADS, **OTHERS}
COME_BACK = ("name", "csv header", "raw csv", "mlflow column", "request id", "v2 id")
"""Names that the caller chose: of a field, a column, a request."""


def requests() -> Iterator[tuple[str, str, Request]]:
    """Every string in every place; without `FULL` every string in one of them, all places in turn."""
    for number, text in enumerate(naughty_strings()):
        names = list(PLACES)
        for place in names if FULL else [names[number % len(names)]]:
            yield place, text, PLACES[place](text)


def ask(connection: HTTPConnection, request: Request) -> tuple[int, bytes]:
    method, path, body, headers = request
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    connection.request(method, path, body, encoded)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_no_string_gets_an_error_of_ours_or_is_repeated(predict: FunctionProcess) -> None:
    connection = HTTPConnection("127.0.0.1", predict.port, timeout=60)
    sent = 0
    for place, text, request in requests():
        status, body = ask(connection, request)
        sent += 1
        assert status < 500, (place, text)
        if place in ("id", "rowid"):
            row = json.loads(body)["predictions"][0]
            assert row["id"] == text if "error" not in row else row["error"]["errors"], (place, text)
        elif len(text) > 12 and status >= 400 and place not in COME_BACK:
            assert text.encode() not in body, (place, text)
        if place in ("id", "rowid", "ignored"):
            assert status == 200, (place, text)
    assert sent >= 480
    assert ask(connection, _post(EXAMPLE))[1] == b'{"prediction":"Adelie"}'
    print(f"{sent} requests with naughty strings")
    if FULL:
        record("the big list of naughty strings in every place of a request to `predict`", f"{sent:,} requests, no 5xx")


EVENTS: dict[str, Callable[[str], Request]] = {
    "data": lambda text: _post(push_document(text.encode()), "/"),
    "message id": lambda text: _post(push_document(message_id=text or "1"), "/"),
    "attribute": lambda text: _post(push_document(attributes={text or "x": text}), "/"),
    "ordering key": lambda text: _post(push_document(ordering_key=text), "/"),
    "binary": lambda text: (
        *("POST", "/", json.dumps(EXAMPLE).encode()),
        {**AS_JSON, "ce-specversion": "1.0", "ce-type": "t", "ce-source": "s", "ce-id": quote(text) or "1"},
    ),
    "structured": lambda text: (
        *("POST", "/", json.dumps({"specversion": "1.0", "id": text, "source": text, "type": text}).encode()),
        {"Content-Type": "application/cloudevents+json"},
    ),
}


def test_no_string_brings_a_message_back(score: FunctionProcess) -> None:
    connection = HTTPConnection("127.0.0.1", score.port, timeout=60)
    names = list(EVENTS)
    sent = 0
    for number, text in enumerate(naughty_strings()):
        for place in names if FULL else [names[number % len(names)]]:
            status, _ = ask(connection, EVENTS[place](text))
            sent += 1
            assert status in (204, 400), (place, text)
    if FULL:
        record("the same in every place of an event", f"{sent:,} events, none comes back")
