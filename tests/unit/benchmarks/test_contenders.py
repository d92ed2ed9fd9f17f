import json
from pathlib import Path

import pytest

from benchmarks.contenders import ALL, PEERS, Contender, select
from benchmarks.contenders.base import Environment
from benchmarks.sample_penguins import sample_penguins


def test_patterns_choose_in_the_order_of_the_turns() -> None:
    assert [kind.name for kind in select(["ours*", "echo"])] == [
        "echo",
        "ours",
        "ours-eager",
        "ours-gcs",
        "ours-deployed",
        "ours-forest",
        "ours-forest-onnx",
        "ours-xgboost",
        "ours-xgboost-onnx",
        "ours-sklearn",
    ]


def test_a_pattern_that_fits_no_contender_is_an_error() -> None:
    with pytest.raises(ValueError, match="'nobody'; choose from echo, echo-pydantic, ours"):
        select(["nobody"])


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_contenders_request_is_json_of_its_penguins(kind: type[Contender], tmp_path: Path) -> None:
    contender = kind(tmp_path)
    for rows in (1, 3) if contender.batches else (1,):
        assert json.loads(contender.body(sample_penguins(rows)))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_contender_is_told_its_port(kind: type[Contender], tmp_path: Path) -> None:
    command = kind(tmp_path).command(54321)
    assert "54321" in " ".join([*command, *(path.read_text() for path in tmp_path.iterdir())])


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.name)
def test_every_peer_has_locked_requirements(kind: type[Contender]) -> None:
    assert "scikit-learn==" in kind(Path()).environment.requirements.read_text()


def test_a_change_of_requirements_is_another_environment(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x==1\n")
    before = Environment("a", tmp_path / "a.txt").folder
    (tmp_path / "a.txt").write_text("x==2\n")
    assert Environment("a", tmp_path / "a.txt").folder != before
