import json
from pathlib import Path

import pytest

from benchmarks import contenders
from benchmarks.contenders import ALL, PEERS, select
from benchmarks.environments import Environment
from benchmarks.flock import birds


def test_patterns_choose_in_the_order_of_the_turns() -> None:
    assert [kind.name for kind in select(["ours*", "echo"])] == [
        "echo",
        "ours",
        "ours-eager",
        "ours-gcs",
        "ours-forest",
        "ours-sklearn",
    ]


def test_a_pattern_that_fits_nobody_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody"):
        select(["nobody"])


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_contenders_request_is_json_of_its_birds(kind: type[contenders.Contender], tmp_path: Path) -> None:
    contender = kind(tmp_path)
    for rows in (1, 3) if contender.batches else (1,):
        assert json.loads(contender.body(birds(rows)))


def test_every_peer_has_locked_requirements() -> None:
    for kind in ALL:
        if kind.name in PEERS:
            assert "scikit-learn==" in kind(Path()).environment.requirements.read_text()


def test_a_change_of_requirements_is_another_environment(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x==1\n")
    before = Environment("a", tmp_path / "a.txt").folder
    (tmp_path / "a.txt").write_text("x==2\n")
    assert Environment("a", tmp_path / "a.txt").folder != before


def test_the_flock_starts_again_after_its_last_bird() -> None:
    many = birds(1000)
    assert many[0] == many[333]
    assert all(len(bird) == 6 for bird in many)
