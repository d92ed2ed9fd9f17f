"""Every error that this package raises on purpose, under one root.

Each class is one sentence and carries its data as attributes. Entry points translate errors once (HTTP:
`predictor.web.problems`, command line: `predictor.cli`); everything else only raises them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

T = TypeVar("T")

ViolationCode = Literal[
    "missing",
    "unknown_field",
    "wrong_type",
    "not_finite",
    "out_of_range",
    "unknown_value",
    "duplicate_key",
    "too_many",
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with an input: where (a JSON pointer, RFC 6901), which kind, and a sentence.

    The sentence says what is allowed; it never repeats the caller's value.
    """

    pointer: str
    code: ViolationCode
    message: str


@dataclass(frozen=True, slots=True)
class HintedViolation(Violation):
    """A violation whose value would be valid in another unit, or in another field.

    The hint names the unit or the field, and never repeats the value.
    """

    hint: str


class PredictorError(Exception):
    """The root of every error that this package raises on purpose."""

    def without_frames(self) -> Self:
        """Itself, without tracebacks, its own and those of its causes.

        They would keep every frame that it came through, and all data there, until a garbage collection.
        """
        link: BaseException | None = self
        while link is not None:
            link.__traceback__ = None
            link = link.__cause__ or link.__context__
        return self


def for_error(table: Mapping[type[Exception], T], error: Exception, default: T) -> T:
    """The entry of the error's class, or else of the nearest of its base classes, or else `default`."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), default)


class ConfigurationError(PredictorError):
    """A setting has a value that cannot be used."""

    def __init__(self, key: str, value: str | None, reason: str) -> None:
        shown = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"{key} {shown}: {reason}")
        self.key = key
        self.value = value
        self.reason = reason


# --- what a caller sent ---------------------------------------------------------------------------------------------


class MalformedJson(PredictorError):
    """A request, a message or a line is not JSON (RFC 8259) in UTF-8."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"This is not valid JSON: {reason}." if reason else "This is not valid JSON.")
        self.reason = reason


Refused = tuple[tuple[float, ...], tuple[str, ...]]
"""Measurements and categories of a row, each in their order, of which a measurement is out of its range."""


class InvalidInput(PredictorError):
    """The body is JSON, but not what this service scores. Carries all violations at once, or the first ones.

    `count` is how many there are. `refused`: measurements and categories, where all of them are there and nothing is
    wrong but their ranges; for hints only, and never shown.
    """

    def __init__(
        self,
        violations: Sequence[Violation],
        count: int | None = None,
        refused: Refused | None = None,
    ) -> None:
        shown = len(violations)
        self.count = shown if count is None else count
        noun = "violation" if self.count == 1 else "violations"
        if shown == self.count:
            sentence = f"The input has {self.count} {noun}."
        elif shown:
            sentence = f"The input has {self.count} {noun}; {shown} {'is' if shown == 1 else 'are'} shown."
        else:
            sentence = f"{self.count} {noun}, not shown."
        super().__init__(sentence)
        self.violations = tuple(violations)
        self.refused = refused


class WideRow(PredictorError):
    """A row of a table has more cells than its header, so it is unknown which cell is which."""

    def __init__(self, cells: int, header_cells: int) -> None:
        super().__init__(f"The row has {cells} cells, the header {header_cells}.")
        self.cells = cells
        self.header_cells = header_cells


RowFailure = InvalidInput | MalformedJson | WideRow
"""Why one row of a batch, a message or a file has no prediction."""


class UnusableFile(PredictorError):
    """A file as a whole is neither CSV nor NDJSON. `row` is where that was noticed, 0 for the file itself."""

    def __init__(self, code: str, reason: str, row: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.row = row


class BadObject(PredictorError):
    """An object in a bucket can never be scored as it is. `row_numbers` count from 1, without the header."""

    def __init__(self, reason_code: str, message: str, row_numbers: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.message = message
        self.row_numbers = tuple(row_numbers)


# --- the stored model -----------------------------------------------------------------------------------------------


class ArtifactError(PredictorError):
    """A stored model cannot be used as it is. Permanent: trying again soon does not help."""


class StoreUnavailable(PredictorError):
    """The store could not be reached or did not answer in time. Retryable.

    `file` and `attempts` (requests that were made) are set where they are known.
    """

    def __init__(
        self,
        uri: str,
        reason: str,
        *,
        action: Literal["read", "written"] = "read",
        file: str | None = None,
        attempts: int | None = None,
    ) -> None:
        tries = f", after {attempts} requests" if attempts is not None and attempts > 1 else ""
        super().__init__(f"{uri} could not be {action}: {reason}{tries}.")
        self.uri = uri
        self.reason = reason
        self.file = file
        self.attempts = attempts


class ArtifactMissing(ArtifactError):
    """A file that must be there is not. `advice` is a sentence that says what to do."""

    def __init__(self, uri: str, file: str, advice: str = "") -> None:
        super().__init__(f"{uri} has no {file}. {advice}".rstrip())
        self.uri = uri
        self.file = file


class ArtifactUnexpected(ArtifactError):
    """The folder holds a file that the manifest does not list."""

    def __init__(self, uri: str, file: str) -> None:
        super().__init__(f"{uri} holds {file}, which the manifest does not list.")
        self.uri = uri
        self.file = file


class ArtifactExists(ArtifactError):
    """The version is already published with other content; a published version is never overwritten."""

    def __init__(self, uri: str, file: str) -> None:
        super().__init__(f"{uri} already holds another {file}; a published version is never overwritten.")
        self.uri = uri
        self.file = file


class DigestMismatch(ArtifactError):
    """A file's bytes are not the ones that were published."""

    def __init__(self, file: str, expected: str, actual: str) -> None:
        super().__init__(f"{file} has digest {actual}, expected {expected}.")
        self.file = file
        self.expected = expected
        self.actual = actual


class SizeMismatch(ArtifactError):
    """A file's size is not the published one; found before its bytes are fetched."""

    def __init__(self, file: str, expected: int, actual: int) -> None:
        super().__init__(f"{file} has {actual} bytes, expected {expected}.")
        self.file = file
        self.expected = expected
        self.actual = actual


class SignatureInvalid(ArtifactError):
    """Who published the model is not proved by its signature."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(f"{uri} is not signed as expected: {reason}.")
        self.uri = uri
        self.reason = reason


class InvalidManifest(ArtifactError):
    """The manifest is not one that this version of the program can read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"manifest.json is not usable: {reason}.")
        self.reason = reason


class UnloadableModel(ArtifactError):
    """A verified file cannot be loaded as an engine in this environment."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} cannot be loaded: {reason}.")
        self.file = file
        self.reason = reason


class LibraryMismatch(ArtifactError):
    """The model was made with another version of a library than the one installed here."""

    def __init__(self, library: str, expected: str, actual: str) -> None:
        super().__init__(f"The model was made with {library} {expected}, installed is {actual}.")
        self.library = library
        self.expected = expected
        self.actual = actual


class GoldenMismatch(ArtifactError):
    """The loaded engine does not give the published answers."""

    def __init__(self, row: int, expected: Sequence[float], actual: Sequence[float]) -> None:
        super().__init__(f"golden.json row {row}: expected probabilities {list(expected)}, got {list(actual)}.")
        self.row = row
        self.expected = tuple(expected)
        self.actual = tuple(actual)


class ModelUnavailable(PredictorError):
    """No model is loaded now. Retryable after `retry_after_s` seconds."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(f"The model is not available: {reason}")
        self.reason = reason
        self.retry_after_s = retry_after_s


# --- publishing -----------------------------------------------------------------------------------------------------


class PublishRefused(PredictorError):
    """A model cannot be published; the message says why."""


class NotConvertible(PublishRefused):
    """An estimator cannot be converted to ONNX here."""

    def __init__(self, estimator: str, reason: str) -> None:
        super().__init__(f"{estimator} cannot be converted to ONNX: {reason}")
        self.estimator = estimator
        self.reason = reason


class NotForBigQuery(PublishRefused):
    """A model's ONNX form has no form that BigQuery imports."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"BigQuery cannot evaluate the model: {reason}")
        self.reason = reason


class NotRefittable(PublishRefused):
    """An estimator cannot be fitted again without some of the rows, so it has no probabilities for unseen rows."""


class NotCompilable(PublishRefused):
    """An estimator has no compiled form."""

    def __init__(self, estimator: str, reason: str) -> None:
        super().__init__(f"{estimator} has no compiled form: {reason}")
        self.estimator = estimator
        self.reason = reason


class ParityMismatch(PublishRefused):
    """A form of a model, in `file`, gives other answers than the model itself."""

    def __init__(self, difference: float, limit: float, row: str, file: str = "model.onnx") -> None:
        super().__init__(
            f"{file} and the model differ by {difference:.3g} in a probability (limit {limit:g}), at {row}."
        )
        self.difference = difference
        self.limit = limit
        self.row = row
        self.file = file


# --- events ---------------------------------------------------------------------------------------------------------


class NotAnEvent(PredictorError):
    """A request to `score` carries no event, so there is nothing to score or publish."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The request is not an event: {reason}.")
        self.reason = reason


class Unscorable(PredictorError):
    """A message can never be scored. Permanent: redelivering it does not help.

    `invalid` is what is wrong with its one penguin, where a hint may be added to it.
    """

    def __init__(
        self, reason_code: str, detail: str, violations: Sequence[Violation] = (), invalid: InvalidInput | None = None
    ) -> None:
        super().__init__(detail)
        self.reason_code = reason_code
        self.violations = tuple(violations)
        self.invalid = invalid


class PublisherUnavailable(PredictorError):
    """A result could not be published, or its publication was not confirmed in time. Retryable."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"Publishing to {topic} failed: {reason}.")
        self.topic = topic
        self.reason = reason


# --- tables ---------------------------------------------------------------------------------------------------------


class BigQueryFailed(PredictorError):
    """A table could not be exported from BigQuery, or answers not loaded into one."""


# --- a deployment ---------------------------------------------------------------------------------------------------


class FunctionUnreachable(PredictorError):
    """A running function gave no answer."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} could not be reached: {reason.rstrip('.')}" + ("" if reason.endswith("?") else "."))
        self.url = url
        self.reason = reason


class RequestRefused(PredictorError):
    """A running function gave another answer than a prediction."""

    def __init__(
        self, status: int, reason: str, violations: Sequence[Violation] = (), *, request_id: str | None = None
    ) -> None:
        """`violations` is what is wrong with the input, `request_id` what names the request in the function's log."""
        super().__init__(f"The answer is {status}: {reason}")
        self.status = status
        self.reason = reason
        self.violations = tuple(violations)
        self.request_id = request_id

    @property
    def too_large(self) -> bool:
        """Whether the same rows would do in smaller requests."""
        return self.status == 413 or any(violation.code == "too_many" for violation in self.violations)


class SmokeFailed(PredictorError):
    """A running function failed a smoke test; `check` names the step."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason


class AgreementUnknown(PredictorError):
    """Two functions cannot be compared, because one of them does not answer with a prediction."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} cannot be compared: {reason}.")
        self.url = url
        self.reason = reason


class Disagreement(PredictorError):
    """Two functions give different predictions too often."""

    def __init__(self, differing: int, count: int, limit: float) -> None:
        super().__init__(
            f"the functions give different predictions for {differing} of {count} penguins ({differing / count:.2%});"
            f" the limit is {limit:.2%}"
        )
        self.differing = differing
        self.count = count
        self.limit = limit


class CanaryFailed(PredictorError):
    """A new revision is measurably worse than the one that it would replace."""

    def __init__(self, revision: str, findings: Sequence[str]) -> None:
        super().__init__(f"{revision} is worse: {'; '.join(findings)}")
        self.revision = revision
        self.findings = tuple(findings)


class CanaryUnknown(PredictorError):
    """Two revisions cannot be compared by what is known about them."""


class NoTraffic(PredictorError):
    """Log files have no traffic summary of a model. `others`: the digests of the models that they do have."""

    def __init__(self, digest: str, others: Sequence[str]) -> None:
        instead = f"; they are of {', '.join(others)}: name that model with --uri" if others else ""
        super().__init__(f"there is no traffic_summary of the model {digest} in these files{instead}")
        self.digest = digest
        self.others = tuple(others)


class DriftFound(PredictorError):
    """Traffic differs from the reference. `alarms` says in what, and when."""

    def __init__(self, alarms: Sequence[str]) -> None:
        super().__init__(f"traffic has changed: {'; '.join(alarms)}")
        self.alarms = tuple(alarms)


class CapacityUnknown(PredictorError):
    """Capacity cannot be computed from these inputs."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be used: {reason}.")
        self.what = what
        self.reason = reason
