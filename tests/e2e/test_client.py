"""`predictor.client` against real functions, and against a server that gives in only after a while."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from predictor.answer_schemas import DetailedPrediction, InstanceError
from predictor.client import AsyncClient, Client
from predictor.errors import FunctionUnreachable, RequestRefused
from predictor.penguin import Penguin
from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE
from tests.support.processes import free_port
from tests.support.traffic import bundle_with_reference

BAD = {**EXAMPLE, "body_mass_g": 1}


def sync(url: str, method: str, *arguments: Any, attempts: int = 4, token: Any = None, **options: Any) -> Any:
    with Client(url, attempts=attempts, identity_token=token) as client:
        return getattr(client, method)(*arguments, **options)


def awaited(url: str, method: str, *arguments: Any, attempts: int = 4, token: Any = None, **options: Any) -> Any:
    async def call() -> Any:
        async with AsyncClient(url, attempts=attempts, identity_token=token) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(call())


@pytest.fixture(scope="module", params=[sync, awaited])
def call(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return bundle_with_reference(tmp_path_factory.mktemp("with-reference")).env


def test_every_operation_is_answered(start_function: StartFunction, model: dict[str, str]) -> None:
    url = start_function({**model, "MAX_INSTANCES_PER_REQUEST": "100"}).url
    for call in (sync, awaited):
        assert call(url, "predict", EXAMPLE) == call(url + "/", "predict", Penguin(**EXAMPLE)) == "Adelie"
        details: DetailedPrediction = call(url, "predict_details", EXAMPLE, coverage=0.9, explain=True)
        assert (details.prediction, details.coverage) == ("Adelie", 0.9)
        assert details.explanation is not None
        assert (details.explanation.neighbours[0].model_extra or {})["species"] == "Adelie"

        # More rows than the function takes at once: 250 are too many, 125 too, 62 are not.
        rows = [{**EXAMPLE, "id": place} for place in range(249)]
        answers = call(url, "predict_batch", [*rows, BAD])
        assert [answer.id for answer in answers[:-1]] == list(range(249))
        assert isinstance(answers[-1], InstanceError)
        assert answers[-1].error.errors[0].code == "out_of_range"
        assert call(url, "predict_batch", []) == []

        with pytest.raises(RequestRefused) as refused:
            call(url, "predict", BAD)
        assert (refused.value.status, refused.value.violations[0].pointer) == (422, "/body_mass_g")
        with pytest.raises(RequestRefused, match="404"):
            call(f"{url}/elsewhere", "predict", EXAMPLE)


class _Reluctant(BaseHTTPRequestHandler):
    """Answers with the given statuses in turn, then with a prediction; `asked` are the headers of each request."""

    statuses: ClassVar[list[int]] = []
    asked: ClassVar[list[dict[str, str]]] = []
    asked_at: ClassVar[list[float]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(dict(self.headers))
        self.asked_at.append(time.monotonic())
        status = self.statuses.pop(0) if self.statuses else 200
        body = b'{"prediction":"Adelie"}' if status == 200 else b"<html>no</html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def reluctant(*statuses: int) -> Iterator[str]:
    _Reluctant.statuses[:] = statuses
    _Reluctant.asked.clear()
    _Reluctant.asked_at.clear()
    with HTTPServer(("127.0.0.1", 0), _Reluctant) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_it_waits_as_long_as_it_is_told_and_asks_again_with_the_same_id_and_a_fresh_token(call: Any) -> None:
    tokens = iter(["first", "second", "third"])
    with reluctant(503, 429) as url:
        assert call(url, "predict", EXAMPLE, token=lambda: next(tokens)) == "Adelie"
    asked = _Reluctant.asked
    assert [request["Authorization"] for request in asked] == ["Bearer first", "Bearer second", "Bearer third"]
    assert len({request["X-Request-Id"] for request in asked}) == 1
    assert _Reluctant.asked_at[1] - _Reluctant.asked_at[0] >= 1  # Its Retry-After.


def test_it_gives_up_in_the_end_and_says_why(call: Any) -> None:
    with reluctant(429, 429) as url, pytest.raises(RequestRefused, match="429"):
        call(url, "predict", EXAMPLE, attempts=2)
    port = free_port()
    with pytest.raises(FunctionUnreachable, match=str(port)):
        call(f"http://127.0.0.1:{port}", "predict", EXAMPLE, attempts=2)


def test_a_private_function_is_not_asked_again_and_the_error_names_the_token(call: Any) -> None:
    with reluctant(403) as url, pytest.raises(RequestRefused, match="identity token"):
        call(url, "predict", EXAMPLE)
    assert len(_Reluctant.asked) == 1
    assert "Authorization" not in _Reluctant.asked[0]
