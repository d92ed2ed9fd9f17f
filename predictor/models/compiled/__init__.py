"""Models that publishing has compiled: evaluated in pure Python, without ONNX Runtime and, for one penguin, numpy."""

from predictor.models.compiled.cells import width_of
from predictor.models.compiled.form import (
    MAX_LEAVES,
    ColumnSplits,
    Form,
    LinearForm,
    Link,
    Member,
    Split,
    TreesForm,
    form_from_bytes,
    form_to_bytes,
)
from predictor.models.compiled.linear import LinearEngine
from predictor.models.compiled.trees import TreesEngine

__all__ = [
    "MAX_LEAVES",
    "ColumnSplits",
    "Form",
    "LinearEngine",
    "LinearForm",
    "Link",
    "Member",
    "Split",
    "TreesEngine",
    "TreesForm",
    "compiled_engine",
    "form_from_bytes",
    "form_to_bytes",
    "width_of",
]


def compiled_engine(form: Form) -> LinearEngine | TreesEngine:
    """What evaluates a form."""
    return LinearEngine(form) if isinstance(form, LinearForm) else TreesEngine(form)
