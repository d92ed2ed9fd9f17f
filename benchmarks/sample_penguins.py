"""The penguins that every contender is asked about: the complete rows of the project's own data set."""

import csv
from functools import cache
from itertools import cycle, islice

from benchmarks.paths import DATA
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS, RANGES

__all__ = ["CATEGORIES", "FEATURES", "MEASUREMENTS", "RANGES", "Row", "sample_penguins"]

Row = dict[str, float | str]


@cache
def _complete_rows() -> tuple[Row, ...]:
    with DATA.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if "NA" not in row.values()]
    return tuple({name: float(row[name]) if name in MEASUREMENTS else row[name] for name in FEATURES} for row in rows)


def sample_penguins(count: int) -> list[Row]:
    """The first `count` penguins; after the last one the first one comes again."""
    return list(islice(cycle(_complete_rows()), count))
