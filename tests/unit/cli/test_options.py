from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from predictor.cli import options

CONTEXT, PARAMETER = click.Context(click.Command("command")), click.Option(["--option"])


@pytest.mark.parametrize("value", [0.0, "0.25", 1])
def test_a_finite_number_in_the_range_is_a_number(value: Any) -> None:
    assert options.Finite(0, 1).convert(value, PARAMETER, CONTEXT) == float(value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1.5", "-1", "much"])
def test_every_other_number_is_a_bad_parameter(value: str) -> None:
    with pytest.raises(click.BadParameter):
        options.Finite(0, 1).convert(value, PARAMETER, CONTEXT)


def test_infinity_is_no_number_where_the_range_is_open() -> None:
    with pytest.raises(click.BadParameter, match="is not a finite number"):
        options.Finite(min=0).convert("inf", PARAMETER, CONTEXT)


@pytest.mark.parametrize(
    ("callback", "value"),
    [
        (options.digest, "sha256:" + "0" * 64),
        (options.location, "gs://bucket/root"),
        (options.location, "/absolute"),
        (options.service_url, "https://x.example"),
        (options.service_url, "http://127.0.0.1:8080/path"),
    ],
)
def test_good_values_stay_as_they_are(callback: Callable[..., object], value: str) -> None:
    assert callback(CONTEXT, PARAMETER, value) == value


@pytest.mark.parametrize(
    ("callback", "value", "message"),
    [
        (options.digest, "0" * 64, "is not sha256: and 64 lower-case hex digits"),
        (options.location, "", "it is empty"),
        (options.location, "gs://", "it names no bucket"),
        (options.location, "s3://bucket", "expected gs://bucket/folder or a local folder"),
        (options.service_url, "x.example", "is not https://host or https://host/path"),
        (options.service_url, "https://user:password@x.example", "is not https://host"),
        (options.service_url, "https://x.example/?query", "is not https://host"),
    ],
)
def test_bad_values_are_refused_with_what_was_expected(
    callback: Callable[..., object], value: str, message: str
) -> None:
    with pytest.raises(click.BadParameter) as caught:
        callback(CONTEXT, PARAMETER, value)
    assert message in caught.value.message


def test_a_folder_becomes_absolute_so_that_it_can_be_used_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert options.location(CONTEXT, PARAMETER, "models/v1") == str(tmp_path / "models/v1")


def test_options_that_are_not_given_stay_none() -> None:
    assert options.digest(CONTEXT, PARAMETER, None) is None
    assert options.location(CONTEXT, PARAMETER, None) is None


def test_a_url_loses_its_last_slash() -> None:
    assert options.service_url(CONTEXT, PARAMETER, "https://x.example/a/") == "https://x.example/a"


def test_the_token_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_TOKEN", "a.b-c_d")
    assert options.identity_token() == "a.b-c_d"
    monkeypatch.setenv("IDENTITY_TOKEN", "")
    assert options.identity_token() is None
