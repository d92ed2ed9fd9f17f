"""The Palmer penguins: 344 rows in a file of this package, 333 of them complete birds.

First step of training (*dataset -> pipeline -> evaluation -> export -> publish*). Where the file comes from is told in
`data/README.md`.
"""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final, get_args

from predictor.decoding import validate
from predictor.errors import DigestMismatch, InvalidInput, Violation
from predictor.penguin import FEATURES, MEASUREMENTS, Penguin, Species

DATA_FILE: Final = Path(__file__).parent / "data" / "penguins.csv"
DATA_SHA256: Final = "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93"
_NOT_RECORDED: Final = "NA"


@dataclass(frozen=True, slots=True)
class Bird:
    """One complete row. `row` counts the file's data rows from 1."""

    row: int
    penguin: Penguin
    species: Species
    year: int


@dataclass(frozen=True, slots=True)
class IncompleteBird:
    """One row that the service would refuse, and why. `recorded` holds the features that it does have."""

    row: int
    recorded: Mapping[str, Any]
    species: Species
    year: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Every row of the file, in its order."""

    birds: tuple[Bird, ...]
    incomplete: tuple[IncompleteBird, ...]
    sha256: str

    @property
    def penguins(self) -> list[Penguin]:
        return [bird.penguin for bird in self.birds]

    @property
    def species(self) -> list[str]:
        return [bird.species for bird in self.birds]


def load(path: Path = DATA_FILE) -> Dataset:
    """Read the data set. Raises `DigestMismatch` when the file is not the published one, byte for byte."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != DATA_SHA256:
        raise DigestMismatch(path.name, f"sha256:{DATA_SHA256}", f"sha256:{sha256}")
    birds, incomplete = [], []
    for number, cells in enumerate(csv.DictReader(StringIO(content.decode())), start=1):
        species, year = _species(cells["species"]), int(cells["year"])
        recorded = {name: _value(name, cells[name]) for name in FEATURES if cells[name] != _NOT_RECORDED}
        try:
            birds.append(Bird(number, validate(recorded), species, year))
        except InvalidInput as error:
            incomplete.append(IncompleteBird(number, recorded, species, year, error.violations))
    return Dataset(tuple(birds), tuple(incomplete), sha256)


def _value(feature: str, cell: str) -> float | str:
    return float(cell) if feature in MEASUREMENTS else cell


def _species(cell: str) -> Species:
    for species in get_args(Species):
        if cell == species:
            return species  # type: ignore[no-any-return]
    raise ValueError(f"{cell!r} is no species of this data set")
