"""Tables on a page of the documentation: `--document` writes them between two marks."""

from pathlib import Path


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two lines of a page. Raises `ValueError` where one is missing."""
    before, found, rest = page.read_text().partition(f"{begin}\n")
    _, found_end, after = rest.partition(f"{end}\n")
    if not (found and found_end):
        raise ValueError(f"{page} needs the lines {begin} and {end}; the tables go between them")
    page.write_text(f"{before}{begin}\n{text}\n{end}\n{after}")
