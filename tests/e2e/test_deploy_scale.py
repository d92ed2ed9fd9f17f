"""`bigquery` and `batch`: the model in service for SQL and for Dataflow."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from predictor.schema import FEATURES
from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.gcloud import Deployment, complaints
from tests.support.gcp import FakeCloud
from tests.support.gcs import GcsServer

pytestmark = pytest.mark.slow

BUCKET = "models-for-scale"
DATASET = "projects/fake-project/datasets/penguins"
CONNECTION = "projects/fake-project/locations/US/connections/penguins"


@pytest.fixture(scope="module")
def bundle(gcs_server: GcsServer, tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    bundle = publish_by_hand(tmp_path_factory.mktemp("scale"), overrides={"bigquery.onnx": b"a graph"})
    gcs_server.create_bucket(BUCKET)
    for file in bundle.folder.iterdir():
        gcs_server.put(BUCKET, f"penguins/{bundle.folder.name}/{file.name}", file.read_bytes())
    return bundle


@pytest.fixture
def uri(cloud: FakeCloud, bundle: PublishedBundle) -> str:
    """The model that the deployed function serves."""
    uri = f"gs://{BUCKET}/penguins/{bundle.folder.name}"
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI=uri, MODEL_DIGEST=bundle.digest)
    for name in (BUCKET, "birds", "answers"):
        cloud.buckets[name] = {"name": name, "projectNumber": cloud.number}
    return uri


def roles(cloud: FakeCloud, resource: str) -> dict[str, list[str]]:
    return {binding["role"]: binding["members"] for binding in cloud.policies[resource].get("bindings", [])}


def test_bigquery_gets_the_model_and_functions_and_a_second_run_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, uri: str, bundle: PublishedBundle
) -> None:
    first = deployment.run("bigquery")
    assert first.status == 0, first.stderr
    assert cloud.bigquery[DATASET]["location"] == "US"
    model = cloud.bigquery[f"{DATASET}/models/species_model"]
    assert model == {"modelType": "ONNX", "importedFrom": f"{uri}/bigquery.onnx", "description": bundle.digest}
    for name, returned, details in (("species", "STRING", "false"), ("species_details", "JSON", "true")):
        routine = cloud.bigquery[f"{DATASET}/routines/{name}"]
        assert [argument["name"] for argument in routine["arguments"]] == list(FEATURES)
        assert routine["returnType"] == {"typeKind": returned}
        assert routine["remoteFunctionOptions"] == {
            "endpoint": f"{cloud.services['predict'].url}/bigquery",
            "connection": CONNECTION,
            "userDefinedContext": {"details": details},
            "maxBatchingRows": "1000",
        }
    account = cloud.bigquery[CONNECTION]["cloudResource"]["serviceAccountId"]
    policy = f"projects/fake-project/locations/{cloud.region}/services/predict"
    assert roles(cloud, policy) == {"roles/run.invoker": [f"serviceAccount:{account}"]}
    assert len(re.findall("^SELECT ", first.stdout, re.MULTILINE)) == 3
    assert "FROM `bigquery-public-data.ml_datasets.penguins`" in first.stdout
    assert "culmen_length_mm AS bill_length_mm" in first.stdout

    count = len(cloud.mutations())
    again = deployment.run("bigquery")
    assert again.status == 0, again.stderr
    assert len(cloud.mutations()) == count
    assert again.stdout == first.stdout


@pytest.mark.usefixtures("uri")
def test_bigquery_replaces_the_model_when_another_one_is_in_service(
    cloud: FakeCloud, deployment: Deployment, bundle: PublishedBundle
) -> None:
    assert deployment.run("bigquery").status == 0
    cloud.bigquery[f"{DATASET}/models/species_model"]["description"] = "sha256:of-the-former"
    cloud.bigquery[f"{DATASET}/routines/species"]["remoteFunctionOptions"]["endpoint"] = "https://former"
    count = len(cloud.mutations())
    again = deployment.run("bigquery")
    assert again.status == 0, again.stderr
    assert [request.method for request in cloud.mutations()[count:]] == ["PUT", "POST", "PATCH"]
    assert cloud.bigquery[f"{DATASET}/models/species_model"]["description"] == bundle.digest


def test_a_model_without_that_form_is_not_imported(
    cloud: FakeCloud, deployment: Deployment, uri: str, bundle: PublishedBundle
) -> None:
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI=f"{uri}-former", MODEL_DIGEST=bundle.digest)
    cloud.services["predict"].split([{"latestRevision": True, "percent": 100}])
    outcome = deployment.run("bigquery")
    assert outcome.status == 1
    assert "was published without bigquery.onnx: publish and release it again" in outcome.last_line
    assert cloud.mutations() == []


def test_batch_starts_the_pipeline_with_an_account_of_its_own(
    cloud: FakeCloud, deployment: Deployment, uri: str, bundle: PublishedBundle, tmp_path: Path
) -> None:
    # Dataflow itself cannot be here; test_beam.py shows that Beam understands the options.
    record = tmp_path / "started"
    program = tmp_path / "python-with-beam"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{record}"\n')
    program.chmod(0o755)
    with_beam = replace(deployment, env={**deployment.env, "BEAM_PYTHON": str(program)})
    outcome = with_beam.run("batch", "gs://birds/2026/*.csv", "gs://answers/2026/", BATCH_MAX_WORKERS="3")
    assert outcome.status == 0, outcome.stderr
    given = record.read_text().splitlines()
    options = dict(zip(given[2::2], given[3::2], strict=False))
    assert given[:2] == ["-m", "predictor.beam"]
    assert (options["--input"], options["--output"]) == ("gs://birds/2026/*.csv", "gs://answers/2026")
    assert (options["--uri"], options["--digest"]) == (uri, bundle.digest)
    account = "penguin-batch@fake-project.iam.gserviceaccount.com"
    member = [f"serviceAccount:{account}"]
    assert f"--service_account_email\n{account}\n--no_use_public_ips\n--max_num_workers\n3" in record.read_text()
    assert Path(given[given.index("--extra_package") + 1]).is_file()
    assert roles(cloud, "projects/fake-project") == {"roles/dataflow.worker": member}
    assert roles(cloud, f"buckets/{BUCKET}") == {"roles/storage.objectViewer": member}
    assert roles(cloud, "buckets/birds") == {"roles/storage.objectViewer": member}
    assert roles(cloud, "buckets/answers") == {"roles/storage.objectUser": member}

    count = len(cloud.mutations())
    assert with_beam.run("batch", "gs://birds/2026/*.csv", "gs://answers/other").status == 0
    assert len(cloud.mutations()) == count

    down = with_beam.run("--yes", "down", BUCKET=BUCKET)
    assert down.status == 0, down.stderr
    assert account not in cloud.accounts
    assert not any(roles(cloud, resource) for resource in ("projects/fake-project", f"buckets/{BUCKET}"))


@pytest.mark.usefixtures("uri")
def test_a_dry_run_of_both_prints_what_gcloud_understands_and_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, tmp_path: Path
) -> None:
    outcome = deployment.run("--dry-run", "batch", "gs://birds/*.csv", "gs://answers/out")
    assert outcome.status == 0, outcome.stderr
    last = shlex.split(outcome.stdout.splitlines()[-1])
    assert last[1:3] == ["-m", "predictor.beam"]
    printed = outcome.stdout
    outcome = deployment.run("--dry-run", "bigquery")
    assert outcome.status == 0, outcome.stderr
    assert "ACCOUNT_OF_THE_CONNECTION" in outcome.stdout
    lines = [line for line in (printed + outcome.stdout).splitlines() if line.startswith("gcloud ")]
    assert len(lines) == 6
    assert complaints(lines, tmp_path / "lint") == []
    assert cloud.mutations() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gs://birds/*.csv",), "batch needs a pattern and a folder, both gs://BUCKET/..."),
        (("birds.csv", "gs://answers/out"), "batch needs a pattern and a folder, both gs://BUCKET/..."),
        (("gs://nowhere/*.csv", "gs://answers/out"), "gs://nowhere does not exist"),
    ],
)
@pytest.mark.usefixtures("uri")
def test_batch_says_what_it_needs(
    cloud: FakeCloud, deployment: Deployment, arguments: tuple[str, ...], said: str
) -> None:
    outcome = deployment.run("batch", *arguments)
    assert outcome.status in (1, 2)
    assert said in outcome.last_line
    assert cloud.mutations() == []
