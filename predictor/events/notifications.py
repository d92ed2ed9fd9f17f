"""Messages about a Cloud Storage object, which carry no rows (Pub/Sub notifications, Eventarc)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from predictor.events.message import Message
from predictor.location import is_bucket_name, is_object_name

if TYPE_CHECKING:
    from predictor.bulk import FileFormat

CREATED: Final = "OBJECT_FINALIZE"
SCORED_SUFFIX: Final = ".scored.ndjson"
_FORMATS: Final[dict[str, "FileFormat"]] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".ndjson": "ndjson",
    ".ndjson.gz": "ndjson",
}

_MAX_GENERATION: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened to which object."""

    event_type: str
    bucket: str
    name: str
    generation: str | None

    @property
    def generation_number(self) -> int | None:
        """The generation; None when it is missing or cannot be one."""
        text = self.generation or ""
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else None
        return number if number is None or number <= _MAX_GENERATION else None

    @property
    def names_an_object(self) -> bool:
        """Whether there can be such an object. For any other name the client raises, or gets 400, at every delivery."""
        return is_bucket_name(self.bucket) and is_object_name(self.name)

    @property
    def ignored_because(self) -> str | None:
        """Why there is nothing to score; None when there is."""
        if self.event_type != CREATED:
            return "event_type"
        if self.name.endswith(SCORED_SUFFIX):
            return "is_a_result"  # Otherwise a results bucket with notifications of its own would never stop.
        if format_of(self.name) is None:
            return "file_type"
        return None


def format_of(name: str) -> "FileFormat | None":
    """How to read an object, by its name; None for what is not scored, such as our own results."""
    if name.endswith(SCORED_SUFFIX):
        return None
    return next((file_format for suffix, file_format in _FORMATS.items() if name.endswith(suffix)), None)


def notification_in(message: Message) -> Notification | None:
    """The notification that a message is; None for a message of rows."""
    attributes = message.attributes
    if not {"eventType", "bucketId", "objectId"} <= attributes.keys():
        return None
    return Notification(
        attributes["eventType"], attributes["bucketId"], attributes["objectId"], attributes.get("objectGeneration")
    )
