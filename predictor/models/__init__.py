"""From verified bytes to probabilities: loading a model, its engines, and the golden self-test.

The public modules in `__all__` are imported one by one, because each imports libraries that the others do not need.
"""

from predictor.models.engine import Engine
from predictor.models.golden import Golden, GoldenRow
from predictor.models.loader import LoadedModel, build_engine, engine_name, engines_of, form_files, load_model

__all__ = [
    "Engine",
    "Golden",
    "GoldenRow",
    "LoadedModel",
    "build_engine",
    "compiled",
    "engine_name",
    "engines_of",
    "form_files",
    "load_model",
    "onnx_engine",
    "onnx_signature",
    "verification",
]
