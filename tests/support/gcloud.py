"""The real gcloud and the real deploy.sh, pointed at the fake of Google's control plane."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.gcp import FakeCloud
from tests.support.pages import first_command, one_line
from tests.support.processes import PROJECT
from tests.support.programs import require_program

TIMEOUT_S = 900.0
_APIS = (
    *("CLOUDFUNCTIONS", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER", "CLOUDBUILD", "ARTIFACTREGISTRY", "STORAGE", "IAM"),
    *("PUBSUB", "LOGGING", "MONITORING", "IAMCREDENTIALS", "BIGQUERY", "BIGQUERYCONNECTION"),
)


def gcloud_env(cloud: FakeCloud, home: Path) -> dict[str, str]:
    """An environment in which gcloud knows nothing but the fake. It puts the region before Cloud Run's host, so that
    host is fictitious and the fake is the proxy to it."""
    home.mkdir(parents=True, exist_ok=True)
    key = home / "account.json"
    key.write_text(json.dumps(_service_account(f"{cloud.url}/token")))
    return {
        "CLOUDSDK_CONFIG": str(home),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "0",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": str(key),
        "CLOUDSDK_AUTH_TOKEN_HOST": f"{cloud.url}/token",
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{cloud.url}/{api.lower()}/" for api in _APIS},
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "http://run.fake/run/",
        "http_proxy": cloud.url,
        "no_proxy": "127.0.0.1,localhost",
    }


def _service_account(token_uri: str) -> dict[str, str]:
    """A throw-away key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "fake-project",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": "tester@fake-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


@dataclass(frozen=True)
class Outcome:
    """How a run of deploy.sh ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def last_line(self) -> str:
        return self.stderr.rstrip().rpartition("\n")[2]


@dataclass(frozen=True)
class Deployment:
    """deploy.sh with settings of its own, against one fake."""

    cloud: FakeCloud
    folder: Path
    env: Mapping[str, str]
    settings: Mapping[str, str]
    answer: str = ""
    """What is typed when it asks."""

    def start(self, *arguments: str, **settings: str) -> "Run":
        """`settings` are further lines of deploy.env."""
        config = self.folder / "deploy.env"
        config.write_text("".join(f"{key}={value}\n" for key, value in {**self.settings, **settings}.items()))
        (self.folder / "stdin").write_text(self.answer)
        return Run(["--config", str(config), *arguments], self.env, self.folder)

    def run(self, *arguments: str, **settings: str) -> Outcome:
        return self.start(*arguments, **settings).wait()


class Run:
    """One run of deploy.sh, in a process group of its own, as a terminal starts it."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], folder: Path) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CLOUDSDK_", "GOOGLE_"))}
        self._files = [folder / "stdout", folder / "stderr"]
        stdin = folder / "stdin"
        with self._files[0].open("wb") as stdout, self._files[1].open("wb") as stderr, stdin.open("rb") as typed:
            self.process = subprocess.Popen(
                [str(PROJECT / "deploy.sh"), *arguments],
                env={**inherited, "PYTHON": sys.executable, **env},
                stdin=typed,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def interrupt(self) -> None:
        """What Ctrl-C does: a signal to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def hang_up(self) -> None:
        """What becomes of it when its terminal is closed."""
        os.killpg(self.process.pid, signal.SIGHUP)

    def terminate(self) -> None:
        """What a CI system does that cancels a job: a signal to the script alone."""
        self.process.terminate()

    def said(self) -> str:
        """What it printed for people until now."""
        return self._files[1].read_text()

    def wait(self) -> Outcome:
        try:
            status = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return Outcome(status, *(file.read_text() for file in self._files))


def gcloud_lines(text: str) -> list[str]:
    """The gcloud commands in a shell script or a Markdown page: lines of code, `inline code`, and those in `$(...)`."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"\s*(?:\$ )?gcloud ", line)]
    whole = [one_line(first_command("\n".join(lines[start:]))) for start in starts]
    text = text.replace("\\\n", " ")
    inline = re.findall(r"(?<!`)`(gcloud [^`\n]+)`", text)
    inner = re.findall(r"\$\((gcloud [^()]*(?:\([^()]*\)[^()]*)*)\)", text)
    return [*(line.removeprefix("$ ") for line in whole), *inline, *inner]


def complaints(lines: list[str], home: Path) -> list[str]:
    """What the real gcloud does not understand in these commands: unknown commands, flags and bad values. Runs none."""
    commands = home / "commands.json"
    home.mkdir(parents=True, exist_ok=True)
    # What the shell takes, gcloud does not see. The lint takes what follows # for a comment, also inside quotes.
    lines = [re.sub(r"\s+>\s*[\w./-]+$", "", line) for line in lines]
    commands.write_text(json.dumps([{"command_string": line.replace("#", "_")} for line in dict.fromkeys(lines)]))
    lint = subprocess.run(
        [require_program("gcloud"), "meta", "lint-gcloud-commands", f"--commands-file={commands}"],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "CLOUDSDK_CONFIG": str(home)},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    results = json.loads(lint.stdout)
    # A command's bare name in a sentence, perhaps with the flag that the sentence is about.
    mentions = [line for line in lines if " -" not in line or line.split()[-1].startswith("--")]
    assert len(results) == len(set(lines))
    return [
        f"{result['command_string']}: {result['error_message']}"
        for result in results
        if not result["success"]
        and not (
            result["command_string"] in mentions
            and re.search("Must be specified|expected one argument", result["error_message"])
        )
    ]
