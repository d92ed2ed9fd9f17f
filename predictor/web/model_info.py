"""`GET /model`: the manifest in use, as a document for people and programs."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from predictor.digest import Digest
from predictor.models import LoadedModel
from predictor.prediction import EngineName
from predictor.schema import CATEGORIES, RANGES, UNITS


class Feature(BaseModel):
    """One input: a measurement with its unit and range, or a category with its values."""

    name: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: list[str] | None = None


class ModelInfo(BaseModel):
    """The model that answers."""

    name: str
    version: str
    digest: Annotated[Digest, Field(description="sha256 of the manifest: the model's identity.")]
    engine: EngineName
    created: str
    classes: list[str]
    features: list[Feature]
    metrics: dict[str, float]
    libraries: dict[str, str]
    training_data_sha256: str | None


def model_info(model: LoadedModel) -> dict[str, Any]:
    """The document for a loaded model; its fields are `ModelInfo`'s."""
    manifest = model.manifest
    info = ModelInfo(
        name=manifest.name,
        version=manifest.version,
        digest=model.identity.digest,
        engine=model.engine.name,
        created=manifest.created,
        classes=list(manifest.classes),
        features=_features(),
        metrics=manifest.metrics,
        libraries=manifest.libraries,
        training_data_sha256=manifest.training_data_sha256,
    )
    return info.model_dump()


def _features() -> list[Feature]:
    measurements = [
        Feature(name=name, unit=UNITS[name], minimum=low, maximum=high) for name, (low, high) in RANGES.items()
    ]
    return measurements + [Feature(name=name, values=list(values)) for name, values in CATEGORIES.items()]
