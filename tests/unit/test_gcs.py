import time

import pytest
from google.api_core.exceptions import Forbidden, InternalServerError, NotFound, Unauthorized
from google.auth.exceptions import TransportError
from requests.exceptions import ConnectionError as RequestsConnectionError

from predictor.errors import StoreUnavailable
from predictor.gcs import CONNECT_TIMEOUT_S, retry, timeout, translated


@pytest.mark.parametrize(
    ("kind", "reason", "message"),
    [
        (NotFound, "no", "gs://b/f could not be read: there is no such bucket."),
        (Forbidden, "no", "gs://b/f could not be read: access was refused (403)."),
        (Unauthorized, "no", "gs://b/f could not be read: access was refused (401)."),
        (InternalServerError, "oh\nno", "gs://b/f could not be read: InternalServerError: 500 oh."),
        (TransportError, "no network", "gs://b/f could not be read: TransportError: no network."),
        (RequestsConnectionError, "reset", "gs://b/f could not be read: ConnectionError: reset."),
        (TimeoutError, "", "gs://b/f could not be read: TimeoutError."),
    ],
)
def test_the_clients_errors_become_one_of_ours(kind: type[Exception], reason: str, message: str) -> None:
    error = kind(reason)
    with pytest.raises(StoreUnavailable) as caught, translated("gs://b/f"):
        raise error
    assert str(caught.value) == message
    assert caught.value.__cause__ is error


def test_it_says_whether_something_was_to_be_written() -> None:
    with pytest.raises(StoreUnavailable, match="could not be written"), translated("gs://b/f", "written"):
        raise OSError("disk")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("gs://b/f"):
        raise ZeroDivisionError


def test_a_request_may_take_what_is_left_until_the_deadline() -> None:
    connect_s, read_s = timeout(time.monotonic() + 60)
    assert connect_s == CONNECT_TIMEOUT_S
    assert 59 < read_s <= 60
    connect_s, read_s = timeout(time.monotonic() + 1)
    assert connect_s == read_s <= 1


def test_a_deadline_that_has_passed_leaves_a_moment_and_never_no_limit() -> None:
    assert timeout(time.monotonic() - 5) == (0.1, 0.1)
    assert retry(time.monotonic() - 5).timeout == 0.1
