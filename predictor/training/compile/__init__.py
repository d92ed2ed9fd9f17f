"""Publishing compiles a model: from a fitted estimator to the content of `compiled.json`.

`predictor.training.parity` checks afterwards that the form gives the estimator's answers, so nothing here needs to be
trusted: what is read wrongly from a library is found there, and the form is not published.
"""

from predictor.training.compile.compiler import compile_estimator

__all__ = ["compile_estimator"]
