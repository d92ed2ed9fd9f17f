"""From a bucket or a folder to verified bytes: stores, the manifest, the bundle, and the cache of the loaded model."""

from predictor.artifacts.bundle import Bundle, fetch_bundle, fetch_file
from predictor.artifacts.cache import ModelCache
from predictor.artifacts.manifest import (
    BIGQUERY_FILE,
    COLUMNS_FILE,
    COMPILED_FILE,
    GOLDEN_FILE,
    LABEL_ENCODER_FILE,
    MANIFEST_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    ONNX_FILE,
    PICKLES,
    PIPELINE_FILE,
    REFERENCE_FILE,
    SIGNATURE_FILE,
    FileEntry,
    InputColumn,
    Manifest,
    features_of,
    one_hot_input,
)
from predictor.artifacts.open_store import newest_version, open_store
from predictor.artifacts.store import Store, StoredFile

__all__ = [
    "BIGQUERY_FILE",
    "COLUMNS_FILE",
    "COMPILED_FILE",
    "GOLDEN_FILE",
    "LABEL_ENCODER_FILE",
    "MANIFEST_FILE",
    "MODEL_CARD_FILE",
    "MODEL_FILE",
    "ONNX_FILE",
    "PICKLES",
    "PIPELINE_FILE",
    "REFERENCE_FILE",
    "SIGNATURE_FILE",
    "Bundle",
    "FileEntry",
    "InputColumn",
    "Manifest",
    "ModelCache",
    "Store",
    "StoredFile",
    "features_of",
    "fetch_bundle",
    "fetch_file",
    "newest_version",
    "one_hot_input",
    "open_store",
]
