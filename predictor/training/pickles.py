"""Python objects as bytes and back: deterministic dumps, and the one place that opens unverified pickles."""

import io
import warnings
from pathlib import Path
from typing import Any, Final

import joblib
from sklearn.exceptions import InconsistentVersionWarning

from predictor.errors import PublishRefused
from predictor.text import describe_error

_MOST_ROUNDS: Final = 5


def dump(value: Any) -> bytes:
    """The joblib bytes of `value`, the same in every process.

    A pickle refers back to strings and arrays that it has seen as the same *object*; which equal objects are one
    depends on how they came about. What was loaded once has its sharing from the pickle alone, so dumping it again
    is stable: repeated until nothing changes. Raises `PublishRefused` when that never happens.
    """
    data = _dump(value)
    for _ in range(_MOST_ROUNDS):
        again = _dump(joblib.load(io.BytesIO(data)))
        if again == data:
            return data
        data = again
    raise PublishRefused(f"a {type(value).__name__} gives another pickle each time it is saved")


def _dump(value: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


def open_unverified(path: Path, data: bytes) -> Any:
    """Unpickle a file that only the person who publishes it can vouch for. This runs whatever code is in the file.

    Raises `PublishRefused` when it does not load, or was saved with another version of scikit-learn: saved again, it
    would claim the installed one, and nobody could tell any more what it was made with.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return joblib.load(io.BytesIO(data))
        except InconsistentVersionWarning as error:
            raise PublishRefused(
                f"{path} was saved with scikit-learn {error.original_sklearn_version}, installed is"
                f" {error.current_sklearn_version}; publish it from an environment with the version it was saved with"
            ) from error
        except ModuleNotFoundError as error:
            raise PublishRefused(f"{path} needs the module {error.name}, which is not installed here") from error
        except Exception as error:  # Unpickling runs the objects' own code, which can raise anything.
            raise PublishRefused(f"{path} cannot be unpickled: {describe_error(error)}") from error
