import pytest

from predictor.web.page.card import card_html

CARD = """\
# A model
Two lines
are one paragraph.

## Figures
| | count |
|---|---|
| `right` | 3 |

- one item
  goes on
- **another**
"""


def test_the_markdown_of_cards() -> None:
    assert card_html(CARD).splitlines() == [
        "<h1>A model</h1>",
        "<p>Two lines are one paragraph.</p>",
        "<h2>Figures</h2>",
        '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table><thead><tr><th scope="col"></th>'
        '<th scope="col">count</th></tr></thead><tbody><tr><th scope="row"><code>right</code></th><td>3</td></tr>'
        "</tbody></table></div>",
        "<ul><li>one item goes on</li><li><strong>another</strong></li></ul>",
    ]


@pytest.mark.parametrize(
    "hostile",
    ["<script>x</script>", "# <img src=x onerror=x>", "| <b> |", "- <a href=x>", "`<i>`", "a ` <i>", "**<i>**"],
)
def test_no_markup_of_a_card_becomes_markup(hostile: str) -> None:
    html = card_html(hostile)
    assert not any(name in html for name in ("<script", "<img", "<b>", "<a ", "<i>"))


@pytest.mark.parametrize("odd", ["", "|", "||", "|---|", "`", "#", "-", "\n\n"])
def test_odd_cards_are_shown_somehow(odd: str) -> None:
    card_html(odd)
