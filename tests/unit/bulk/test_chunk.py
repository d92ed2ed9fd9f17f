from predictor.batch import Batch
from predictor.bulk.chunk import MAX_ROW_NUMBERS, Chunk, Count, describe
from predictor.errors import InvalidInput, MalformedJson, RowFailure, Violation, WideRow
from predictor.penguin import Penguin
from tests.support.bundles import EXAMPLE

GOOD = Penguin(**EXAMPLE)
BAD = MalformedJson("no reason")


def chunk(first_row: int, *rows: Penguin | RowFailure) -> Chunk:
    return Chunk(first_row, Batch.of(rows))


def test_rows_are_counted_over_chunks_and_invalid_ones_numbered() -> None:
    count = Count()
    count.add(chunk(1, GOOD, BAD))
    count.add(chunk(3, BAD, GOOD, BAD))
    assert (count.rows, count.invalid, count.first_invalid) == (5, 3, [2, 3, 5])


def test_only_the_first_invalid_rows_are_numbered_and_all_counted() -> None:
    count = Count()
    count.add(chunk(1, *[BAD] * (MAX_ROW_NUMBERS - 1)))
    count.add(chunk(MAX_ROW_NUMBERS, GOOD, BAD, BAD))
    count.add(chunk(MAX_ROW_NUMBERS + 3, BAD))
    assert (count.rows, count.invalid) == (MAX_ROW_NUMBERS + 3, MAX_ROW_NUMBERS + 2)
    assert count.first_invalid == [*range(1, MAX_ROW_NUMBERS), MAX_ROW_NUMBERS + 1]


def test_counts_do_not_share_their_row_numbers() -> None:
    Count().add(chunk(1, BAD))
    assert Count().first_invalid == []


def test_an_error_is_described_in_one_line_with_every_violation() -> None:
    both = [Violation("/sex", "missing", "Is required."), Violation("/island", "unknown_value", "Must be another.")]
    assert describe(InvalidInput(both)) == "sex: Is required; island: Must be another."
    assert describe(WideRow(7, 6)) == "The row has 7 cells, the header 6."
