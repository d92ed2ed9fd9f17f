"""Tensors of the Open Inference Protocol, as JSON and in its binary extension: to columns of penguins, and back.

Binary data stand behind the JSON, in the order of the tensors: numbers little-endian, each text (`BYTES`) after its
length as four bytes. Importing this module imports numpy.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.errors import InvalidInput, Violation

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS: Final[Mapping[str, str]] = {
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
}
"""Data types of numbers, as numpy spells them."""
TEXT: Final = "BYTES"
MAX_DIMENSIONS: Final = 2
"""No tensor of any request or answer has more."""
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input. `data` is JSON's, flat, or the bytes of the binary extension; `where` points to it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | bytes
    where: str

    def numbers(self) -> "NDArray[np.float64]":
        """Its elements, flat. Raises `InvalidInput` unless all are numbers."""
        if self.datatype not in NUMBERS:
            raise wrong_type(f"{self.where}/datatype", f"Must be one of {', '.join(NUMBERS)}.")
        if isinstance(self.data, bytes):
            dtype = np.dtype(NUMBERS[self.datatype])
            if len(self.data) != prod(self.shape) * dtype.itemsize:
                raise wrong_type(self.where, "Its binary data do not have the size that its shape demands.")
            return np.frombuffer(self.data, dtype).astype(np.float64)
        if not {int, float}.issuperset(map(type, self.data)):
            raise wrong_type(f"{self.where}/data", "Must hold numbers only.")
        return np.array(self.data, dtype=np.float64)

    def texts(self) -> list[str]:
        """Its elements, flat. Raises `InvalidInput` unless all are text in UTF-8."""
        if self.datatype != TEXT:
            raise wrong_type(f"{self.where}/datatype", f"Must be {TEXT}.")
        if isinstance(self.data, bytes):
            return self._binary_texts(self.data)
        if not {str}.issuperset(map(type, self.data)):
            raise wrong_type(f"{self.where}/data", "Must hold strings only.")
        return self.data

    def _binary_texts(self, data: bytes) -> list[str]:
        texts: list[bytes] = []
        start, count = 0, prod(self.shape)
        length_at, length_bytes = _LENGTH.unpack_from, _LENGTH.size
        try:
            while start < len(data) and len(texts) < count:
                first = start + length_bytes
                start = first + length_at(data, start)[0]
                texts.append(data[first:start])
            decoded = list(map(bytes.decode, texts))
        except (struct.error, UnicodeDecodeError):
            start = -1
        if start != len(data) or len(texts) != count:
            raise wrong_type(self.where, "Its binary data must be one UTF-8 text per element, each after its length.")
        return decoded


def wrong_type(where: str, message: str) -> InvalidInput:
    return InvalidInput([Violation(where, "wrong_type", message)])


def read_tensors(inputs: Sequence[Any], binary: bytes) -> list[Tensor]:
    """The inputs of a request, whose binary data are `binary`. Raises `InvalidInput`."""
    tensors = []
    start = 0
    for index, item in enumerate(inputs):
        where = f"/inputs/{index}"
        if not isinstance(item, dict):
            raise wrong_type(where, "Must be an object.")
        size = _binary_size(item.get("parameters"), where)
        data: list[Any] | bytes
        if size is None:
            data = _flat(item.get("data"), f"{where}/data")
        else:
            data = binary[start : start + size]
            start += size
        tensors.append(_tensor(item, data, where))
    if start != len(binary):
        raise wrong_type("/inputs", f"The inputs take {start} bytes of binary data; the body has {len(binary)}.")
    return tensors


def _tensor(item: Mapping[str, Any], data: list[Any] | bytes, where: str) -> Tensor:
    for name in ("name", "datatype"):
        if not isinstance(item.get(name), str):
            raise wrong_type(f"{where}/{name}", "Must be a string.")
    shape = item.get("shape")
    # The product of very many sizes would take seconds, in one step that keeps every other thread waiting.
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_size, shape)):
        raise wrong_type(f"{where}/shape", f"Must be an array of at most {MAX_DIMENSIONS} whole numbers.")
    if isinstance(data, list) and len(data) != prod(shape):
        raise wrong_type(f"{where}/data", "Must have as many elements as the shape says.")
    return Tensor(item["name"], item["datatype"], tuple(shape), data, where)


def _is_size(size: Any) -> bool:
    return type(size) is int and size >= 0


def _binary_size(parameters: Any, where: str) -> int | None:
    if parameters is None:
        return None
    where += "/parameters"
    if not isinstance(parameters, dict):
        raise wrong_type(where, "Must be an object.")
    if "shared_memory_region" in parameters:
        message = "There is no shared memory here; send the data in the body."
        raise InvalidInput([Violation(where, "unknown_field", message)])
    size: Any = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise wrong_type(f"{where}/binary_data_size", "Must be a number of bytes.")
    return size


def _flat(data: Any, where: str) -> list[Any]:
    """The elements of an array, or of an array of arrays, in their order."""
    if not isinstance(data, list):
        raise wrong_type(where, "Must be an array.")
    if data and all(isinstance(row, list) for row in data):
        return list(chain.from_iterable(data))
    return data


def binary_of(values: "NDArray[Any] | Sequence[str]") -> bytes:
    """The elements as the binary extension has them."""
    if isinstance(values, np.ndarray):
        return values.astype(values.dtype.newbyteorder("<")).tobytes()
    texts = {text: text.encode() for text in set(values)}  # Few different ones, as a rule.
    elements = {text: _LENGTH.pack(len(data)) + data for text, data in texts.items()}
    return b"".join(map(elements.__getitem__, values))
