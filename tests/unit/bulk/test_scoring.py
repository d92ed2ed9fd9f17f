"""Whole files: what comes out, in which order and shape, and what makes a file unusable."""

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest

from predictor.answers import batch_json, is_error_line
from predictor.artifacts.local_store import LocalStore
from predictor.batch import Batch
from predictor.bulk import Count, FileFormat, ScoredLines, score_stream
from predictor.bulk.lines import BLOCK_BYTES, MAX_BLOCK_LINES, MAX_LINE_BYTES
from predictor.decoding import decode
from predictor.errors import UnusableFile
from predictor.models import LoadedModel, load_model
from predictor.prediction import EngineName
from predictor.schema import FEATURES
from predictor.service import predict_batch
from tests.support.bundles import EXAMPLE, PublishedBundle, random_penguins

HEADER = ",".join(FEATURES) + "\n"
GOOD = "39.1,18.7,181.0,3750.0,male,Torgersen\n"
BAD = "NA,18.7,9999,3750.0,male,Torgersen\n"


@pytest.fixture(scope="module", params=["onnx", "sklearn"])
def model(request: pytest.FixtureRequest, bundle: PublishedBundle) -> LoadedModel:
    choice: EngineName = request.param
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice=choice, deadline=time.monotonic() + 30)


def answers(model: LoadedModel, data: bytes, file_format: FileFormat = "csv") -> tuple[list[dict[str, Any]], Count]:
    scored = ScoredLines(model, io.BytesIO(data), file_format)
    output = b"".join(scored)
    return [json.loads(line) for line in output.splitlines()], scored.count


def score_csv(model: LoadedModel, text: str) -> list[dict[str, str]]:
    output = io.BytesIO()
    score_stream(model, io.BytesIO(text.encode()), output.write)
    return list(csv.DictReader(io.StringIO(output.getvalue().decode())))


def many_rows(count: int) -> Iterator[dict[str, Any]]:
    for penguin in random_penguins(count, seed=5)[0]:
        yield penguin.model_dump()


def to_csv(rows: list[dict[str, Any]], quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, FEATURES, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


class TestShape:
    def test_a_row_is_answered_as_the_web_answers_it_with_its_number(self, model: LoadedModel) -> None:
        rows = [{**EXAMPLE}, {**EXAMPLE, "sex": "unknown", "body_mass_g": 1.0}, {**EXAMPLE, "bill_length_mm": 47.0}, {}]
        decoded = decode(json.dumps({"instances": rows}).encode(), max_instances=9)
        assert isinstance(decoded, list)
        web = orjson.loads(batch_json(predict_batch(model, Batch.of(decoded))))
        expected = [{"row": number, **row} for number, row in enumerate(web["predictions"], start=1)]
        ndjson = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        found, count = answers(model, ndjson, "ndjson")
        assert (count.rows, count.invalid, count.first_invalid) == (4, 2, [2, 4])
        assert_same(found, expected)
        found, _ = answers(model, to_csv([*rows[:3], {"sex": ""}]))
        assert_same(found[:3], expected[:3])

    def test_a_line_that_is_no_json_is_an_error_in_its_place(self, model: LoadedModel) -> None:
        good = json.dumps(EXAMPLE).encode()
        found, count = answers(model, b"\n".join([good, b"{", b"  ", b"\xff", good]), "ndjson")
        assert ["error" in row for row in found] == [False, True, True, False]
        assert found[1]["error"]["errors"] == []
        assert (count.rows, count.invalid) == (4, 2)

    def test_csv_keeps_its_columns_and_gets_more(self, model: LoadedModel) -> None:
        rows = score_csv(model, f'note,{HEADER}"a, b",{GOOD}c,{BAD}d,{GOOD}')
        assert [row["note"] for row in rows] == ["a, b", "c", "d"]
        assert [row["prediction"] for row in rows] == ["Adelie", "", "Adelie"]
        assert rows[1]["error"].startswith("bill_length_mm: Is required; flipper_length_mm: Must be a number from")
        assert sum(float(rows[0][f"probability_{name}"]) for name in model.manifest.classes) == pytest.approx(1)
        assert float(rows[0]["probability"]) == max(float(rows[0][f"probability_{n}"]) for n in model.manifest.classes)

    def test_rows_of_another_width_keep_the_table_rectangular(self, model: LoadedModel) -> None:
        rows = score_csv(model, f"{HEADER}39.1\n{GOOD.strip()},more\n\n{GOOD}")
        assert [bool(row["error"]) for row in rows] == [True, True, False]
        assert rows[1]["error"] == "The row has 7 cells, the header 6."

    def test_error_lines_can_be_counted_again(self, model: LoadedModel) -> None:
        scored = ScoredLines(model, io.BytesIO((HEADER + GOOD + BAD + GOOD).encode()), "csv")
        lines = b"".join(scored).splitlines()
        assert (len(lines), sum(map(is_error_line, lines))) == (scored.count.rows, scored.count.invalid) == (3, 1)

    def test_the_count_is_up_to_date_with_every_piece(self, model: LoadedModel) -> None:
        scored = ScoredLines(model, io.BytesIO(b"{}\n" * (MAX_BLOCK_LINES + 1)), "ndjson")
        assert [(piece.count(b"\n"), scored.count.rows) for piece in scored] == [
            (MAX_BLOCK_LINES, MAX_BLOCK_LINES),
            (1, MAX_BLOCK_LINES + 1),
        ]


class TestStream:
    def test_the_first_line_shows_the_format(self, model: LoadedModel) -> None:
        output = io.BytesIO()
        count = score_stream(model, io.BytesIO(b"\n" + json.dumps(EXAMPLE).encode() + b"\n{}"), output.write)
        good, bad = (json.loads(line) for line in output.getvalue().splitlines())
        assert (count.rows, count.invalid, count.first_invalid) == (2, 1, [2])
        assert list(good) == ["prediction", "probability", "probabilities", "model"]
        assert list(bad) == ["error"]

    def test_bytes_are_reported_as_they_are_read(self, model: LoadedModel) -> None:
        seen: list[int] = []
        data = (HEADER + GOOD * 5_000).encode()
        score_stream(model, io.BytesIO(data), lambda _: None, seen.append)
        assert sum(seen) == len(data)
        assert len(seen) > 1

    @pytest.mark.parametrize(
        ("data", "words"), [(b"", "is empty"), (b"\n\n", "is empty"), (HEADER.encode(), "no rows")]
    )
    def test_an_empty_file_is_an_error(self, model: LoadedModel, data: bytes, words: str) -> None:
        with pytest.raises(UnusableFile, match=words) as caught:
            score_stream(model, io.BytesIO(data), io.BytesIO().write)
        assert caught.value.code == "no_rows"


class TestChunks:
    @pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    def test_a_file_of_many_blocks_is_answered_in_order(self, model: LoadedModel, quoting: int) -> None:
        rows = list(many_rows(10_000))
        data = to_csv(rows, quoting)
        blocks = len(data) // BLOCK_BYTES
        assert blocks >= 2
        found, count = answers(model, data)
        assert count.rows == len(rows)
        assert [row["row"] for row in found] == list(range(1, len(rows) + 1))
        alone, _ = answers(model, to_csv(rows[9_000:9_001]))
        assert_same(found[9_000:9_001], [{**alone[0], "row": 9_001}])

    def test_a_quote_in_the_middle_of_a_file_changes_nothing_before_or_after_it(self, model: LoadedModel) -> None:
        data = to_csv(list(many_rows(6_000)))
        lines = data.splitlines(keepends=True)
        lines[3_000] = b'"39.1",18.7,181,3750,"male","Torgersen"\r\n'
        found, count = answers(model, b"".join(lines))
        expected, _ = answers(model, data)
        assert (count.rows, count.invalid) == (6_000, 0)
        del found[2_999], expected[2_999]
        assert_same(found, expected)

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_every_line_end_and_a_last_line_without_one(self, model: LoadedModel, end: str) -> None:
        text = (HEADER + GOOD + "\n" + GOOD).rstrip("\n").replace("\n", end)
        found, count = answers(model, b"\xef\xbb\xbf" + text.encode())
        assert (count.rows, count.invalid) == (2, 0)
        assert [row["row"] for row in found] == [1, 2]

    def test_an_empty_file_has_no_rows(self, model: LoadedModel) -> None:
        for data in (b"", b"\n\n", b"\n" * (BLOCK_BYTES + 1), HEADER.encode()):
            assert answers(model, data)[1].rows == 0

    @pytest.mark.parametrize("blank", ["\n", " \r\n"])
    def test_blank_lines_before_the_header_are_passed_over_however_many(self, model: LoadedModel, blank: str) -> None:
        # More lines than a block has, then more bytes than are read at a time, with a cut within a line.
        lines = blank * (MAX_BLOCK_LINES + 9) + (" " * 1000 + blank) * (3 * BLOCK_BYTES // 2000)
        found, count = answers(model, (lines + HEADER + GOOD + BAD).encode())
        assert (count.rows, count.invalid, [row["row"] for row in found]) == (2, 1, [1, 2])
        with pytest.raises(UnusableFile, match=f"line {lines.count(blank) + 3} is not UTF-8"):
            answers(model, (lines + HEADER + GOOD).encode() + b"\xff\n")


class TestUnusable:
    @pytest.mark.parametrize(
        ("data", "code", "row", "words"),
        [
            (b"a,b\n1,2\n", "bad_header", 0, "lacks bill_length_mm"),
            (("sex," + HEADER + GOOD).encode(), "bad_header", 0, "sex more than once"),
            ((HEADER + GOOD + 'x"y\n' + '"' + GOOD).encode(), "broken_csv", 3, "line 4"),
            ((HEADER + GOOD).encode() + b"\xff" + GOOD.encode(), "not_utf8", 0, "line 3"),
            ((HEADER + GOOD).encode() + b'"\xff"' + GOOD.encode(), "not_utf8", 0, "line 3"),
            (b"\xff" + HEADER.encode(), "not_utf8", 0, "line 1"),
            ((HEADER + GOOD).encode() + b"1" * (MAX_LINE_BYTES + 1), "line_too_long", 0, "line 3"),
            ((HEADER + GOOD).encode() + b"1" * 200_000 + b"\n", "broken_csv", 2, "field limit"),
        ],
    )
    def test_says_what_and_where(self, model: LoadedModel, data: bytes, code: str, row: int, words: str) -> None:
        with pytest.raises(UnusableFile, match=words) as caught:
            answers(model, data)
        assert (caught.value.code, caught.value.row) == (code, row)

    def test_a_column_that_would_be_added_is_not_overwritten(self, model: LoadedModel) -> None:
        with pytest.raises(UnusableFile, match="'prediction'"):
            score_csv(model, f"prediction,{HEADER}")


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """The same but for the last bits of probabilities: engines compute in batches, which may change them."""
    assert shape_of(found) == shape_of(expected)
    assert np.allclose(numbers_of(found), numbers_of(expected), atol=1e-5)


def shape_of(rows: list[dict[str, Any]]) -> str:
    digest = orjson.dumps(json.loads(json.dumps(rows), parse_float=lambda _: 0))
    return digest.decode() if len(rows) < 10 else hashlib.sha256(digest).hexdigest()


def numbers_of(rows: list[dict[str, Any]]) -> list[float]:
    numbers: list[float] = []
    json.loads(json.dumps(rows), parse_float=lambda digits: numbers.append(float(digits)))
    return numbers
