from types import MappingProxyType

import pytest

from predictor.artifacts import Bundle, Manifest
from predictor.digest import digest_of
from tests.support.bundles import PublishedBundle, publish_by_hand


@pytest.fixture(scope="session")
def linear_bundle(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    """The model of `bundle`, and its compiled form."""
    return publish_by_hand(tmp_path_factory.mktemp("linear"), linear=True)


def read_bundle(bundle: PublishedBundle, files: dict[str, bytes] | None = None, **changes: object) -> Bundle:
    """The bundle with other files, or other fields in its manifest: what verification would refuse, for later steps."""
    contents = {file.name: file.read_bytes() for file in bundle.folder.iterdir()} | (files or {})
    manifest = Manifest.from_bytes(contents["manifest.json"], None).model_copy(update=changes)
    return Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(contents))
