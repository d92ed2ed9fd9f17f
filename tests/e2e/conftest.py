"""Fixtures of the deployment tests: a fake project, deploy.sh against it, and real functions to be its revisions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.gcloud import Deployment, gcloud_env
from tests.support.gcp import FakeCloud
from tests.support.gcs import GcsServer
from tests.support.processes import FunctionProcess
from tests.support.programs import require_program


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    fake = FakeCloud()
    yield fake
    fake.stop()


@pytest.fixture
def deployment(cloud: FakeCloud, gcs_server: GcsServer, tmp_path: Path) -> Deployment:
    """deploy.sh with nothing set but the project, patient with a slow machine and not waiting for Cloud Monitoring."""
    require_program("gcloud")
    require_program("curl")
    cloud.objects = gcs_server.url
    env = {**gcloud_env(cloud, tmp_path / "gcloud"), "STORAGE_EMULATOR_HOST": gcs_server.url}
    return Deployment(
        cloud,
        tmp_path,
        env,
        {"PROJECT_ID": cloud.project, "STEP_WAIT_S": "0", "SMOKE_WAIT_S": "0", "SMOKE_P95_MS": "5000"},
    )


@dataclass(frozen=True)
class ServedModel:
    """A model in a bucket, and a real function that serves it."""

    bucket: str
    bundle: PublishedBundle
    url: str

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/penguins/{self.bundle.folder.name}"

    @property
    def settings(self) -> dict[str, str]:
        return {"BUCKET": self.bucket, "MODEL_URI": self.uri, "MODEL_DIGEST": self.bundle.digest}


def _serve(gcs: GcsServer, folder: Path, seed: int) -> Iterator[ServedModel]:
    bundle = publish_by_hand(folder, seed=seed)
    bucket = f"models-{seed}"
    gcs.create_bucket(bucket)
    for file in bundle.folder.iterdir():
        gcs.put(bucket, f"penguins/{bundle.folder.name}/{file.name}", file.read_bytes())
    function = FunctionProcess(bundle.env, log_file=folder / "function.log").wait_until_up()
    yield ServedModel(bucket, bundle, function.url)
    function.stop()


@pytest.fixture(scope="session")
def blue_model(gcs_server: GcsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedModel]:
    yield from _serve(gcs_server, tmp_path_factory.mktemp("blue"), 101)


@pytest.fixture(scope="session")
def green_model(gcs_server: GcsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedModel]:
    yield from _serve(gcs_server, tmp_path_factory.mktemp("green"), 102)
