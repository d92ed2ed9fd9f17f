"""The little of an ONNX file that it takes to recognise a simple graph: its nodes, and the numbers in it.

Reads protobuf's wire format by itself. The file has been verified, is a kilobyte, and is read at every start, where
importing the onnx package or protobuf's runtime would cost more than all the rest of loading a simple model.
Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; encoding: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

INPUT: Final = "features"
OUTPUT: Final = "probabilities"
"""The one input (float32, [n, columns]) and the output (float32, [n, classes]) of a `model.onnx`."""

FLOAT: Final = 1
DOUBLE: Final = 11
"""ONNX's numbers for the types of a tensor's elements."""

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
"""The wire types that protobuf still uses."""

_Field = tuple[int, int | memoryview]


class UnreadableGraph(Exception):
    """These bytes are no ONNX file, or say something in a way that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `integers` are its attributes that are whole numbers; `inputs` and `outputs` name values."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    integers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant of the graph, of float64 elements, row by row."""

    shape: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """`opset` is the version of the default operator set; `tensors` has the float64 constants and no others."""

    opset: int
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]


def read_graph(onnx_bytes: bytes) -> Graph:
    """Raises `UnreadableGraph`. A field that does not matter here is passed over, as protobuf wants it."""
    try:
        return _model(memoryview(onnx_bytes))
    except (LookupError, UnicodeDecodeError, struct.error) as error:
        raise UnreadableGraph(str(error)) from error


def _model(data: memoryview) -> Graph:
    opset, nodes, tensors = 0, [], {}
    for number, value in _fields(data):
        if number == 7:  # graph
            for inner, part in _fields(_bytes(value)):
                if inner == 1:
                    nodes.append(_node(_bytes(part)))
                elif inner == 5:  # initializer
                    name, tensor = _tensor(_bytes(part))
                    if tensor is not None:
                        tensors[name] = tensor
        elif number == 8:  # opset_import
            entry = dict(_fields(_bytes(value)))
            if not _text(entry.get(1, memoryview(b""))):
                opset = _integer(entry[2])
    return Graph(opset, tuple(nodes), tensors)


def _node(data: memoryview) -> Node:
    inputs, outputs, operator, domain, integers = [], [], "", "", {}
    for number, value in _fields(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            operator = _text(value)
        elif number == 5:
            attribute = dict(_fields(_bytes(value)))
            if 3 in attribute:
                integers[_text(attribute[1])] = _integer(attribute[3])
        elif number == 7:
            domain = _text(value)
    return Node(operator, domain, tuple(inputs), tuple(outputs), integers)


def _tensor(data: memoryview) -> tuple[str, Tensor | None]:
    shape: list[int] = []
    kind, name, values = 0, "", b""
    for number, value in _fields(data):
        if number == 1:  # dims: one by one, or packed
            shape += [value] if isinstance(value, int) else _varints(value)
        elif number == 2:
            kind = _integer(value)
        elif number == 8:
            name = _text(value)
        elif number in (9, 10):  # raw_data, or double_data, packed: both little-endian
            values += _bytes(value)
    if kind != DOUBLE:
        return name, None
    return name, Tensor(tuple(shape), struct.unpack(f"<{len(values) // 8}d", values))


def _fields(data: memoryview) -> Iterator[_Field]:
    """The fields of a message in order: their number, and a whole number or the bytes of anything else."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if kind == _LENGTH:
            size, position = _varint(data, position)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise UnreadableGraph(f"wire type {kind}")
        if position + size > len(data):
            raise UnreadableGraph("it ends in the middle of a field")
        yield key >> 3, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _varints(data: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(data):
        value, position = _varint(data, position)
        values.append(value)
    return values


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise UnreadableGraph("a number where a message was expected")
    return value


def _text(value: int | memoryview) -> str:
    return str(_bytes(value), "utf-8")


def _integer(value: int | memoryview) -> int:
    """Negative numbers are written as their 64-bit complement."""
    if not isinstance(value, int):
        raise UnreadableGraph("a message where a number was expected")
    return value - (1 << 64) if value >> 63 else value
