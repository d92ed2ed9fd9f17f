"""From a request to a `Message`.

Three shapes carry the same messages: a CloudEvent in binary mode (Eventarc), one in structured mode, and a raw Pub/Sub
push. A CloudEvent from Pub/Sub contains the same document as a raw push, so that the same message gives the same
`Message`, and the byte-identical result, in each shape.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import unquote

from cloudevents.abstract import CloudEvent as AbstractCloudEvent
from cloudevents.conversion import from_http
from cloudevents.exceptions import GenericException
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from predictor.decoding import parse
from predictor.errors import MalformedJson, NotAnEvent
from predictor.events.message import Message
from predictor.events.structured import JSON, MAX_ATTRIBUTES, check_envelope, take_data_out
from predictor.text import replace_surrogates

PUBSUB_TYPE: Final = "google.cloud.pubsub.topic.v1.messagePublished"
OBJECT_TYPE: Final = "google.cloud.storage.object.v1.finalized"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PUBSUB_SOURCE: Final = "//pubsub.googleapis.com"

_CORE: Final = frozenset({"id", "source", "specversion", "type", "time", "datacontenttype", "dataschema", "subject"})
_JSON_TYPES: Final = ("", "application/json")

MAX_CONTEXT_BYTES: Final = 160 * 1024
"""Of everything but the data. Pub/Sub takes 100 attributes of 256 + 1,024 bytes; a reject must have room for all."""
MAX_ORDERING_KEY_BYTES: Final = 1024
"""Pub/Sub refuses to publish with a longer one."""


def _in_utc(time: datetime) -> datetime:
    """Near the ends of the calendar a time may have no counterpart in UTC."""
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no such time in UTC") from error


_Text = Annotated[str, AfterValidator(replace_surrogates)]
_Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
_TIME: Final = TypeAdapter[datetime](_Time)


class PushedMessage(BaseModel):
    """`message` in a push (google.pubsub.v1.PubsubMessage as JSON)."""

    model_config = ConfigDict(frozen=True)

    data: str | None = None
    attributes: dict[_Text, _Text] | None = None
    message_id: Annotated[_Text | None, Field(validation_alias=AliasChoices("messageId", "message_id"))] = None
    publish_time: Annotated[_Time | None, Field(validation_alias=AliasChoices("publishTime", "publish_time"))] = None
    ordering_key: Annotated[_Text | None, Field(validation_alias=AliasChoices("orderingKey", "ordering_key"))] = None


class Push(BaseModel):
    """The body of a wrapped push, which is also the data of a CloudEvent from Pub/Sub."""

    model_config = ConfigDict(frozen=True)

    message: PushedMessage
    subscription: _Text | None = None
    # Eventarc's documents spell 64-bit numbers as strings, as protobuf's JSON does.
    delivery_attempt: Annotated[
        int | None, Field(validation_alias=AliasChoices("deliveryAttempt", "delivery_attempt"))
    ] = None


class StoredObject(BaseModel):
    """The part that matters here of a CloudEvent from Cloud Storage (google.events.cloud.storage.v1)."""

    bucket: _Text
    name: _Text
    generation: _Text | None = None


def decode(headers: Mapping[str, str], body: bytes) -> Message:
    """The message in a request; `headers` have lower-case names. Raises `NotAnEvent`.

    Missing or broken data inside a well-formed event is not an error here: `Message.defect` says what is wrong.
    """
    message = _decode(headers, body)
    texts = [message.id, message.source, message.ordering_key, *message.attributes, *message.attributes.values()]
    if sum(len(text.encode()) for text in texts) > MAX_CONTEXT_BYTES:
        raise NotAnEvent(f"apart from its data an event may have {MAX_CONTEXT_BYTES} bytes")
    if len(message.ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
        defect = f"its ordering key has more than {MAX_ORDERING_KEY_BYTES} bytes"
        return replace(message, ordering_key="", defect=defect)
    return message


def _decode(headers: Mapping[str, str], body: bytes) -> Message:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers or content_type == STRUCTURED:
        structured = content_type == STRUCTURED
        return _from_cloud_event(_cloud_event(headers, body, structured=structured), structured=structured)
    if content_type == BATCH:
        raise NotAnEvent("a batch of CloudEvents is not supported, send one event per request")
    return _from_raw_push(body)


def _from_raw_push(body: bytes) -> Message:
    try:
        push = _push(body)
    except MalformedJson as error:
        raise NotAnEvent("it is neither a CloudEvent nor JSON") from error
    except ValidationError as error:
        raise NotAnEvent('expected a CloudEvent, or a Pub/Sub push: {"message": {"data": base64, ...}}') from error
    return _from_push(push, source=PUBSUB_SOURCE)


def _push(document: bytes) -> Push:
    """Raises `MalformedJson`, `ValidationError`, or `NotAnEvent` for a document that is too large to be parsed."""
    check_envelope(document)
    return Push.model_validate(parse(document))


def _from_push(push: Push, *, source: str, fallback_id: str | None = None) -> Message:
    inner = push.message
    attributes = inner.attributes or {}
    data, defect = b"", None
    if inner.data is not None:
        try:
            data = base64.b64decode(inner.data, validate=True)
        except (binascii.Error, ValueError):
            data, defect = inner.data.encode(errors="replace"), "the data of the push is not base64"
    return Message(
        id=inner.message_id or fallback_id or _content_id(data, attributes),
        source=f"{PUBSUB_SOURCE}/{push.subscription}" if push.subscription else source,
        data=data,
        attributes=attributes,
        ordering_key=inner.ordering_key or "",
        delivery_attempt=push.delivery_attempt,
        publish_time=inner.publish_time,
        defect=defect,
    )


def _content_id(data: bytes, attributes: Mapping[str, str]) -> str:
    """An id for a push without one (`gcloud functions call --data`): the same content is the same message."""
    import hashlib

    digest = hashlib.sha256(json.dumps(sorted(attributes.items())).encode() + b"\0" + data)
    return f"sha256:{digest.hexdigest()}"


class _CloudEvent(AbstractCloudEvent):
    """What the SDK found in a request. Its usual class would add a time, by which equal events would differ."""

    def __init__(self, attributes: dict[str, Any], data: Any) -> None:
        self.attributes = attributes
        self.data = data

    @classmethod
    def create(cls, attributes: Mapping[str, Any], data: Any) -> "_CloudEvent":
        given = {replace_surrogates(name): value for name, value in attributes.items() if value is not None}
        return cls({name: _without_surrogates(value) for name, value in given.items()}, data)

    def _get_attributes(self) -> dict[str, Any]:
        return self.attributes

    def get_data(self) -> Any:
        return self.data


def _cloud_event(headers: Mapping[str, str], body: bytes, *, structured: bool) -> _CloudEvent:
    try:
        data = None
        if structured:
            body, data = take_data_out(body)
        elif sum(name.startswith("ce-") for name in headers) > MAX_ATTRIBUTES:
            raise NotAnEvent(f"it has more than {MAX_ATTRIBUTES} attributes")
        # The HTTP binding has header values percent-encoded; the SDK leaves them so.
        headers = {name: unquote(value) if name.startswith("ce-") else value for name, value in headers.items()}
        event: _CloudEvent = from_http(_CloudEvent, headers, body, data_unmarshaller=_as_it_is)
        if data is not None:
            event.data = data
    except (GenericException, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        # For some documents the SDK raises errors that are not its own.
        raise NotAnEvent("it is not a CloudEvent with specversion, id, source and type") from error
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise NotAnEvent(f"the CloudEvent's {name} is not a non-empty string")
    return event


def _without_surrogates(value: Any) -> Any:
    return replace_surrogates(value) if isinstance(value, str) else value


def _as_it_is(data: Any) -> Any:
    """Leave data alone: broken data becomes a reject, not an error of the SDK."""
    return data


def _from_cloud_event(event: _CloudEvent, *, structured: bool) -> Message:
    content_type = str(event.get("datacontenttype", "")).partition(";")[0].strip().lower()
    data = _bytes_of(event.data)
    if structured and data.startswith(b'"') and content_type not in _JSON_TYPES and not content_type.endswith("+json"):
        data = _text_in(data)
    if event["type"] == PUBSUB_TYPE:
        return _from_pubsub_event(event, data)
    attributes = {name: _text_of(value) for name, value in event.attributes.items() if name not in _CORE}
    if content_type not in _JSON_TYPES:
        attributes.setdefault("content-type", content_type)
    if event["type"] == OBJECT_TYPE:
        return _from_object_event(event, data, attributes)
    return Message(
        event["id"],
        event["source"],
        data,
        attributes,
        ordering_key=attributes.get("partitionkey", ""),  # CloudEvents' own extension for it.
        publish_time=_time_of(event),
    )


def _text_of(value: Any) -> str:
    """An attribute's value as binary mode spells it."""
    return json.dumps(value) if isinstance(value, bool) else str(_without_surrogates(value))


def _bytes_of(data: Any) -> bytes:
    """Event data as it was sent."""
    if data in (None, "null", b"null"):  # gcloud spells an event without data so.
        return b""
    return data if isinstance(data, bytes) else str(data).encode(errors="replace")


def _text_in(data: bytes) -> bytes:
    """In a structured event, text of another type than JSON stands as a JSON string."""
    try:
        return str(JSON.decode(data.decode())).encode(errors="replace")
    except ValueError as error:
        raise NotAnEvent("its data is not JSON") from error


def _from_pubsub_event(event: _CloudEvent, data: bytes) -> Message:
    if data:
        try:
            return _from_push(_push(data), source=event["source"], fallback_id=event["id"])
        except (MalformedJson, ValidationError):
            defect = "the data of the event is not a Pub/Sub message"
    else:
        defect = None  # An event without data is rejected as such.
    return Message(event["id"], event["source"], data, publish_time=_time_of(event), defect=defect)


def _from_object_event(event: _CloudEvent, data: bytes, attributes: dict[str, str]) -> Message:
    """An object's event straight from Eventarc, as the notification that Pub/Sub would bring."""
    defect = None
    try:
        check_envelope(data)
        stored = StoredObject.model_validate(parse(data))
    except (MalformedJson, ValidationError):
        defect = "the data of the event is not a Cloud Storage object"
    else:
        attributes |= {"eventType": "OBJECT_FINALIZE", "bucketId": stored.bucket, "objectId": stored.name}
        if stored.generation is not None:
            attributes["objectGeneration"] = stored.generation
    return Message(event["id"], event["source"], data, attributes, publish_time=_time_of(event), defect=defect)


def _time_of(event: _CloudEvent) -> datetime | None:
    try:
        return _TIME.validate_python(event.get("time"))
    except ValidationError:
        return None
