"""The time limit of a Cloud Storage operation of several requests, in the form that the HTTP client takes."""

import time
from typing import Self

from predictor.errors import PredictorError


class GcsTimeout(tuple[float, float]):
    """The client's two timeouts in seconds, to connect and between two pieces; and the instant at which all ends.

    Given to each request of an operation, it counts them.
    """

    deadline: float
    attempts: int

    def __new__(cls, deadline: float, connect_s: float) -> Self:
        remaining_s = max(0.1, deadline - time.monotonic())
        timeout = super().__new__(cls, (min(connect_s, remaining_s), remaining_s))
        timeout.deadline = deadline
        timeout.attempts = 0
        return timeout

    def remaining_s(self) -> float:
        return self.deadline - time.monotonic()


class AnswerTooLarge(PredictorError):
    """The store sent more than an answer may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"its answer has more than {most} bytes")
