"""A domain for tests: three numbers, one of them around zero, and one category with four values.

Stands in for `predictor/penguin.py` in a copy of the project. One value is longer than two machine words, one is not
ASCII, and zero is a valid temperature.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SPECIES: Final[tuple[str, ...]] = ("annual", "perennial")
LABEL: Final = "life_cycle"

NOUN: Final = "flower"
NOUN_PLURAL: Final = "flowers"
DESCRIPTION: Final = "Predicts a flower's life cycle."

EXAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {"height_cm": 20.0, "petals": 5.0, "frost_c": 0.0, "soil": "loam"},
    {"height_cm": 150.0, "petals": 8.0, "frost_c": -25.5, "soil": "Löss"},
)

SYNONYMS: Final = {"height_cm": ("size_cm",)}


class Flower(BaseModel):
    """One flower."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    soil: Annotated[Literal["sand", "loam", "Löss", "volcanic ash with pumice"], Field(description="Soil.")]
    height_cm: Annotated[float, Field(ge=1, le=500, description="Height.", json_schema_extra={"unit": "cm"})]
    petals: Annotated[float, Field(ge=0, le=200, description="Number of petals.")]
    frost_c: Annotated[float, Field(ge=-60, le=10, description="Lowest temperature.", json_schema_extra={"unit": "°C"})]


Penguin = Flower
