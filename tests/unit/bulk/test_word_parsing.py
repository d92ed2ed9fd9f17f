import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.bulk.word_parsing import WORD_BYTES, equal, numbers, padding_for, words_of


def placed(padding: bytes, cells: list[bytes]) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """The words of a text that has the cells one after the other, where each begins and where it ends."""
    text = padding + b"".join(cell + b"," for cell in cells)
    ends = np.cumsum([len(cell) + 1 for cell in cells]) - 1 + len(padding)
    starts = ends - np.array([len(cell) for cell in cells], dtype=np.intp)
    return words_of(text), starts, ends


def read(*cells: bytes) -> list[float]:
    found: list[float] = numbers(*placed(padding_for([]), list(cells))).tolist()
    return found


_digits = st.text("0123456789.", max_size=10).map(str.encode)


@settings(max_examples=300)
@given(st.lists(_digits, min_size=1, max_size=8))
def test_up_to_eight_digits_and_a_point_are_what_float_makes_of_them(cells: list[bytes]) -> None:
    def by_float(cell: bytes) -> float:
        if len(cell) > WORD_BYTES or cell.count(b".") > 1 or not cell.strip(b"."):
            return math.nan
        return float(cell)

    assert np.array_equal(read(*cells), [by_float(cell) for cell in cells], equal_nan=True)


@pytest.mark.parametrize(
    "cell", [b"", b".", b"-1", b"+1", b"1e5", b"nan", b" 1", b"1 ", b"1/2", b"1:", b"1..", b"\xd9\xa3", b"1\0"]
)
def test_everything_else_is_nan(cell: bytes) -> None:
    assert math.isnan(read(cell)[0])
    assert np.array_equal(read(b"12345678", cell, b"9"), [12345678.0, math.nan, 9.0], equal_nan=True)


@pytest.mark.parametrize(
    ("cell", "value"), [(b"0", 0.0), (b"39.1", 39.1), (b"99999999", 99999999.0), (b".5", 0.5), (b"7.", 7.0)]
)
def test_the_first_cell_of_a_text_is_a_number_too(cell: bytes, value: float) -> None:
    assert read(cell) == [value]


NAMES = [
    b"a",
    b"Biscoe",
    b"12345678",
    b"123456789",
    b"exactly-16-bytes",
    b"seventeen-bytes-x",
    b"a name of more than sixteen bytes",
    b"a name of exactly forty bytes, no less!!",
    "Zügelpinguin auf der Insel".encode(),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_length_are_found_also_in_the_first_cell(name: bytes) -> None:
    cells = [name, b"x" + name, name[:-1], name[1:], name[:-1] + b"?", b"?" + name[1:], name, b"", name + b" "]
    found = equal(*placed(padding_for(NAMES), cells), name)
    assert found.tolist() == [cell == name for cell in cells]


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) > 16])
def test_every_byte_of_a_long_name_counts(name: bytes) -> None:
    changed = [name[:place] + b"\x01" + name[place + 1 :] for place in range(len(name))]
    assert not equal(*placed(padding_for([name]), changed), name).any()


def test_padding_has_a_word_for_each_word_of_the_longest_name() -> None:
    assert len(padding_for([])) == WORD_BYTES
    assert [len(padding_for([b"x" * size])) for size in (1, 8, 9, 16, 17, 40)] == [8, 8, 16, 16, 24, 40]
    assert len(padding_for(iter(NAMES))) == 40


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.integers(0, 5))
def test_a_name_equals_itself_and_nothing_else(cells: list[bytes], chosen: int) -> None:
    name = cells[chosen % len(cells)]
    found = equal(*placed(padding_for(cells), cells), name)
    assert found.tolist() == [cell == name for cell in cells]
