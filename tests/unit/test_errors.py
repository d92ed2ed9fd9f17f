import inspect

import pytest

from predictor import errors
from predictor.errors import (
    ArtifactError,
    ArtifactMissing,
    ConfigurationError,
    InvalidInput,
    NotConvertible,
    PredictorError,
    PublishRefused,
    StoreUnavailable,
    Violation,
    for_error,
)


def test_every_error_has_one_root() -> None:
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert len(classes) > 20
    assert all(issubclass(kind, PredictorError) and kind.__doc__ for kind in classes)


def test_a_table_answers_with_the_nearest_base_class() -> None:
    table: dict[type[Exception], str] = {PredictorError: "any", ArtifactError: "stored"}
    assert for_error(table, ArtifactMissing("folder", "file"), "other") == "stored"
    assert for_error(table, StoreUnavailable("folder", "no answer"), "other") == "any"
    assert for_error(table, KeyError("x"), "other") == "other"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ConfigurationError("KEY", None, "set it"), "KEY is not set: set it"),
        (ConfigurationError("KEY", "a b", "expected one word"), "KEY is 'a b': expected one word"),
        (InvalidInput([]), "The input has 0 violations."),
        (InvalidInput([Violation("", "wrong_type", "No.")]), "The input has 1 violation."),
        (StoreUnavailable("gs://b/f", "no answer", action="written"), "gs://b/f could not be written: no answer."),
    ],
)
def test_a_message_says_what_is_wrong_in_one_sentence(error: PredictorError, sentence: str) -> None:
    assert str(error) == sentence


def test_data_are_attributes() -> None:
    error = NotConvertible("SVC", "no converter")
    assert isinstance(error, PublishRefused)
    assert (error.estimator, error.reason) == ("SVC", "no converter")
