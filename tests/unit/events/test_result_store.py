"""Which metadata makes an object a result of ours; tests/integration/test_result_store.py writes to a real bucket."""

import pytest

from predictor.events.result_store import ResultTag
from predictor.prediction import ModelIdentity

TAG = ResultTag("gs://birds-in/birds.csv", 17, ModelIdentity("v1", "sha256:" + "0" * 64))


def test_a_tag_survives_its_way_through_metadata() -> None:
    metadata = TAG.as_metadata()
    assert all(isinstance(value, str) for value in metadata.values())  # Cloud Storage keeps nothing else.
    assert ResultTag.from_metadata(metadata) == TAG
    assert ResultTag.from_metadata({**metadata, "added-by": "somebody"}) == TAG


def test_an_object_without_metadata_is_no_result() -> None:
    assert ResultTag.from_metadata(None) is None
    assert ResultTag.from_metadata({}) is None


@pytest.mark.parametrize("name", ["source", "source-generation", "model-digest", "model-version"])
def test_every_part_of_the_tag_is_needed(name: str) -> None:
    metadata = {key: value for key, value in TAG.as_metadata().items() if key != name}
    assert ResultTag.from_metadata(metadata) is None


def test_a_generation_that_is_no_number_is_not_ours() -> None:
    assert ResultTag.from_metadata({**TAG.as_metadata(), "source-generation": "newest"}) is None
