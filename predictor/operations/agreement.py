"""Do two running functions tell the same species? Asked before traffic moves from one to the other.

Replays real birds, then random ones, through both as batches, and counts where the species differ.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from predictor.errors import AgreementUnknown
from predictor.operations.remote import Function
from predictor.penguin import ISLANDS, MEASUREMENTS, RANGES, SEXES, Penguin

BATCH_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of `count` penguins got different species."""

    count: int
    differing: int

    @property
    def disagreement(self) -> float:
        """The share that differs, 0 to 1."""
        return self.differing / self.count


def choose_penguins(birds: Sequence[Penguin], count: int, seed: int) -> list[Penguin]:
    """`count` penguins, the same for the same seed: all real birds in random order, then random ones.

    Of the random ones every second lies among the measurements of the real birds, where decisions are made; the others
    are spread over everything that the service accepts.
    """
    generator = np.random.default_rng(seed)
    chosen = [birds[index] for index in generator.permutation(len(birds))[:count].tolist()]
    among = {
        name: (min(getattr(bird, name) for bird in birds), max(getattr(bird, name) for bird in birds))
        for name in MEASUREMENTS
    }
    for index in range(count - len(chosen)):
        ranges = among if index % 2 == 0 else RANGES
        measured = {name: float(generator.uniform(*ranges[name])) for name in MEASUREMENTS}
        sex, island = SEXES[generator.integers(len(SEXES))], ISLANDS[generator.integers(len(ISLANDS))]
        chosen.append(Penguin(**measured, sex=sex, island=island))
    return chosen


def compare(blue: Function, green: Function, penguins: Sequence[Penguin]) -> Agreement:
    """Ask both about all of `penguins`.

    Raises `FunctionUnreachable`, or `AgreementUnknown` when one gives no species.
    """
    differing = 0
    for start in range(0, len(penguins), BATCH_ROWS):
        batch = penguins[start : start + BATCH_ROWS]
        body = json.dumps({"instances": [penguin.model_dump() for penguin in batch]}).encode()
        pairs = zip(_species(blue, body, len(batch)), _species(green, body, len(batch)), strict=True)
        differing += sum(ours != theirs for ours, theirs in pairs)
    return Agreement(len(penguins), differing)


def _species(function: Function, body: bytes, count: int) -> list[str]:
    answer = function.post("/predict", body)
    document = answer.document
    rows = document.get("predictions") if answer.status == 200 and isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) != count:
        raise AgreementUnknown(function.url, f"a batch of {count} penguins gave {answer.status}")
    species: list[str] = []
    for index, row in enumerate(rows):
        name = row.get("prediction") if isinstance(row, dict) else None
        if not isinstance(name, str):
            raise AgreementUnknown(function.url, f"row {index} of a batch has no prediction")
        species.append(name)
    return species
