"""The simulations of `make bench-drift`: many looks at once are decided as one look is, and the page is written."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift_population import Population
from benchmarks.drift_service import Service
from predictor.drift.decision import decide
from predictor.penguin import SPECIES
from predictor.training.dataset import Dataset, load_penguins

PER_HOUR = 40


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="module")
def population(dataset: Dataset) -> Population:
    return Population(dataset)


def test_hours_are_decided_together_as_each_alone(population: Population) -> None:
    random = np.random.default_rng(5)
    service = Service(population.draw(333, random))
    birds = population.draw(3 * PER_HOUR, random)
    measurements, mix = drift.hours(service, birds, PER_HOUR)
    for hour in range(3):
        own = np.arange(3 * PER_HOUR) // PER_HOUR == hour
        found = decide(service.count(birds.where(own)), service.baseline, 0.0)
        assert measurements[hour] / np.log(10) == pytest.approx(found.log10_e_measurements)
        assert mix[hour] / np.log(10) == pytest.approx(found.log10_e_mix)


def test_drawn_birds_have_the_data_sets_groups_and_spread(dataset: Dataset, population: Population) -> None:
    drawn = population.draw(20_000, np.random.default_rng(1))
    for place, label in enumerate(SPECIES):
        assert np.mean(drawn.species == place) == pytest.approx(population.share(label), abs=0.01)
        own = np.array([row.penguin.body_mass_g for row in dataset.rows if row.label == label])
        masses = drawn.measurements[drawn.species == place][:, -1]
        assert masses.mean() == pytest.approx(own.mean(), rel=0.01)
        assert masses.std() == pytest.approx(own.std(), rel=0.05)


def test_a_share_is_changed_in_proportion_to_the_others(population: Population) -> None:
    drawn = population.draw(20_000, np.random.default_rng(2), {"Chinstrap": 0.5})
    shares = [float(np.mean(drawn.species == place)) for place in range(len(SPECIES))]
    assert shares[1] == pytest.approx(0.5, abs=0.01)
    assert shares[0] / shares[2] == pytest.approx(population.share("Adelie") / population.share("Gentoo"), rel=0.05)


def test_the_figures_replace_those_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "drift.md"
    page.write_text(drift.PAGE.read_text())
    monkeypatch.setattr(drift, "PAGE", page)
    drift.write_document("new figures")
    drift.write_document("newer figures")
    text = page.read_text()
    assert "\n\nnewer figures\n\n" in text
    assert "new figures" not in text
    assert text.startswith("# Drift")
    assert "## What it cannot see" in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="needs the lines"):
        drift.write_document("x")
