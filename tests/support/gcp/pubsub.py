"""Topics and subscriptions, without messages."""

from typing import TYPE_CHECKING

from tests.support.gcp import access
from tests.support.gcp.request import Json, Recorded, Refused, masked, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    if (answered := access.policy(cloud, request)) is not None:
        return answered
    _, name = request.path.split("/", 1)
    kind = name.split("/")[2]
    held = {"topics": cloud.topics, "subscriptions": cloud.subscriptions}[kind]
    if name.endswith(f"/{kind}"):
        return {kind: list(held.values())}
    if request.method == "PUT":
        if name in held:
            raise Refused(409, f"{name} exists")
        if kind == "subscriptions" and request.body["topic"] not in cloud.topics:
            raise not_found(request.body["topic"])
        held[name] = {**request.body, "name": name}
        return held[name]
    if name not in held:
        raise not_found(name)
    if request.method == "PATCH":
        held[name] = {**masked(held[name], request.body["subscription"], request.body["updateMask"]), "name": name}
    return held.pop(name) if request.method == "DELETE" else held[name]
