"""From data to a published model. Runs on a data scientist's machine; the deployed function does not contain it.

Modules called `penguin_*` train this project's own model. The others publish any fitted classifier. The public ones are
imported one by one, because each imports libraries that the others do not need.
"""

__all__ = [
    "compile",
    "dataset",
    "export",
    "fitted_model",
    "libraries",
    "model_card",
    "onnx_form",
    "parity",
    "penguin_training",
    "penguin_trust",
    "publish",
    "random_penguins",
    "reference",
    "refitting",
]
