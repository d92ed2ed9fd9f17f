"""Score a whole file in chunks: memory does not grow with the file, and an invalid row never fails the others.

The flow: bytes, blocks of whole lines, chunks of rows (valid ones column by column, the others as errors), predictions,
text. The command line (`score_stream`) and events (`ScoredLines`) use it. Importing this package imports numpy.
"""

from predictor.bulk.chunk import MAX_ROW_NUMBERS, Count, describe
from predictor.bulk.lines import MAX_LINE_BYTES, FileFormat
from predictor.bulk.ndjson import read_json_lines
from predictor.bulk.scoring import ScoredLines, score_stream

__all__ = [
    "MAX_LINE_BYTES",
    "MAX_ROW_NUMBERS",
    "Count",
    "FileFormat",
    "ScoredLines",
    "describe",
    "read_json_lines",
    "score_stream",
]
