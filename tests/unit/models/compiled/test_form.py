"""`compiled.json`: what is read back is what was written, and anything else is refused with a sentence."""

import json
from typing import Any

import pytest

from predictor.errors import UnloadableModel
from predictor.models.compiled import (
    ColumnSplits,
    Form,
    LinearForm,
    Member,
    TreesForm,
    form_from_bytes,
    form_to_bytes,
)

COLUMNS = ("bill_length_mm", "sex_male")

LINEAR = LinearForm(columns=COLUMNS, weights=((0.5, -0.5), (1.0, 2.0)), intercepts=(0.1, 0.2))
TREES = TreesForm(
    columns=(
        ColumnSplits(column="bill_length_mm", thresholds=(40.0, 45.5), splits=(((0, 0, 1),), ((1, 0, 1),))),
        ColumnSplits(column="sex_male", thresholds=(0.5,), splits=(((0, 1, 2),),)),
    ),
    members=(
        Member(
            weight=1.0,
            base=(0.0, 0.0),
            link="none",
            separate=False,
            trees=(((0.5, 0.0), (0.25, 0.25), (0.0, 0.5)), ((0.1, 0.4), (0.4, 0.1))),
        ),
    ),
)


def read(data: bytes) -> Form:
    return form_from_bytes(data, 2)


@pytest.mark.parametrize("form", [LINEAR, TREES], ids=["linear", "trees"])
def test_a_form_is_read_back_as_it_was_written(form: Form) -> None:
    assert read(form_to_bytes(form)) == form


@pytest.mark.parametrize(
    ("calibration", "link"),
    [
        ([[2.0, -1.0], [2.0, -1.0]], "shares"),  # As in files of versions that knew no curves.
        ([[[0.0, 0.0], [1.0, 1.0]], [[0.5, 0.5]]], "normalized"),
        ([[[0.0, 0.0], [1.0, 1.0]]], "normalized"),
    ],
    ids=["lines", "curves", "one-curve"],
)
def test_a_calibration_is_lines_or_curves(calibration: list[Any], link: str) -> None:
    document = json.loads(form_to_bytes(TREES))
    document["members"][0] |= {"calibration": calibration, "calibration_link": link}
    form = read(json.dumps(document).encode())
    assert json.loads(form_to_bytes(form)) == document


def changed(form: Form, *path: Any, to: Any) -> bytes:
    document = json.loads(form_to_bytes(form))
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = to
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "JSON", id="empty"),
        pytest.param(form_to_bytes(TREES)[:-20], "JSON", id="cut"),
        pytest.param(b"\x08\x07", "JSON", id="protobuf"),
        pytest.param(b"[]", "", id="a-list"),
        pytest.param(b"{}", "no JSON document that begins with a form", id="nothing"),
        pytest.param(changed(LINEAR, "form", to="quadratic"), "its form is quadratic", id="another-form"),
        pytest.param(changed(LINEAR, "schema_version", to=2), "schema_version", id="another-version"),
        pytest.param(changed(LINEAR, "extra", to=2), "extra", id="an-unknown-field"),
        pytest.param(changed(LINEAR, "weights", 0, to=[1.0]), "number per class", id="a-row-too-short"),
        pytest.param(changed(LINEAR, "weights", to=[[1.0, 1.0]]), "per column", id="a-column-too-few"),
        pytest.param(changed(LINEAR, "columns", 0, to="bill"), "no feature is called 'bill'", id="no-feature"),
        pytest.param(changed(LINEAR, "intercepts", 0, to="1"), "intercepts", id="a-string"),
        pytest.param(form_to_bytes(LINEAR).replace(b"0.1", b"NaN"), "intercepts", id="not-a-number"),
        pytest.param(form_to_bytes(LINEAR).replace(b"0.1", b"1e999"), "intercepts", id="infinite"),
        pytest.param(
            changed(TREES, "members", 0, "calibration", to=[[[0.5, 0.0], [0.5, 1.0]]]), "rise", id="a-curve-that-jumps"
        ),
        pytest.param(
            changed(TREES, "members", 0, "calibration", to=[[1.0, 0.0]]), "of the 2 classes", id="a-line-too-few"
        ),
        pytest.param(changed(TREES, "columns", 0, "column", to="bill"), "no feature", id="an-unknown-column"),
        pytest.param(changed(TREES, "columns", 0, "column", to="sex_male"), "twice", id="a-column-twice"),
        pytest.param(changed(TREES, "columns", 0, "thresholds", to=[45.5, 40.0]), "rise", id="thresholds-that-fall"),
        pytest.param(changed(TREES, "columns", 0, "thresholds", to=[40.0]), "per threshold", id="a-threshold-too-few"),
        pytest.param(changed(TREES, "columns", 0, "splits", 0, 0, to=[7, 0, 1]), "no tree", id="of-no-tree"),
        pytest.param(changed(TREES, "columns", 0, "splits", 0, 0, to=[0, 1, 3]), "no leaves", id="of-no-leaves"),
        pytest.param(changed(TREES, "columns", 0, "splits", 0, 0, to=[0, -1, 1]), "splits", id="a-negative-leaf"),
        pytest.param(changed(TREES, "members", 0, "link", to="tanh"), "link", id="an-unknown-link"),
        pytest.param(changed(TREES, "members", 0, "link", to="sigmoid"), "classes", id="a-link-that-does-not-fit"),
        pytest.param(changed(TREES, "members", 0, "trees", 0, 0, to=[0.5]), "leaf", id="a-leaf-too-short"),
        pytest.param(changed(TREES, "members", 0, "trees", 0, to=[[0.0, 1.0]] * 65), "trees", id="65-leaves"),
        pytest.param(changed(TREES, "members", to=[]), "members", id="no-members"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(UnloadableModel, match=rf"compiled\.json.*{sentence}"):
        read(data)


def test_damage_is_never_an_accident() -> None:
    data = form_to_bytes(TREES)
    for place in range(len(data)):
        for byte in (b"0", b"]", b"\xff", b'"'):
            try:
                read(data[:place] + byte + data[place + 1 :])
            except UnloadableModel:
                continue
