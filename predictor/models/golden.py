"""The self-test of a loaded engine: penguins with the probabilities that were published for them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from predictor.artifacts import GOLDEN_FILE
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
        """Raise `GoldenMismatch` (or `UnloadableModel` for other classes) unless `engine` gives these answers.

        With `batches`, also in one batch. That needs numpy, which a linear model does not import otherwise.
        """
        if classes != self.classes:
            raise UnloadableModel(GOLDEN_FILE, f"its classes are {self.classes}, the manifest's {classes}")
        penguins = [row.penguin for row in self.rows]
        singles = penguins[:1] if engine.blocking else penguins
        self._compare([engine.probabilities(penguin) for penguin in singles])
        if batches or engine.blocking:
            from predictor.batch import PenguinColumns

            self._compare(engine.batch_probabilities(PenguinColumns.of(penguins)).tolist())

    def _compare(self, actual: list[list[float]]) -> None:
        for index, (row, got) in enumerate(zip(self.rows[: len(actual)], actual, strict=True)):
            # `not <=` so that a NaN counts as a difference.
            same_length = len(got) == len(row.probabilities)
            if not same_length or not all(
                abs(a - b) <= self.tolerance for a, b in zip(row.probabilities, got, strict=True)
            ):
                raise GoldenMismatch(index, row.probabilities, got)
