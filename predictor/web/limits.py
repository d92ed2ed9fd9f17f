"""What one request to `predict` may ask for, whichever protocol it speaks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Of one request; `Admission` has those of all requests together."""

    max_body_bytes: int
    max_instances: int
    max_explanations: int
    max_stream_bytes: int
