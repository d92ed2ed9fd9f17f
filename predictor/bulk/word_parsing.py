"""Numbers and names read by arithmetic on 64-bit words (SIMD within a register), for all rows at once.

An object per cell would cost more than everything else that is done for a row. A word holds the last eight bytes of a
cell, its last character in the highest byte. D. Lemire, Number Parsing at a Gigabyte per Second, Software: Practice
and Experience 51 (2021), describes the method for digits; the decimal point is taken out before.
"""

from collections.abc import Iterable
from operator import or_
from string import ascii_letters
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Positions = NDArray[np.intp]

WORD_BYTES: Final = 8
_LETTERS: Final = ascii_letters.encode()

_U = np.uint64
_ZEROS: Final = _U(0x3030303030303030)  # "00000000"
_POINTS: Final = _U(0x2E2E2E2E2E2E2E2E)  # "........"
_ONES: Final = _U(0x0101010101010101)
_HIGH_BITS: Final = _U(0x8080808080808080)
_OVER_NINE: Final = _U(0x7676767676767676)  # Added to a byte, sets its high bit if it was more than 9.
_EVERY: Final = _U(0xFFFFFFFFFFFFFFFF)
_POWERS_OF_TEN: Final = 10.0 ** np.arange(WORD_BYTES + 1)


def padding_for(names: Iterable[bytes]) -> bytes:
    """Goes before the text, so that the first cell, too, has as many words before its end as the longest name needs."""
    return b"\0" * WORD_BYTES * max([1, *map(_words_in, names)])


def words_of(padded: bytes) -> "Words":
    """For each position, the word that begins there: eight times the text, without a copy."""
    count = len(padded) - WORD_BYTES + 1
    return np.ndarray((count,), dtype="<u8", buffer=padded, strides=(1,))


def numbers(words: "Words", starts: "Positions", ends: "Positions") -> "NDArray[np.float64]":
    """What `float` makes of each cell that is at most eight characters of digits with at most one point, else nan.

    At most eight digits and a power of ten are exact in a float, so their quotient is the nearest one.
    """
    lengths = ends - starts
    cleared = _bits(np.clip(WORD_BYTES - lengths, 0, WORD_BYTES - 1))
    text = ((words[ends - WORD_BYTES] >> cleared) << cleared) | (_ZEROS & ~(_EVERY << cleared))
    text, decimals, has_point = _without_point(text)
    digits = text ^ _ZEROS
    plain = (((digits + _OVER_NINE) | digits) & _HIGH_BITS) == 0
    plain &= (lengths > has_point) & (lengths <= WORD_BYTES)  # At least one digit: a point alone is no number.
    pairs = (digits * _U(10) + (digits >> _U(8))) & _U(0x00FF00FF00FF00FF)
    fours = (pairs * _U(100) + (pairs >> _U(16))) & _U(0x0000FFFF0000FFFF)
    eights = (fours * _U(10_000) + (fours >> _U(32))) & _U(0xFFFFFFFF)
    values: NDArray[np.float64] = np.where(plain, eights / _POWERS_OF_TEN[decimals], np.nan)
    return values


def _without_point(text: "Words") -> "tuple[Words, Positions, NDArray[np.bool_]]":
    """The text with its first point taken out and a 0 before it; how many characters followed it; if there is one."""
    differences = text ^ _POINTS
    found = (differences - _ONES) & ~differences & _HIGH_BITS  # A high bit where there is a point; the lowest is right.
    before = ((found & (~found + _U(1))) >> _U(7)) - _U(1)  # All bits below the point; all there are, if there is none.
    has_point = found != 0
    through = (before << _U(8)) | _U(0xFF)
    moved = (text & ~through) | ((text & before) << _U(8)) | _U(0x30)
    decimals = np.bitwise_count(before).astype(np.intp) // 8
    return np.where(has_point, moved, text), np.where(has_point, WORD_BYTES - 1 - decimals, 0), has_point


def equal(
    words: "Words", starts: "Positions", ends: "Positions", name: bytes, *, any_case: bool = False
) -> "NDArray[np.bool_]":
    """Which cells are `name`, with `any_case` in any case of ASCII letters; the text's padding must be made for it."""
    result: NDArray[np.bool_] = (ends - starts) == len(name)
    # A letter and its capital differ in one bit. Only letters have it set, so nothing else becomes equal to one.
    bits = bytes(0x20 if any_case and letter in _LETTERS else 0 for letter in name)
    padded = bytes(map(or_, name, bits)).rjust(_words_in(name) * WORD_BYTES, b"\0")
    bits = bits.rjust(len(padded), b"\0")
    for part in range(_words_in(name)):  # From the end of the name to its beginning.
        end = len(padded) - WORD_BYTES * part
        used = min(len(name) - WORD_BYTES * part, WORD_BYTES)
        mask = _EVERY << _U(8 * (WORD_BYTES - used))
        expected, case = (_U(int.from_bytes(text[end - WORD_BYTES : end], "little")) for text in (padded, bits))
        result &= ((words[ends - WORD_BYTES * (1 + part)] | case) & mask) == expected
    return result


def _words_in(name: bytes) -> int:
    return -(-len(name) // WORD_BYTES)


def _bits(byte_counts: "Positions") -> "Words":
    return byte_counts.astype(np.uint64) << _U(3)
