from predictor.artifacts import Manifest
from predictor.models import LoadedModel
from predictor.web.model_info import ModelInfo, model_info
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE, PublishedBundle


def test_it_describes_what_is_served(client: Client, bundle: PublishedBundle) -> None:
    info = client.get("/model").json()
    assert info["digest"] == bundle.digest
    assert info["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert info["features"][0] == {
        "name": "bill_length_mm",
        "unit": "mm",
        "minimum": 20.0,
        "maximum": 160.0,
        "values": None,
    }
    assert [feature["name"] for feature in info["features"]] == list(EXAMPLE)


def test_a_category_has_values_and_no_range(model: LoadedModel) -> None:
    sex = next(feature for feature in model_info(model)["features"] if feature["name"] == "sex")
    assert sex == {"name": "sex", "unit": None, "minimum": None, "maximum": None, "values": ["male", "female"]}


def test_everything_else_comes_from_the_manifest(model: LoadedModel, bundle: PublishedBundle) -> None:
    manifest = Manifest.from_bytes((bundle.folder / "manifest.json").read_bytes(), bundle.digest)
    info = ModelInfo.model_validate(model_info(model))
    for name in ("name", "version", "created", "metrics", "libraries", "training_data_sha256"):
        assert getattr(info, name) == getattr(manifest, name), name
    assert info.engine == "onnx"
