"""NDJSON to chunks of penguins: one JSON document a line, each decoded as the web decodes a request for one penguin."""

from collections.abc import Iterator

from predictor.bulk.chunk import Chunk, RowError
from predictor.bulk.lines import Blocks
from predictor.decoding import decode_penguin
from predictor.errors import InvalidInput, MalformedJson
from predictor.models.columns import PenguinColumns
from predictor.penguin import Penguin


def read_ndjson(blocks: Blocks) -> Iterator[Chunk]:
    """Chunks of the lines that are not blank. Raises `UnusableFile` for a line that is too long."""
    first_row = 1
    for block in blocks:
        lines = [stripped for line in block.split(b"\n") if (stripped := line.strip())]
        if lines:
            yield _chunk(first_row, lines)
            first_row += len(lines)


def _chunk(first_row: int, lines: list[bytes]) -> Chunk:
    penguins: list[Penguin] = []
    errors: dict[int, RowError] = {}
    for place, line in enumerate(lines):
        try:
            penguins.append(decode_penguin(line))
        except (InvalidInput, MalformedJson) as error:
            errors[place] = error.with_traceback(None)
    return Chunk(first_row, len(lines), PenguinColumns.of(penguins), errors)
