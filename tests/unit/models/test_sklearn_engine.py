import pickle

import pytest
from sklearn.preprocessing import LabelEncoder

from predictor.errors import LibraryMismatch, UnloadableModel
from predictor.models.sklearn_engine import SklearnEngine, check_library
from tests.support.bundles import PublishedBundle
from tests.unit.models.conftest import read_bundle


def build(bundle: PublishedBundle, files: dict[str, bytes] | None = None, **changes: object) -> SklearnEngine:
    changed = read_bundle(bundle, files, **changes)
    return SklearnEngine(changed.files, changed.manifest)


@pytest.mark.parametrize("name", ["model.pkl", "label_encoder.pkl", "columns.pkl"])
def test_a_file_that_is_no_pickle_is_unloadable_and_named(bundle: PublishedBundle, name: str) -> None:
    with pytest.raises(UnloadableModel) as caught:
        build(bundle, {name: b"no pickle"})
    assert caught.value.file == name


def test_an_estimator_without_probabilities_is_unloadable(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match=r"model\.pkl .*not a classifier with predict_proba"):
        build(bundle, {"model.pkl": pickle.dumps(LabelEncoder())})


def test_the_version_of_scikit_learn_must_be_the_manifests(bundle: PublishedBundle) -> None:
    with pytest.raises(LibraryMismatch) as caught:
        build(bundle, libraries={"scikit-learn": "0.1"})
    assert (caught.value.library, caught.value.expected) == ("scikit-learn", "0.1")


def test_a_booster_that_the_manifest_names_must_have_its_version_too(bundle: PublishedBundle) -> None:
    from sklearn import __version__

    with pytest.raises(LibraryMismatch) as caught:
        build(bundle, libraries={"scikit-learn": __version__, "xgboost": "0.1"})
    assert (caught.value.library, caught.value.expected) == ("xgboost", "0.1")


def test_a_version_that_nobody_recorded_is_a_mismatch(bundle: PublishedBundle) -> None:
    with pytest.raises(LibraryMismatch, match="an unrecorded version"):
        check_library("scikit-learn", read_bundle(bundle, libraries={}).manifest)


def test_pickles_must_fit_the_manifest(bundle: PublishedBundle) -> None:
    with pytest.raises(UnloadableModel, match=r"columns\.pkl"):
        build(bundle, columns=("bill_length_mm",))
    with pytest.raises(UnloadableModel, match=r"label_encoder\.pkl"):
        build(bundle, classes=("a", "b", "c"))
