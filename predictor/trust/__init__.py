"""Whether an answer can be relied on: what the reference rows say of a row and of its probabilities.

Publishing writes `reference.json` from labelled rows; a detailed answer reads it. Nothing here is imported before the
first detailed answer, and numpy only for batches and explanations. The public modules in `__all__` are imported one by
one for that reason.
"""

__all__ = [
    "assessment",
    "batch_assessment",
    "distance",
    "explanation",
    "reference",
    "residuals",
    "traffic",
    "traffic_counts",
    "unit_slips",
]
