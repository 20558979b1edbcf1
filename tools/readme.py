"""results/reference/ in, the figures of README.md out: what stands between its markers is written here, never by hand.

`<!-- reference: NAME -->` … `<!-- /reference -->` encloses a passage. `python -m tools.readme` fills all of them anew, and
`make check` fails while README says anything else than the reference.
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
from harness.verdicts import claim_conditions, claim_verdicts
from tools.reference import EFFECTS, MACHINE, TARGET, TEXT

README: Final = Path("README.md")

PASSAGE: Final = re.compile(r"(<!-- reference: ([\w-]+) -->\n)(?:.*?\n)??(<!-- /reference -->)", re.DOTALL)

ARM: Final = "async · uvicorn"

SHOWN: Final = "wait ms=100 · closed loop, 256 users"

WORDS: Final = (THROUGHPUT.better, THROUGHPUT.worse, "equivalent", "undecided", claim_conditions.INVALID)

WIDTH: Final = 128


def filled(text: str, reference: Path) -> str:
    """README's text with every passage as the reference in this folder has it.

    Raises UserError for a marker that is none, and for a reference that lacks something.
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
    """Where, when and on what; then each kind of work against each of the other arms, by throughput."""
    told = pd.read_csv(reference / "default" / "comparisons.csv")
    told = told[(told.arm == ARM) & (told.metric == THROUGHPUT.column)]
    others = list(dict.fromkeys(told.over))
    cells = list(dict.fromkeys(zip(told.endpoint, told.level, strict=True)))
    heading = ["an async view on uvicorn …", *(f"against {over.replace(' · ', ' on ')}" for over in others)]
    rows = []
    for endpoint, level in cells:
        by_arm = {row.over: row for row in told[(told.endpoint == endpoint) & (told.level == level)].itertuples()}
        rows.append([f"{work(endpoint)}, {level:g} users", *(_ratio(by_arm.get(over)) for over in others)])
    return [*_where(reference, "default"), "", *tables.as_markdown(Table(heading, rows)), "", *_in_words(reference)]


def capacity(reference: Path) -> list[str]:
    """The highest rate of each arm, per kind of work."""
    found = pd.read_csv(reference / "capacity" / "cells.csv")
    arms, rows = list(dict.fromkeys(found.arm)), []
    column = HIGHEST_RATE.column
    for endpoint in dict.fromkeys(found.endpoint):
        by_arm = {row["arm"]: row for row in found[found.endpoint == endpoint].to_dict("records")}
        rows.append(
            [work(endpoint), *(_value(by_arm[arm], column) if arm in by_arm else numbers.MISSING for arm in arms)]
        )
    heading = ["", *(arm.replace(" · ", " on ") for arm in arms)]
    return [*_where(reference, "capacity"), "", *tables.as_markdown(Table(heading, rows))]


def claims(reference: Path) -> list[str]:
    """How the tutorial's sentences and the effects came out."""
    tutorial = pd.read_csv(reference / "tutorial_claims" / "claims.csv")
    effects = pd.read_csv(reference / EFFECTS / "catalogue.csv")
    return [
        f"- of the {len(tutorial)} claims made of the tutorial's sentences {_tally(tutorial.verdict)}:"
        f" [each with its figures]({TARGET}/tutorial_claims/report.md) (`make claims`);",
        f"- of the {len(effects)} claims in {effects.scenario.nunique()} files about what is known or told of async in Django"
        f" {_tally(effects.verdict)}: [the catalogue, with mechanisms]({TARGET}/{EFFECTS}/catalogue.md) (`make effects`).",
    ]


def output(reference: Path) -> list[str]:
    """One section of what `make bench` printed, and the sentences it ended with."""
    text = (reference / "default" / TEXT).read_text(encoding="utf-8")
    start = text.index(SHOWN)
    section = text[start : text.index("\n\n", text.index("\n\n", start) + 2)].splitlines()
    ending = text.rstrip().splitlines()[-1:]
    return ["```", *(_cut(line) for line in [*section, "…", *ending]), "```"]


PASSAGES: Final[Mapping[str, Callable[[Path], list[str]]]] = {
    "answer": answer,
    "capacity": capacity,
    "claims": claims,
    "output": output,
}


def work(endpoint: str) -> str:
    """`wait ms=100` with what it does in words, for somebody who has not seen the project yet."""
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


def _in_words(reference: Path) -> list[str]:
    """How often each way, and what a request costs."""
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
            f"- against {over.replace(' · ', ' on ')}: {_counted(served.verdict)}; a request costs"
            f" {numbers.number(cost.ratio.min())} to {numbers.number(cost.ratio.max())} times the CPU"
        )
    return lines


def _counted(words: Sequence[str]) -> str:
    """`faster in 3, slower in 4 of 7 cells`."""
    counts = Counter(words)
    told = [f"{word} in {counts[word]}" for word in WORDS if counts[word]]
    return f"{', '.join(told)} of {len(words)} cells"


def _tally(words: Sequence[str]) -> str:
    """`7 are supported, 1 is undecided`."""
    counts = Counter(words)
    told = [
        f"{counts[word]} {'is' if counts[word] == 1 else 'are'} {word}"
        for word in claim_verdicts.WORST_FIRST[::-1]
        if counts[word]
    ]
    return ", ".join(told)


def _ratio(row: Any) -> str:
    """A ratio with its interval: bold where it is `faster`, bare where `slower`, else with the verdict's word."""
    if row is None:
        return numbers.MISSING
    if row.verdict == claim_conditions.INVALID:
        return "INVALID"
    shown = numbers.ratio(Estimate(row.ratio, _known(row.low), _known(row.high), row.blocks))
    if row.verdict == THROUGHPUT.better:
        return f"**{shown}**"
    return shown if row.verdict == THROUGHPUT.worse else f"{row.verdict}, {shown}"


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
    print(f"{README}: {'as it was' if before == after else 'filled anew'} from {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
