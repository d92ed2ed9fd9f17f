"""Asking a function over a real socket, when nobody answers as they should."""

import socket
from pathlib import Path

import pytest

from predictor.errors import FunctionUnreachable
from predictor.operations.remote import Function
from tests.support.processes import free_port


def test_a_function_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Function(url, timeout_s=0.2) as function, pytest.raises(FunctionUnreachable) as found:
            function.get("/ready")
    assert str(found.value) == f"{url} could not be reached: GET /ready had no answer in 0.2 s."


def test_a_netrc_file_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Function(f"http://127.0.0.1:{server.getsockname()[1]}", "a-token", timeout_s=0.2) as function,
    ):
        with pytest.raises(FunctionUnreachable):
            function.get("/")
        connection, _ = server.accept()
        with connection:
            head = connection.recv(65536)
    assert b"\r\nAuthorization: Bearer a-token\r\n" in head


@pytest.mark.parametrize("url", ["http://a..b", "http://[::1", "http://host:99999"])
def test_a_host_that_cannot_be_one_is_unreachable(url: str) -> None:
    with Function(url, timeout_s=1.0) as function, pytest.raises(FunctionUnreachable):
        function.get("/ready")


def test_a_closed_port_and_an_unknown_host_are_told_apart() -> None:
    port = free_port()
    for url, words in (
        (f"http://127.0.0.1:{port}", "nothing accepts"),
        ("http://no-such-host.invalid", "no such host"),
    ):
        with Function(url, timeout_s=5.0) as function, pytest.raises(FunctionUnreachable, match=words):
            function.get("/ready")
