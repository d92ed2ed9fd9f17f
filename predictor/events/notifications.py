"""Messages that tell of a Cloud Storage object instead of carrying rows (pubsub notifications, Eventarc)."""

import re
from dataclasses import dataclass
from typing import Final

from predictor.events.message import Message

CREATED: Final = "OBJECT_FINALIZE"
SCORED_SUFFIX: Final = ".scored.ndjson"
_SUFFIXES: Final = (".csv", ".ndjson")

# What Cloud Storage allows. Asked for anything else, its client raises, or it answers 400, at every delivery.
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_MAX_NAME_BYTES: Final = 1024
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
        """The generation; None when there is none, or nothing that could be one."""
        text = self.generation or ""
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else None
        return number if number is None or number <= _MAX_GENERATION else None

    @property
    def names_an_object(self) -> bool:
        """Whether there can be an object of this name in a bucket of that name."""
        line_end = "\r" in self.name or "\n" in self.name
        return bool(_BUCKET.fullmatch(self.bucket)) and not line_end and len(self.name.encode()) <= _MAX_NAME_BYTES

    @property
    def ignored_because(self) -> str | None:
        """Why there is nothing to score; None when there is."""
        if self.event_type != CREATED:
            return "event_type"
        if self.name.endswith(SCORED_SUFFIX):
            return "is_a_result"  # Or a results bucket with notifications of its own would never come to rest.
        if not self.name.endswith(_SUFFIXES):
            return "file_type"
        return None


def notification_in(message: Message) -> Notification | None:
    """The notification that a message is; None for a message of rows."""
    attributes = message.attributes
    if not {"eventType", "bucketId", "objectId"} <= attributes.keys():
        return None
    return Notification(
        attributes["eventType"], attributes["bucketId"], attributes["objectId"], attributes.get("objectGeneration")
    )
