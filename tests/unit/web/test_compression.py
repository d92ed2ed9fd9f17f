"""Compressed bodies and answers: the same content, within the same limits."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from backports import zstd
from starlette.requests import Request

from predictor.web import Admission, HttpProblem
from predictor.web.body import read_json_body
from predictor.web.compression import MAX_WINDOW_LOG
from predictor.web.endpoint import COMPRESSIBLE_BYTES
from tests.support.asgi import Client, problem_of, run
from tests.support.bundles import EXAMPLE

BIRD = json.dumps(EXAMPLE).encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "zstd": zstd.compress,
}
MIB = 1024 * 1024


def send(client: Client, body: bytes, coding: str) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    return client.post("/predict", content=body, headers=headers)


def batch(rows: int) -> bytes:
    return json.dumps({"instances": [EXAMPLE] * rows}).encode()


class TestBodies:
    @pytest.mark.parametrize("coding", PACKERS)
    @pytest.mark.parametrize("rows", [1, 1000])
    def test_a_compressed_body_is_answered_as_its_content_is(self, client: Client, coding: str, rows: int) -> None:
        body = BIRD if rows == 1 else batch(rows)
        assert send(client, PACKERS[coding](body), coding).json() == send(client, body, "identity").json()

    @pytest.mark.parametrize("coding", ["br", "deflate", "gzip, zstd", ""])
    def test_another_coding_is_refused_and_the_answer_says_which_there_are(self, client: Client, coding: str) -> None:
        response = send(client, BIRD, coding)
        if coding:
            problem_of(response, 415)
            assert response.headers["accept-encoding"] == "zstd, gzip"
        else:
            assert response.status_code == 200

    @pytest.mark.parametrize("coding", ["gzip", "zstd"])
    @pytest.mark.parametrize("size", [2 * MIB, 64 * MIB])
    def test_what_is_too_large_decompressed_is_refused(self, client: Client, coding: str, size: int) -> None:
        block = b" " * MIB
        if coding == "zstd":
            compressor = zstd.ZstdCompressor()
            bomb = b"".join([*(compressor.compress(block) for _ in range(size // MIB)), compressor.flush()])
        else:
            deflate = zlib.compressobj(9, wbits=31)
            bomb = b"".join([*(deflate.compress(block) for _ in range(size // MIB)), deflate.flush()])
        assert len(bomb) < MIB
        assert "decompressed" in problem_of(send(client, bomb, coding), 413)["detail"]

    @pytest.mark.parametrize("coding", ["gzip", "zstd"])
    def test_a_broken_one_is_refused(self, client: Client, coding: str) -> None:
        good = PACKERS[coding](BIRD)
        for body in (BIRD, b"", good[:-3], good[:5], good + b"x", good + good, good[:-2] + b"xx"):
            problem_of(send(client, body, coding), 400)

    def test_a_frame_that_asks_for_much_memory_is_refused(self, client: Client) -> None:
        options: dict[int, int] = {zstd.CompressionParameter.window_log: MAX_WINDOW_LOG + 1}
        compressor = zstd.ZstdCompressor(options=options)
        frame = compressor.compress(BIRD) + compressor.flush()  # In two parts: its size is not in its head.
        problem_of(send(client, frame, "zstd"), 400)

    def test_a_small_one_waits_for_as_much_memory_as_the_largest_may_need(self) -> None:
        packed = gzip.compress(BIRD)
        headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": packed, "more_body": False}

        async def read(limit_bytes: int) -> bytes:
            admission = Admission(max_requests=1, max_bytes=MIB, timeout_s=0.01)
            await admission.hold(MIB // 2)
            request = Request({"type": "http", "headers": headers}, receive)
            return await read_json_body(request, limit_bytes, admission)

        assert run(read(MIB // 2)) == BIRD
        with pytest.raises(HttpProblem) as refused:
            run(read(MIB))
        assert refused.value.status == 503


class TestAnswers:
    def ask(self, client: Client, rows: int, accept: str | None) -> httpx.Response:
        # httpx unpacks gzip, and names what it can unpack unless it is told otherwise.
        headers = {"Content-Type": "application/json", "Accept-Encoding": accept or "identity"}
        return client.post("/predict", content=batch(rows), headers=headers)

    @pytest.mark.parametrize(
        ("accept", "coding"),
        [
            ("gzip", "gzip"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("zstd;q=0, GZIP;q=0.5", "gzip"),
            ("br", None),
            ("gzip; q=0", None),
            (None, None),
        ],
    )
    def test_a_large_answer_has_the_form_that_is_accepted(
        self, client: Client, accept: str | None, coding: str | None
    ) -> None:
        plain = self.ask(client, 100, None)
        answer = self.ask(client, 100, accept)
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        content = zstd.decompress(answer.content) if coding == "zstd" else answer.content
        assert json.loads(content) == plain.json()
        assert (int(answer.headers["content-length"]) < len(plain.content) / 4) == (coding is not None)

    def test_a_small_answer_is_left_as_it_is(self, client: Client) -> None:
        answer = self.ask(client, 4, "gzip")
        assert len(answer.content) < COMPRESSIBLE_BYTES
        assert not {"content-encoding", "vary"} & set(answer.headers)


class TestCaching:
    @pytest.mark.parametrize("path", ["/model", "/openapi.json", "/docs", "/docs/start.js"])
    def test_who_has_it_already_gets_no_body(self, client: Client, path: str) -> None:
        first = client.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "no-cache"
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert (again.headers["etag"], again.headers["vary"]) == (tag, first.headers["vary"])
        assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content

    def test_a_file_is_compressed_too(self, client: Client) -> None:
        answer = client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
        assert int(answer.headers["content-length"]) < len(answer.content) / 3

    def test_a_prediction_has_no_tag(self, client: Client) -> None:
        answer: dict[str, Any] = dict(client.post("/predict", json=EXAMPLE).headers)
        assert "etag" not in answer
