"""A run's report without what takes seconds to draw."""

from pathlib import Path

import pytest

from harness.report import run_report
from harness.report.html import page
from harness.report.plots import charts
from harness.verdicts import validity


def tables(run: Path) -> None:
    """Text and CSV files into RUN/report/."""
    analysed, _ = validity.read(run)
    (run / "report").mkdir()
    run_report.write(analysed, run / "report", [])


def only_page(run: Path) -> None:
    """The page into RUN/report/."""
    (run / "report").mkdir(exist_ok=True)
    page.write(*validity.read(run), run / "report")


def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a picture is an empty file: what pictures look like has tests of its own."""
    monkeypatch.setattr(charts, "save_all", empty_pictures)


def empty_pictures(analysed: object, folder: Path, kind: str, size: object = None) -> list[str]:
    names = [f"{name}.{kind}" for name in charts.CHARTS]
    for name in names:
        (folder / name).touch()
    return names
