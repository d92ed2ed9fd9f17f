from collections import Counter
from pathlib import Path

import pytest

from predictor.errors import DigestMismatch, UnusableFile
from predictor.training.dataset import DATA_FILE, DATA_SHA256, Dataset, load, load_penguins, parse

HEADER = b"species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,ring\n"
GOOD = b"Adelie,Torgersen,39.1,18.7,181,3750,male,A1\n"


class TestPalmerPenguins:
    def test_there_are_344_rows_of_which_333_are_complete_birds(self, dataset: Dataset) -> None:
        assert (len(dataset.rows), len(dataset.incomplete)) == (333, 11)
        rows = [bird.row for bird in dataset.rows] + [bird.row for bird in dataset.incomplete]
        assert sorted(rows) == list(range(1, 345))

    def test_species_and_years_are_as_published(self, dataset: Dataset) -> None:
        # Counts of complete birds by species: Horst, Hill & Gorman 2020.
        assert Counter(dataset.labels) == {"Adelie": 146, "Gentoo": 119, "Chinstrap": 68}
        assert {int(bird.extra["year"]) for bird in dataset.rows} == {2007, 2008, 2009}

    def test_an_incomplete_row_says_what_it_lacks(self, dataset: Dataset) -> None:
        codes = {violation.code for bird in dataset.incomplete for violation in bird.violations}
        assert codes == {"missing"}
        assert Counter(len(bird.violations) for bird in dataset.incomplete) == {1: 9, 5: 2}

    def test_a_changed_file_is_refused(self, tmp_path: Path) -> None:
        changed = tmp_path / "penguins.csv"
        changed.write_bytes(DATA_FILE.read_bytes().replace(b"39.1", b"39.2", 1))
        with pytest.raises(DigestMismatch) as caught:
            load_penguins(changed)
        assert caught.value.file == "penguins.csv"
        assert caught.value.expected != caught.value.actual

    def test_any_reader_reads_them_alike(self, dataset: Dataset) -> None:
        assert load(DATA_FILE) == dataset
        assert dataset.sha256 == DATA_SHA256


def test_rows_keep_label_and_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "birds.csv"
    file.write_bytes(HEADER + GOOD)
    (row,) = load(file).rows
    assert (row.row, row.label, row.extra) == (1, "Adelie", {"ring": "A1"})
    assert (row.penguin.body_mass_g, row.penguin.island) == (3750.0, "Torgersen")


def test_columns_may_be_in_any_order_and_cells_quoted_with_any_line_end() -> None:
    header = b"\xef\xbb\xbf" + b",".join(HEADER.strip().split(b",")[::-1])
    row = b",".join(b'"%b"' % cell for cell in GOOD.strip().split(b",")[::-1])
    found = parse(header + b"\r\n\r\n" + row + b"\r\n" + row, "birds.csv")
    assert [row.row for row in found.rows] == [1, 2]
    assert found.rows[0].penguin == parse(HEADER + GOOD, "birds.csv").rows[0].penguin


def test_blanks_around_cells_do_not_count_as_when_a_file_is_scored() -> None:
    spaced = GOOD.replace(b",", b" , ").replace(b"Adelie", b" Adelie")
    assert parse(HEADER + spaced, "birds.csv").rows[0].penguin == parse(HEADER + GOOD, "birds.csv").rows[0].penguin


@pytest.mark.parametrize(
    ("old", "new", "violation"),
    [
        (b"39.1", b"", ("/bill_length_mm", "missing")),
        (b"male", b"NA", ("/sex", "missing")),
        (b"39.1", b"long", ("/bill_length_mm", "wrong_type")),
        (b"39.1", b"nan", ("/bill_length_mm", "not_finite")),
        (b"39.1", b"391", ("/bill_length_mm", "out_of_range")),
        (b"Torgersen", b"Atlantis", ("/island", "unknown_value")),
    ],
)
def test_a_row_that_the_service_would_refuse_is_incomplete(old: bytes, new: bytes, violation: tuple[str, str]) -> None:
    found = parse(HEADER + GOOD + GOOD.replace(old, new), "birds.csv")
    (row,) = found.incomplete
    assert (row.row, row.label, row.extra) == (2, "Adelie", {"ring": "A1"})
    assert [(item.pointer, item.code) for item in row.violations] == [violation]
    assert len(found.rows) == 1


@pytest.mark.parametrize(
    ("content", "code", "row", "message"),
    [
        (b"", "bad_header", 0, "birds.csv: the header lacks bill_length_mm"),
        (HEADER.replace(b"sex", b"Sex") + GOOD, "bad_header", 0, "birds.csv: the header lacks sex"),
        (HEADER.replace(b"species", b"kind") + GOOD, "bad_header", 0, "birds.csv: the header lacks species"),
        (HEADER.replace(b"ring", b"sex") + GOOD, "bad_header", 0, "birds.csv: the header names sex more than once"),
        (HEADER + GOOD + GOOD.replace(b"Adelie", b"Emu"), "bad_label", 2, "row 2: species must be one of Adelie"),
        (HEADER + GOOD.replace(b"Adelie", b""), "bad_label", 1, "row 1: species must be one of"),
        (HEADER + GOOD + b"Adelie,Torgersen\n", "bad_row", 2, "row 2 has 2 cells, the header 8"),
        (HEADER + GOOD + GOOD.strip() + b",more\n", "bad_row", 2, "row 2 has 9 cells, the header 8"),
        (HEADER + GOOD + b"\xff\n", "not_utf8", 0, "birds.csv is not UTF-8"),
        (HEADER + GOOD + b'"Adelie"x,\n', "broken_csv", 0, "birds.csv: line 3 is not CSV"),
        (HEADER, "no_valid_row", 0, "birds.csv has no valid row"),
        (HEADER + GOOD.replace(b"39.1", b"NA"), "no_valid_row", 0, "birds.csv has no valid row"),
    ],
)
def test_an_unusable_file_says_what_and_where(content: bytes, code: str, row: int, message: str) -> None:
    with pytest.raises(UnusableFile) as caught:
        parse(content, "birds.csv")
    assert (caught.value.code, caught.value.row) == (code, row)
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("nowhere.csv", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UnusableFile, match=f"cannot be read: {reason}") as caught:
        load(tmp_path / name)
    assert caught.value.code == "unreadable"
    assert str(tmp_path) in str(caught.value)


def test_rows_need_only_the_features_that_a_model_takes(tmp_path: Path) -> None:
    (tmp_path / "birds.csv").write_text(
        "bill_length_mm,sex,species,island\n39.1,male,Adelie,NA\n46.1,,Gentoo,Atlantis\n"
    )
    dataset = load(tmp_path / "birds.csv", ("bill_length_mm", "sex"))
    ((row,), (incomplete,)) = dataset.rows, dataset.incomplete
    assert (row.penguin.bill_length_mm, row.penguin.sex, row.label) == (39.1, "male", "Adelie")
    assert [violation.pointer for violation in incomplete.violations] == ["/sex"]
    with pytest.raises(UnusableFile, match="the header lacks body_mass_g"):
        load(tmp_path / "birds.csv", ("bill_length_mm", "body_mass_g"))
