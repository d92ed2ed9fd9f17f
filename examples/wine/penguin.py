"""The domain of docs/how-to/your-own-data.md: three cultivars of wine, told apart by thirteen measurements.

It replaces `predictor/penguin.py`. The data are scikit-learn's `load_wine`: Forina et al., PARVUS; Aeberhard and
Forina (1992), Wine, UCI Machine Learning Repository.
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

SPECIES: Final[tuple[str, ...]] = ("class_0", "class_1", "class_2")
"""The classes: every answer is one of them."""
LABEL: Final = "cultivar"
"""The column of labelled data that holds the class."""

NOUN: Final = "wine"
NOUN_PLURAL: Final = "wines"
DESCRIPTION: Final = "Predicts a wine's cultivar from thirteen chemical measurements."

EXAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {
        "alcohol": 14.23,
        "malic_acid": 1.71,
        "ash": 2.43,
        "alcalinity_of_ash": 15.6,
        "magnesium": 127.0,
        "total_phenols": 2.8,
        "flavanoids": 3.06,
        "nonflavanoid_phenols": 0.28,
        "proanthocyanins": 2.29,
        "color_intensity": 5.64,
        "hue": 1.04,
        "od280_od315_of_diluted_wines": 3.92,
        "proline": 1065.0,
    },
)

IGNORED: Final[tuple[str, ...]] = (LABEL,)
"""Members that a body may carry beside the features, and that are not read."""
IDS: Final[tuple[str, ...]] = ("id",)
"""Names of a row's own id, which comes back beside its answer."""


class Wine(BaseModel):
    """One wine: all thirteen fields, strict numbers, no other field. The ranges are the data's, with a margin."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [EXAMPLES[0]]},
    )

    alcohol: Annotated[float, Field(ge=5, le=20, description="Alcohol.", json_schema_extra={"unit": "% vol"})]
    malic_acid: Annotated[float, Field(ge=0, le=10, description="Malic acid.")]
    ash: Annotated[float, Field(ge=0, le=6, description="Ash.")]
    alcalinity_of_ash: Annotated[float, Field(ge=0, le=50, description="Alcalinity of the ash.")]
    magnesium: Annotated[float, Field(ge=0, le=300, description="Magnesium.")]
    total_phenols: Annotated[float, Field(ge=0, le=8, description="Total phenols.")]
    flavanoids: Annotated[float, Field(ge=0, le=10, description="Flavanoids.")]
    nonflavanoid_phenols: Annotated[float, Field(ge=0, le=2, description="Nonflavanoid phenols.")]
    proanthocyanins: Annotated[float, Field(ge=0, le=8, description="Proanthocyanins.")]
    color_intensity: Annotated[float, Field(ge=0, le=25, description="Color intensity.")]
    hue: Annotated[float, Field(ge=0, le=3, description="Hue.")]
    od280_od315_of_diluted_wines: Annotated[float, Field(ge=0, le=8, description="OD280/OD315 of diluted wines.")]
    proline: Annotated[float, Field(ge=0, le=3000, description="Proline.")]


Penguin = Wine  # The name that the rest of the project imports.
