"""A model that comes as ONNX: evaluated by ONNX Runtime, and given the signature that this service's engine expects."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime

from predictor.artifacts import InputColumn
from predictor.batch import PenguinColumns
from predictor.errors import NotCompilable, NotRefittable, PublishRefused
from predictor.models.compiled import Form
from predictor.penguin import NOUN_PLURAL, SPECIES, Penguin
from predictor.publishing.input_columns import canonical_name, find_input, input_frame, spelled_values
from predictor.publishing.source_file import SourceFile
from predictor.text import first_line
from predictor.training.onnx_form import adapt_signature

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES: Final[dict[str, Any]] = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": object}


class OnnxModel:
    """A graph with one tensor of all columns, or with an input for each column."""

    name: Final = "ONNX model"
    parameters: Final = "A graph that was published as it is."

    def __init__(self, source: SourceFile, columns: Sequence[str], classes: Sequence[str]) -> None:
        """Raises `PublishRefused` when the graph does not fit."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._model = onnx.load_from_string(source.data)
            self._session = onnxruntime.InferenceSession(source.data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # Neither library's errors share a base of their own.
            raise PublishRefused(f"{source.path} is not a usable ONNX model: {first_line(error)}") from error
        self._inputs = self._session.get_inputs()
        unknown = [item.type for item in self._inputs if item.type not in _TYPES]
        if unknown:
            raise PublishRefused(f"{source.path} has an input of {unknown[0]}; expected numbers or text")
        names = [item.name for item in self._inputs] if len(self._inputs) > 1 else list(columns)
        if not names:
            raise PublishRefused(f"{source.path} has one input for all columns; give their names: --columns A,B,C")
        width = self._inputs[0].shape[-1] if len(self._inputs) == 1 else len(names)
        if isinstance(width, int) and width != len(names):
            raise PublishRefused(
                f"{source.path} takes {width} columns, named are {len(names)}: {', '.join(names)};"
                " name all of them in its order with --columns"
            )
        if not classes:
            raise PublishRefused(f"{source.path} does not name its classes; give them: --classes {','.join(SPECIES)}")
        self._output = self._find_output(source, len(classes))
        self.classes = tuple(classes)
        self.input: tuple[InputColumn, ...] = find_input(names, ())
        self.columns = tuple(map(canonical_name, self.input))
        self.pickles: Mapping[str, bytes] = {}

    def _find_output(self, source: SourceFile, classes: int) -> str:
        outputs = self._session.get_outputs()
        for item in outputs:
            if item.type in ("tensor(float)", "tensor(double)") and len(item.shape) == 2 and item.shape[1] == classes:
                return str(item.name)
        if any(item.type.startswith("seq(map") for item in outputs):
            raise PublishRefused(f"{source.path} gives its probabilities as maps; convert it with zipmap=False")
        shapes = ", ".join(f"{item.name} {item.shape}" for item in outputs)
        raise PublishRefused(f"{source.path} has no output with a probability for each of {classes} classes: {shapes}")

    def libraries(self, *, compiled: bool) -> Mapping[str, str]:
        return {"onnx": version("onnx")} if compiled else {}

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        cells = input_frame(self.input, PenguinColumns.of(penguins))
        kinds = [_TYPES[item.type] for item in self._inputs]
        if len(self._inputs) == 1:
            feeds = {self._inputs[0].name: np.array(cells, dtype=kinds[0]).T}
        else:
            columns = zip(self._inputs, kinds, cells, strict=True)
            feeds = {item.name: np.array(values, dtype=kind).reshape(-1, 1) for item, kind, values in columns}
        try:
            answered = self._session.run([self._output], feeds)
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            raise PublishRefused(f"the ONNX model cannot score {NOUN_PLURAL}: {first_line(error)}") from error
        return np.asarray(answered[0], dtype=np.float64)

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        return [self.classes[index] for index in self.probabilities(penguins).argmax(axis=1).tolist()]

    def compiled_form(self) -> Form:
        raise NotCompilable(self.name, "its graph is published as it is")

    def out_of_fold(
        self, penguins: Sequence[Penguin], classes: Sequence[int], folds: Sequence[int]
    ) -> "NDArray[np.float64]":
        raise NotRefittable("an ONNX model cannot be fitted again")

    def onnx_forms(self) -> Iterator[bytes]:
        names = [item.name for item in self._inputs]
        texts = {item.name for item in self._inputs if item.type == "tensor(string)"}
        strings = {column.name: spelled_values(column) for column in self.input if column.name in texts}
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        doubles = any(item.type == "tensor(double)" for item in self._inputs)
        adapt_signature(model, names, self._output, len(self.classes), strings, width=len(self.input), double=doubles)
        yield model.SerializeToString(deterministic=True)
