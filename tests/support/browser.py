"""Debian's Chromium, headless, and what a page did in it: which hosts it asked, and what it complained about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.npm import node_modules
from tests.support.processes import PROJECT
from tests.support.programs import require_program

SCREENSHOTS = PROJECT / "build/screenshots"


@contextmanager
def chromium() -> Iterator[Browser]:
    path = require_program("chromium")
    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's sandbox does not start; the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page in a context of its own."""

    context: BrowserContext
    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts, and what the console calls errors: also an answer with an error status, and a violation of
    the page's content security policy."""

    def unexpected(self, *statuses: int) -> list[str]:
        """The complaints that are not about an answer with one of these statuses."""
        return [text for text in self.complaints if not any(f"status of {status}" in text for status in statuses)]

    def barriers(self) -> list[str]:
        """What axe-core finds, best practices included."""
        self.page.evaluate((node_modules(PROJECT / "tests/support/axe") / "axe-core/axe.min.js").read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['html']}: {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def screenshot(self, name: str) -> Path:
        """Kept in `build/screenshots`, for people to look at."""
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


def new_tab(browser: Browser, url: str, **options: Any) -> Tab:
    """A tab for pages at `url`, which it does not open yet. `options` are those of a Playwright context."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(15_000)
    tab = Tab(context, context.new_page())
    tab.page.on("request", lambda request: tab.hosts.add(urlsplit(request.url).netloc))
    tab.page.on("console", lambda one: tab.complaints.append(one.text) if one.type in ("error", "warning") else None)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    return tab
