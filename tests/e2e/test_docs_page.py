"""`/docs` in a real browser: the example is sent and answered, and no other host is contacted."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.programs import require_program


@pytest.fixture
def browser() -> Iterator[Browser]:
    chromium = require_program("chromium")
    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's sandbox does not start; the page is our own.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_page()


def test_the_example_is_sent_and_its_answer_shown(
    page: Page, start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path
) -> None:
    function = start_function(bundle.env)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{function.url}/docs")
    operation = page.locator("#operations-predict-predict")
    operation.locator(".opblock-summary").click()
    operation.locator(".execute").click()
    answer = operation.locator(".live-responses-table .response").first
    answer.wait_for()
    page.screenshot(path=tmp_path / "docs.png", full_page=True)
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    assert '"prediction": "Adelie"' in answer.inner_text()
    assert f"{function.url}/predict" in {url.partition("?")[0] for url in asked}
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("data:")}
    assert hosts == {f"127.0.0.1:{function.port}"}
    assert complaints == []


@pytest.mark.slow
def test_it_is_dark_where_that_is_preferred_and_fits_a_phone(
    browser: Browser, start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path
) -> None:
    function = start_function(bundle.env)
    page = browser.new_page(viewport={"width": 320, "height": 800}, color_scheme="dark")
    page.goto(f"{function.url}/docs")
    operation = page.locator("#operations-predict-predict")
    operation.locator(".opblock-summary").click()
    operation.locator(".execute").click()
    operation.locator(".live-responses-table .response").first.wait_for()
    page.screenshot(path=tmp_path / "docs-phone-dark.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(background) == "rgb(28, 32, 34)"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{background} !== 'rgb(28, 32, 34)'")
