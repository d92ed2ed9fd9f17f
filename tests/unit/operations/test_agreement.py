import json
from collections.abc import Sequence
from itertools import cycle, islice

import pytest

from predictor.errors import AgreementUnknown
from predictor.operations.agreement import BATCH_ROWS, Agreement, choose_penguins, compare
from predictor.operations.remote import Answer
from predictor.training.dataset import load_penguins

BIRDS = load_penguins().penguins


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


@pytest.mark.parametrize("count", [200, 201])
def test_half_of_the_random_ones_lie_among_the_real_birds_and_half_anywhere(count: int) -> None:
    longest = max(bird.bill_length_mm for bird in BIRDS)
    added = choose_penguins(BIRDS, len(BIRDS) + count, 4)[len(BIRDS) :]
    within = count - 100
    assert all(bird.bill_length_mm <= longest for bird in added[:within])
    assert sum(bird.bill_length_mm > longest for bird in added[within:]) > 50


class FakeFunction:
    """Answers with species in turn, `width` to a batch where that is set."""

    def __init__(self, url: str, species: Sequence[str], *, width: int | None = None, status: int = 200) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self._species = cycle(species)
        self._width = width
        self._status = status

    def post(self, _path: str, body: bytes) -> Answer:
        self.bodies.append(body)
        count = len(json.loads(body)["instances"]) if self._width is None else self._width
        rows: list[dict[str, object]] = [
            {"prediction": name} if name else {"error": {}} for name in islice(self._species, count)
        ]
        return Answer(self._status, {}, json.dumps({"predictions": rows}).encode(), 1.0)


def test_both_are_asked_the_same_in_batches_and_differences_are_counted() -> None:
    blue, green = FakeFunction("blue", ["Adelie"]), FakeFunction("green", ["Adelie", "Gentoo", "Adelie", "Adelie"])
    result = compare(blue, green, BIRDS[: 2 * BATCH_ROWS + 4])  # type: ignore[arg-type]  # They are no real functions.
    assert result == Agreement(2 * BATCH_ROWS + 4, BATCH_ROWS // 2 + 1)
    assert result.disagreement == pytest.approx(0.25)
    assert blue.bodies == green.bodies
    assert [len(json.loads(body)["instances"]) for body in blue.bodies] == [BATCH_ROWS, BATCH_ROWS, 4]


@pytest.mark.parametrize(
    ("green", "message"),
    [
        (FakeFunction("green", ["Adelie"], status=500), "green cannot be compared: a batch of 3 penguins gave 500."),
        (FakeFunction("green", ["Adelie"], width=2), "green cannot be compared: a batch of 3 penguins gave 200."),
        (FakeFunction("green", ["Adelie", ""]), "green cannot be compared: row 1 of a batch has no prediction."),
    ],
)
def test_a_function_without_predictions_cannot_be_compared(green: FakeFunction, message: str) -> None:
    with pytest.raises(AgreementUnknown) as caught:
        compare(FakeFunction("blue", ["Adelie"]), green, BIRDS[:3])  # type: ignore[arg-type]
    assert str(caught.value) == message
