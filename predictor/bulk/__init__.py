"""Score a whole file in chunks: memory does not grow with the file, and an invalid row never fails the others.

The flow: bytes, blocks of whole lines, chunks of rows (valid ones column by column, the others as errors), predictions,
text. The command line (`score_stream`), events (`ScoredLines`) and Beam, which cuts files by their lines, use it.
Importing this package imports numpy.
"""

from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import MAX_ROW_NUMBERS, Count, Layout, describe
from predictor.bulk.csv_answers import CsvAnswers
from predictor.bulk.csv_text import to_line
from predictor.bulk.lines import MAX_LINE_BYTES, Blocks, FileFormat
from predictor.bulk.ndjson import read_json_lines
from predictor.bulk.parquet import ParquetTable
from predictor.bulk.scoring import ScoredLines, score_stream
from predictor.bulk.source import is_parquet, open_source
from predictor.bulk.table import SEPARATORS, Table

__all__ = [
    "MAX_LINE_BYTES",
    "MAX_ROW_NUMBERS",
    "SEPARATORS",
    "Blocks",
    "Count",
    "CsvAnswers",
    "FileFormat",
    "Layout",
    "ParquetTable",
    "ScoredLines",
    "Table",
    "describe",
    "is_parquet",
    "open_source",
    "read_cells",
    "read_json_lines",
    "score_stream",
    "to_line",
]
