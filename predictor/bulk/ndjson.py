"""NDJSON to chunks: one JSON document a line, each decoded as the body of a request for one penguin."""

from collections.abc import Iterator

from predictor.batch import Batch
from predictor.bulk.chunk import Chunk
from predictor.bulk.lines import Blocks
from predictor.decoding import Row, decode_row
from predictor.error_room import ErrorRoom
from predictor.errors import MalformedJson
from predictor.prediction import Id


def read_ndjson(blocks: Blocks) -> Iterator[Chunk]:
    """Chunks of the lines that are not blank. Raises `UnusableFile` for a line that is too long."""
    first_row = 1
    for block in blocks:
        batch = read_json_lines(block)
        if len(batch):
            yield Chunk(first_row, batch)
            first_row += len(batch)


def read_json_lines(text: bytes, *, one_answer: bool = False) -> Batch:
    """The rows of the lines that are not blank. `one_answer`: their errors share the room of one answer."""
    lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
    shared = ErrorRoom(len(text), len(lines)) if one_answer else None
    rows = [_row(line, shared) for line in lines]
    return Batch.of([row for row, _ in rows], [own_id for _, own_id in rows])


def _row(line: bytes, shared: ErrorRoom | None) -> tuple[Row, Id]:
    room = ErrorRoom.of_line(line) if shared is None else shared
    try:
        return decode_row(line, room)
    except MalformedJson as error:
        # The traceback would keep the frames that it came through, and their data.
        return room.fit(error).with_traceback(None), None
