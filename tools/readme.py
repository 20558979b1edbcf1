"""Fills the generated passages of README.md from results/reference/; what is between the markers is never edited by hand.

`<!-- reference: NAME -->` … `<!-- /reference -->` encloses a passage. `python -m tools.readme` fills all of them anew, and
`make check` fails while README differs from the reference.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from harness.errors import EXIT_MENDABLE, UserError
from harness.formatting import numbers, tables
from harness.formatting.tables import Table
from harness.registry import endpoints
from harness.registry.metrics import CPU, HIGHEST_RATE, THROUGHPUT
from harness.statistics.estimate import Estimate
from harness.verdicts import claim_conditions, claim_verdicts, verdict
from tools.reference import EFFECTS, MACHINE, TARGET, TEXT

README: Final = Path("README.md")

PASSAGE: Final = re.compile(r"(<!-- reference: ([\w-]+) -->\n)(?:.*?\n)??(<!-- /reference -->)", re.DOTALL)

ARM: Final = "async · uvicorn"

SHOWN: Final = re.compile(r"^wait ms=100\b.* · closed loop, 256 users", re.MULTILINE)

WORDS: Final = (THROUGHPUT.better, THROUGHPUT.worse, verdict.EQUIVALENT, verdict.INCONCLUSIVE, claim_conditions.INVALID)

WIDTH: Final = 128


def filled(text: str, reference: Path) -> str:
    """README's text with every passage made from the reference in this folder.

    Raises UserError for an unknown passage name, and for an incomplete reference.
    """

    def passage(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        if name not in PASSAGES:
            raise UserError(f"{README}: reference: {name}: expected one of {', '.join(PASSAGES)}")
        return begin + "".join(f"{line}\n" for line in PASSAGES[name](reference)) + end

    try:
        return PASSAGE.sub(passage, text)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{reference}: cannot be read: {error}; `make reference` writes it") from None


def answer(reference: Path) -> list[str]:
    """Machine, date and blocks; then each endpoint against each of the other arms, by throughput."""
    told = pd.read_csv(reference / "default" / "comparisons.csv")
    told = told[(told.arm == ARM) & (told.metric == THROUGHPUT.column)]
    others = list(dict.fromkeys(told.over))
    cells = list(dict.fromkeys(zip(told.endpoint, told.level, strict=True)))
    heading = ["endpoint", *(f"vs {over}" for over in others)]
    rows = []
    for endpoint, level in cells:
        by_arm = {row.over: row for row in told[(told.endpoint == endpoint) & (told.level == level)].itertuples()}
        rows.append([f"{workload(endpoint)}, {level:g} users", *(_ratio(by_arm.get(over)) for over in others)])
    return [*_where(reference, "default"), "", *tables.as_markdown(Table(heading, rows)), "", *_summary(reference)]


def capacity(reference: Path) -> list[str]:
    """The highest rate of each arm, per endpoint."""
    found = pd.read_csv(reference / "capacity" / "cells.csv")
    arms, rows = list(dict.fromkeys(found.arm)), []
    column = HIGHEST_RATE.column
    for endpoint in dict.fromkeys(found.endpoint):
        by_arm = {row["arm"]: row for row in found[found.endpoint == endpoint].to_dict("records")}
        rows.append(
            [workload(endpoint), *(_value(by_arm[arm], column) if arm in by_arm else numbers.MISSING for arm in arms)]
        )
    heading = ["endpoint", *arms]
    return [*_where(reference, "capacity"), "", *tables.as_markdown(Table(heading, rows))]


def claims(reference: Path) -> list[str]:
    """The verdicts on the tutorial's claims and on the effects."""
    tutorial = pd.read_csv(reference / "tutorial_claims" / "claims.csv")
    effects = pd.read_csv(reference / EFFECTS / "catalogue.csv")
    return [
        f"- the tutorial's statements: {len(tutorial)} claims, {_tally(tutorial.verdict)}:"
        f" [each with its numbers]({TARGET}/tutorial_claims/report.md) (`make claims`)",
        f"- known or widely claimed effects: {len(effects)} claims in {effects.scenario.nunique()} scenarios,"
        f" {_tally(effects.verdict)}: [catalogue with mechanisms]({TARGET}/{EFFECTS}/catalogue.md) (`make effects`)",
    ]


def output(reference: Path) -> list[str]:
    """One section of the terminal output of `make bench`, and its last line."""
    text = (reference / "default" / TEXT).read_text(encoding="utf-8")
    found = SHOWN.search(text)
    if found is None:
        raise ValueError(f"no section {SHOWN.pattern}")
    start = found.start()
    section = text[start : text.index("\n\n", text.index("\n\n", start) + 2)].splitlines()
    ending = text.rstrip().splitlines()[-1:]
    return ["```", *(_cut(line) for line in [*section, "…", *ending]), "```"]


PASSAGES: Final[Mapping[str, Callable[[Path], list[str]]]] = {
    "answer": answer,
    "capacity": capacity,
    "claims": claims,
    "output": output,
}


def workload(endpoint: str) -> str:
    """`wait ms=100` with its description, for readers who do not know the endpoints."""
    return f"{endpoints.in_words(endpoint)} (`{endpoint}`)"


def _where(reference: Path, scenario: str) -> list[str]:
    facts: dict[str, Any] = json.loads((reference / scenario / MACHINE).read_text(encoding="utf-8"))
    machine = facts["machine"]
    versions = (
        f"Python {machine['python']}, Django {machine['packages']['django']}, {facts['database'].partition(' (')[0]}"
    )
    when = facts["started"].partition("T")[0]
    blocks = f"{facts['blocks']} blocks in {numbers.duration(facts['seconds'])}"
    return [
        f"`scenarios/{scenario}.toml` on {machine['cores']} cores ({machine['cpu']}; {versions}), {when}, {blocks}"
        f" ([report]({TARGET}/{scenario}/report.md), [tables and machine]({TARGET}/{scenario})):"
    ]


def _summary(reference: Path) -> list[str]:
    """Per compared arm: the verdicts counted, and the range of CPU time per request."""
    told = pd.read_csv(reference / "default" / "comparisons.csv")
    told = told[told.arm == ARM]
    lines = []
    for over in dict.fromkeys(told.over):
        own = told[told.over == over]
        served, cost = (
            own[own.metric == THROUGHPUT.column],
            own[(own.metric == CPU.column) & (own.verdict != claim_conditions.INVALID)],
        )
        lines.append(
            f"- vs {over}: {_counted(served.verdict)};"
            f" {numbers.number(cost.ratio.min())}–{numbers.number(cost.ratio.max())}× the CPU time per request"
        )
    return lines


def _counted(words: Sequence[str]) -> str:
    """`faster in 3, slower in 4 of 7 cells`."""
    counts = Counter(words)
    told = [f"{word} in {counts[word]}" for word in WORDS if counts[word]]
    return f"{', '.join(told)} of {len(words)} cells"


def _tally(words: Sequence[str]) -> str:
    """`7 supported, 1 inconclusive`."""
    counts = Counter(words)
    return ", ".join(f"{counts[word]} {word}" for word in claim_verdicts.WORST_FIRST[::-1] if counts[word])


def _ratio(row: Any) -> str:
    """A ratio with its interval: bold if faster, plain if slower, otherwise followed by the verdict."""
    if row is None:
        return numbers.MISSING
    if row.verdict == claim_conditions.INVALID:
        return "INVALID"
    shown = numbers.ratio(Estimate(row.ratio, _known(row.low), _known(row.high), row.blocks))
    if row.verdict == THROUGHPUT.better:
        return f"**{shown}**"
    return shown if row.verdict == THROUGHPUT.worse else f"{shown} {row.verdict}"


def _value(row: Mapping[str, Any], column: str) -> str:
    if isinstance(row.get("invalid_because"), str):
        return "INVALID"
    return numbers.estimate(
        Estimate(row[column], _known(row[f"{column}_low"]), _known(row[f"{column}_high"]), row["blocks"])
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …"


def main() -> int:
    """`python -m tools.readme`."""
    try:
        before = README.read_text(encoding="utf-8")
        after = filled(before, TARGET)
        README.write_text(after, encoding="utf-8")
    except (UserError, OSError) as error:
        print(f"readme: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    print(f"{README}: {'up to date with' if before == after else 'rewritten from'} {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
