import pytest

from benchmarks.raw_http import complete, post, server_timing_ms

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("response", [LENGTH, CHUNKED, b"HTTP/1.1 204 No Content\r\nallow: GET\r\n\r\n"])
def test_a_response_is_complete_with_its_last_byte(response: bytes) -> None:
    assert complete(response)
    assert complete(bytearray(response))
    head = response.index(b"\r\n\r\n") + 4
    cuts = range(len(response)) if response == LENGTH else range(head)
    assert not any(complete(response[:cut]) for cut in cuts)


def test_a_length_in_the_body_is_not_the_length() -> None:
    body = b"\r\ncontent-length: 9999\r\n"
    assert complete(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


def test_a_request_says_how_long_its_body_is() -> None:
    head, _, body = post("/predict", "é".encode()).partition(b"\r\n\r\n")
    assert b"Content-Length: 2" in head.split(b"\r\n")
    assert body == "é".encode()


def test_phases_are_read_from_server_timing() -> None:
    assert server_timing_ms("import;dur=12.5, load;dur=3") == {"import": 12.5, "load": 3.0}
    assert server_timing_ms("") == {}
