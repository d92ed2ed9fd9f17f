"""The Cloud Storage client's time limits, and what its errors become."""

import subprocess
import sys
import time

import pytest
from google.api_core.exceptions import BadRequest, Forbidden, NotFound, ServiceUnavailable, Unauthorized
from google.auth.exceptions import DefaultCredentialsError
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.exceptions import ProtocolError

from predictor.errors import BadObject, StoreUnavailable
from predictor.gcs import CONNECT_TIMEOUT_S, retry, timeout, translated
from tests.support.processes import PROJECT

URI = "gs://bucket/root"


def test_connecting_takes_seconds_at_most_and_reading_what_is_left() -> None:
    connect_s, read_s = timeout(time.monotonic() + 100)
    assert connect_s == CONNECT_TIMEOUT_S
    assert 99 < read_s <= 100


def test_with_little_time_left_connecting_may_not_take_longer() -> None:
    connect_s, read_s = timeout(time.monotonic() + 1)
    assert connect_s == read_s <= 1


@pytest.mark.parametrize("left_s", [0.0, -100.0])
def test_past_the_deadline_a_moment_is_left(left_s: float) -> None:
    """Zero would mean no time limit to some HTTP clients, and a negative one is an error."""
    assert timeout(time.monotonic() + left_s) == (0.1, 0.1)
    assert retry(time.monotonic() + left_s).timeout == 0.1


def test_retries_end_at_the_deadline() -> None:
    assert retry(time.monotonic() + 10).timeout == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (NotFound, "No such object", "there is no such bucket."),
        (Forbidden, "no", "access was refused (403)."),
        (Unauthorized, "no", "access was refused (401)."),
        (ServiceUnavailable, "down\nfor a while.", "ServiceUnavailable: 503 down."),
        (BadRequest, "odd name", "BadRequest: 400 odd name."),
        (DefaultCredentialsError, "no credentials.", "DefaultCredentialsError: no credentials."),
        (RequestsConnectionError, "refused", "ConnectionError: refused."),
        (ProtocolError, "broken", "ProtocolError: broken."),
        (TimeoutError, "", "TimeoutError."),
    ],
)
def test_every_error_of_the_client_becomes_one_of_ours(kind: type[Exception], text: str, message: str) -> None:
    error = kind(text)
    with pytest.raises(StoreUnavailable) as caught, translated(URI):
        raise error
    assert caught.value.__cause__ is error
    assert str(caught.value) == f"{URI} could not be read: {message}"
    with pytest.raises(StoreUnavailable, match="could not be written"), translated(URI, "written"):
        raise error


@pytest.mark.parametrize("error", [BadObject("object_gone", "It is gone."), ValueError("a bug of ours")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated(URI):
        raise error
    assert caught.value is error


def test_importing_it_does_not_import_the_client() -> None:
    """It takes a third of a second, which no start should pay that does not read a bucket."""
    program = "import sys, predictor.gcs; print('google.cloud.storage' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "False"
