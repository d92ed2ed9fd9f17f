"""Events from Pub/Sub and Eventarc: decoding, scoring, publishing. docs/reference/events.md has the contract."""

from predictor.events.app import events_app
from predictor.events.bucket_scorer import BucketScorer
from predictor.events.object_scorer import ObjectScorer
from predictor.events.publisher import LogPublisher, Publisher, RoutingPublisher
from predictor.events.pubsub_publisher import PubSubClient, PubSubPublisher

__all__ = [
    "BucketScorer",
    "LogPublisher",
    "ObjectScorer",
    "PubSubClient",
    "PubSubPublisher",
    "Publisher",
    "RoutingPublisher",
    "events_app",
]
