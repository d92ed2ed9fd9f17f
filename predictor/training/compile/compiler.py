"""Which form a model has: linear, trees, or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from predictor.errors import NotCompilable
from predictor.models.compiled import Form
from predictor.training.compile.linear import linear_form
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
    raise NotCompilable(type(model.estimator).__name__, "it is neither linear nor made of trees")
