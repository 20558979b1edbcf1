"""Next steps after a run: two or three commands that depend on its results. Pure."""

from dataclasses import dataclass
from typing import Final

from harness.analysis.analysis import Analysis
from harness.analysis.arm_comparison import Compared
from harness.formatting import numbers
from harness.report import sections
from harness.storage.files import FINISHED
from harness.verdicts import claim_verdicts, validity, verdict
from harness.verdicts.validity import Reason

MOST_STEPS: Final = 3


@dataclass(frozen=True)
class Step:
    """Something to type, and why."""

    command: str
    why: str


def lines(analysed: Analysis, reasons: list[Reason], explained: bool) -> list[str]:
    """The steps for a terminal."""
    return ["next steps:", *(f"  {one.command}\n      {one.why}" for one in steps(analysed, reasons, explained))]


def steps(analysed: Analysis, reasons: list[Reason], explained: bool) -> list[Step]:
    """The most urgent first. `explained`: an instrumented run is stored with the run."""
    found = [_complete(analysed), _mend(analysed, reasons), _extend(analysed, reasons)]
    if analysed.run.scenario.base is None:
        found += [None if explained else _explain(analysed), _own(analysed)]
    return [one for one in found if one is not None][:MOST_STEPS] or [_again(analysed)]


def _complete(analysed: Analysis) -> Step | None:
    if analysed.run.state == FINISHED:
        return None
    return Step(f"djbench run --resume {analysed.run.path}", f"complete the run ({analysed.run.state})")


def _mend(analysed: Analysis, reasons: list[Reason]) -> Step | None:
    """The first unexpected reason, with its advice."""
    expected = claim_verdicts.expected_to_fail(analysed)
    lost = [reason for reason in reasons if reason.invalid and reason.cell not in expected]
    if not lost:
        return None
    cell = lost[0].cell
    where = f"{cell.arm} on {numbers.pushed(analysed.mode, cell.endpoint, cell.level)}"
    others = len({reason.cell for reason in lost}) - 1
    more = f" (and {others} more)" if others else ""
    return Step(_copy(analysed), f"fix {where}, INVALID{more}, and run the copy: {lost[0].text}")


def _extend(analysed: Analysis, reasons: list[Reason]) -> Step | None:
    """The number of blocks that decides the most inconclusive comparisons within reason; at least one."""
    if analysed.run.state != FINISHED:
        return None
    asked = [c for c in sections.valid_comparisons(analysed, validity.invalid_cells(reasons)) if _first(analysed, c)]
    inconclusive = [c for c in asked if verdict.of(c, analysed).word == verdict.INCONCLUSIVE]
    left = [n - analysed.blocks for c in inconclusive if (n := verdict.needed(c, analysed)) is not None]
    taken = {n: minutes for n in left if n > 0 and (minutes := verdict.minutes(n, verdict.block_s(analysed)))}
    if not taken:
        return None
    more = max(taken)
    decided = sum(n <= more for n in left)
    what = f"{decided} of {len(inconclusive)} inconclusive comparisons by {analysed.metrics[0].title}"
    return Step(f"djbench extend {analysed.run.path} --blocks {more}", f"≈ {taken[more]} min, should decide {what}")


def _first(analysed: Analysis, compared: Compared) -> bool:
    return compared.metric is analysed.metrics[0]


def _explain(analysed: Analysis) -> Step:
    return Step(
        f"djbench explain {analysed.run.path}",
        "explain the results: thread switches, waits and loop lag per request, from an instrumented run",
    )


def _own(analysed: Analysis) -> Step:
    return Step(_copy(analysed), "ask your own question: edit the copy, `djbench plan` it, `djbench run` it")


def _again(analysed: Analysis) -> Step:
    base = analysed.run.scenario.base
    return Step(
        f"djbench ab SCENARIO --base {base.ref if base else 'REF'}",
        "measure the next state of the change",
    )


def _copy(analysed: Analysis) -> str:
    return f"cp {analysed.run.path / 'scenario.toml'} mine.toml"
