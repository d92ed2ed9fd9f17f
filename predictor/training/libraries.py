"""What a model was made with: the libraries of its estimator and of everything inside it."""

import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from typing import Any, Final

_ALWAYS: Final = ("scikit-learn", "numpy", "pandas", "joblib")
_COMPILING: Final = ("onnx", "skl2onnx")
BOOSTERS: Final = frozenset({"xgboost", "lightgbm"})
"""Modules whose estimators onnxmltools converts."""
# The same library under another name: xgboost-cpu is xgboost without its GPU code, of the same version.
_SAME_AS: Final = {"xgboost-cpu": "xgboost"}


def parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every estimator inside it: steps, transformers, members of an ensemble."""
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif hasattr(item, "__dict__") and not isinstance(item, type):
            # Some members of an ensemble are wrapped in helpers of scikit-learn's that are no estimators themselves.
            if hasattr(item, "get_params"):
                yield item
            elif not type(item).__module__.startswith("sklearn."):
                continue
            waiting.extend(vars(item).values())


def modules_of(estimator: Any) -> frozenset[str]:
    """The top-level modules that unpickling the estimator needs, scikit-learn's included."""
    return frozenset(type(part).__module__.partition(".")[0] for part in parts(estimator))


def versions(estimator: Any, *, compiled: bool) -> dict[str, str]:
    """Distribution name -> installed version, sorted by name; with the compilers' where the model has an ONNX form."""
    names = {*_ALWAYS, *(_COMPILING if compiled else ())}
    modules = modules_of(estimator)
    if compiled and modules & BOOSTERS:
        names.add("onnxmltools")
    found = {name: version(name) for name in names}
    distributions = packages_distributions()
    for module in modules - {"sklearn"}:
        name = distributions.get(module, [module])[0]
        found[_SAME_AS.get(name, name)] = getattr(sys.modules.get(module), "__version__", "unknown")
    return dict(sorted(found.items()))
