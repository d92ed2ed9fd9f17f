import pytest

from predictor.operations.remote import Answer, Function


@pytest.mark.parametrize(
    ("body", "document"), [(b'{"a": 1}', {"a": 1}), (b"null", None), (b"<html>", None), (b"\xff", None), (b"", None)]
)
def test_a_body_that_is_no_json_is_no_document(body: bytes, document: object) -> None:
    assert Answer(200, {}, body, 1.0).document == document


def test_a_url_is_kept_without_its_last_slash() -> None:
    with Function("http://127.0.0.1:1/path/") as function:
        assert function.url == "http://127.0.0.1:1/path"
