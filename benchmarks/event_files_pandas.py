"""The contenders of `benchmarks.event_files`: pandas in chunks and the published scikit-learn model.

All read the object through the storage client's own file (`blob.open("rb")`), encode with `get_dummies` and `reindex`
as the predecessor did, and write one JSON line per row with pandas' own `to_json`: flat, with the same facts as our
nested line (row, prediction, probability, one probability per class, model version and digest, error).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from pydantic import ValidationError

from predictor.artifacts.gcs_client import new_client
from predictor.artifacts.manifest import Manifest, digest_of
from predictor.penguin import CATEGORIES, FEATURES, MEASUREMENTS, RANGES, Penguin

CHUNK_ROWS: Final = 50_000
ARTIFACTS: Final = Path(__file__).resolve().parent.parent / "artifacts"

Validate = Callable[[pd.DataFrame], tuple[pd.DataFrame, "pd.Series[Any]"]]


def by_columns(chunk: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Typed columns, and for each row a sentence that names every violation, empty if there is none."""
    typed = pd.DataFrame(index=chunk.index)
    errors = pd.Series("", index=chunk.index, dtype=object)
    for name in MEASUREMENTS:
        low, high = RANGES[name]
        typed[name] = pd.to_numeric(chunk[name], errors="coerce")
        outside = ~typed[name].between(low, high)
        if outside.any():
            missing = chunk[name].isna()
            errors[outside & ~missing] += f"{name}: Must be a number from {low:g} to {high:g}; "
            errors[missing] += f"{name}: Is required; "
    for name, allowed in CATEGORIES.items():
        typed[name] = chunk[name]
        unknown = ~chunk[name].isin(allowed)
        if unknown.any():
            missing = chunk[name].isna()
            errors[unknown & ~missing] += f"{name}: Must be one of {', '.join(allowed)}; "
            errors[missing] += f"{name}: Is required; "
    return typed, errors


def by_pydantic(chunk: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """As `by_columns`, every row through the project's own model."""
    typed = chunk[list(FEATURES)].copy()
    for name in MEASUREMENTS:
        typed[name] = pd.to_numeric(chunk[name], errors="coerce")
    errors = []
    for row in typed.astype(object).where(typed.notna(), None).to_dict("records"):
        try:
            Penguin.model_validate(row)
            errors.append("")
        except ValidationError as error:
            errors.append("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors(include_url=False)))
    return typed, pd.Series(errors, index=chunk.index, dtype=object)


def not_at_all(chunk: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Only what would make scikit-learn fail is left out."""
    typed = chunk[list(FEATURES)].copy()
    for name in MEASUREMENTS:
        typed[name] = pd.to_numeric(chunk[name], errors="coerce")
    return typed, pd.Series(np.where(typed.isna().any(axis=1), "incomplete", ""), index=chunk.index, dtype=object)


VALIDATIONS: Final[dict[str, Validate]] = {
    "pandas, validated": by_columns,
    "pandas + pydantic": by_pydantic,
    "pandas, not validated": not_at_all,
}


def prepare(contender: str, result: str) -> Callable[[], dict[str, Any]]:
    validate = VALIDATIONS[contender]
    folder = max(path.parent for path in ARTIFACTS.glob("*/manifest.json"))
    estimator, encoder, columns = (joblib.load(folder / f"{n}.pkl") for n in ("model", "label_encoder", "columns"))
    manifest_bytes = (folder / "manifest.json").read_bytes()
    identity = (Manifest.from_bytes(manifest_bytes, None).version, digest_of(manifest_bytes))
    classes = np.asarray(encoder.inverse_transform(estimator.classes_))
    client = new_client()

    def score(chunk: pd.DataFrame) -> pd.DataFrame:
        typed, errors = validate(chunk)
        good = typed[errors == ""]
        encoded = pd.get_dummies(good, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)
        probabilities = estimator.predict_proba(encoded)
        answers = pd.DataFrame(probabilities, columns=[f"probability_{name}" for name in classes], index=good.index)
        answers.insert(0, "probability", probabilities.max(axis=1))
        answers.insert(0, "prediction", classes[probabilities.argmax(axis=1)])
        answers = answers.reindex(chunk.index)
        answers.insert(0, "row", chunk.index + 1)
        answers["model_version"], answers["model_digest"] = identity
        answers["error"] = errors
        return answers

    def run() -> dict[str, Any]:
        rows = rejected = 0
        written = client.bucket("results").blob(f"{result}.ndjson")
        source = client.bucket("uploads").get_blob("birds.csv")
        with (
            source.open("rb", chunk_size=4 << 20) as lines,
            written.open("w", chunk_size=8 << 20, encoding="utf-8") as out,
        ):
            for chunk in pd.read_csv(lines, chunksize=CHUNK_ROWS):
                answers = score(chunk)
                answers.to_json(out, orient="records", lines=True, double_precision=15)
                rows += len(answers)
                rejected += int((answers["error"] != "").sum())
        written.reload()
        done = {"rows": rows, "rejected_rows": rejected, "written_mb": (written.size or 0) / 1e6}
        written.delete()
        return done

    return run
