"""Events from Pub/Sub and Eventarc: decoding, scoring, publishing. docs/events.md has the contract."""
