"""What is decided without a store; tests/integration/test_bucket_scorer.py scores objects of a real one."""

from typing import NoReturn

import pytest

from predictor.errors import BadObject, StoreUnavailable
from predictor.events import BucketScorer
from predictor.events.notifications import SCORED_SUFFIX
from predictor.models import LoadedModel


class NoClient:
    """A storage client that must not be used."""

    def bucket(self, name: str) -> NoReturn:
        raise AssertionError(f"bucket {name} was asked for")


def scorer(*, at_once: int = 1) -> BucketScorer:
    return BucketScorer("results", 10**6, 10, NoClient(), timeout_s=0.05, at_once=at_once)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("birds.parquet", "unsupported_type"),
        ("birds.csv" + SCORED_SUFFIX, "unsupported_type"),
        ("x" * (1_025 - len(".csv" + SCORED_SUFFIX)) + ".csv", "name_too_long"),
    ],
)
def test_a_name_can_be_refused_before_the_store_is_asked(model: LoadedModel, name: str, code: str) -> None:
    with pytest.raises(BadObject) as caught:
        scorer().score(model, "birds-in", name, 1)
    assert caught.value.reason_code == code


def test_an_object_whose_turn_does_not_come_in_time_is_a_retryable_error(model: LoadedModel) -> None:
    with pytest.raises(StoreUnavailable, match=r"gs://birds-in/birds\.csv .* turn did not come within 0\.05 s"):
        scorer(at_once=0).score(model, "birds-in", "birds.csv", 1)


def test_a_turn_is_given_back_when_scoring_fails(model: LoadedModel) -> None:
    one_at_once = scorer()
    for _ in range(2):
        with pytest.raises(AssertionError, match="bucket results was asked for"):
            one_at_once.score(model, "birds-in", "birds.csv", 1)
