"""Parameters in a query string; which there are, and what they do, is tested with the answers."""

import sys

import pytest

from predictor.errors import InvalidInput
from predictor.web.parameters import Parameters, read_parameters


def test_a_usual_query_is_read_once() -> None:
    assert read_parameters(b"details=true&coverage=0.9") == Parameters(details=True, coverage=0.9)
    assert read_parameters(b"details=true&coverage=0.9") is read_parameters(b"details=true&coverage=0.9")


def test_a_long_query_is_read_and_not_kept() -> None:
    query = b"details=true" + b"&" * 60_000
    references = sys.getrefcount(query)
    assert read_parameters(query) == Parameters(details=True)
    assert sys.getrefcount(query) == references


def test_a_wrong_query_is_wrong_each_time() -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput):
            read_parameters(b"detail=true")
