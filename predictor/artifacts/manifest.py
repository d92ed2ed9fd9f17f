"""The manifest: what a published model consists of. Its digest is the model's identity.

`manifest.json` is written last when publishing and read first when loading; its digest is pinned outside the bucket,
so every sha256 in it can be trusted once the manifest itself has been verified.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from predictor.digest import HexSha256, digest_of
from predictor.errors import ArtifactMissing, DigestMismatch, InvalidManifest, SizeMismatch
from predictor.schema import CATEGORIES, FEATURES

MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.pkl"
LABEL_ENCODER_FILE: Final = "label_encoder.pkl"
COLUMNS_FILE: Final = "columns.pkl"
PIPELINE_FILE: Final = "pipeline.pkl"
"""An estimator that came without a label encoder and a list of columns: the manifest has what they would say."""
ONNX_FILE: Final = "model.onnx"
COMPILED_FILE: Final = "compiled.json"
BIGQUERY_FILE: Final = "bigquery.onnx"
"""For `CREATE MODEL` in BigQuery; nothing here serves with it."""
GOLDEN_FILE: Final = "golden.json"
MODEL_CARD_FILE: Final = "model_card.md"
SIGNATURE_FILE: Final = "manifest.json.sig"
"""Of the manifest; beside it, and not in it."""
REFERENCE_FILE: Final = "reference.json"
"""What the labelled rows look like (`predictor.trust`); older bundles have none."""
PICKLES: Final = (MODEL_FILE, LABEL_ENCODER_FILE, COLUMNS_FILE)
"""The three files of the replaced service, which the scikit-learn engine reads."""

SCHEMA_VERSION: Final = 2
"""Version 1 has no `input`, no `features` and no `compiled.json`; its models are one-hot encoded."""

MAX_MANIFEST_BYTES: Final = 1024 * 1024
"""The manifest is fetched before anything is known about it, so its size needs a limit of its own."""

# A version is one path segment and a valid Google Cloud label value, and sorts by the time of its creation.
Version = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Frozen):
    """One file of the bundle."""

    name: FileName
    sha256: HexSha256
    size: Annotated[int, Field(ge=0, description="bytes")]

    @property
    def digest(self) -> str:
        return f"sha256:{self.sha256}"

    @classmethod
    def describing(cls, name: str, data: bytes) -> "FileEntry":
        return cls(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))

    def check_size(self, actual: int) -> None:
        """Raise `SizeMismatch` unless `actual` (bytes) is the published size."""
        if actual != self.size:
            raise SizeMismatch(self.name, self.size, actual)

    def check(self, data: bytes) -> None:
        """Raise `SizeMismatch` or `DigestMismatch` unless `data` is the published file."""
        self.check_size(len(data))
        actual = digest_of(data)
        if actual != self.digest:
            raise DigestMismatch(self.name, self.digest, actual)


class InputColumn(_Frozen):
    """One column of the estimator's input: a measurement, a category, or one value of a category."""

    name: Annotated[str, Field(min_length=1, description="as the estimator knows it")]
    feature: Annotated[str, Field(description="the feature that it is made from")]
    value: Annotated[str | None, Field(description="a one-hot column is 1 for this value of the category")] = None
    values: Annotated[
        dict[str, str] | None, Field(description="the category's values, as the estimator spells them")
    ] = None


def one_hot_input(columns: Sequence[str]) -> tuple[InputColumn, ...]:
    """The input of a manifest without `input`: what `pandas.get_dummies` and `reindex` give."""
    values = {f"{name}_{value}": (name, value) for name, allowed in CATEGORIES.items() for value in allowed}
    found = []
    for name in columns:
        feature, value = values.get(name, (name, None))
        found.append(InputColumn(name=name, feature=feature, value=value))
    return tuple(found)


def features_of(columns: Sequence[InputColumn] | None) -> tuple[str, ...]:
    """The features that an estimator's columns are made from, in the order of FEATURES; all where they are not said."""
    taken = FEATURES if columns is None else {column.feature for column in columns}
    return tuple(name for name in FEATURES if name in taken)


class Manifest(_Frozen):
    """What is in a published folder, and where it came from."""

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    name: str
    version: Version
    created: Annotated[str, Field(description="RFC 3339, UTC")]
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1)]
    python: str
    libraries: Annotated[dict[str, str], Field(description="distribution name -> version the model was made with")]
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="in the order of the probabilities")]
    columns: Annotated[tuple[str, ...], Field(min_length=1, description="the features of the compiled forms, in order")]
    input: Annotated[tuple[InputColumn, ...] | None, Field(description="the estimator's own input, in order")] = None
    features: Annotated[tuple[str, ...], Field(min_length=1, description="what a record must hold")] = FEATURES
    metrics: dict[str, float]
    training_data_sha256: HexSha256 | None = None

    @field_validator("features")
    @classmethod
    def _known_and_in_order(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        if features != tuple(name for name in FEATURES if name in features):
            raise ValueError(f"must be some of {', '.join(FEATURES)}, in this order")
        return features

    @property
    def file_names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.files)

    @property
    def estimator_file(self) -> str | None:
        """The pickle of the estimator; None for a model that came in another format."""
        return next((name for name in (PIPELINE_FILE, MODEL_FILE) if name in self.file_names), None)

    def entry(self, name: str) -> FileEntry:
        """The entry of one file; raises `ArtifactMissing` when the manifest does not list it."""
        for entry in self.files:
            if entry.name == name:
                return entry
        raise ArtifactMissing("The manifest", name)

    def to_bytes(self) -> bytes:
        """The canonical bytes: the ones whose digest is the model's identity."""
        return (self.model_dump_json(indent=2) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, expected_digest: str | None) -> "Manifest":
        """Verify `data` against the pinned digest, then parse it; never the other way round.

        Raises `DigestMismatch`, or `InvalidManifest` when the (verified) content is not a manifest.
        """
        if expected_digest is not None:
            actual = digest_of(data)
            if actual != expected_digest:
                raise DigestMismatch(MANIFEST_FILE, expected_digest, actual)
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise InvalidManifest(f"{where}: {first['msg']}") from error
        if len(manifest.file_names) != len(manifest.files):
            raise InvalidManifest("files: a name is listed twice")
        return manifest
