import pytest

from predictor.operations.agreement import choose_penguins
from predictor.training.dataset import load

BIRDS = load().penguins


def test_the_same_seed_chooses_the_same_penguins_and_another_does_not() -> None:
    assert choose_penguins(BIRDS, 500, 1) == choose_penguins(BIRDS, 500, 1)
    assert choose_penguins(BIRDS, 500, 1) != choose_penguins(BIRDS, 500, 2)


@pytest.mark.parametrize("count", [1, 333, 334, 1000])
def test_as_many_as_asked_for_are_chosen(count: int) -> None:
    assert len(choose_penguins(BIRDS, count, 0)) == count


def test_all_real_birds_come_before_random_ones() -> None:
    chosen = choose_penguins(BIRDS, len(BIRDS) + 10, 3)
    assert {repr(bird) for bird in chosen[: len(BIRDS)]} == {repr(bird) for bird in BIRDS}
    assert not {repr(bird) for bird in chosen[len(BIRDS) :]} & {repr(bird) for bird in BIRDS}


def test_every_second_random_one_lies_among_the_real_birds() -> None:
    longest = max(bird.bill_length_mm for bird in BIRDS)
    added = choose_penguins(BIRDS, len(BIRDS) + 200, 4)[len(BIRDS) :]
    assert all(bird.bill_length_mm <= longest for bird in added[::2])
    assert any(bird.bill_length_mm > longest for bird in added[1::2])
