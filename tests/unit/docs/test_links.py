"""Markdown that can be read and followed: every relative link and anchor leads somewhere, and no line is too long."""

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes import PROJECT

MAX_LINE: Final = 120
MAX_BESIDE_URL: Final = 20
# A benchmark run writes what stands between these marks (`python -m benchmarks --document`).
GENERATED: Final = re.compile(r"<!-- figures.*?<!-- end of figures -->\n", re.DOTALL)
FENCE: Final = re.compile(r"^ *(```+|~~~+)[^\n]*\n.*?^ *\1 *$", re.DOTALL | re.MULTILINE)
INLINE_CODE: Final = re.compile(r"(`+)(?:(?!`).)+?\1")
INLINE_LINK: Final = re.compile(r"\]\(<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\)")
REFERENCE_LINK: Final = re.compile(r"^ {0,3}\[[^\]^]+\]:\s+<?([^\s>]+)", re.MULTILINE)
HEADING: Final = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)? *$", re.MULTILINE)
HTML_ANCHOR: Final = re.compile(r"<a +(?:id|name)=\"([^\"]+)\"")
SCHEME: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
URL: Final = re.compile(r"\bhttps?://\S+")


def markdown_files() -> list[Path]:
    """What git tracks, or would if it were added; a clone has no other pages."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    wanted = {name for name in names if name and not name.startswith("tests/fixtures/")}  # Those are as they were made.
    return sorted(PROJECT / name for name in wanted if (PROJECT / name).is_file())


PAGES: Final = markdown_files()


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT))


def links_in(text: str) -> list[str]:
    prose = INLINE_CODE.sub("", FENCE.sub("", text))
    return [*INLINE_LINK.findall(prose), *REFERENCE_LINK.findall(prose)]


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading: letters, digits, hyphens and underscores, in lower case."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    kept = (c for c in text.lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


@cache
def anchors_of(page: Path) -> frozenset[str]:
    text = page.read_text(encoding="utf-8")
    anchors = set(HTML_ANCHOR.findall(text))
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        anchor = slug(heading)
        number = seen.get(anchor, 0)
        seen[anchor] = number + 1
        anchors.add(f"{anchor}-{number}" if number else anchor)
    return frozenset(anchors)


def broken_links(page: Path) -> Iterator[str]:
    for link in links_in(page.read_text(encoding="utf-8")):
        if SCHEME.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and (target.suffix != ".md" or anchor not in anchors_of(target)):
            yield f"{link}: no such heading"


def long_lines(text: str) -> Iterator[int]:
    """Numbers of the lines that are too long, except rows of tables and lines that hardly hold more than a URL."""
    text = GENERATED.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), start=1):
        beside_url = len(line) - max(map(len, URL.findall(line)), default=0)
        if len(line) > MAX_LINE and not line.lstrip().startswith("|") and beside_url > MAX_BESIDE_URL:
            yield number


def test_there_are_pages_to_read() -> None:
    assert {"README.md", "docs/reference/http.md", "docs/explanation/architecture.md"} <= {name_of(p) for p in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_is_too_long(page: Path) -> None:
    assert list(long_lines(page.read_text(encoding="utf-8"))) == []


def test_the_checks_themselves_see_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `name`, twice\n\n# A name, twice\n\n```\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[1](other.md#a-name-twice) [2](other.md#a-name-twice-1) [3](https://example.org/#x) `[4](gone.md)`\n"
        "[5](gone.md) [6](other.md#no-heading) [7](#gone)\n"
    )
    assert list(broken_links(page)) == [
        "gone.md: no such file",
        "other.md#no-heading: no such heading",
        "#gone: no such heading",
    ]
    url = f"https://example.org/{'x' * MAX_LINE}"
    assert list(long_lines(f"{'x' * 121}\n| {'x' * 121}\nSee {url}\n{'word ' * 20}{url}\n")) == [1, 4]
