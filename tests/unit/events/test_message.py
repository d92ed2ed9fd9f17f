import pytest

from predictor.events.message import Message


@pytest.mark.parametrize(
    ("attributes", "content_type"),
    [
        ({}, "application/json"),
        ({"content-type": "application/x-ndjson"}, "application/x-ndjson"),
        ({"content-type": "  Application/X-NDJSON ; charset=utf-8"}, "application/x-ndjson"),
        ({"content-type": ""}, ""),
        ({"Content-Type": "text/csv"}, "application/json"),
    ],
)
def test_the_content_type_is_an_attribute_without_its_parameters(attributes: dict[str, str], content_type: str) -> None:
    assert Message("1", "//source", b"", attributes).content_type == content_type
