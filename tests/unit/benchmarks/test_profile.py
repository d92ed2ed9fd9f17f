import pytest

from benchmarks.profile import component_of, innermost, shares

STACKS = [
    "main (asyncio/runners.py:1);_predict (predictor/web/app.py:9);decode (predictor/decoding.py:5) 3",
    "main (asyncio/runners.py:1);run (predictor/models/onnx_engine.py:2);run (onnxruntime/capi/x.py:7) 4",
    "main (asyncio/runners.py:1) 2",
    "_bootstrap (threading.py:1);_worker (concurrent/futures/thread.py:81) 90",
    "loads (json/decoder.py:3) 1",
    "",
]


def test_the_innermost_frame_with_a_component_counts() -> None:
    assert (
        component_of(["a (starlette/x.py:1)", "b (predictor/decoding.py:2)", "c (json/decoder.py:1)"])
        == "decoding (pydantic)"
    )


def test_shares_leave_out_threads_that_wait_for_work() -> None:
    found = shares(STACKS)
    assert found["models: ONNX Runtime"] == 0.4
    assert found["decoding (pydantic)"] == 0.3
    assert found["other"] == 0.1
    assert sum(found.values()) == pytest.approx(1.0)
    assert next(iter(found)) == "models: ONNX Runtime"


def test_nothing_recorded_is_no_share() -> None:
    assert shares([]) == {}


def test_the_hottest_frames_come_first() -> None:
    assert next(iter(shares(STACKS, innermost).items())) == ("run (onnxruntime/capi/x.py:7)", 0.4)
