from collections import Counter
from pathlib import Path

import pytest

from predictor.errors import DigestMismatch
from predictor.training.dataset import DATA_FILE, Dataset, load


def test_there_are_344_rows_of_which_333_are_complete_birds(dataset: Dataset) -> None:
    assert (len(dataset.birds), len(dataset.incomplete)) == (333, 11)
    rows = [bird.row for bird in dataset.birds] + [bird.row for bird in dataset.incomplete]
    assert sorted(rows) == list(range(1, 345))


def test_species_and_years_are_as_published(dataset: Dataset) -> None:
    # Counts of complete birds by species: Horst, Hill & Gorman 2020.
    assert Counter(dataset.species) == {"Adelie": 146, "Gentoo": 119, "Chinstrap": 68}
    assert {bird.year for bird in dataset.birds} == {2007, 2008, 2009}


def test_an_incomplete_row_says_what_it_lacks(dataset: Dataset) -> None:
    codes = {violation.code for bird in dataset.incomplete for violation in bird.violations}
    assert codes == {"missing"}
    assert Counter(len(bird.violations) for bird in dataset.incomplete) == {1: 9, 5: 2}


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "penguins.csv"
    changed.write_bytes(DATA_FILE.read_bytes().replace(b"39.1", b"39.2", 1))
    with pytest.raises(DigestMismatch) as caught:
        load(changed)
    assert caught.value.file == "penguins.csv"
    assert caught.value.expected != caught.value.actual
