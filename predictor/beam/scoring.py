"""One part to its answers, by the code that scores files."""

import io
from dataclasses import dataclass
from typing import Any

import orjson

from predictor.answers import error_document
from predictor.beam.formats import Format, to_ndjson, to_parquet
from predictor.beam.slices import Part
from predictor.bulk import score_stream
from predictor.errors import RowFailure, UnusableFile
from predictor.models import LoadedModel


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """The answers to a part as a file, and its rejects: one JSON line per row that has an error instead of an answer.

    `unusable`: why the part as a whole has no answers; then there is one reject, for all of it.
    """

    path: str
    name: str
    answers: bytes = b""
    rejects: bytes = b""
    rows: int = 0
    invalid: int = 0
    unusable: str | None = None


def score_part(model: LoadedModel, part: Part, file_format: Format | None = None) -> ScoredPart:
    """What `python -m predictor predict` would write for the part, in this format; None: in its own."""
    if part.unusable is not None:
        return _unusable(part, part.unusable)
    answers: list[bytes] = []
    rejected: list[tuple[int, RowFailure]] = []
    try:
        count = score_stream(
            model,
            io.BytesIO(part.data),
            answers.append,
            reject=lambda row, error: rejected.append((row, error)),
            as_csv=file_format in ("csv", "parquet"),
        )
        written = b"".join(answers)
        own_format: Format = "ndjson" if written.startswith(b"{") else "csv"
        if file_format == "parquet":
            written = to_parquet(model, part.data, written)
        elif file_format == "ndjson" and own_format == "csv":
            written = to_ndjson(model, part.data, written)
    except UnusableFile as error:
        if error.code == "no_rows" and not part.alone:
            return ScoredPart(part.path, part.name)
        return _unusable(part, str(error))
    name = f"{part.name}.{file_format or own_format}"
    rejects = [
        _line({"file": part.path, "answers": name, "row": row, **error_document(error)}) for row, error in rejected
    ]
    return ScoredPart(part.path, name, written, b"".join(rejects), count.rows, count.invalid)


def _unusable(part: Part, reason: str) -> ScoredPart:
    refusal = {"file": part.path, "answers": None, "row": None, "error": {"detail": reason, "errors": []}}
    return ScoredPart(part.path, part.name, rejects=_line(refusal), unusable=reason)


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
