"""CSV and NDJSON in the body of `POST /predict`: what comes out, where, and what ends it early."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.types import Message

from predictor.bootstrap import App, build
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.web import streams
from tests.support.asgi import Client, asgi, problem_of, run
from tests.support.bundles import EXAMPLE, PublishedBundle, random_penguins
from tests.support.logs import Log
from tests.unit.web.test_app import RecordingEngine, app_with

HEADER = ",".join(EXAMPLE)
ROW = ",".join(map(str, EXAMPLE.values()))
CSV = {"Content-Type": "text/csv"}
NDJSON_TYPE = "application/x-ndjson"
NDJSON = {"Content-Type": NDJSON_TYPE}


def lines_of(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.content.splitlines()]


def as_csv(birds: list[dict[str, Any]]) -> str:
    return "\n".join([HEADER, *(",".join(map(str, bird.values())) for bird in birds)])


def test_rows_get_the_answers_of_a_batch_whatever_the_format(client: Client) -> None:
    birds = [penguin.model_dump() for penguin in random_penguins(50, seed=3)[0]]
    batch = client.post("/predict", json={"instances": birds}).json()["predictions"]
    expected = [{"row": number, **row} for number, row in enumerate(batch, start=1)]
    ndjson = "\n".join(map(json.dumps, birds))
    for content, headers in ((as_csv(birds), CSV), (ndjson, NDJSON), (ndjson, {"Content-Type": f"{NDJSON_TYPE};a=b"})):
        answers = lines_of(client.post("/predict", content=content, headers=headers))
        assert [(line["row"], line["prediction"]) for line in answers] == [
            (line["row"], line["prediction"]) for line in expected
        ]
        for line, row in zip(answers, expected, strict=True):
            assert list(line) == list(row)
            # ONNX Runtime rounds batches of different sizes differently.
            assert line["probabilities"] == pytest.approx(row["probabilities"], abs=1e-6)


def test_a_bad_row_is_an_error_in_its_place(client: Client) -> None:
    answers = lines_of(client.post("/predict", content=f"{HEADER}\n{ROW}\n39.1\n{ROW}", headers=CSV))
    assert [(line["row"], "error" in line) for line in answers] == [(1, False), (2, True), (3, False)]
    answers = lines_of(client.post("/predict", content=f"{json.dumps(EXAMPLE)}\n{{\n", headers=NDJSON))
    assert [(line["row"], "error" in line) for line in answers] == [(1, False), (2, True)]


def test_there_can_be_more_rows_and_bytes_than_in_a_batch(client: Client) -> None:
    body = f"{HEADER}\n" + f"{ROW}\n" * 30_000
    response = client.post("/predict", content=body, headers=CSV)
    assert len(body) > 1024 * 1024
    assert response.content.count(b"\n") == 30_000
    assert json.loads(response.content.splitlines()[-1])["row"] == 30_000


@pytest.mark.parametrize("content", ["", f"{HEADER}\n", "\n\n"])
def test_no_rows_give_no_lines(client: Client, content: str) -> None:
    assert lines_of(client.post("/predict", content=content, headers=CSV)) == []
    assert lines_of(client.post("/predict", content="\n" * len(content), headers=NDJSON)) == []


def test_a_byte_order_mark_in_pieces_is_no_part_of_the_header(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in f"\N{ZERO WIDTH NO-BREAK SPACE}{HEADER}\n{ROW}\n".encode():
            yield bytes([byte])

    (line,) = lines_of(client.post("/predict", content=pieces(), headers=CSV))
    assert line["prediction"] == "Adelie"


class TestWhatIsWrongFromTheStart:
    @pytest.mark.parametrize("content", ["sex,island\nmale,Dream\n", "\xff\n", "x" * 1_100_000])
    def test_what_is_no_table_is_a_problem(self, client: Client, content: str) -> None:
        problem = problem_of(client.post("/predict", content=content.encode("latin-1"), headers=CSV), 422)
        assert problem["errors"][0]["message"].startswith("This cannot be read: ")

    def test_more_than_may_come_is_refused_unread(self, bundle: PublishedBundle) -> None:
        client = Client(build(Settings(model_uri=str(bundle.folder), max_stream_bytes=100)))
        problem_of(client.post("/predict", content=f"{HEADER}\n{ROW}\n{ROW}", headers=CSV), 413)

    @pytest.mark.parametrize(
        ("headers", "wrong"),
        [
            ({**CSV, "Content-Encoding": "gzip"}, "without Content-Encoding"),
            ({"Content-Type": "text/csv; charset=latin-1"}, "charset"),
            ({"Content-Type": "text/x"}, "text/csv and application/x-ndjson"),
        ],
    )
    def test_other_bodies_are_refused(self, client: Client, headers: dict[str, str], wrong: str) -> None:
        problem = problem_of(client.post("/predict", content=f"{HEADER}\n{ROW}", headers=headers), 415)
        assert wrong in problem["detail"]

    @pytest.mark.parametrize("query", ["explain=true", "coverage=0.9", "detail=true"])
    def test_parameters_that_cannot_be_followed_are_refused(self, client: Client, query: str) -> None:
        problem_of(client.post(f"/predict?{query}", content=f"{HEADER}\n{ROW}", headers=CSV), 422)


class TestWhatIsWrongLater:
    """Then the status has been sent, so the last line is the problem document."""

    def send(self, app: App, *pieces: bytes, pause_s: float = 0.0) -> list[dict[str, Any]]:
        async def content() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
                await asyncio.sleep(pause_s)

        return lines_of(Client(app).post("/predict", content=content(), headers=CSV))

    def test_a_line_that_is_no_text(self, app: App) -> None:
        *rows, problem = self.send(app, f"{HEADER}\n{ROW}\n".encode(), b"\xff\n", pause_s=0.1)
        assert [line["prediction"] for line in rows] == ["Adelie"]
        assert (problem["status"], problem["errors"][0]["message"]) == (
            422,
            "This cannot be read: line 3 is not UTF-8.",
        )

    def test_more_than_may_come(self, bundle: PublishedBundle) -> None:
        app = build(Settings(model_uri=str(bundle.folder), max_stream_bytes=1000))
        *rows, problem = self.send(app, f"{HEADER}\n{ROW}\n".encode(), f"{ROW}\n".encode() * 100, pause_s=0.1)
        assert len(rows) == 1
        assert problem["type"] == "urn:penguin-predictor:problem:content-too-large"

    def test_a_body_that_does_not_go_on(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "BODY_TIMEOUT_S", 0.2)
        *rows, problem = self.send(app, f"{HEADER}\n{ROW}\n".encode(), ROW.encode(), pause_s=1.0)
        assert len(rows) == 1
        assert problem["status"] == 408

    def test_a_model_that_raises(self, model: LoadedModel, log: Log) -> None:
        class BrokenEngine(RecordingEngine):
            def batch_probabilities(self, columns: Any) -> Any:
                if self.threads:
                    raise ZeroDivisionError("division by a secret")
                return super().batch_probabilities(columns)

        endpoint = app_with(replace(model, engine=BrokenEngine(model)))

        async def content() -> AsyncIterator[bytes]:
            yield f"{HEADER}\n{ROW}\n".encode()
            await asyncio.sleep(0.1)
            yield f"{ROW}\n".encode()

        first, problem = lines_of(Client(endpoint).post("/predict", content=content(), headers=CSV))
        assert first["row"] == 1
        assert problem["status"] == 500
        assert "secret" not in json.dumps(problem)
        assert "division by a secret" in log.lines("unhandled_error")[0]["stack_trace"]


def test_answers_come_while_the_body_is_still_being_sent(app: App) -> None:
    """The application itself: httpx collects an answer before it hands it on."""

    async def scenario() -> list[int]:
        received: asyncio.Queue[Message] = asyncio.Queue()
        sent: asyncio.Queue[Message] = asyncio.Queue()
        headers = [(b"content-type", b"text/csv")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
            "server": ("test", 80),
            "root_path": "",
            "http_version": "1.1",
        }
        answering = asyncio.ensure_future(asgi(app.web)(scope, received.get, sent.put))
        await received.put({"type": "http.request", "body": f"{HEADER}\n".encode(), "more_body": True})
        rows = []
        for _ in range(3):
            await received.put({"type": "http.request", "body": f"{ROW}\n".encode(), "more_body": True})
            message = await sent.get()
            if message["type"] == "http.response.start":
                message = await sent.get()
            rows.append(json.loads(message["body"])["row"])
        await received.put({"type": "http.disconnect"})
        await answering
        return rows

    assert run(scenario()) == [1, 2, 3]


def test_what_a_stream_holds_is_given_back(bundle: PublishedBundle) -> None:
    client = Client(build(Settings(model_uri=str(bundle.folder), max_bytes_in_flight=streams.STREAM_BYTES)))
    for content in (f"{HEADER}\n{ROW}", "sex\nmale", f"{HEADER}\n{ROW}\n\xff"):
        assert client.post("/predict", content=content.encode("latin-1"), headers=CSV).status_code in (200, 422)
