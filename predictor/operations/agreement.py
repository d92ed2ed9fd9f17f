"""Do two running functions give the same predictions? Asked before traffic moves from one to the other.

Sends real penguins, then random ones, to both as batches, and counts the different predictions.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from predictor.errors import AgreementUnknown
from predictor.operations.remote import Function
from predictor.penguin import Penguin
from predictor.schema import RANGES
from predictor.training.random_penguins import random_columns, ranges_of, to_penguins

BATCH_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of `count` penguins got different predictions."""

    count: int
    differing: int

    @property
    def disagreement(self) -> float:
        """The share that differs, 0 to 1."""
        return self.differing / self.count


def choose_penguins(real: Sequence[Penguin], count: int, seed: int) -> list[Penguin]:
    """`count` penguins, the same for the same seed: all real ones in random order, then random ones.

    Half of the random ones lie within the measurements of the real ones, where classes meet; the others are spread
    over everything that the service accepts.
    """
    generator = np.random.default_rng(seed)
    chosen = [real[index] for index in generator.permutation(len(real))[:count].tolist()]
    missing = count - len(chosen)
    within = random_columns(generator, ranges_of(real), missing - missing // 2)
    anywhere = random_columns(generator, RANGES, missing // 2)
    return [*chosen, *to_penguins(within), *to_penguins(anywhere)]


def compare(blue: Function, green: Function, penguins: Sequence[Penguin]) -> Agreement:
    """Ask both about all of `penguins`.

    Raises `FunctionUnreachable`, or `AgreementUnknown` when one gives no prediction.
    """
    differing = 0
    for start in range(0, len(penguins), BATCH_ROWS):
        batch = penguins[start : start + BATCH_ROWS]
        body = json.dumps({"instances": [penguin.model_dump() for penguin in batch]}).encode()
        pairs = zip(_predictions(blue, body, len(batch)), _predictions(green, body, len(batch)), strict=True)
        differing += sum(ours != theirs for ours, theirs in pairs)
    return Agreement(len(penguins), differing)


def _predictions(function: Function, body: bytes, count: int) -> list[str]:
    answer = function.post("/predict", body)
    document = answer.document
    rows = document.get("predictions") if answer.status == 200 and isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) != count:
        raise AgreementUnknown(function.url, f"a batch of {count} penguins gave {answer.status}")
    names: list[str] = []
    for index, row in enumerate(rows):
        name = row.get("prediction") if isinstance(row, dict) else None
        if not isinstance(name, str):
            raise AgreementUnknown(function.url, f"row {index} of a batch has no prediction")
        names.append(name)
    return names
