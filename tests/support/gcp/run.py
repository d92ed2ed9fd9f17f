"""Cloud Run: services with revisions, traffic and tags. A request to a service's URL reaches a revision's backend."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.support.gcp import access
from tests.support.gcp.request import Json, Recorded, Refused, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

_READY: Final = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]


@dataclass(frozen=True)
class Revision:
    name: str
    number: int
    backend: str
    """The URL of what answers for it."""
    resource: Json


@dataclass
class Service:
    """As in Cloud Run, all traffic goes to the newest revision until a split names revisions."""

    name: str
    front_end: Callable[[str, str], str]
    """The URL at which a service is reached, by its name and a tag."""
    region: str = "us-central1"
    annotations: dict[str, str] = field(default_factory=dict)
    revisions: list[Revision] = field(default_factory=list)
    traffic: list[Json] = field(default_factory=lambda: [{"latestRevision": True, "percent": 100}])
    _served: int = 0

    @property
    def url(self) -> str:
        return self.front_end(self.name, "")

    @property
    def latest(self) -> Revision:
        return self.revisions[-1]

    def add_revision(self, function: Json, backend: str) -> None:
        number = len(self.revisions) + 1
        name = f"{self.name}-{number:05d}-abc"
        config = function["serviceConfig"]
        metadata = {
            "name": name,
            "creationTimestamp": f"2026-01-01T00:{number:02d}:00Z",
            "labels": {**function.get("labels", {}), "serving.knative.dev/service": self.name},
            "annotations": {
                "autoscaling.knative.dev/minScale": str(config.get("minInstanceCount", 0)),
                "autoscaling.knative.dev/maxScale": str(config.get("maxInstanceCount", 100)),
            },
        }
        env = [{"name": key, "value": value} for key, value in config.get("environmentVariables", {}).items()]
        limits = {"cpu": config.get("availableCpu", "1"), "memory": config.get("availableMemory", "256Mi")}
        container = {"image": "img", "env": env, "resources": {"limits": limits}}
        resource = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Revision",
            "metadata": metadata,
            "spec": {"containerConcurrency": config.get("maxInstanceRequestConcurrency", 1), "containers": [container]},
            "status": {"conditions": _READY},
        }
        self.revisions.append(Revision(name, number, backend, resource))

    def change_template(self, wanted: Json) -> None:
        """What `gcloud run services update` asks of a revision makes a new one."""
        latest, number = self.latest, len(self.revisions) + 1
        name = f"{self.name}-{number:05d}-abc"
        metadata = {**latest.resource["metadata"], "name": name, "creationTimestamp": f"2026-01-01T00:{number:02d}:00Z"}
        metadata["annotations"] = {**metadata["annotations"], **wanted}
        self.revisions.append(Revision(name, number, latest.backend, {**latest.resource, "metadata": metadata}))

    def split(self, traffic: list[Json]) -> None:
        """Refuses what Cloud Run refuses."""
        known = {revision.name for revision in self.revisions}
        unknown = [t["revisionName"] for t in traffic if "revisionName" in t and t["revisionName"] not in known]
        if unknown:
            raise Refused(400, f"Revision '{unknown[0]}' is not ready and cannot serve traffic")
        if sum(target.get("percent", 0) for target in traffic) != 100:
            raise Refused(400, "the traffic percentages must add up to 100")
        self.traffic = traffic

    def _resolved(self, target: Json) -> str:
        name: str = target.get("revisionName") or self.latest.name
        return name

    def shares(self) -> dict[str, int]:
        shares: dict[str, int] = {}
        for target in self.traffic:
            if target.get("percent"):
                shares[self._resolved(target)] = shares.get(self._resolved(target), 0) + target["percent"]
        return shares

    def tags(self) -> dict[str, str]:
        return {target["tag"]: self._resolved(target) for target in self.traffic if "tag" in target}

    def choose(self, tag: str) -> Revision:
        """The revision behind a tag; without one, revisions in turn, by their share."""
        names = [name for name, share in self.shares().items() for _ in range(share)]
        self._served += 1
        name = self.tags()[tag] if tag else names[self._served * 37 % len(names)]
        return next(revision for revision in self.revisions if revision.name == name)

    def resource(self, number: str) -> Json:
        status = [
            {**target, "revisionName": self._resolved(target)}
            | ({"url": self.front_end(self.name, target["tag"])} if "tag" in target else {})
            for target in self.traffic
        ]
        template = {"annotations": self.latest.resource["metadata"]["annotations"]}
        return {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {
                "name": self.name,
                "namespace": number,
                "uid": "u1",
                "resourceVersion": "A",
                "generation": 1,
                "labels": {"cloud.googleapis.com/location": self.region},
                "annotations": dict(self.annotations),
            },
            "spec": {"template": {"metadata": template, "spec": self.latest.resource["spec"]}, "traffic": self.traffic},
            "status": {
                "observedGeneration": 1,
                "url": self.url,
                "address": {"url": self.url},
                "traffic": status,
                "latestReadyRevisionName": self.latest.name,
                "latestCreatedRevisionName": self.latest.name,
                "conditions": [{**_READY[0], "type": kind} for kind in ("Ready", "ConfigurationsReady", "RoutesReady")],
            },
        }


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    if (answered := access.policy(cloud, request)) is not None:
        return answered
    match = re.fullmatch(r"apis/serving\.knative\.dev/v1/namespaces/[^/]+/(\w+)(?:/([^/]+))?", request.path)
    if match is None:
        if request.path.endswith("/locations"):
            return {"locations": locations(cloud)}
        raise not_found(request.path)
    kind, name = match.groups()
    kind_name = {"services": "Service", "revisions": "Revision"}.get(kind, kind.title().removesuffix("s"))
    if name is None:
        return {
            "apiVersion": "serving.knative.dev/v1",
            "kind": f"{kind_name}List",
            "metadata": {},
            "items": _list(cloud, request, kind),
        }
    if kind == "revisions":
        found = [r.resource for service in cloud.services.values() for r in service.revisions if r.name == name]
        if not found:
            raise not_found(name)
        return found[0]
    service = cloud.services.get(name)
    if service is None or service.region != (request.region or cloud.region):
        raise not_found(name)
    if request.method == "PUT" and "dryRun" not in request.query:
        _replace(service, request.body)
    return service.resource(cloud.number)


def _replace(service: Service, wanted: Json) -> None:
    service.split(wanted["spec"]["traffic"])
    service.annotations = {
        key: value for key, value in wanted["metadata"].get("annotations", {}).items() if key in _KEPT_ANNOTATIONS
    }
    asked = wanted["spec"]["template"]["metadata"].get("annotations", {})
    changed = {key: asked[key] for key in _TEMPLATE_ANNOTATIONS if key in asked}
    if not changed.items() <= service.latest.resource["metadata"]["annotations"].items():
        service.change_template(changed)


_KEPT_ANNOTATIONS: Final = ("run.googleapis.com/invoker-iam-disabled",)
_TEMPLATE_ANNOTATIONS: Final = ("run.googleapis.com/cpu-throttling",)
REGIONS: Final = ("us-central1", "europe-west1")


def locations(cloud: "FakeCloud") -> list[Json]:
    return [{"locationId": region, "name": f"projects/{cloud.project}/locations/{region}"} for region in REGIONS]


def _list(cloud: "FakeCloud", request: Recorded, kind: str) -> list[Json]:
    if kind == "services":
        return [service.resource(cloud.number) for service in cloud.services.values()]
    if kind == "revisions":
        wanted = request.query.get("labelSelector", "").partition("=")[2].strip()
        return [r.resource for s in cloud.services.values() if wanted in {"", s.name} for r in s.revisions]
    return []
