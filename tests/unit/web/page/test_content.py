"""What the page knows of the domain and the model."""

import json
from dataclasses import replace

import pytest

from predictor.bootstrap import build
from predictor.models import LoadedModel
from predictor.models.compiled import compiled_engine
from predictor.penguin import PAGE_EXAMPLES, SPECIES, Penguin
from predictor.schema import CATEGORIES, FEATURES, RANGES
from predictor.settings import Settings
from predictor.training.dataset import load_penguins
from predictor.training.penguin_pipeline import fit
from predictor.web.page.content import Content, page_content
from tests.support.bundles import PublishedBundle


@pytest.fixture(scope="module")
def fitted(model: LoadedModel) -> LoadedModel:
    """A model that knows the rows of its reference: it was fitted to them."""
    dataset = load_penguins()
    return replace(model, engine=compiled_engine(fit(dataset.penguins, dataset.labels).compiled_form()))


@pytest.fixture(scope="module")
def content(fitted: LoadedModel) -> Content:
    return page_content(fitted)


def test_every_feature_has_a_field(content: Content) -> None:
    assert tuple(field.name for field in content.fields) == FEATURES
    assert [field.label for field in content.fields[:2]] == ["bill length", "bill depth"]
    for field in content.fields:
        if field.name in CATEGORIES:
            assert field.values == CATEGORIES[field.name]
        else:
            assert (field.low, field.high) == RANGES[field.name]


def test_a_slider_covers_what_is_usual_in_steps_that_get_somewhere(content: Content) -> None:
    for field in content.fields[:4]:
        low, high, step = field.slider
        assert field.low <= low < high <= field.high
        assert 50 <= (high - low) / step <= 1000


def test_there_is_an_example_of_each_class_which_the_model_knows(content: Content, fitted: LoadedModel) -> None:
    for name, (title, values) in zip(SPECIES, content.examples, strict=False):
        probabilities = fitted.engine.probabilities(Penguin.model_validate(values))
        assert title == name == fitted.manifest.classes[probabilities.index(max(probabilities))]


def test_one_example_is_between_two_classes(content: Content, fitted: LoadedModel) -> None:
    title, values = content.examples[len(SPECIES)]
    first, second = (fitted.manifest.classes.index(name) for name in title.removesuffix("?").split(" or "))
    probabilities = fitted.engine.probabilities(Penguin.model_validate(values))
    assert abs(probabilities[first] - probabilities[second]) < 0.2
    assert min(probabilities[first], probabilities[second]) > 0.3


def test_the_domain_adds_examples_of_its_own(content: Content) -> None:
    assert dict(content.examples[-2:]) == PAGE_EXAMPLES


def test_the_plots_have_every_reference_row(content: Content, model: LoadedModel) -> None:
    assessor = model.assessor()
    assert assessor is not None
    assert content.reference is not None
    data = json.loads(content.reference)
    assert content.plots == (("bill_length_mm", "bill_depth_mm"), ("flipper_length_mm", "body_mass_g"))
    counts = assessor.reference.label_counts()
    assert {label: {len(column) for column in columns.values()} for label, columns in data.items()} == {
        label: {count} for label, count in counts.items()
    }
    shown = [(label, *row) for label, columns in data.items() for row in zip(*columns.values(), strict=True)]
    assert sorted(shown) == sorted((bird.label, *bird.measurements) for bird in assessor.reference.birds)


def test_the_scripts_can_correct_every_slip(content: Content, model: LoadedModel) -> None:
    data = content.for_scripts(model, max_rows=7, tag="t")
    assert (data["maxRows"], data["reference"]) == (7, "page/t/reference.json")
    assert data["corrections"]["mm"]["it was measured in centimetres"] == 10


def test_without_a_reference_there_are_neither_plots_nor_explanations(bundle: PublishedBundle) -> None:
    model = build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)).models.get_blocking()
    plain = page_content(model)
    assert (plain.plots, plain.reference) == ((), None)
    assert [title for title, _ in plain.examples] == ["Example 1", "Example 2", *PAGE_EXAMPLES]
    assert plain.for_scripts(model, max_rows=1, tag="t")["explains"] is False
    assert plain.fields[0].slider[:2] == RANGES["bill_length_mm"]
