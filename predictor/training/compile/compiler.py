"""Which form a model has: linear, trees, or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from predictor.errors import NotCompilable
from predictor.models.compiled import Form
from predictor.text import describe_error
from predictor.training.compile.ensemble import tree_models
from predictor.training.compile.layout import form_of
from predictor.training.compile.linear import linear_form
from predictor.training.compile.tree import Unsupported
from predictor.training.fitted_model import FittedModel


@dataclass(frozen=True, slots=True)
class Compiled:
    """A form, and where its answers jump: the thresholds of each column, which parity looks at closely."""

    form: Form
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def compile_model(model: FittedModel) -> Compiled:
    """Raises `NotCompilable` with the reason where a model has no form."""
    linear = linear_form(model.estimator, model.columns)
    if linear is not None:
        return Compiled(linear)
    try:
        trees = form_of(tree_models(model.estimator, model.columns), model.columns)
    except Unsupported as error:
        raise NotCompilable(type(model.estimator).__name__, str(error)) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Another version of a library keeps its model elsewhere. Parity would find wrong answers; this finds none.
        raise NotCompilable(type(model.estimator).__name__, f"it cannot be read: {describe_error(error)}") from error
    return Compiled(trees, {column.column: column.thresholds for column in trees.columns})
