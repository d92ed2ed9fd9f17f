"""The self-test of a loaded engine: inputs with the answers that were published with the model."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from predictor.artifacts.manifest import GOLDEN_FILE
from predictor.errors import GoldenMismatch, UnloadableModel
from predictor.models.engine import Engine
from predictor.penguin import Penguin


class GoldenRow(BaseModel):
    """One bird, and its class probabilities in the order of `Golden.classes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    penguin: Penguin
    probabilities: tuple[float, ...]


class Golden(BaseModel):
    """The content of `golden.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    classes: tuple[str, ...]
    tolerance: Annotated[float, Field(gt=0, description="largest allowed difference of one probability")]
    rows: Annotated[tuple[GoldenRow, ...], Field(min_length=1)]

    def to_bytes(self) -> bytes:
        return (self.model_dump_json(indent=2) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Golden":
        """Parse verified bytes; raises `UnloadableModel`."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise UnloadableModel(GOLDEN_FILE, f"{error.error_count()} fields are not as expected") from error

    def check(self, engine: Engine, classes: tuple[str, ...], *, batches: bool) -> None:
        """Raise `GoldenMismatch` (or `UnloadableModel` on other classes) unless `engine` gives these answers.

        With `batches`, also when they are asked for as a batch. That needs numpy, which a linear model can do without.
        """
        if classes != self.classes:
            raise UnloadableModel(GOLDEN_FILE, f"its classes are {self.classes}, the manifest's {classes}")
        penguins = [row.penguin for row in self.rows]
        self._compare(self.rows, engine.rows(penguins))
        self._compare(self.rows[:1], engine.rows(penguins[:1]))  # One bird may take a way of its own.
        if batches:
            from predictor.models.columns import PenguinColumns

            self._compare(self.rows, engine.column_probabilities(PenguinColumns.of(penguins)).tolist())

    def _compare(self, expected: Sequence[GoldenRow], actual: list[list[float]]) -> None:
        for index, (row, got) in enumerate(zip(expected, actual, strict=True)):
            # `not <=` so that a NaN counts as a difference.
            same_length = len(got) == len(row.probabilities)
            if not same_length or not all(
                abs(a - b) <= self.tolerance for a, b in zip(row.probabilities, got, strict=True)
            ):
                raise GoldenMismatch(index, row.probabilities, got)
