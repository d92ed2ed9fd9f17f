"""One event, whatever shape it came in: `predictor.events.envelopes` makes it, `predictor.events.scoring` takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its publisher meant it; `source` and `id` together name it for ever."""

    id: str
    source: str
    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    ordering_key: str = ""
    delivery_attempt: int | None = None
    """Counted by Pub/Sub from 1, when the subscription has a dead-letter topic."""
    publish_time: datetime | None = None
    defect: str | None = None
    """Why the data could not be taken out of its envelope; `data` is then what came instead."""

    @property
    def content_type(self) -> str:
        """The media type of the data, without parameters; JSON unless an attribute says otherwise."""
        return self.attributes.get("content-type", "application/json").partition(";")[0].strip().lower()
