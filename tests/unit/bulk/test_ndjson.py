import io
import json

import pytest

from predictor.bulk.lines import MAX_BLOCK_LINES, MAX_LINE_BYTES, Blocks
from predictor.bulk.ndjson import Documents, read_json_lines
from predictor.decoding import decode_penguin
from predictor.errors import InvalidInput, MalformedJson, UnusableFile
from predictor.penguin import Penguin
from tests.support.bundles import EXAMPLE
from tests.support.csv_rows import read_from

GOOD = json.dumps(EXAMPLE).encode()


def test_each_line_is_decoded_as_a_body_of_its_own() -> None:
    batch = read_json_lines(b"\n".join([GOOD, b"{}", GOOD]))
    found = read_from(batch)
    assert (found[0], found[2]) == (Penguin(**EXAMPLE), Penguin(**EXAMPLE))
    with pytest.raises(InvalidInput) as caught:
        decode_penguin(b"{}")
    assert found[1] == str(caught.value.violations)


def test_blank_lines_are_no_rows_and_line_ends_may_be_of_either_kind() -> None:
    assert len(read_json_lines(GOOD + b"\r\n\n  \r\n" + GOOD + b"\r\n")) == 2
    assert len(read_json_lines(b"\n \n")) == 0


@pytest.mark.parametrize(
    ("line", "kind"),
    [(b"{", MalformedJson), (b"\xff", MalformedJson), (b'{"instances": []}', InvalidInput), (b"3", InvalidInput)],
)
def test_a_line_of_another_kind_is_an_error_in_its_place(line: bytes, kind: type[Exception]) -> None:
    batch = read_json_lines(b"\n".join([GOOD, line, GOOD]))
    assert {place: type(error) for place, error in batch.errors.items()} == {1: kind}
    assert batch.errors[1].__traceback__ is None


def test_chunks_are_numbered_through_the_file() -> None:
    chunks = list(Documents(Blocks(io.BytesIO(b"{}\n" * (MAX_BLOCK_LINES + 1)))))
    assert [(chunk.first_row, len(chunk.batch)) for chunk in chunks] == [(1, MAX_BLOCK_LINES), (MAX_BLOCK_LINES + 1, 1)]


def test_blank_blocks_give_no_chunk() -> None:
    chunks = list(Documents(Blocks(io.BytesIO(b"\n" * (3 * MAX_BLOCK_LINES) + GOOD))))
    assert [(chunk.first_row, len(chunk.batch)) for chunk in chunks] == [(1, 1)]


def test_a_line_that_is_too_long_ends_the_file() -> None:
    with pytest.raises(UnusableFile, match="line 2 is longer"):
        list(Documents(Blocks(io.BytesIO(GOOD + b"\n" + b" " * (MAX_LINE_BYTES + 1)))))
