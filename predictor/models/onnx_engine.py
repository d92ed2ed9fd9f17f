"""ONNX Runtime: evaluates any model that was converted to ONNX.

Linear models and most trees do not need it (`predictor.models.compiled`). Importing this module imports numpy and
ONNX Runtime, and neither pandas nor scikit-learn.
"""

import struct
import threading
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime

from predictor.artifacts import ONNX_FILE, Manifest
from predictor.batch import PenguinColumns
from predictor.errors import UnloadableModel
from predictor.models.engine import Engine
from predictor.models.features import FeatureEncoder
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.penguin import Penguin
from predictor.text import first_line

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxEngine(Engine):
    """Runs `model.onnx`: input `features` (float32, [n, columns]), output `probabilities` (float32, [n, classes])."""

    name: Final = "onnx"
    runtime: Final = "onnxruntime"
    blocking: Final = False

    def __init__(self, onnx_bytes: bytes, manifest: Manifest) -> None:
        """Raises `UnloadableModel` for a graph that ONNX Runtime or this engine's contract refuses."""
        options = onnxruntime.SessionOptions()
        # One thread: the graph takes microseconds, and a pool's threads would not survive gunicorn's fork.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            raise UnloadableModel(ONNX_FILE, f"ONNX Runtime refused it: {first_line(error)}") from error
        self._check_signature(session, manifest)
        self._run = session.run
        self._outputs = [OUTPUT]
        self._encoder = FeatureEncoder(manifest.columns)
        self._single = _SingleRow(session, self._encoder, len(manifest.columns), self._classes)

    def probabilities(self, penguin: Penguin) -> list[float]:
        return self._single.probabilities(penguin)

    def batch_probabilities(self, columns: PenguinColumns) -> "NDArray[np.float32]":
        if not len(columns):
            return np.empty((0, self._classes), dtype=np.float32)
        return self._run(self._outputs, {INPUT: self._encoder.matrix(columns)})[0]  # type: ignore[no-any-return]

    def _check_signature(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        inputs = [(item.name, item.type, item.shape[1:]) for item in session.get_inputs()]
        if inputs != [(INPUT, "tensor(float)", [len(manifest.columns)])]:
            raise UnloadableModel(ONNX_FILE, f"its inputs are {inputs}, expected one float tensor {INPUT!r}")
        if OUTPUT not in {item.name for item in session.get_outputs()}:
            raise UnloadableModel(ONNX_FILE, f"it has no output {OUTPUT!r}")
        self._classes = len(manifest.classes)


class _SingleRow:
    """One penguin at a time through buffers that are bound to the session once.

    Binding input and output anew is most of what `session.run` costs for one row (docs/explanation/performance.md).
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, encoder: FeatureEncoder, columns: int, classes: int
    ) -> None:
        self._row = encoder.row
        self._input = np.zeros((1, columns), dtype=np.float32)
        self._output = np.zeros((1, classes), dtype=np.float32)
        self._binding = session.io_binding()
        self._binding.bind_cpu_input(INPUT, self._input)
        self._binding.bind_output(OUTPUT, "cpu", 0, np.float32, self._output.shape, self._output.ctypes.data)
        self._pack = struct.Struct(f"{columns}f").pack_into
        self._run = session.run_with_iobinding
        self._lock = threading.Lock()  # The buffers are shared: one row at a time, also from several threads.

    def probabilities(self, penguin: Penguin) -> list[float]:
        with self._lock:
            self._pack(self._input.data, 0, *self._row(penguin))
            self._run(self._binding)
            return self._output[0].tolist()  # type: ignore[no-any-return]
