import io
import json
from dataclasses import replace

import orjson
import pytest

from predictor.artifacts import open_store
from predictor.beam import Part, score_part
from predictor.bulk import score_stream
from predictor.models import LoadedModel, load_model
from predictor.schema import FEATURES
from tests.support.bundles import EXAMPLE, PublishedBundle

CSV = ",".join(FEATURES).encode() + b"\n39.1,18.7,181,3750,male,Torgersen\n39.1,,181,3750,male,Torgersen\n"
NDJSON = b"%s\n{}\n" % orjson.dumps(EXAMPLE)


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(open_store(str(bundle.folder)), pin=bundle.digest, choice="auto", deadline=float("inf"))


@pytest.mark.parametrize(("data", "ending"), [(CSV, "csv"), (NDJSON, "ndjson")])
def test_the_answers_are_those_of_predict(model: LoadedModel, data: bytes, ending: str) -> None:
    expected: list[bytes] = []
    score_stream(model, io.BytesIO(data), expected.append)
    scored = score_part(model, Part("in", "out", data))
    assert scored.answers == b"".join(expected)
    assert (scored.name, scored.rows, scored.invalid, scored.unusable) == (f"out.{ending}", 2, 1, None)


def test_a_reject_says_which_row_it_is_and_what_is_wrong(model: LoadedModel) -> None:
    (reject,) = score_part(model, Part("in.csv", "out", CSV)).rejects.splitlines()
    document = json.loads(reject)
    assert (document["file"], document["answers"], document["row"]) == ("in.csv", "out.csv", 2)
    assert document["error"]["errors"] == [{"pointer": "/bill_depth_mm", "code": "missing", "message": "Is required."}]


def test_a_part_that_cannot_be_used_is_one_reject(model: LoadedModel) -> None:
    scored = score_part(model, Part("in.csv", "out", b"a,b\n1,2\n"))
    assert (scored.answers, scored.rows) == (b"", 0)
    assert scored.unusable is not None
    assert scored.unusable.startswith("the header lacks bill_length_mm")
    assert json.loads(scored.rejects) == {
        "file": "in.csv",
        "answers": None,
        "row": None,
        "error": {"detail": scored.unusable, "errors": []},
    }
    broken = Part("in.csv", "out", b"", unusable="it broke off")
    assert score_part(model, broken).unusable == "it broke off"


def test_only_a_whole_file_needs_rows(model: LoadedModel) -> None:
    header = Part("in.csv", "out", CSV.splitlines(keepends=True)[0])
    assert score_part(model, header).unusable is not None
    scored = score_part(model, replace(header, alone=False))
    assert (scored.answers, scored.rejects, scored.unusable) == (b"", b"", None)


def test_a_cut_inside_a_cell_is_noticed(model: LoadedModel) -> None:
    note = b"a note,%b\n" % ",".join(FEATURES).encode()
    part = Part("in.csv", "out", note + b'"its first line\n', alone=False)
    assert "is not CSV" in (score_part(model, part).unusable or "")
