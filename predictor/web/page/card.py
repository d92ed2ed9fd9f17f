"""The model card as a page: the part of Markdown that cards use. All text is escaped, and links are left as text."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Final

_HEADING: Final = re.compile(r"(#{1,4}) +(.+)")
_RULE: Final = re.compile(r"\|[\s:|-]+\|?")


def card_html(markdown: str) -> str:
    """Headings, paragraphs, lists, tables, `code` and **bold**; anything else stands as it is written."""
    return "\n".join(_blocks(markdown.splitlines()))


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    for kind, group in groupby(_continued(lines), key=_kind):
        items = list(group)
        if kind == "heading":
            for item in items:
                marks, text = _HEADING.fullmatch(item).groups()  # type: ignore[union-attr]
                yield f"<h{len(marks)}>{_inline(text)}</h{len(marks)}>"
        elif kind == "list":
            yield "<ul>" + "".join(f"<li>{_inline(item[2:])}</li>" for item in items) + "</ul>"
        elif kind == "table":
            yield _table(items)
        elif kind == "text":
            yield from (f"<p>{_inline(item)}</p>" for item in items)


def _kind(line: str) -> str:
    if not line:
        return "nothing"
    if _HEADING.fullmatch(line):
        return "heading"
    return "list" if line.startswith("- ") else "table" if line.startswith("|") else "text"


def _continued(lines: Iterable[str]) -> Iterator[str]:
    """Paragraphs and list items as one line each."""
    whole = ""
    for line in map(str.strip, lines):
        kind = _kind(line)
        if kind == "text" and _kind(whole) in ("text", "list"):
            whole += " " + line
            continue
        yield whole
        whole = line
    yield whole


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not _RULE.fullmatch(line)]
    head, *body = rows or [[]]
    parts = []
    if any(head):
        parts.append(
            "<thead><tr>" + "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in head) + "</tr></thead>"
        )
    parts.append("<tbody>")
    for first, *others in body:
        cells = "".join(f"<td>{_inline(cell)}</td>" for cell in others)
        parts.append(f'<tr><th scope="row">{_inline(first)}</th>{cells}</tr>')
    table = f"<table>{''.join(parts)}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="group" aria-label="Table">{table}</div>'


def _inline(text: str) -> str:
    parts = text.split("`")
    if len(parts) % 2 == 0:  # A single backquote is only a character.
        return _bold(text)
    return "".join(f"<code>{escape(part)}</code>" if index % 2 else _bold(part) for index, part in enumerate(parts))


def _bold(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
