"""The page on an emulated phone: Lighthouse's scores, its size, and when the first prediction is seen.

`make page-audit`. Needs Debian's chromium and npm, and a model in `artifacts/`.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.npm import node_modules
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.programs import require_program

LOADS: Final = 15
_PHONE: Final = {"viewport": {"width": 360, "height": 640}, "device_scale_factor": 2, "is_mobile": True}
# Lighthouse's own emulation of a phone on slow 4G.
_CPU_SLOWDOWN: Final = 4
_NETWORK: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1638.4 * 1024 / 8,
    "uploadThroughput": 750 * 1024 / 8,
}

_WHEN_ANSWERED: Final = """() => new Promise(done => {
  const check = () => document.getElementById('source').textContent ? done(performance.now()) : setTimeout(check, 5);
  check();
})"""
_WHEN_LOADED: Final = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        function = FunctionProcess({"MODEL_LOADING": "eager"}, log_file=Path(folder) / "function.log")
        try:
            function.wait_until_up()
            with chromium() as browser:
                _first_prediction(browser, function.url)
            _lighthouse(function.url, Path(folder) / "report.json")
        finally:
            function.stop()


def _first_prediction(browser: Browser, url: str) -> None:
    """Prints when the first answer is seen, as a multiple of the time until the bare page has been loaded."""
    loads = [_load(browser, url) for _ in range(LOADS + 1)][1:]  # The first one imports numpy.
    loaded, answered = (median(column) for column in zip(*loads, strict=True))
    ratio = median(answer / load for load, answer in loads)
    print(f"page loaded after {loaded:.0f} ms, first prediction after {answered:.0f} ms: {ratio:.2f} times")


def _load(browser: Browser, url: str) -> tuple[float, float]:
    context = browser.new_context(**_PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": _CPU_SLOWDOWN})
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _NETWORK)
    page.goto(url)
    answered = page.evaluate(_WHEN_ANSWERED)
    loaded = page.evaluate(_WHEN_LOADED)
    context.close()
    return loaded, answered


def _lighthouse(url: str, report: Path) -> None:
    program = node_modules(PROJECT / "benchmarks/lighthouse") / "lighthouse/cli/index.js"
    command = [require_program("node"), str(program), url, "--quiet", "--output=json", f"--output-path={report}"]
    categories = "performance,accessibility,best-practices"
    options = ["--chrome-flags=--headless=new --no-sandbox", f"--only-categories={categories}"]
    environment = {"CHROME_PATH": require_program("chromium"), "PATH": "/usr/bin:/bin"}
    subprocess.run([*command, *options], check=True, env=environment, timeout=180)
    found: dict[str, Any] = json.loads(report.read_text())
    for name, category in found["categories"].items():
        print(f"{name}: {category['score'] * 100:.0f}")
    for name in ("first-contentful-paint", "total-blocking-time", "cumulative-layout-shift"):
        print(f"{name}: {found['audits'][name]['displayValue']}")
    print(f"total bytes: {found['audits']['total-byte-weight']['numericValue']:.0f}, headers included")


if __name__ == "__main__":
    main()
