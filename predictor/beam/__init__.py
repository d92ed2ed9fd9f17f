"""Files too large for one machine: an Apache Beam pipeline that scores globs of CSV, NDJSON and Parquet.

The flow: files are cut into slices, slices are read as parts, and each part is a small file that `predictor.bulk`
scores as `python -m predictor predict FILE` does. Only `pipeline` imports Beam, which has a lock of its own
(`requirements-beam.txt`). Not deployed with the functions; `python -m predictor.beam` starts it.
"""

from predictor.beam.formats import Format
from predictor.beam.scoring import ScoredPart, score_part
from predictor.beam.slices import Part, Slice, parts_of, slices_of

__all__ = ["Format", "Part", "ScoredPart", "Slice", "parts_of", "score_part", "slices_of"]
