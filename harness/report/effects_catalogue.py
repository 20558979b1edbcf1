"""A folder of runs in, one page out: each run's question, and for each claim published figures, measured figures and mechanism.

Of several runs of one scenario the newest finished one counts. The whole page is generated from the stored runs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.errors import UserError
from harness.formatting import numbers, tables
from harness.formatting.tables import Table
from harness.report import conclusion, sections, setting
from harness.report.sections import Section
from harness.storage.files import FINISHED
from harness.storage.reader import Stored
from harness.verdicts import claim_verdicts, validity

PAGE: Final = "catalogue.md"

SHEET: Final = "catalogue.csv"

UNEXPLAINED: Final = "not explained: run `djbench explain RUN`"


@dataclass(frozen=True)
class Effect:
    """One run of the folder."""

    scenario: str
    folder: str
    report: str  # its report, seen from the page
    question: str = ""
    facts: str = ""  # machine, versions, blocks
    verdicts: Sequence[claim_verdicts.Verdict] = ()
    found: Sequence[str] = ()  # the run's own conclusion
    why: Sequence[str] = ()  # the mechanism, in words
    missing: str | None = None  # why there is no result


def is_collection(path: Path) -> bool:
    """Whether the folder holds runs, and is not a run itself."""
    return not (path / "run.json").exists() and any(path.glob("*/run.json"))


def newest(path: Path) -> Iterator[tuple[str, Path, UserError | None]]:
    """(scenario, run folder, what is wrong with it) of the newest finished run of each scenario, or of the only one."""
    latest: dict[str, tuple[Path, UserError | None]] = {}
    for file in sorted(path.glob("*/run.json")):
        try:
            run = Stored.open(file.parent)
            name = str(run.head["scenario"])
            if run.state == FINISHED or name not in latest:
                latest[name] = (file.parent, None)
        except UserError as error:
            latest[file.parent.name] = (file.parent, error)
    return ((name, *latest[name]) for name in sorted(latest))


def read(scenario: str, path: Path) -> Effect:
    """One run, analysed and judged; or the reason why it cannot be read."""
    try:
        return told(analysis.analyse(frames.open_run(path)), f"{path.name}/report/report.md")
    except UserError as error:
        return Effect(scenario, path.name, "", missing=str(error))


def told(analysed: Analysis, page: str) -> Effect:
    """An analysed run as the catalogue tells it; `page` is where its own report is."""
    analysed, reasons = validity.sound(analysed)
    return Effect(
        analysed.run.head["scenario"],
        analysed.run.path.name,
        page,
        analysed.run.scenario.question,
        setting.setting(analysed),
        claim_verdicts.claims(analysed, reasons),
        conclusion.conclusion(analysed, reasons),
        _why(sections.sections(analysed, reasons)),
    )


def _why(told: Sequence[Section]) -> list[str]:
    """The mechanism of each cell on one line."""
    return [
        f"{' · '.join(section.title.split(' · ')[:2])}, {arm}: {'; '.join(lines)}"
        for section in told
        for arm, lines in section.why
        if lines
    ]


def page(effects: Sequence[Effect]) -> str:
    """The page, as Markdown."""
    lines = ["# Effects, measured", "", tally(effects), ""]
    for effect in effects:
        lines += [f"## {effect.question or effect.scenario}", "", *_section(effect), ""]
    return "\n".join(lines)


def tally(effects: Sequence[Effect]) -> str:
    """The number of claims per verdict, in a sentence."""
    words = Counter(one.word for effect in effects for one in effect.verdicts)
    counted = ", ".join(f"{words[word]} {word}" for word in claim_verdicts.WORST_FIRST[::-1] if words[word])
    missing = [effect.scenario for effect in effects if effect.missing]
    lost = f" No result: {', '.join(missing)}." if missing else ""
    return f"{words.total()} claims in {len(effects)} scenarios: {counted or 'none judged'}.{lost}"


def sheet(effects: Sequence[Effect]) -> pd.DataFrame:
    """One row per claim: what catalogue.csv holds."""
    rows = [
        {
            "scenario": effect.scenario,
            "claim": one.claim.text,
            "published": one.claim.published,
            "verdict": one.word,
            "measured": measured(one),
            "why": "; ".join(effect.why),
            "run": effect.folder,
        }
        for effect in effects
        for one in effect.verdicts
    ]
    return pd.DataFrame(rows, columns=["scenario", "claim", "published", "verdict", "measured", "why", "run"])


def write(effects: Sequence[Effect], folder: Path) -> Path:
    """The page and the sheet into the folder; the page's path."""
    try:
        sheet(effects).to_csv(folder / SHEET, index=False)
        (folder / PAGE).write_text(page(effects), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error}") from None
    return folder / PAGE


def measured(verdict: claim_verdicts.Verdict) -> str:
    """The measured figures, all conditions on one line."""
    return "; ".join(conclusion.figures_of(verdict.conditions, part) for part in verdict.conditions)


def _section(effect: Effect) -> list[str]:
    if effect.missing is not None:
        return [f"! {effect.folder}: {effect.missing}"]
    rows = [
        [one.claim.text, one.claim.published or numbers.MISSING, measured(one), f"**{one.word}**"]
        for one in effect.verdicts
    ]
    table = tables.as_markdown(Table(["effect", "published", "measured", "verdict"], rows)) if rows else []
    told = [f"- {line}" for line in ([] if rows else effect.found)]
    why = ["", "Mechanism:", "", *(f"- {line}" for line in effect.why or [UNEXPLAINED])]
    source = f"`{effect.scenario}`, run [{effect.folder}]({effect.report}): {effect.facts}"
    return [*table, *told, *why, "", source]
