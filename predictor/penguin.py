"""The domain: what a penguin is, which species there are, and what the service says of itself.

This is the one file that names a feature, a unit, a range, a category or a class. `predictor.schema` derives
everything else from it. To serve another kind of data, replace this file (docs/how-to/your-own-data.md).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Species = Literal["Adelie", "Chinstrap", "Gentoo"]
SPECIES: Final[tuple[str, ...]] = get_args(Species)
"""The classes: every answer is one of them."""
LABEL: Final = "species"
"""The column of labelled data that holds the class."""

NOUN: Final = "penguin"
NOUN_PLURAL: Final = "penguins"
"""What messages and the API's documentation call one row, and several."""
DESCRIPTION: Final = "Predicts a penguin's species (Adelie, Chinstrap, Gentoo) from four measurements, sex and island."

EXAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {
        "bill_length_mm": 39.1,
        "bill_depth_mm": 18.7,
        "flipper_length_mm": 181.0,
        "body_mass_g": 3750.0,
        "sex": "male",
        "island": "Torgersen",
    },
    {
        "bill_length_mm": 46.5,
        "bill_depth_mm": 17.9,
        "flipper_length_mm": 192.0,
        "body_mass_g": 3500.0,
        "sex": "female",
        "island": "Dream",
    },
)
"""Valid penguins, for the API's documentation."""

PAGE_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "An emperor penguin": {
        "bill_length_mm": 81.0,
        "bill_depth_mm": 26.0,
        "flipper_length_mm": 350.0,
        "body_mass_g": 30000.0,
        "sex": "male",
        "island": "Torgersen",
    },
    "A flipper in centimetres": {
        "bill_length_mm": 46.5,
        "bill_depth_mm": 17.9,
        "flipper_length_mm": 19.5,
        "body_mass_g": 3700.0,
        "sex": "female",
        "island": "Dream",
    },
}
"""What the page at / offers to try, beside a penguin of each species. They need not be valid."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "bill_length_mm": ("culmen_length_mm",),  # The culmen is the bill's upper ridge.
    "bill_depth_mm": ("culmen_depth_mm",),
}
"""Other names of features in files, each in the feature's unit. Bodies and messages keep to the feature's own name."""
NOT_RECORDED: Final[tuple[str, ...]] = ("", "NA", ".")
"""How files say that a value was not recorded: pandas, R, and BigQuery's copy of the data."""
IGNORED: Final[tuple[str, ...]] = (LABEL, "year")
"""Members beside the features, as the published data set has them, that a body may carry and that are not read."""
IDS: Final[tuple[str, ...]] = ("id", "rowid")
"""Names of a row's own id, which comes back beside its answer; of several the first one counts."""


def _unit(unit: str) -> dict[str, Any]:
    """Goes into a field's JSON Schema; `predictor.schema` reads it from there."""
    return {"unit": unit}


class Penguin(BaseModel):
    """One bird as a caller describes it: all six fields, strict numbers, no other field.

    The ranges are what any living penguin can have, from the little penguin (Eudyptula minor: about 1.1 kg, bill about
    35 mm, flipper about 120 mm) to the emperor (Aptenodytes forsteri: up to 45 kg) and the king penguin
    (A. patagonicus: bill up to 137 mm), with a margin of roughly a third on either side for small and large
    individuals. Source: T. D. Williams, The Penguins: Spheniscidae, Oxford University Press, 1995, species accounts.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [EXAMPLES[0]]},
    )

    bill_length_mm: Annotated[
        float, Field(ge=20, le=160, description="Length of the bill's upper ridge, mm.", json_schema_extra=_unit("mm"))
    ]
    bill_depth_mm: Annotated[
        float, Field(ge=5, le=50, description="Depth of the bill's upper ridge, mm.", json_schema_extra=_unit("mm"))
    ]
    flipper_length_mm: Annotated[
        float, Field(ge=80, le=450, description="Length of the flipper, mm.", json_schema_extra=_unit("mm"))
    ]
    body_mass_g: Annotated[float, Field(ge=500, le=50_000, description="Body mass, g.", json_schema_extra=_unit("g"))]
    sex: Annotated[Literal["male", "female"], Field(description="Sex of the bird.")]
    island: Annotated[
        Literal["Biscoe", "Dream", "Torgersen"],
        Field(description="Island of the Palmer Archipelago on which the bird was seen."),
    ]
