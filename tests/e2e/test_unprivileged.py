"""Both functions as `nobody`, without capabilities or a home, where only /dev/shm can be written."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.events import push_document
from tests.support.processes import PROJECT, answers, free_port, wait_until
from tests.support.programs import require_program

NEEDED = sorted({str(PROJECT), sys.prefix, sys.base_prefix, str(Path(sys.prefix).resolve())})
READ_ONLY = f"""
set -e
mount --make-rprivate /
if [ "$(stat -c %a /root)" = 700 ]; then  # Nobody may not look into it, but Python may live there.
  kept=$(mktemp -d); number=0
  for place in {" ".join(NEEDED)}; do
    case $place in /root/*) mkdir "$kept/$((number += 1))"; mount --bind "$place" "$kept/$number";; esac
  done
  mount -t tmpfs -o mode=755 tmpfs /root; number=0
  for place in {" ".join(NEEDED)}; do
    case $place in /root/*) mkdir -p "$place"; mount --bind "$kept/$((number += 1))" "$place";; esac
  done
fi
awk '$5 != "/dev/shm" && $5 !~ "^/(proc|sys)" {{ print $5 }}' /proc/self/mountinfo | while read -r place; do
  mount -o remount,bind,ro "$place" 2>/dev/null || true
done
exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all --no-new-privs "$@"
"""


def _may_unshare() -> bool:
    if os.geteuid() != 0:
        return False
    command = [require_program("unshare"), "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def readable_bundle(bundle: PublishedBundle) -> Iterator[PublishedBundle]:
    """A copy where nobody may read it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy = shutil.copytree(bundle.folder, folder / bundle.folder.name)
        for path in (copy, *copy.iterdir()):
            path.chmod(0o755)
        yield PublishedBundle(copy, bundle.digest)


@pytest.fixture(params=["predict", "score"])
def function(
    request: pytest.FixtureRequest, readable_bundle: PublishedBundle, tmp_path: Path
) -> Iterator[tuple[str, str, Path]]:
    """Its target, its URL and its log."""
    require_program("setpriv")
    if not _may_unshare():
        pytest.skip("only root in a container that allows mount namespaces can make a read-only tree")
    port, log = free_port(), tmp_path / "log"
    env = {"PATH": os.environ["PATH"], **readable_bundle.env, "MODEL_LOADING": "eager"}
    command = [sys.executable, "-m", "functions_framework", "--source", str(PROJECT / "main.py")]
    command += ["--target", request.param, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", *command],
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env=env,
            start_new_session=True,
        )

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        return answers(f"http://127.0.0.1:{port}/")

    try:
        wait_until(up, "the port to open")
        yield request.param, f"http://127.0.0.1:{port}", log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def test_it_needs_no_privileges_and_writes_nowhere(function: tuple[str, str, Path]) -> None:
    target, url, log = function
    if target == "predict":
        batch = {"instances": [EXAMPLE] * 500}
        assert httpx.post(f"{url}/predict", json=EXAMPLE, timeout=30).json() == {"prediction": "Adelie"}
        assert len(httpx.post(f"{url}/predict", json=batch, timeout=30).json()["predictions"]) == 500
        assert httpx.post(f"{url}/predict", content=b"{", timeout=30).status_code == 415
        assert [httpx.get(url + path, timeout=30).status_code for path in ("/health", "/docs", "/no")] == [
            200,
            200,
            404,
        ]
    else:
        assert httpx.post(url, json=push_document(), timeout=30).status_code == 204
        assert httpx.post(url, json=push_document(b"{"), timeout=30).status_code == 204
        assert httpx.post(url, json={}, timeout=30).status_code == 400
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert "model_loaded" in events
    assert "unhandled_error" not in events  # gunicorn says, as `output`, that it has no place for a socket of its own.


def test_the_tree_is_read_only_there() -> None:
    """What the other test relies on."""
    if not _may_unshare():
        pytest.skip("only root in a container that allows mount namespaces can make a read-only tree")
    tries = "id -u; touch /tmp/x /var/x ./x 2>/dev/null && echo written; touch /dev/shm/of-nobody && echo shared"
    command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", "sh", "-c", tries]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout
    Path("/dev/shm/of-nobody").unlink(missing_ok=True)
    assert printed.split() == ["65534", "shared"]
