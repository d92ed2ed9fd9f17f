"""A smoke test: is a deployed function fit to serve? Asked over HTTP, before traffic goes to it.

It must be ready with the pinned model, give every golden answer, one by one and in a batch, refuse bad requests as
documented, and be fast enough. The first failure is raised as `SmokeFailed`, one sentence for the log.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from predictor.artifacts import GOLDEN_FILE, Store, fetch_bundle
from predictor.errors import FunctionUnreachable, SmokeFailed
from predictor.models import Golden, GoldenRow
from predictor.operations.remote import Answer, Function
from predictor.penguin import NOUN

FETCH_TIMEOUT_S: Final = 30.0
PERCENTILE: Final = 0.95
_POLL_S: Final = 0.5
_PROBLEM: Final = "application/problem+json"
_SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What the smoke test found."""

    version: str
    golden_rows: int
    refusals: int
    requests: int
    p95_ms: float


def golden_rows(store: Store, digest: str) -> Golden:
    """The golden rows of the model that `digest` pins; raises as loading that model would."""
    deadline = time.monotonic() + FETCH_TIMEOUT_S
    bundle = fetch_bundle(store, pin=digest, choose=lambda _: (GOLDEN_FILE,), deadline=deadline)
    return Golden.from_bytes(bundle[GOLDEN_FILE])


def smoke(
    function: Function,
    digest: str,
    golden: Golden,
    *,
    p95_limit_ms: float,
    requests: int,
    wait_s: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> SmokeResult:
    """Check a function; `tell` receives a line for each step that succeeded.

    For `wait_s` a function that is not ready yet is asked again: a new URL takes a while to be known everywhere.
    Raises `SmokeFailed`, `FunctionUnreachable`.
    """
    version = _ready(function, digest, wait_s)
    tell(f"ready: version {version}, {digest}")
    for index, row in enumerate(golden.rows):
        _golden_row(function, golden, index, row, digest)
    _golden_batch(function, golden)
    tell(f"golden: {len(golden.rows)} rows give the published probabilities, alone and in a batch with an invalid row")
    for refusal in _REFUSALS:
        refusal.check(function)
    tell(f"refusals: {', '.join(str(refusal.status) for refusal in _REFUSALS)}")
    p95_ms = _latency(function, golden, p95_limit_ms, requests)
    tell(f"latency: p95 {p95_ms:.1f} ms over {requests} requests")
    return SmokeResult(version, len(golden.rows), len(_REFUSALS), requests, p95_ms)


# --- ready ----------------------------------------------------------------------------------------------------------


def _ready(function: Function, digest: str, wait_s: float) -> str:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            answer = function.get("/ready")
            if answer.status == 200:
                break
            failure: FunctionUnreachable | SmokeFailed = SmokeFailed("ready", _not_ready(answer))
        except FunctionUnreachable as error:
            failure = error
        if time.monotonic() >= deadline:
            raise failure
        time.sleep(_POLL_S)
    model = answer.document.get("model") if isinstance(answer.document, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("version"), str):
        raise SmokeFailed("ready", f"GET /ready names no model: {_shown(answer)}")
    if model.get("digest") != digest:
        raise SmokeFailed("ready", f"it serves the model {model.get('digest')}, pinned is {digest}")
    version: str = model["version"]
    return version


def _not_ready(answer: Answer) -> str:
    # Cloud Run itself refuses a caller who may not invoke the function, with a page of HTML.
    if answer.status in (401, 403):
        return (
            f"GET /ready gave {answer.status}: the caller may not invoke it (is IDENTITY_TOKEN set, and for this URL?)"
        )
    return f"GET /ready gave {_shown(answer)}"


# --- golden rows ----------------------------------------------------------------------------------------------------


def _golden_row(function: Function, golden: Golden, index: int, row: GoldenRow, digest: str) -> None:
    answer = function.post("/predict?details=true", row.penguin.model_dump_json().encode())
    if answer.status != 200 or not isinstance(answer.document, dict):
        raise SmokeFailed("golden", f"row {index} gave {_shown(answer)}")
    document = answer.document
    _check_row(golden, row, document, f"row {index}")
    model = document.get("model")
    if not isinstance(model, dict) or model.get("digest") != digest:
        raise SmokeFailed("golden", f"row {index} was answered by the model {json.dumps(model)}, pinned is {digest}")


def _golden_batch(function: Function, golden: Golden) -> None:
    """All golden rows in one request, an invalid one in the middle of them."""
    invalid = len(golden.rows) // 2
    bodies = [row.penguin.model_dump_json().encode() for row in golden.rows]
    bodies.insert(invalid, _INCOMPLETE)
    answer = function.post("/predict", b'{"instances": [%b]}' % b",".join(bodies))
    answered = answer.document.get("predictions") if isinstance(answer.document, dict) else None
    if answer.status != 200 or not isinstance(answered, list) or len(answered) != len(bodies):
        raise SmokeFailed("golden", f"a batch of {len(bodies)} rows gave {_shown(answer)}")
    refused = answered.pop(invalid)
    if not isinstance(refused, dict) or "error" not in refused:
        raise SmokeFailed("golden", f"the invalid row of a batch gave {json.dumps(refused)}")
    for index, (row, document) in enumerate(zip(golden.rows, answered, strict=True)):
        _check_row(golden, row, document, f"row {index} of a batch")


def _check_row(golden: Golden, row: GoldenRow, document: Any, which: str) -> None:
    actual, prediction = (
        (document.get("probabilities"), document.get("prediction")) if isinstance(document, dict) else (document, None)
    )
    expected = dict(zip(golden.classes, row.probabilities, strict=True))
    if not _same_probabilities(expected, actual, golden.tolerance):
        raise SmokeFailed("golden", f"{which} gave {json.dumps(actual)}, published is {json.dumps(expected)}")
    if prediction not in _likeliest(golden, row):
        raise SmokeFailed("golden", f"{which} gave {prediction!r}, which is not the most probable")


def _same_probabilities(expected: dict[str, float], actual: Any, tolerance: float) -> bool:
    if not isinstance(actual, dict) or actual.keys() != expected.keys():
        return False
    # `<=` is false for NaN, so that one counts as a difference.
    return all(
        isinstance(actual[name], int | float) and abs(actual[name] - value) <= tolerance
        for name, value in expected.items()
    )


def _likeliest(golden: Golden, row: GoldenRow) -> set[str]:
    """The classes that a correct answer may name: several where the best are within the tolerance of each other."""
    least = max(row.probabilities) - 2 * golden.tolerance
    return {name for name, value in zip(golden.classes, row.probabilities, strict=True) if value >= least}


# --- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A bad request, and how it must be refused."""

    what: str
    status: int
    ask: Callable[[Function], Answer]
    allow: str | None = None
    lists_errors: bool = False

    def check(self, function: Function) -> None:
        answer = self.ask(function)
        if answer.status != self.status:
            raise SmokeFailed("refusals", f"{self.what} must be refused with {self.status} and gave {_shown(answer)}")
        document = answer.document
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        if media_type != _PROBLEM or not _is_problem(document, self.status):
            raise SmokeFailed("refusals", f"{self.what} gave {self.status} without a problem document")
        if self.allow is not None and self.allow not in answer.headers.get("Allow", ""):
            raise SmokeFailed("refusals", f"{self.what} gave {self.status} without {self.allow} in its Allow header")
        if self.lists_errors and not document.get("errors"):
            raise SmokeFailed("refusals", f"{self.what} gave {self.status} without a list of violations")


def _is_problem(document: Any, status: int) -> bool:
    return (
        isinstance(document, dict)
        and document.get("status") == status
        and all(isinstance(document.get(name), str) for name in ("type", "title", "detail"))
    )


_INCOMPLETE: Final = b"{}"

_REFUSALS: Final = (
    _Refusal("JSON that breaks off", 400, lambda function: function.post("/predict", b'{"instances":')),
    _Refusal("a path that is not there", 404, lambda function: function.get("/no-such-path")),
    _Refusal("GET /predict", 405, lambda function: function.get("/predict"), allow="POST"),
    _Refusal(
        "a body that is not JSON",
        415,
        lambda function: function.post("/predict", b"plain text", {"Content-Type": "text/plain"}),
    ),
    _Refusal(
        f"a {NOUN} with a missing field",
        422,
        lambda function: function.post("/predict", _INCOMPLETE),
        lists_errors=True,
    ),
)


# --- latency --------------------------------------------------------------------------------------------------------


def _latency(function: Function, golden: Golden, limit_ms: float, count: int) -> float:
    """The 95th percentile (nearest rank) of `count` plain requests, one after the other."""
    bodies = [row.penguin.model_dump_json().encode() for row in golden.rows]
    rank = math.ceil(PERCENTILE * count)
    elapsed_ms: list[float] = []
    for index in range(count):
        row = golden.rows[index % len(bodies)]
        answer = function.post("/predict", bodies[index % len(bodies)])
        document = answer.document
        if (
            answer.status != 200
            or not isinstance(document, dict)
            or document.get("prediction") not in _likeliest(golden, row)
        ):
            raise SmokeFailed("latency", f"request {index + 1} of {count} gave {_shown(answer)}")
        elapsed_ms.append(answer.elapsed_ms)
        # As soon as too many were slow, the rest cannot mend it.
        slow = _over(elapsed_ms, limit_ms)
        if slow > count - rank:
            raise SmokeFailed(
                "latency", f"p95 is over {limit_ms:g} ms: {slow} of the first {len(elapsed_ms)} requests took longer"
            )
    return sorted(elapsed_ms)[rank - 1]


def statuses_of(function: Function, golden: Golden, count: int) -> Counter[int]:
    """The statuses of `count` plain requests with golden rows: valid traffic, where callers send too little."""
    bodies = [row.penguin.model_dump_json().encode() for row in golden.rows]
    return Counter(function.post("/predict", bodies[index % len(bodies)]).status for index in range(count))


def _over(elapsed_ms: Sequence[float], limit_ms: float) -> int:
    return sum(value > limit_ms for value in elapsed_ms)


def _shown(answer: Answer) -> str:
    """A status, and the beginning of what came with it, on one line."""
    text = " ".join(answer.body.decode("utf-8", "replace").split())
    return f"{answer.status} {text[:_SHOWN_CHARACTERS]}".rstrip()
