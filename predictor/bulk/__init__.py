"""A file of penguins in, its answers out, chunk by chunk: memory does not grow with the file.

Above the service, below whoever has a file: the command line (`score`) and `predictor.events` (`answer_lines`). A bad
row never fails the others. Flow: bytes -> blocks of whole lines -> chunks of valid penguins (column by column) and
errors -> probabilities -> text.
"""

from predictor.bulk.answers import count_answers
from predictor.bulk.chunk import Count, describe
from predictor.bulk.lines import MAX_LINE_BYTES
from predictor.bulk.scoring import FileFormat, answer_lines, score

__all__ = ["MAX_LINE_BYTES", "Count", "FileFormat", "answer_lines", "count_answers", "describe", "score"]
