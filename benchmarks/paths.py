"""Where the benchmarks find and leave their files."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MODELS: Final = ROOT / "artifacts"
DATA: Final = ROOT / "predictor" / "training" / "data" / "penguins.csv"
PERFORMANCE_PAGE: Final = ROOT / "docs" / "explanation" / "performance.md"
"""The page whose tables `python -m benchmarks --document` writes."""
RESULTS: Final = ROOT / "benchmarks" / "results"
VENVS: Final = ROOT / "benchmarks" / ".venvs"
