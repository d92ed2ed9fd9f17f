"""`GET /model`: the manifest in use, as a document for people and programs."""

from collections.abc import Sequence
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, WithJsonSchema

from predictor.digest import Digest
from predictor.models import LoadedModel
from predictor.prediction import EngineName
from predictor.schema import CATEGORIES, RANGES, UNITS

OpenEngineName = Annotated[EngineName, WithJsonSchema({"type": "string", "examples": [*get_args(EngineName)]})]
"""A text for callers: there may be more engines one day."""


class Feature(BaseModel):
    """One input: a measurement with its unit and range, or a category with its values."""

    name: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: list[str] | None = None


class ReferenceInfo(BaseModel):
    """The labelled rows that answers are assessed against."""

    rows: int
    sha256: Annotated[str, Field(description="Of the file with the rows.")]
    threshold: Annotated[
        float,
        Field(
            description="A row with a smaller p-value is not in distribution."
            " About this share of rows like the reference has one."
        ),
    ]
    unsure_below: Annotated[float, Field(description="A probability below this is a reason to abstain.")]
    coverage: Annotated[float, Field(description="Of prediction sets, where nothing else is asked for.")]
    max_coverage: Annotated[float | None, Field(description="The largest coverage that may be asked for.")]
    without_sets: Annotated[str | None, Field(description="Why there are no prediction sets.")]
    counts: Annotated[dict[str, int], Field(description="Rows by class.")]


class ModelInfo(BaseModel):
    """The model that answers."""

    name: str
    version: str
    digest: Annotated[Digest, Field(description="sha256 of the manifest: the model's identity.")]
    engine: OpenEngineName
    created: str
    classes: list[str]
    features: Annotated[list[Feature], Field(description="What a record must hold.")]
    metrics: Annotated[dict[str, float], Field(description="The model card says how, and on which rows.")]
    libraries: dict[str, str]
    training_data_sha256: str | None
    reference: Annotated[ReferenceInfo | None, Field(description="Null for a model without one.")]


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
        features=_features(manifest.features),
        metrics=manifest.metrics,
        libraries=manifest.libraries,
        training_data_sha256=manifest.training_data_sha256,
        reference=_reference(model),
    )
    return info.model_dump()


def _reference(model: LoadedModel) -> ReferenceInfo | None:
    assessor = model.assessor()
    if assessor is None:
        return None
    reference = assessor.reference
    return ReferenceInfo(
        rows=reference.rows,
        sha256=reference.sha256,
        threshold=reference.threshold,
        unsure_below=reference.unsure_below,
        coverage=reference.coverage,
        max_coverage=None if reference.sets is None else reference.sets.max_coverage,
        without_sets=reference.without_sets,
        counts=reference.label_counts(),
    )


def _features(names: Sequence[str]) -> list[Feature]:
    found = []
    for name in names:
        if name in CATEGORIES:
            found.append(Feature(name=name, values=list(CATEGORIES[name])))
        else:
            low, high = RANGES[name]
            found.append(Feature(name=name, unit=UNITS[name], minimum=low, maximum=high))
    return found
