"""The page in a real browser: it opens from disk, asks nothing of a network, and its controls do what they say.

Skipped where there is no Chromium: install the system's (`apt-get install chromium`), none is downloaded.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.fakes import FakeLoad
from support.page import slower_when_sync
from support.runs import fake_run
from support.scenarios import TINY

from harness.formatting import numbers
from harness.report import run_report
from harness.report.html import page
from harness.scenario import reader
from harness.verdicts import validity

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
HOSTILE = "<img src='http://127.0.0.1:9/x' onerror=alert(1)>"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=f"no browser: none of {', '.join(NAMES)} is installed"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = TINY.replace("users = [8]", "users = [8, 16]").replace("carry a figure", f"carry {HOSTILE}")
    path = fake_run(tmp_path_factory.mktemp("run"), reader.parse(text, "tiny.toml"), FakeLoad(slower_when_sync))
    (path / "scenario.toml").write_text(text)
    analysed, reasons = validity.read(path)
    (path / "report").mkdir()
    run_report.write(analysed, path / "report", [])
    page.write(analysed, reasons, path / "report")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """A page that was opened, with all that went wrong and all that it asked for."""

    def __init__(self, browser: Browser, run: Path, **settings: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings))
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on(
            "console", lambda told: self.wrong.append(told.text) if told.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append("a dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto((run / "report" / "report.html").as_uri())

    def canvas(self, section: str) -> str:
        """What a chart looks like, as text."""
        return str(self.page.eval_on_selector(f"#{section} canvas", "one => one.toDataURL()"))

    def width(self) -> tuple[int, int]:
        found = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return int(found[0]), int(found[1])


@pytest.fixture
def visit(browser: Browser, run: Path) -> Iterator[Visit]:
    visited = Visit(browser, run)
    yield visited
    assert visited.wrong == []
    visited.context.close()


def test_it_opens_without_an_error_and_no_request_leaves_the_file(visit: Visit, run: Path) -> None:
    visit.page.wait_for_timeout(300)
    assert visit.asked == [(run / "report" / "report.html").as_uri()]
    assert visit.page.locator("canvas").count() == 3
    assert visit.page.locator("h1").inner_text() == f"Does the pipeline carry {HOSTILE} from end to end?"


def test_this_browser_s_errors_and_requests_are_seen(browser: Browser, tmp_path: Path) -> None:
    """The check above can fail."""
    (tmp_path / "report").mkdir()
    text = "<img src='http://127.0.0.1:9/x'><script>throw new Error('seen')</script>"
    (tmp_path / "report" / "report.html").write_text(text)
    seen = Visit(browser, tmp_path)
    seen.page.wait_for_timeout(300)
    assert any("seen" in one for one in seen.wrong)
    assert "http://127.0.0.1:9/x" in seen.asked
    seen.context.close()


def test_the_policy_refuses_a_script_that_is_not_ours(browser: Browser, run: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    text = (run / "report" / "report.html").read_text().replace("</body>", "<script>window.came = 1</script></body>")
    (tmp_path / "report" / "report.html").write_text(text)
    seen = Visit(browser, tmp_path)
    assert seen.page.evaluate("window.came") is None
    assert any("Content Security Policy" in one for one in seen.wrong)
    seen.context.close()


def test_every_chart_can_be_asked_for_other_work_another_figure_and_another_scale(visit: Visit) -> None:
    before = visit.canvas("time")
    visit.page.select_option("#time [data-choose=group]", label="wait ms=10 @ 16 users")
    other = visit.canvas("time")
    visit.page.select_option("#time [data-choose=what]", label="max")
    largest = visit.canvas("time")
    visit.page.select_option("#time [data-choose=scale]", label="linear")
    assert len({before, other, largest, visit.canvas("time")}) == 4
    visit.page.select_option("#percentiles [data-choose=scale]", label="linear")


def test_a_hidden_arm_is_gone_from_bars_and_charts_and_comes_back(visit: Visit) -> None:
    before = {section: visit.canvas(section) for section in ("levels", "percentiles", "time")}
    rows = visit.page.locator("tr[data-arm='0']:visible")
    shown, off = rows.count(), visit.page.locator(".u-legend .u-off").count()
    box = visit.page.get_by_label("sync", exact=True)
    box.focus()
    visit.page.keyboard.press("Space")
    assert rows.count() == 0
    assert shown > 0
    assert all(visit.canvas(section) != picture for section, picture in before.items())
    assert visit.page.locator(".u-legend .u-off").count() == off + 3
    visit.page.keyboard.press("Space")
    assert rows.count() == shown
    assert all(visit.canvas(section) == picture for section, picture in before.items())


def test_a_control_is_shown_when_it_is_asked_for(visit: Visit) -> None:
    box, rows = visit.page.get_by_label("async again", exact=True), visit.page.locator("tr[data-arm='2']:visible")
    assert not box.is_checked()
    assert rows.count() == 0
    before = visit.canvas("percentiles")
    box.check()
    assert rows.count() > 0
    assert visit.canvas("percentiles") != before
    box.uncheck()
    assert visit.canvas("percentiles") == before


def test_metric_and_work_of_tables_can_be_chosen(visit: Visit) -> None:
    assert visit.page.locator("#metrics .bars:visible").count() == 1
    visit.page.select_option("#bar-metric", value="p95_ms")
    assert "p95 [ms]" in visit.page.locator("#metrics .bars:visible h3").inner_text()
    assert visit.page.locator("#metrics .bars:visible table:visible").count() == 3
    visit.page.select_option("#bar-group", index=2)
    assert visit.page.locator("#metrics .bars:visible table:visible").count() == 1
    visit.page.select_option("#ratio-metric", value="p50_ms")
    assert "lower is better" in visit.page.locator("#ratios .ratios:visible h3").inner_text()


def test_hovering_a_chart_tells_its_values(visit: Visit) -> None:
    over = visit.page.locator("#percentiles .u-over")
    over.scroll_into_view_if_needed()
    place = over.bounding_box()
    assert place
    visit.page.mouse.move(place["x"] + place["width"] * 0.4, place["y"] + place["height"] / 2)
    told = visit.page.locator("#percentiles .u-legend").inner_text()
    assert re.search(r"p\d", told)
    assert re.search(r"async\s*:?\s*1\d\.\d", told)


def test_arrow_keys_go_along_a_chart_and_tell_its_values(visit: Visit) -> None:
    heard = visit.page.locator("#levels [aria-live]")
    visit.page.locator("#levels .live").focus()
    visit.page.keyboard.press("ArrowRight")
    first = heard.inner_text()
    assert re.fullmatch(r"users 8: sync \d[\d.]*, async \d[\d.]*", first)
    assert re.search(r"users\s*:?\s*8\D", visit.page.locator("#levels .u-legend").inner_text())
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowRight")
    assert heard.inner_text().startswith("users 16: ")
    visit.page.keyboard.press("Home")
    assert heard.inner_text() == first
    visit.page.get_by_label("sync", exact=True).uncheck()
    visit.page.locator("#levels .live").press("End")
    assert heard.inner_text().startswith("users 16: async ")


def test_the_views_can_be_changed_and_follow_the_system(browser: Browser, run: Path) -> None:
    seen = Visit(browser, run, color_scheme="dark")

    def back() -> str:
        return str(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark, charts = back(), seen.canvas("percentiles")
    seen.page.click("#theme")
    assert seen.page.locator("#theme").get_attribute("aria-label") == "theme: light"
    assert back() == "rgb(255, 255, 255)" != dark
    assert seen.canvas("percentiles") != charts
    seen.page.click("#theme")
    assert back() == dark
    assert seen.wrong == []
    seen.context.close()


def test_the_values_on_the_page_are_those_of_the_csv_files(visit: Visit, run: Path) -> None:
    table = pd.read_csv(run / "report" / "cells.csv")
    for metric in ("throughput_rps", "p95_ms"):
        visit.page.select_option("#bar-metric", value=metric)
        shown = visit.page.locator("#metrics .bars:visible").inner_text()
        for value in table[metric]:
            assert numbers.number(value) in shown
    ratios = pd.read_csv(run / "report" / "comparisons.csv")
    summary = visit.page.locator("table.results").inner_text()
    for value in ratios[ratios.metric == "throughput_rps"].ratio:
        assert f"{numbers.number(value)}×" in summary


def test_all_of_it_can_be_read_without_javascript(browser: Browser, run: Path) -> None:
    seen = Visit(browser, run, java_script_enabled=False)
    assert seen.page.locator("svg.chart:visible").count() == 2 + 3 + 3
    assert seen.page.locator("#metrics .bars:visible").count() >= 4
    assert seen.page.locator("select:visible, button:visible, input:visible").count() == 0
    assert "has higher throughput than sync" in seen.page.locator(".answer").inner_text()
    seen.page.locator("#tables summary").first.click()
    assert seen.page.locator("#tables table:visible").count() >= 1
    seen.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, run: Path, script: bool) -> None:
    seen = Visit(browser, run, viewport={"width": 390, "height": 844}, java_script_enabled=script)
    for summary in seen.page.locator("summary").all():
        summary.click()
    assert seen.width() == (390, 390)
    told = seen.page.locator(".arm-list dd").first.bounding_box()
    assert told
    assert told["width"] > 300  # the arms' descriptions have the whole width, and no column of single words
    seen.context.close()


def test_all_that_can_be_used_has_a_name_and_can_be_reached_by_keyboard(visit: Visit) -> None:
    unnamed = visit.page.evaluate(
        """[...document.querySelectorAll("button, select, input")]
             .filter((one) => !(one.getAttribute("aria-label") || one.labels?.[0]?.textContent.trim()))
             .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.id") == "theme"
    outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    loose = visit.page.evaluate(
        "[...document.querySelectorAll('table:not(.u-legend)')].filter((one) => !one.caption).length"
    )
    assert loose == 0


def test_it_prints_and_pictures_are_made_of_every_kind(browser: Browser, run: Path, tmp_path: Path) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "light": {},
        "dark": {"color_scheme": "dark"},
        "narrow": {"viewport": {"width": 390, "height": 844}},
    }
    for name, settings in kinds.items():
        seen = Visit(browser, run, **settings)
        seen.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        if name == "dark":
            (tmp_path / "print.pdf").write_bytes(seen.page.pdf(format="A4"))
            seen.page.emulate_media(media="print")
            assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert seen.page.locator("canvas:visible, select:visible").count() == 0
            assert seen.page.locator("svg.chart:visible").count() == 8
            seen.page.screenshot(path=tmp_path / "print.png", full_page=True)
        assert seen.wrong == []
        seen.context.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir() if path.is_file()}
    assert set(sizes) == {"light.png", "dark.png", "narrow.png", "print.png", "print.pdf"}
    assert min(sizes.values()) > 20_000
