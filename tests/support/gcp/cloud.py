"""The fake as a server: records every request, passes it to its API, and forwards to what is deployed."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.gcp import access, bigquery, federation, functions, monitoring, platform, pubsub, run, storage
from tests.support.gcp.front_end import FrontEnd
from tests.support.gcp.observed import Observed
from tests.support.gcp.request import Json, Recorded, Refused, parse

PROJECT = "fake-project"
NUMBER = "123456789012"
REGION = "us-central1"
ENABLED = (
    *("artifactregistry", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "iam", "logging", "monitoring"),
    *("pubsub", "run", "serviceusage", "storage", "iamcredentials", "sts"),
    *("bigquery", "bigqueryconnection", "compute", "dataflow"),
)


@dataclass
class NotYet:
    """What Google answers so many times, until what the request needs is known everywhere."""

    matches: Callable[[Recorded], bool]
    status: int
    message: str
    times: float = 3


@dataclass
class FakeCloud:
    """An empty project. Tests set what shall happen, and look at `requests` and at what is there."""

    apis: set[str] = field(default_factory=lambda: {f"{name}.googleapis.com" for name in ENABLED})
    next_backend: dict[str, str] = field(default_factory=dict)
    """By service: the URL that answers for the next revision."""
    deployment_failures: Iterator[str] = field(default_factory=lambda: iter(()))
    """What becomes of the next deployments of functions: each fails with its message, or works if that is empty."""
    not_yet: list["NotYet"] = field(default_factory=list)
    open_alerts: list[Json] = field(default_factory=list)
    objects: str = ""
    """The URL of the server that has the buckets' objects."""
    observed: dict[str, Observed] = field(default_factory=dict)
    """By revision: what Cloud Monitoring and Cloud Logging say about its requests."""
    log_entries: list[Json] = field(default_factory=list)
    refuse: Callable[[Recorded], bool] = lambda _: False
    """Which requests are not permitted."""
    on_request: Callable[[Recorded], None] = lambda _: None
    """Called before a request is answered."""
    requests: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.project, self.number, self.region = PROJECT, NUMBER, REGION
        self.policies: dict[str, Json] = {}
        self.accounts: dict[str, Json] = {}
        self.agents: set[str] = set()
        """Google's service agents that exist: there are none in a new project."""
        self.repositories: dict[str, Json] = {}
        self.buckets: dict[str, Json] = {}
        self.notifications: dict[str, dict[str, Json]] = {}
        self.topics: dict[str, Json] = {}
        self.subscriptions: dict[str, Json] = {}
        self.functions: dict[str, Json] = {}
        self.failed_operations: dict[str, str] = {}
        self.services: dict[str, run.Service] = {}
        self.watching: dict[str, dict[str, Json]] = {}
        """Cloud Monitoring's and Logging's resources, by collection."""
        self.pools: dict[str, Json] = {}
        """Workload identity pools, and their providers, by name."""
        self.bigquery: dict[str, Json] = {}
        """Datasets, what is in them, and connections, by path."""
        self.federated_as = ""
        """The member that the last exchanged token stands for."""
        self._front_ends: dict[tuple[str, str], FrontEnd] = {}
        self._lock = threading.RLock()
        self._apis: dict[str, Callable[[FakeCloud, Recorded], Json]] = {
            "cloudfunctions": functions.answer,
            "run": run.answer,
            "iam": access.accounts,
            "cloudresourcemanager": access.projects,
            "storage": storage.answer,
            "pubsub": pubsub.answer,
            "monitoring": monitoring.answer,
            "logging": monitoring.answer,
            "serviceusage": platform.service_usage,
            "cloudbuild": platform.builds,
            "artifactregistry": platform.repositories,
            "token": platform.token,
            "github": federation.github,
            "sts": federation.exchange,
            "iamcredentials": federation.identity_tokens,
            "bigquery": bigquery.answer,
            "bigqueryconnection": bigquery.connections,
            "upload": lambda _cloud, _request: {},
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def front_end(self, service: str, tag: str) -> str:
        """The URL of a service, or of a tag of it; it stays the same."""
        if (service, tag) not in self._front_ends:
            self._front_ends[service, tag] = FrontEnd(lambda: self._backend(service, tag))
        return self._front_ends[service, tag].url

    def _backend(self, service: str, tag: str) -> str | None:
        with self._lock:
            known = self.services.get(service)
            return known.choose(tag).backend if known is not None and (not tag or tag in known.tags()) else None

    def stop(self) -> None:
        for front_end in self._front_ends.values():
            front_end.close()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Recorded) -> tuple[int, Json]:
        with self._lock:
            self.requests.append(request)
        self.on_request(request)
        if self.refuse(request):
            return 403, {"error": {"code": 403, "message": "Permission denied"}}
        with self._lock:
            for answer in self.not_yet:
                if answer.times > 0 and answer.matches(request):
                    answer.times -= 1
                    return answer.status, {"error": {"code": answer.status, "message": answer.message}}
            try:
                return 200, self._apis[request.api](self, request)
            except Refused as refused:
                return refused.status, {"error": {"code": refused.status, "message": str(refused)}}
            except Exception as error:  # noqa: BLE001  what the fake does not know: see the package's docstring
                return 400, {"error": {"code": 400, "message": f"fake: {request.method} {request.path}: {error!r}"}}

    def knows(self, member: str) -> bool:
        """Whether IAM takes a member. Accounts of this project and Google's agents must exist; others are taken."""
        email = member.removeprefix("serviceAccount:")
        ours = email.endswith(f"@{self.project}.iam.gserviceaccount.com")
        googles = email.startswith(f"service-{self.number}@gcp-sa-")
        return not (ours or googles) or email in self.accounts or email in self.agents

    def place_function(self, name: str, backend: str, **environment: str) -> str:
        """A function that somebody deployed earlier; the name of its new revision."""
        self.next_backend[name] = backend
        function = {
            "buildConfig": {"runtime": "python313", "entryPoint": name},
            "serviceConfig": {"minInstanceCount": 1, "environmentVariables": environment},
            "labels": {"git-commit": "0123456789ab"},
        }
        functions.put(self, f"projects/{self.project}/locations/{self.region}/functions/{name}", function)
        return self.services[name].latest.name

    def mutations(self, api: str | None = None) -> list[Recorded]:
        return [request for request in self.requests if request.mutating and api in {None, request.api}]

    def traffic_changes(self, service: str) -> list[dict[str, int]]:
        """Every split that was asked for, in order: revision and percent."""
        return [
            {
                target["revisionName"]: target["percent"]
                for target in request.body["spec"]["traffic"]
                if "percent" in target
            }
            for request in self.requests
            if request.api == "run" and request.method == "PUT" and request.path.endswith(f"/services/{service}")
        ]


def _handler_of(cloud: FakeCloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet, sent at once: else each answer waits 40 ms for the caller's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            request = parse(self.command, self.path, self._body(), dict(self.headers.items()))
            status, answered = cloud.answer(request)
            data = json.dumps(answered).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            pass

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815  the base class's names

    return Handler
