"""The pipeline: files matched, cut, read, scored by RunInference, and written.

Only the slices travel between workers, a few hundred bytes each; reading, scoring and writing of a part are one step of
one worker. A part's answers are written under a name that depends on its place in its file alone, and appear whole or
not at all. So a part that is scored twice, because a worker was lost, is written twice with the same bytes.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final
from uuid import uuid4

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler, RunInference

from predictor.artifacts import fetch_bundle, open_store
from predictor.beam.formats import Format
from predictor.beam.scoring import ScoredPart, score_part
from predictor.beam.slices import Part, Slice, parts_of, slices_of
from predictor.models import LoadedModel, load_model
from predictor.record_schema import RecordSchema

LOAD_TIMEOUT_S: Final = 60.0
NAMESPACE: Final = "penguin_predictor"
SUMMARY_FILE: Final = "summary.json"
REJECTS_FOLDER: Final = "rejects"


def score_files(
    pipeline: beam.Pipeline,
    *,
    pattern: str,
    output: str,
    uri: str,
    digest: str | None,
    slice_bytes: int,
    file_format: Format | None = None,
) -> None:
    """Add all steps to `pipeline`. `pattern` is a glob, `output` a folder; both may be `gs://...`.

    `file_format` is that of the answers; None: CSV for CSV and Parquet, NDJSON for NDJSON. Reads the
    model's manifest, which says what the rows must hold. Raises what `fetch_bundle` raises.
    """
    deadline = time.monotonic() + LOAD_TIMEOUT_S
    manifest = fetch_bundle(open_store(uri), pin=digest, choose=lambda _: (), deadline=deadline).manifest
    scored = (
        pipeline
        | "Match" >> beam.Create([pattern])
        | "List files" >> beam.FlatMap(list_files)
        | "Cut" >> beam.FlatMap(_cut, pattern=pattern, slice_bytes=slice_bytes, features=manifest.features)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.FlatMap(_read)
        | "Score" >> RunInference(PartScorer(uri, digest, file_format))
        | "Write" >> beam.ParDo(_Write(output))
    )
    _ = (
        scored
        | "Count" >> beam.CombineGlobally(_Summary())
        | "Write summary" >> beam.Map(_write_summary, output=output, model={"uri": uri, "digest": digest})
    )


def list_files(pattern: str) -> list[FileMetadata]:
    """The files that a glob matches; none is no error."""
    found: list[FileMetadata] = FileSystems.match([pattern])[0].metadata_list
    return found


class PartScorer(ModelHandler[Part, ScoredPart, LoadedModel]):
    """Loads the verified model once per process and scores parts with it."""

    def __init__(self, uri: str, digest: str | None, file_format: Format | None = None) -> None:
        super().__init__()
        self._file_format = file_format
        self._uri = uri
        self._digest = digest

    def load_model(self) -> LoadedModel:
        deadline = time.monotonic() + LOAD_TIMEOUT_S
        return load_model(open_store(self._uri), pin=self._digest, choice="auto", deadline=deadline)

    def run_inference(
        self, batch: Sequence[Part], model: LoadedModel, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[ScoredPart]:
        return [score_part(model, part, self._file_format) for part in batch]

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        return {"min_batch_size": 1, "max_batch_size": 1}  # A part is a batch already, of a hundred thousand rows.

    def get_num_bytes(self, batch: Sequence[Part]) -> int:
        return sum(len(part.data) for part in batch)

    def get_metrics_namespace(self) -> str:
        return NAMESPACE


def _open(path: str) -> IO[bytes]:
    # Files are unzipped by what they are, not by their names.
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)  # type: ignore[no-any-return]


def _cut(file: FileMetadata, pattern: str, slice_bytes: int, features: Sequence[str]) -> Iterator[Slice]:
    name = file.path.removeprefix(_fixed_folder(pattern))
    return slices_of(file.path, name, file.size_in_bytes, _open, slice_bytes, schema=RecordSchema(features))


def _fixed_folder(pattern: str) -> str:
    """What stands before the first wildcard, up to its last slash: below it, files keep their folders."""
    fixed = pattern[: min((pattern.find(mark) for mark in "*?[{" if mark in pattern), default=len(pattern))]
    return fixed[: fixed.rfind("/") + 1]


def _read(one: Slice) -> Iterator[Part]:
    return parts_of(one, _open)


Counted = tuple[str, int, int, str | None]
"""Of a part: its file, its rows, how many of them are invalid, and why it is unusable."""


class _Write(beam.DoFn):
    """Writes the answers and the rejects of a part, and counts."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._scored = Metrics.counter(NAMESPACE, "rows_scored")
        self._invalid = Metrics.counter(NAMESPACE, "rows_invalid")
        self._unusable = Metrics.counter(NAMESPACE, "files_unusable")

    def process(self, element: ScoredPart) -> Iterator[Counted]:
        if element.answers:
            _write(FileSystems.join(self._output, element.name), element.answers)
        if element.rejects:
            name = f"{element.name.rpartition('.')[0] if element.answers else element.name}.ndjson"
            _write(FileSystems.join(self._output, REJECTS_FOLDER, name), element.rejects)
        self._scored.inc(element.rows - element.invalid)
        self._invalid.inc(element.invalid)
        self._unusable.inc(element.unusable is not None)
        yield element.path, element.rows, element.invalid, element.unusable


def _write(path: str, data: bytes) -> None:
    """Write a file that appears whole or not at all, over one that is there."""
    if FileSystems.get_scheme(path) is not None:
        # An object in a bucket appears when it is closed.
        with closing(FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)) as stream:
            stream.write(data)
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(f"{path}.{uuid4().hex}.tmp")
    unfinished.write_bytes(data)
    unfinished.replace(path)


class _Summary(beam.CombineFn):
    """What became of each file."""

    def create_accumulator(self) -> dict[str, Any]:
        return {}

    def add_input(self, accumulator: dict[str, Any], element: Counted) -> dict[str, Any]:
        path, rows, invalid, unusable = element
        return self.merge_accumulators([accumulator, {path: {"rows": rows, "invalid": invalid, "error": unusable}}])

    def merge_accumulators(self, accumulators: Iterable[dict[str, Any]]) -> dict[str, Any]:
        first, *others = accumulators
        for other in others:
            for path, counted in other.items():
                file = first.setdefault(path, {"rows": 0, "invalid": 0, "error": None})
                file["rows"] += counted["rows"]
                file["invalid"] += counted["invalid"]
                file["error"] = file["error"] or counted["error"]
        return first

    def extract_output(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        return accumulator


def _write_summary(files: dict[str, Any], output: str, model: Mapping[str, Any]) -> None:
    document = {
        "model": model,
        "rows": sum(file["rows"] for file in files.values()),
        "invalid": sum(file["invalid"] for file in files.values()),
        "files": dict(sorted(files.items())),
    }
    _write(FileSystems.join(output, SUMMARY_FILE), json.dumps(document, indent=2).encode() + b"\n")
