"""The page in a real browser: what it shows, how it is used, what it asks, and whether everybody can use it."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browser import Tab, chromium, new_tab
from tests.support.processes import FunctionProcess
from tests.support.programs import require_program
from tests.support.traffic import bundle_with_reference

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
ZOOMED = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}
"""A window of 1280 by 900 pixels at 200 %."""
HEADER = "bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,island,note"
ROW = '39.1,18.7,181,3750,male,Torgersen,"first, of all"'


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    folder = tmp_path_factory.mktemp("page")
    process = FunctionProcess(bundle_with_reference(folder).env, log_file=folder / "function.log")
    yield process.wait_until_up()
    process.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


OpenTab = Callable[..., Tab]


@pytest.fixture
def open_tab(browser: Browser, function: FunctionProcess) -> Iterator[OpenTab]:
    """Open the page and wait for its first answer. Afterwards nothing must have been asked of another host."""
    opened: list[Tab] = []

    def open_tab(path: str = "/", *, wait: bool = True, **options: Any) -> Tab:
        tab = new_tab(browser, function.url, **options)
        opened.append(tab)
        tab.page.goto(path)
        if wait:
            expect(tab.page.locator("#source")).not_to_be_empty()
        return tab

    yield open_tab
    for tab in opened:
        assert tab.hosts <= {urlsplit(function.url).netloc}
        tab.context.close()


def verdict(page: Page) -> Locator:
    return page.locator("#verdict")


def try_example(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def score(page: Page, *lines: str) -> None:
    page.get_by_label("Table with a header line").fill("\n".join(lines))
    page.get_by_role("button", name="Predict all").click()


def score_some(page: Page) -> None:
    score(page, HEADER, ROW, "39.1,18.7,18.1,3750,male,Torgersen,slip", "x,18.7,,3750,male,Atlantis,bad")
    expect(page.locator("#table-status")).to_contain_text("3 rows.")


def be_private(page: Page) -> None:
    page.route("**/predict*", lambda route: route.fulfill(status=403, body="Forbidden", content_type="text/html"))
    try_example("Gentoo")(page)
    page.get_by_text("This service is private.").first.wait_for()


def open_everything(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def turn_around(page: Page) -> None:
    page.evaluate("document.documentElement.dir = 'rtl'")


STATES: dict[str, tuple[dict[str, Any], Callable[[Page], None]]] = {
    "light": ({"color_scheme": "light"}, try_example("Adelie")),
    "dark": ({"color_scheme": "dark"}, score_some),
    "phone": (PHONE, score_some),
    "phone-dark": ({**PHONE, "color_scheme": "dark"}, try_example("An emperor penguin")),
    "zoomed": (ZOOMED, open_everything),
    "reduced-motion": ({"reduced_motion": "reduce"}, try_example("Gentoo")),
    "forced-colours": ({"forced_colors": "active"}, try_example("Chinstrap")),
    "more-contrast": ({"contrast": "more"}, try_example("Chinstrap")),
    "right-to-left": ({}, turn_around),
    "unit-slip": ({}, try_example("A flipper in centimetres")),
    "private": ({}, be_private),
}


@pytest.mark.parametrize("state", STATES)
def test_nobody_is_shut_out(open_tab: OpenTab, state: str) -> None:
    options, bring_about = STATES[state]
    tab = open_tab(**options)
    bring_about(tab.page)
    tab.page.wait_for_load_state("networkidle")
    tab.screenshot(state)
    assert tab.barriers() == []
    assert tab.unexpected(*{"unit-slip": [422], "private": [403]}.get(state, [])) == []
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.page.evaluate(overflow) == 0


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_the_card_is_a_page_too(open_tab: OpenTab, options: dict[str, Any]) -> None:
    tab = open_tab(**options)
    tab.page.get_by_role("link", name="Model card", exact=True).click()
    expect(tab.page.get_by_role("heading", level=1)).to_have_text("A model for tests")
    assert tab.barriers() == []
    assert tab.unexpected() == []


def test_the_answer_follows_what_is_typed_chosen_and_dragged(open_tab: OpenTab) -> None:
    page = open_tab().page
    example = {"Bill length": "47.5", "Bill depth": "15", "Flipper length": "217", "Body mass": "5080"}
    for label, value in example.items():
        page.get_by_role("spinbutton", name=label).fill(value)
    page.get_by_role("radio", name="Biscoe").check()
    expect(verdict(page)).to_have_text("Gentoo")
    expect(page.locator("#bars li").nth(2)).to_contain_text("%")
    slider = page.get_by_role("slider", name="Flipper length")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=20)
    page.mouse.up()
    low = slider.get_attribute("min")
    assert low is not None
    expect(page.get_by_role("spinbutton", name="Flipper length")).to_have_value(low)
    expect(page.locator("#warnings")).to_contain_text("flipper length stands out most")
    expect(page.locator("#sentence")).to_contain_text("Let a person decide.")


def test_the_keyboard_is_enough(open_tab: OpenTab) -> None:
    page = open_tab().page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the answer")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert reached >= {"Adelie", "field-bill_length_mm", "copy-link", "table-text", "score"}
    page.get_by_role("button", name="Gentoo").focus()
    page.keyboard.press("Enter")
    expect(verdict(page)).to_have_text("Gentoo")
    slider = page.get_by_role("slider", name="Bill length")
    before = float(page.get_by_role("spinbutton", name="Bill length").input_value())
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(page.get_by_role("spinbutton", name="Bill length").input_value()) > before
    page.get_by_role("radio", name="female").check()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="male", exact=True)).to_be_checked()


def test_a_screen_reader_is_told_the_answer_once_it_has_come_to_rest(open_tab: OpenTab) -> None:
    page = open_tab().page
    for name in ("Chinstrap", "Adelie", "Gentoo"):
        try_example(name)(page)
    expect(page.get_by_role("status")).to_contain_text("Gentoo, ")
    expect(page.get_by_role("img", name=re.compile("Bill depth.* against bill length.* This one:"))).to_be_visible()


def test_it_explains_itself_among_the_reference_birds(open_tab: OpenTab) -> None:
    page = open_tab().page
    effects = page.locator(".effect span:last-child")
    expect(effects).to_have_count(6)
    expect(page.locator("#legend")).to_contain_text("Average:")
    expect(page.locator("svg.plot").first.locator("path.points")).to_have_count(3)
    expect(page.locator("svg.plot").first.locator("circle.near")).to_have_count(3)
    expect(page.locator("#nearest-head th")).to_have_count(4)


def test_a_unit_slip_is_corrected_by_a_button(open_tab: OpenTab) -> None:
    page = open_tab().page
    try_example("A flipper in centimetres")(page)
    expect(verdict(page)).to_have_text("No answer")
    expect(page.get_by_role("spinbutton", name="Flipper length")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Use 195 mm").click()
    expect(page.get_by_role("spinbutton", name="Flipper length")).to_have_value("195")
    expect(page.locator("#bars .value").first).to_contain_text("%")
    expect(page.locator("#answer")).to_be_focused()


def test_exchanged_values_are_put_right_by_a_button(open_tab: OpenTab) -> None:
    page = open_tab().page
    try_example("Adelie")(page)
    length, depth = (page.get_by_role("spinbutton", name=name) for name in ("Bill length", "Bill depth"))
    values = length.input_value(), depth.input_value()
    length.fill(values[1])
    depth.fill(values[0])
    page.get_by_role("button", name=re.compile("^Use bill length")).click()
    assert (length.input_value(), depth.input_value()) == values


def test_a_link_shares_the_penguin_and_tells_the_server_nothing(open_tab: OpenTab, function: FunctionProcess) -> None:
    tab = open_tab(permissions=["clipboard-read", "clipboard-write"])
    tab.page.get_by_role("spinbutton", name="Bill length").fill("50.25")
    tab.page.get_by_role("radio", name="Biscoe").check()
    tab.page.get_by_role("button", name="Copy a link to this penguin").click()
    expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
    link = tab.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{function.url}/#")
    other = open_tab(link).page
    expect(other.get_by_role("spinbutton", name="Bill length")).to_have_value("50.25")
    expect(other.get_by_role("radio", name="Biscoe")).to_be_checked()
    assert "50.25" not in function.output()


def test_a_link_with_nonsense_in_it_opens_the_page(open_tab: OpenTab) -> None:
    tab = open_tab("/#bill_length_mm=x&sex=<b>&__proto__=1&other&bill_depth_mm=")
    expect(verdict(tab.page)).to_have_text(re.compile("Adelie|Chinstrap|Gentoo"))
    assert tab.unexpected() == []


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_calls_that_it_shows_work(open_tab: OpenTab, language: str) -> None:
    program = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"], "javascript": [require_program("node"), "-e"]}
    page = open_tab().page
    try_example("Gentoo")(page)
    expect(verdict(page)).to_have_text("Gentoo")
    text = page.locator(f"#{language}").text_content()
    assert text is not None
    if language == "javascript":
        text = f"(async () => {{{text}}})()"
    done = subprocess.run([*program[language], text], capture_output=True, text=True, check=True, timeout=60)
    assert re.search(r"prediction\W+Gentoo", done.stdout)


class TestTables:
    def test_a_pasted_table_is_predicted_row_by_row(self, open_tab: OpenTab, tmp_path: Path) -> None:
        page = open_tab().page
        score_some(page)
        expect(page.locator("#table-status")).to_contain_text("2 could not be predicted")
        rows = page.locator("#results tbody tr")
        expect(rows.nth(0)).to_contain_text("Adelie")
        expect(rows.nth(1)).to_contain_text("Fits if it was measured in centimetres.")
        expect(rows.nth(2)).to_contain_text("flipper_length_mm: Is required.")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        download.value.save_as(tmp_path / "predictions.csv")
        with (tmp_path / "predictions.csv").open(newline="") as stream:
            lines = list(csv.DictReader(stream))
        assert [line["prediction"] for line in lines] == ["Adelie", "", ""]
        assert lines[0]["note"] == ""
        assert lines[0]["bill_length_mm"] == "39.1"

    def test_a_file_from_a_spreadsheet_is_predicted(self, open_tab: OpenTab, tmp_path: Path) -> None:
        page = open_tab().page
        lines = [HEADER.upper().replace("_MM", " mm"), *[ROW.replace("male", "MALE")] * 500]
        file = tmp_path / "birds.csv"
        file.write_text("\ufeff" + "\r\n".join(lines).replace('"first, of all"', "x").replace(",", ";"))
        page.get_by_label("Choose a file").set_input_files(file)
        expect(page.locator("#table-status")).to_contain_text("500 rows. The first 200 are shown")
        expect(page.locator("#results tbody tr")).to_have_count(200)

    def test_a_dropped_file_is_predicted(self, open_tab: OpenTab) -> None:
        page = open_tab().page
        transfer = page.evaluate_handle(
            "text => { const data = new DataTransfer(); data.items.add(new File([text], 'a.csv')); return data; }",
            f"{HEADER}\n{ROW}",
        )
        page.dispatch_event("#many", "drop", {"dataTransfer": transfer})
        expect(page.locator("#table-status")).to_contain_text("1 row.")

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["bill_length_mm,sex", "1,male"], "These columns are missing: bill_depth_mm"),
            ([HEADER], "There must be a header line"),
            ([""], "There must be a header line"),
        ],
    )
    def test_a_table_that_is_none_is_refused_in_words(self, open_tab: OpenTab, lines: list[str], message: str) -> None:
        page = open_tab().page
        score(page, *lines)
        expect(page.locator("#table-status")).to_contain_text(message)
        expect(page.get_by_role("button", name="Predict all")).to_be_enabled()

    def test_what_is_done_is_kept_when_the_rest_is_cancelled(self, open_tab: OpenTab) -> None:
        page = open_tab().page
        batches = []

        def slow(route: Route) -> None:
            batches.append(route)
            if len(batches) == 1:
                route.continue_()  # The others are never answered.

        page.route("**/predict", slow)
        score(page, HEADER, *[ROW] * 1000)
        expect(page.locator("#table-status")).to_contain_text("200 of 1000 rows")
        expect(page.get_by_role("progressbar", name="Rows that are done")).to_have_js_property("value", 0.2)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#table-status")).to_contain_text("Cancelled. 200 of 1000 rows were done.")
        expect(page.get_by_role("link", name="Download as CSV")).to_be_visible()


class TestTrouble:
    def test_without_a_connection_it_says_so_and_recovers(self, open_tab: OpenTab) -> None:
        tab = open_tab()
        tab.context.set_offline(True)
        try_example("Gentoo")(tab.page)
        expect(tab.page.locator("#notice")).to_contain_text("There is no connection to the service.")
        tab.context.set_offline(False)
        expect(verdict(tab.page)).to_have_text("Gentoo")
        expect(tab.page.locator("#notice")).to_be_hidden()

    def test_on_a_slow_network_one_request_is_in_flight_and_the_newest_wins(self, open_tab: OpenTab) -> None:
        page = open_tab().page
        before = verdict(page).inner_text()
        waiting: list[Route] = []
        page.route("**/predict*", lambda route: waiting.append(route))  # noqa: PLW0108  It wants a Python function.
        for name in ("Gentoo", "An emperor penguin", "A flipper in centimetres"):
            try_example(name)(page)
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
        assert len(waiting) == 1
        with page.expect_request("**/predict*"):
            waiting[0].continue_()
        assert verdict(page).inner_text() == before  # The first answer is stale: nobody waits for it any more.
        page.wait_for_timeout(100)
        assert len(waiting) == 2
        waiting[1].continue_()
        expect(verdict(page)).to_have_text("No answer")

    def test_a_busy_service_is_asked_again_when_it_says(self, open_tab: OpenTab) -> None:
        page = open_tab().page
        answers = [503]

        def busy(route: Route) -> None:
            if answers:
                route.fulfill(status=answers.pop(), headers={"Retry-After": "1"}, json={})
            else:
                route.continue_()

        page.route("**/predict*", busy)
        try_example("Gentoo")(page)
        expect(page.locator("#notice")).to_contain_text("Next attempt in 1 s.")
        expect(verdict(page)).to_have_text("Gentoo")

    def test_a_private_function_says_how_it_is_called(self, open_tab: OpenTab) -> None:
        page = open_tab().page
        be_private(page)
        expect(page.locator("#notice")).to_contain_text("gcloud run services proxy")
        expect(page.locator("#curl")).to_contain_text("Bearer $(gcloud auth print-identity-token)")


def test_a_form_without_javascript_is_answered_as_a_page(open_tab: OpenTab) -> None:
    tab = open_tab(wait=False, java_script_enabled=False)
    page = tab.page
    assert page.get_by_role("slider").count() == 0
    page.get_by_role("spinbutton", name="Flipper length").fill("350")
    page.get_by_role("button", name="Predict").click()
    assert urlsplit(page.url).path == "/page"
    expect(verdict(page)).to_have_text(re.compile("Adelie|Chinstrap|Gentoo"))
    expect(page.locator("#sentence")).to_contain_text("Let a person decide.")
    expect(page.get_by_role("spinbutton", name="Flipper length")).to_have_value("350")
    tab.screenshot("without-javascript")


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_it_loads_or_answers(open_tab: OpenTab, options: dict[str, Any]) -> None:
    page = open_tab(**options).page
    page.wait_for_load_state("networkidle")
    shifts = """new Promise(done => new PerformanceObserver(list => done(
        list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: 'layout-shift', buffered: true})
        || setTimeout(() => done(0), 500))"""
    assert page.evaluate(shifts) < 0.02
    before = page.locator("#call").bounding_box()
    try_example("Gentoo")(page)
    expect(verdict(page)).to_have_text("Gentoo")
    assert page.locator("#call").bounding_box() == before


def test_the_data_block_is_the_only_script_without_an_address(open_tab: OpenTab) -> None:
    page = open_tab().page
    block = page.locator("script:not([src])")
    expect(block).to_have_count(1)
    assert json.loads(block.text_content() or "")["noun"] == "penguin"
