"""Models that publishing has compiled: evaluated in pure Python, without ONNX Runtime and, for one penguin, numpy.

`cells` and `trees` are imported one by one: linear models need neither.
"""

from typing import TYPE_CHECKING

from predictor.models.compiled.form import (
    MAX_LEAVES,
    ColumnSplits,
    Curve,
    Form,
    Line,
    LinearForm,
    Link,
    Member,
    Split,
    TreesForm,
    form_from_bytes,
    form_to_bytes,
)
from predictor.models.compiled.linear import LinearEngine

if TYPE_CHECKING:
    from predictor.models.compiled.trees import TreesEngine

__all__ = [
    "MAX_LEAVES",
    "ColumnSplits",
    "Curve",
    "Form",
    "Line",
    "LinearEngine",
    "LinearForm",
    "Link",
    "Member",
    "Split",
    "TreesForm",
    "cells",
    "compiled_engine",
    "form_from_bytes",
    "form_to_bytes",
    "trees",
]


def compiled_engine(form: Form) -> "LinearEngine | TreesEngine":
    """What evaluates a form."""
    if isinstance(form, LinearForm):
        return LinearEngine(form)
    from predictor.models.compiled.trees import TreesEngine  # Linear models need none of it.

    return TreesEngine(form)
