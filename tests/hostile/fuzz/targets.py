"""What is fuzzed: each target parses bytes, and may raise only the errors that say what is wrong with them."""

import contextlib
import io
import json
from collections.abc import Callable
from typing import Final

from predictor.artifacts.manifest import Manifest
from predictor.batch import Batch
from predictor.batch_decoding import decode_valid_batch
from predictor.bulk.lines import Blocks
from predictor.bulk.ndjson import Documents
from predictor.bulk.source import open_source
from predictor.bulk.table import Table
from predictor.decoding import Rows, decode, decode_valid
from predictor.errors import NotAnEvent, PredictorError
from predictor.events import envelopes
from predictor.events.notifications import notification_in
from predictor.models.compiled import form_from_bytes
from predictor.models.golden import Golden
from predictor.penguin import SPECIES, Penguin
from predictor.record_schema import ALL_FEATURES
from predictor.schema import COMBINATIONS
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference
from predictor.web.protocols.scorer import array_in, parse_object
from predictor.web.protocols.tensors import read_tensors
from predictor.web.protocols.v2_columns import batch_of, check_rows

Target = Callable[[bytes], None]


def _decode(data: bytes) -> None:
    """Both paths of single birds and of batches give the same verdict."""
    fast = decode_valid(data)
    valid_batch = decode_valid_batch(data, 20)
    try:
        slow: Penguin | Rows | None = decode(data, max_instances=20)
    except PredictorError:
        slow = None
    if fast is not None:
        assert fast == slow
    if valid_batch is not None:
        assert isinstance(slow, Rows)
        assert len(Batch.of(slow, slow.ids).errors) == 0


def _envelopes(data: bytes) -> None:
    """The first line holds the headers, as a JSON object of strings; the rest is the body."""
    first, _, body = data.partition(b"\n")
    try:
        found = json.loads(first)
        headers = {str(name).lower(): str(value) for name, value in found.items()}
    except (ValueError, AttributeError, RecursionError):
        headers = {"content-type": "application/json"}
        body = data
    with contextlib.suppress(NotAnEvent):
        notification_in(envelopes.decode(headers, body))


def _csv(data: bytes) -> None:
    with contextlib.suppress(PredictorError):
        for chunk in Table(Blocks(open_source(io.BytesIO(data), max_unzipped_bytes=10**6).stream)):
            assert len(chunk.batch) > 0


def _ndjson(data: bytes) -> None:
    with contextlib.suppress(PredictorError):
        for chunk in Documents(Blocks(open_source(io.BytesIO(data), max_unzipped_bytes=10**6).stream)):
            assert len(chunk.batch) > 0


def _manifest(data: bytes) -> None:
    try:
        manifest = Manifest.from_bytes(data, None)
    except PredictorError:
        return
    assert Manifest.from_bytes(manifest.to_bytes(), None) == manifest


def _golden(data: bytes) -> None:
    with contextlib.suppress(PredictorError):
        Golden.from_bytes(data)


def _compiled(data: bytes) -> None:
    with contextlib.suppress(PredictorError):
        form_from_bytes(data, 3)


def _tensors(data: bytes) -> None:
    """The first line is the JSON of a request, the rest its binary data."""
    header, _, binary = data.partition(b"\n")
    with contextlib.suppress(PredictorError):
        tensors = read_tensors(array_in(parse_object(header), "inputs"), binary)
        batch = batch_of(tensors, ALL_FEATURES, 20)
        check_rows(tensors, ALL_FEATURES, batch.errors)
        assert not batch.errors


def _reference(data: bytes) -> None:
    """What can be loaded can assess any bird."""
    with contextlib.suppress(PredictorError):
        assessor = Assessor(Reference.from_bytes(data), SPECIES)
        for categories in COMBINATIONS:
            assessor.assess([46.0, 15.0, 210.0, 4500.0], categories, [0.5, 0.3, 0.2])


TARGETS: Final[dict[str, Target]] = {
    "decode": _decode,
    "envelopes": _envelopes,
    "csv": _csv,
    "ndjson": _ndjson,
    "manifest": _manifest,
    "golden": _golden,
    "compiled": _compiled,
    "reference": _reference,
    "tensors": _tensors,
}
