"""The domain: one penguin, its units, what any living penguin can measure, and the order of its features.

First step of the flow (*bytes -> penguins*). This module imports pydantic and nothing else of the project.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Species = Literal["Adelie", "Chinstrap", "Gentoo"]
Sex = Literal["male", "female"]
Island = Literal["Biscoe", "Dream", "Torgersen"]

SPECIES: Final[tuple[Species, ...]] = get_args(Species)
SEXES: Final[tuple[Sex, ...]] = get_args(Sex)
ISLANDS: Final[tuple[Island, ...]] = get_args(Island)

# What any living penguin can have, from the little penguin (Eudyptula minor: about 1.1 kg, bill about 35 mm,
# flipper about 120 mm) to the emperor (Aptenodytes forsteri: up to 45 kg) and the king penguin (A. patagonicus: bill
# up to 137 mm), with a margin of roughly a third on either side for small and large individuals.
# Source: T. D. Williams, The Penguins: Spheniscidae, Oxford University Press, 1995, species accounts.
# Outside is refused; inside, but unlike the training birds, is answered.
BILL_LENGTH_MM: Final = (20.0, 160.0)
BILL_DEPTH_MM: Final = (5.0, 50.0)
FLIPPER_LENGTH_MM: Final = (80.0, 450.0)
BODY_MASS_G: Final = (500.0, 50_000.0)

RANGES: Final[dict[str, tuple[float, float]]] = {
    "bill_length_mm": BILL_LENGTH_MM,
    "bill_depth_mm": BILL_DEPTH_MM,
    "flipper_length_mm": FLIPPER_LENGTH_MM,
    "body_mass_g": BODY_MASS_G,
}
"""Closed interval of each measurement; the unit is in its name."""

MEASUREMENTS: Final = tuple(RANGES)
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {"sex": SEXES, "island": ISLANDS}
FEATURES: Final = (*MEASUREMENTS, *CATEGORIES)
"""The six features, in the order in which every file and every answer lists them."""

HABITATS: Final = tuple((sex, island) for sex in SEXES for island in ISLANDS)
"""Every pair of sex and island: all that a bird's categories can be."""


class Penguin(BaseModel):
    """One bird as a caller describes it: all six fields, strict numbers, nothing else."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [
                {
                    "bill_length_mm": 39.1,
                    "bill_depth_mm": 18.7,
                    "flipper_length_mm": 181.0,
                    "body_mass_g": 3750.0,
                    "sex": "male",
                    "island": "Torgersen",
                }
            ]
        },
    )

    bill_length_mm: Annotated[
        float, Field(ge=BILL_LENGTH_MM[0], le=BILL_LENGTH_MM[1], description="Length of the bill's upper ridge, mm.")
    ]
    bill_depth_mm: Annotated[
        float, Field(ge=BILL_DEPTH_MM[0], le=BILL_DEPTH_MM[1], description="Depth of the bill's upper ridge, mm.")
    ]
    flipper_length_mm: Annotated[
        float, Field(ge=FLIPPER_LENGTH_MM[0], le=FLIPPER_LENGTH_MM[1], description="Length of the flipper, mm.")
    ]
    body_mass_g: Annotated[float, Field(ge=BODY_MASS_G[0], le=BODY_MASS_G[1], description="Body mass, g.")]
    sex: Annotated[Sex, Field(description="Sex of the bird.")]
    island: Annotated[Island, Field(description="Island of the Palmer Archipelago on which the bird was seen.")]


measurements_of: Final[Callable[[Penguin], tuple[float, float, float, float]]] = attrgetter(*MEASUREMENTS)
"""A bird's measurements, in the order of MEASUREMENTS."""
habitat_of: Final[Callable[[Penguin], tuple[Sex, Island]]] = attrgetter(*CATEGORIES)
"""A bird's sex and island: one of HABITATS."""
