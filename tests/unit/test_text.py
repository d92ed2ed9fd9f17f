import json

import orjson
import pytest

from predictor.text import describe_error, first_line, replace_surrogates


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("short", "short"),
        ("a sentence.", "a sentence"),
        ("\n  first line.\nsecond line", "first line"),
        ("x" * 1000, "x" * 200),
        ("", ""),
    ],
)
def test_the_first_line_is_the_end_of_a_sentence(message: str, line: str) -> None:
    assert first_line(ValueError(message)) == line


def test_an_error_is_described_by_class_and_message() -> None:
    assert describe_error(ValueError("too long.\nmuch")) == "ValueError: too long"
    assert describe_error(RuntimeError()) == "RuntimeError"


@pytest.mark.parametrize("text", ["plain", "Zügelpinguin", "🐧", ""])
def test_unicode_text_stays_as_it_is(text: str) -> None:
    assert replace_surrogates(text) == text


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    text = json.loads(r'"a\ud800b\udc27"')
    assert replace_surrogates(text) == "a?b?"
    assert orjson.loads(orjson.dumps(replace_surrogates(text))) == "a?b?"


def test_a_whole_pair_is_a_character() -> None:
    assert replace_surrogates(json.loads(r'"\ud83d\udc27"')) == "🐧"
