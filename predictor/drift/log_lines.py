"""From log files to summaries: from `gcloud logging read --format=json`, or lines as the function prints them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from predictor.drift.summaries import Summary
from predictor.errors import UnusableFile

EVENT: Final = "traffic_summary"


@dataclass(frozen=True, slots=True)
class Source:
    """An open log file, and what errors call it."""

    name: str
    file: BinaryIO


def read_summaries(sources: Iterable[Source]) -> list[Summary]:
    """Every summary, once: a line that is in several files, as exports that overlap have it, counts once.

    Lines that are no summary are skipped, whatever they are. Raises `UnusableFile` for a summary that cannot be read.
    """
    found: dict[str, Summary] = {}
    for source in sources:
        for number, document in _documents(source):
            fields = document.get("jsonPayload", document)
            if not isinstance(fields, dict) or fields.get("event") != EVENT:
                continue
            try:
                summary = Summary.of(fields)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                raise UnusableFile(
                    "bad_summary", f"{source.name}: {number}: not a {EVENT} of this version: {where}: {first['msg']}"
                ) from error
            found[summary.summary_id] = summary
    return sorted(found.values(), key=lambda summary: (summary.since, summary.summary_id))


def _documents(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each JSON object in a file, and where it is: of an array, or one per line."""
    try:
        first = source.file.readline()
        if first.lstrip().startswith(b"["):
            yield from _of_array(source, first + source.file.read())
            return
        number = 0
        for number, line in enumerate(_with(first, source.file), start=1):
            if line.lstrip().startswith(b"{"):
                try:
                    document = json.loads(line)
                except ValueError:
                    continue  # Another program's line: ours are whole.
                yield f"line {number}", document
    except OSError as error:
        raise UnusableFile("unreadable", f"{source.name} cannot be read: {error.strerror}") from error


def _with(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _of_array(source: Source, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        entries = json.loads(content)
    except ValueError as error:
        raise UnusableFile(
            "bad_json", f"{source.name} begins like a JSON array, but is none ({error}); was the download cut off?"
        ) from error
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict):
            yield f"entry {number}", entry
