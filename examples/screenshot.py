"""Take the README's picture of the page: `make screenshot`. Needs Debian's chromium, and a model in `artifacts/`."""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image  # matplotlib brings it
from playwright.sync_api import expect

from tests.support.browser import chromium, new_tab
from tests.support.processes import PROJECT, FunctionProcess

TO: Final = PROJECT / "docs/page.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        function = FunctionProcess({}, log_file=Path(folder) / "function.log")
        try:
            function.wait_until_up()
            with chromium() as browser:
                tab = new_tab(browser, function.url, viewport={"width": 1180, "height": 1000}, color_scheme="light")
                tab.page.goto("/")
                tab.page.get_by_role("button", name="?").click()  # The row between two classes: bars to look at.
                expect(tab.page.locator("#warnings li")).not_to_have_count(0)
                expect(tab.page.locator("svg.plot path.this")).not_to_have_count(0)
                tab.page.mouse.move(0, 0)
                tab.page.wait_for_timeout(500)  # The bars move.
                picture = Image.open(BytesIO(tab.page.screenshot()))
                picture.quantize(128).save(TO, optimize=True)
        finally:
            function.stop()
    print(f"{TO.relative_to(PROJECT)}: {TO.stat().st_size} bytes")


if __name__ == "__main__":
    main()
