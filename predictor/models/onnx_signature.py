"""What the input and the output of a `model.onnx` are called.

By themselves, because converting a model happens where there is no ONNX Runtime: in the environment that wrote it.
"""

from typing import Final

INPUT: Final = "features"
"""float32, shape (n, columns)."""
OUTPUT: Final = "probabilities"
"""float32, shape (n, classes)."""
