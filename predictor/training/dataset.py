"""Labelled rows to train, test and compare with: by default the Palmer penguins, 344 rows of which 333 are complete.

`data/README.md` says where the file comes from. Any CSV with the columns of the schema and the label works as well.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from predictor.decoding import validate
from predictor.errors import DigestMismatch, InvalidInput, UnusableFile, Violation
from predictor.penguin import LABEL, SPECIES, Penguin
from predictor.record_schema import RecordSchema
from predictor.schema import FEATURES, MEASUREMENTS, NOT_RECORDED

DATA_FILE: Final = Path(__file__).parent / "data" / "penguins.csv"
DATA_SHA256: Final = "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93"


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One valid row. `row` counts the file's data rows from 1; `extra` holds the cells of all other columns."""

    row: int
    penguin: Penguin
    label: str
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IncompleteRow:
    """One row that the service would refuse, and why. `recorded` holds the features that it does have."""

    row: int
    recorded: Mapping[str, Any]
    label: str
    extra: Mapping[str, str]
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Every row of the file, in its order. `sha256` is the file's, in hex."""

    rows: tuple[LabelledRow, ...]
    incomplete: tuple[IncompleteRow, ...]
    sha256: str

    @property
    def penguins(self) -> list[Penguin]:
        return [row.penguin for row in self.rows]

    @property
    def labels(self) -> list[str]:
        return [row.label for row in self.rows]


def load_penguins(path: Path = DATA_FILE) -> Dataset:
    """The Palmer penguins. Raises `DigestMismatch` when the file is not the published one, byte for byte."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != DATA_SHA256:
        raise DigestMismatch(path.name, f"sha256:{DATA_SHA256}", f"sha256:{sha256}")
    return parse(content, path.name)


def load(path: Path, features: Sequence[str] = FEATURES) -> Dataset:
    """Any labelled CSV, for a model that takes these features. Rows that the service would refuse are kept as
    incomplete.

    Raises `UnusableFile` when it is no table with the features and the label, when a label is unknown, or when no row
    is valid.
    """
    try:
        return parse(path.read_bytes(), path.name, features)
    except OSError as error:
        raise UnusableFile("unreadable", f"{path} cannot be read: {error.strerror}") from error


def parse(content: bytes, name: str, features: Sequence[str] = FEATURES) -> Dataset:
    """As `load`, from the file's bytes; `name` is what errors call it."""
    rows, incomplete = [], []
    schema = RecordSchema(features)
    for number, cells in enumerate(_records(content, name, (*features, LABEL)), start=1):
        label = cells[LABEL].strip()
        if label not in SPECIES:
            raise UnusableFile(
                "bad_label", f"{name}: row {number}: {LABEL} must be one of {', '.join(SPECIES)}", number
            )
        stripped = {column: cells[column].strip() for column in features}
        recorded = {column: _value(column, cell) for column, cell in stripped.items() if cell not in NOT_RECORDED}
        extra = {column: cell for column, cell in cells.items() if column not in (*FEATURES, LABEL)}
        try:
            rows.append(LabelledRow(number, validate(recorded, schema), label, extra))
        except InvalidInput as error:
            incomplete.append(IncompleteRow(number, recorded, label, extra, error.violations))
    if not rows:
        raise UnusableFile("no_valid_row", f"{name} has no valid row")
    return Dataset(tuple(rows), tuple(incomplete), hashlib.sha256(content).hexdigest())


def _records(content: bytes, name: str, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    """The cells of each row that is not blank, by column; every row must be as wide as the header."""
    try:
        table = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as error:
        raise UnusableFile("not_utf8", f"{name} is not UTF-8") from error
    try:
        header = next(table, [])
        if missing := [column for column in needed if column not in header]:
            raise UnusableFile("bad_header", f"{name}: the header lacks {', '.join(missing)}")
        if repeated := [column for column in needed if header.count(column) > 1]:
            raise UnusableFile("bad_header", f"{name}: the header names {', '.join(repeated)} more than once")
        for number, cells in enumerate(filter(None, table), start=1):
            if len(cells) != len(header):
                message = f"{name}: row {number} has {len(cells)} cells, the header {len(header)}"
                raise UnusableFile("bad_row", message, number)
            yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UnusableFile("broken_csv", f"{name}: line {table.line_num} is not CSV: {error}") from error


def _value(feature: str, cell: str) -> float | str:
    if feature not in MEASUREMENTS:
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell  # Validation says what is wrong with it.
