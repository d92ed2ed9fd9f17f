"""The birds to measure with: the project's own data set, so that every run and every contender sees the same ones."""

import csv
import itertools
from functools import cache
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).resolve().parent.parent / "predictor" / "training" / "data" / "penguins.csv"
MEASUREMENTS: Final = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
CATEGORIES: Final = ("sex", "island")

Row = dict[str, float | str]


@cache
def _birds() -> tuple[Row, ...]:
    with DATA.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if "NA" not in row.values()]
    return tuple(
        {**{key: float(row[key]) for key in MEASUREMENTS}, **{key: row[key] for key in CATEGORIES}} for row in rows
    )


def birds(count: int) -> list[Row]:
    """The first `count` complete birds, from the start again after the last."""
    return list(itertools.islice(itertools.cycle(_birds()), count))
