import math
import socket
import threading

import pytest

from benchmarks.loadgen import Load, apply_load, quantiles
from benchmarks.raw_http import post

ANSWER = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (99, 4), (100, 4)])
def test_a_quantile_is_the_nearest_rank(percent: int, value: float) -> None:
    assert quantiles([3, 1, 4, 2])[percent] == value


def test_a_quantile_of_nothing_is_no_number() -> None:
    assert all(map(math.isnan, quantiles([])))


def test_a_load_counts_answers_and_other_statuses_and_lost_connections_as_failures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for status in (200, 503):  # The first connection is closed after one answer, the second one stays.
                connection, _ = listener.accept()
                with connection:
                    for _ in range(1 if status == 200 else 3):
                        connection.recv(1000)
                        connection.sendall(ANSWER % status)

        thread = threading.Thread(target=serve)
        thread.start()
        result = apply_load(Load(listener.getsockname()[1], post("/", b"{}"), 1, 30.0, requests=3))
        thread.join(10)
    assert (result.requests, result.failures) == (3, 3)
    assert result.per_second > 0
    assert result.quantiles_ms == sorted(result.quantiles_ms)
