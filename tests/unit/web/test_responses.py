"""Answers as bytes: exactly what is given, and nothing that a status must not have."""

from typing import Any

import pytest

from predictor.web.responses import JSON, BytesResponse, json_response, no_content
from tests.support.asgi import run


def sent_by(response: BytesResponse) -> list[dict[str, Any]]:
    """The ASGI messages of an answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> Any:
        raise AssertionError("an answer reads nothing")

    run(response({"type": "http"}, receive, send))
    return sent


def test_a_body_is_sent_with_its_type_and_length_and_no_other_header() -> None:
    response = BytesResponse(b"{}", JSON, 404, [(b"allow", b"GET")])
    assert sent_by(response) == [
        {
            "type": "http.response.start",
            "status": 404,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"allow", b"GET")],
        },
        {"type": "http.response.body", "body": b"{}"},
    ]


def test_no_content_has_neither_type_nor_length() -> None:
    """RFC 9110, section 8.6: a 204 must not have a Content-Length."""
    start, body = sent_by(no_content([(b"allow", b"GET")]))
    assert (start["status"], start["headers"]) == (204, [(b"allow", b"GET")])
    assert body["body"] == b""


def test_an_answer_does_not_share_its_headers_with_the_next_one() -> None:
    shared = [(b"allow", b"GET")]
    for make in (no_content, lambda headers: BytesResponse(b"", JSON, headers=headers)):
        make(shared).raw_headers.append((b"x", b"y"))
    assert shared == [(b"allow", b"GET")]


def test_json_is_written_without_spaces() -> None:
    assert json_response({"status": "ok", "n": 1}).body == b'{"status":"ok","n":1}'


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_what_is_held_for_an_answer_is_given_back_whichever_part_cannot_be_sent(failing: int) -> None:
    """uvloop refuses to write to a connection that is gone, also the head of an answer."""
    response = BytesResponse(b"{}", JSON)
    given_back: list[bool] = []
    response.on_sent = lambda: given_back.append(True)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if len(sent) == failing:
            raise RuntimeError("the handler is closed")
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("an answer reads nothing")

    with pytest.raises(RuntimeError, match="closed"):
        run(response({"type": "http"}, receive, send))
    assert given_back == [True]
