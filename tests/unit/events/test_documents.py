"""What is published: ids that the same message always gets, and documents that leave out what is not there."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from predictor.events.documents import (
    NAMESPACE,
    ModelReference,
    Probabilities,
    ResultMessage,
    RowError,
    ScoredRow,
    outcome_id,
)
from predictor.penguin import SPECIES

DIGEST = "sha256:" + "0" * 64
PROBABILITIES = Probabilities.model_validate({"Adelie": 0.75, "Gentoo": 0.25})
RESULT = ResultMessage(
    id=outcome_id("//source", "1"),
    source="//source",
    message_id="1",
    model=ModelReference(version="v1", digest=DIGEST),
    rows=2,
    rejected_rows=1,
    predictions=[
        ScoredRow(row=0, prediction="Adelie", probability=0.75, probabilities=PROBABILITIES),
        ScoredRow(row=1, error=RowError(detail="Bad.", errors=[])),
    ],
)


@given(st.text(), st.text(), st.text(), st.text())
def test_two_messages_never_share_an_id(source: str, message_id: str, other_source: str, other_id: str) -> None:
    same = (source, message_id) == (other_source, other_id)
    assert (outcome_id(source, message_id) == outcome_id(other_source, other_id)) is same


def test_ids_are_part_of_the_contract() -> None:
    name = "//pubsub.googleapis.com/projects/p/subscriptions/s"
    assert outcome_id(name, "1") == "644d7e6a-bab6-5bb1-aea5-54a44c91909e"
    assert outcome_id(name, "1") == str(uuid.uuid5(NAMESPACE, f"{len(name)} {name} 1"))


def test_a_space_in_a_source_does_not_make_two_ids_equal() -> None:
    assert outcome_id("a", "b c") != outcome_id("a b", "c")


def test_what_is_not_there_is_left_out() -> None:
    document = json.loads(RESULT.to_bytes())
    assert "publish_time" not in document
    assert "object" not in document
    scored, failed = document["predictions"]
    assert list(scored["probabilities"]) == ["Adelie", "Gentoo"]
    assert set(failed) == {"row", "error"}


def test_every_species_has_a_column_and_nothing_else_has() -> None:
    assert tuple(Probabilities.model_fields) == SPECIES
    with pytest.raises(ValidationError):
        Probabilities.model_validate({"Emperor": 1.0})


@pytest.mark.parametrize("digest", ["", "0" * 64, "sha256:" + "0" * 63, DIGEST.upper(), DIGEST + "0", DIGEST + "\n"])
def test_a_model_is_named_by_a_whole_digest(digest: str) -> None:
    with pytest.raises(ValidationError):
        ModelReference(version="v1", digest=digest)
