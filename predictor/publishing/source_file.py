"""What a model file says of itself, read without unpickling it: its format, and the library versions that wrote it.

Unpickling a file runs the code in it, and needs the versions that wrote it. Both are decided before the file is opened,
so versions are searched for in its bytes: scikit-learn writes `_sklearn_version` into every estimator's state, and an
XGBoost booster and LightGBM's text carry a version of their own.
"""

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

from predictor.errors import PublishRefused

FileFormat = Literal["pickle", "skops", "xgboost", "lightgbm", "onnx", "names"]
"""`names` is a list of column or class names, as JSON or as text."""

_ZIP: Final = b"PK\x03\x04"
MAX_SOURCE_BYTES: Final = 1024**3
_SHORT_STRING: Final = rb"\x8c(?P<short>.)"
_LONG_STRING: Final = rb"X(?P<long>.\x00\x00\x00)"
# The value follows the key in the pickle: an opcode for a string, its length, the version. Between them stands an
# opcode that remembers the key (memoize, or binput with one byte).
_SKLEARN: Final = re.compile(
    rb"_sklearn_version(?:\x94|q.|)(?:" + _SHORT_STRING + rb"|" + _LONG_STRING + rb")(?P<version>[0-9][0-9A-Za-z.+]*)",
    re.DOTALL,
)
_SKOPS: Final = re.compile(rb'"_sklearn_version": \{[^{}]*"content": "\\"([0-9][0-9A-Za-z.+]*)\\""')
_XGBOOST_BINARY: Final = re.compile(rb"version\[#L\x00{7}\x03i(.)i(.)i(.)", re.DOTALL)
_XGBOOST_JSON: Final = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
_LIGHTGBM: Final = re.compile(rb"tree\nversion=(v\d+)")
_LIGHTGBM_PACKAGES: Final = {"v3": "3.3.5", "v4": "4.5.0"}
"""LightGBM's text names a version of its format; a package that reads and writes it."""

_MODULES: Final = {
    "xgboost": rb"xgboost\.(sklearn|core)",
    "lightgbm": rb"lightgbm\.(sklearn|basic)",
    "catboost": rb"catboost\.core",
}

_PICKLE_SUFFIXES: Final = frozenset({".pkl", ".pickle", ".joblib"})
_COMPRESSIONS: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
    (b"]\x00\x00", lzma.decompress),
    (b"x\x01", zlib.decompress),
    (b"x\x5e", zlib.decompress),
    (b"x\x9c", zlib.decompress),
    (b"x\xda", zlib.decompress),
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that somebody wants to publish. `libraries`: distribution name -> version that wrote it, where known."""

    path: Path
    data: bytes
    format: FileFormat
    libraries: dict[str, str] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()
    """Top-level modules of other libraries that the file mentions, such as `xgboost`."""


def read_source(path: Path) -> SourceFile:
    """Raises `PublishRefused` when the file cannot be read or is in no known format."""
    if path.is_dir():
        raise PublishRefused(f"{path} is a folder; give the model's files, or --from FOLDER for a published model")
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            raise PublishRefused(f"{path} has more than {MAX_SOURCE_BYTES} bytes; a model file should not")
        data = path.read_bytes()
    except OSError as error:
        raise PublishRefused(f"{path} cannot be read: {error.strerror}") from error
    if not data.strip():
        raise PublishRefused(f"{path} is empty; save the model again")
    plain = _decompressed(path, data)
    file_format = _format(plain)
    if path.suffix in _PICKLE_SUFFIXES and file_format != "pickle":
        raise PublishRefused(f"{path} cannot be unpickled: it does not hold a pickle")
    if file_format is None:
        raise PublishRefused(
            f"{path} is in no known format; publish takes joblib, pickle and skops files, XGBoost's .json and .ubj,"
            " LightGBM's text, ONNX, and lists of names"
        )
    searched = _skops_schema(data) if file_format == "skops" else plain
    return SourceFile(path, data, file_format, _libraries(searched, file_format), _modules(searched))


def _skops_schema(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("schema.json") as stream:
        return stream.read(MAX_SOURCE_BYTES)


def _decompressed(path: Path, data: bytes) -> bytes:
    """What joblib or gzip compressed; other data as it is."""
    for magic, decompress in _COMPRESSIONS:
        if data.startswith(magic):
            try:
                return decompress(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
                raise PublishRefused(f"{path} is compressed and cannot be decompressed: {error}") from error
    return data


def _format(data: bytes) -> FileFormat | None:
    if data.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return "pickle"
    if data.startswith(_ZIP):
        return "skops" if b"schema.json" in data else None
    if data.startswith(b"tree\n"):
        return "lightgbm"
    if data.startswith((b"{L\x00", b"{i\x07learner")) and b"learner" in data:
        return "xgboost"
    text = data.lstrip()
    if text.startswith((b"{", b"[")):
        try:
            document = json.loads(data)
        except ValueError:
            return None
        if isinstance(document, dict):
            return "xgboost" if "learner" in document else None
        return "names"
    if _is_onnx(data):
        return "onnx"
    return "names" if _is_text(data) else None


def _is_onnx(data: bytes) -> bool:
    """Protobuf's first field of an ONNX model is its IR version, a small number; no text file begins so."""
    return len(data) > 2 and data[0] == 0x08 and data[1] < 0x20


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode("utf-8-sig").strip()) and "\x00" not in data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False


def _libraries(data: bytes, file_format: FileFormat) -> dict[str, str]:
    found: dict[str, str] = {}
    if match := _SKLEARN.search(data):
        length = (match["short"] or match["long"])[0]
        found["scikit-learn"] = match["version"][:length].decode()
    if match := _SKOPS.search(data):
        found["scikit-learn"] = match[1].decode()
    if match := _XGBOOST_BINARY.search(data) or (_XGBOOST_JSON.search(data) if file_format == "xgboost" else None):
        found["xgboost"] = ".".join(str(part[0]) if not part.isdigit() else part.decode() for part in match.groups())
    if match := _LIGHTGBM.search(data):
        found["lightgbm"] = _lightgbm_package(match[1].decode())
    return found


def _lightgbm_package(format_version: str) -> str:
    """A version of the package that reads this version of the text: the installed one where it does."""
    installed = installed_version("lightgbm")
    if installed is not None and format_version == f"v{installed.partition('.')[0]}":
        return installed
    return _LIGHTGBM_PACKAGES.get(format_version, _LIGHTGBM_PACKAGES["v4"])


def installed_version(name: str) -> str | None:
    """The installed version of a distribution; None without one. `xgboost-cpu` is xgboost without its GPU code."""
    for candidate in (name, "xgboost-cpu") if name == "xgboost" else (name,):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return None


def _modules(data: bytes) -> frozenset[str]:
    return frozenset(name for name, pattern in _MODULES.items() if re.search(pattern, data))


def names_in(source: SourceFile) -> list[str]:
    """The names in a file of names. Raises `PublishRefused`."""
    try:
        return split_names(source.data.decode("utf-8-sig"))
    except ValueError as error:
        raise PublishRefused(
            f"{source.path} is neither a list of names nor what XGBoost's save_model writes (dump_model's files"
            " cannot be loaded again)"
        ) from error


def split_names(text: str) -> list[str]:
    """Names as a JSON array, or separated by commas or line ends. Raises `ValueError` for an array of other values."""
    if not text.lstrip().startswith("["):
        return [name.strip() for name in re.split(r"[,\n]", text) if name.strip()]
    names = json.loads(text)
    if not all(isinstance(name, str) for name in names):
        raise ValueError("it is an array of other values than names")
    return list(names)
