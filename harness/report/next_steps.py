"""What to try next after a run, as two or three commands that depend on what came out. Pure."""

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

MOST_BLOCKS: Final = 60
"""Nobody adds more than this to a run for a difference that small, where a smaller number decides something."""


@dataclass(frozen=True)
class Step:
    """Something to type, and why."""

    command: str
    why: str


def lines(analysed: Analysis, reasons: list[Reason], explained: bool) -> list[str]:
    """The steps for a terminal."""
    return ["what to try next:", *(f"  {one.command}\n      {one.why}" for one in steps(analysed, reasons, explained))]


def steps(analysed: Analysis, reasons: list[Reason], explained: bool) -> list[Step]:
    """The most pressing first. `explained`: a probed pass is kept with the run."""
    found = [_complete(analysed), _mend(analysed, reasons), _extend(analysed, reasons)]
    if analysed.run.scenario.base is None:
        found += [None if explained else _explain(analysed), _own(analysed)]
    return [one for one in found if one is not None][:MOST_STEPS] or [_again(analysed)]


def _complete(analysed: Analysis) -> Step | None:
    if analysed.run.state == FINISHED:
        return None
    return Step(f"djbench run --resume {analysed.run.path}", f"completes the run, which is {analysed.run.state}")


def _mend(analysed: Analysis, reasons: list[Reason]) -> Step | None:
    """The first reason that was not expected, with the advice that it carries."""
    expected = claim_verdicts.expected_to_fail(analysed)
    lost = [reason for reason in reasons if reason.invalid and reason.cell not in expected]
    if not lost:
        return None
    cell = lost[0].cell
    where = f"{cell.arm} on {numbers.pushed(analysed.mode, cell.endpoint, cell.level)}"
    others = len({reason.cell for reason in lost}) - 1
    more = f" (and so are {others} more)" if others else ""
    return Step(_copy(analysed), f"mend what made {where} INVALID{more}, and run the copy: {lost[0].text}")


def _extend(analysed: Analysis, reasons: list[Reason]) -> Step | None:
    """So many blocks more as decide the most within reason; at least one of what is inconclusive."""
    if analysed.run.state != FINISHED:
        return None
    asked = [c for c in sections.valid_comparisons(analysed, validity.invalid_cells(reasons)) if _first(analysed, c)]
    inconclusive = [c for c in asked if verdict.of(c, analysed).word == verdict.INCONCLUSIVE]
    needed = [n for c in inconclusive if (n := verdict.needed(c, analysed)) is not None and n > analysed.blocks]
    if not needed:
        return None
    more = max([n - analysed.blocks for n in needed if n - analysed.blocks <= MOST_BLOCKS], default=None)
    more = min(needed) - analysed.blocks if more is None else more
    decided = sum(n - analysed.blocks <= more for n in needed)
    what = f"{decided} of {len(inconclusive)} inconclusive comparisons by {analysed.metrics[0].title}"
    return Step(f"djbench extend {analysed.run.path} --blocks {more}", f"would be about enough to decide {what}")


def _first(analysed: Analysis, compared: Compared) -> bool:
    return compared.metric is analysed.metrics[0]


def _explain(analysed: Analysis) -> Step:
    return Step(
        f"djbench explain {analysed.run.path}", "says why: the mechanism beside the numbers, by a pass with a probe"
    )


def _own(analysed: Analysis) -> Step:
    return Step(_copy(analysed), "asks your own question: edit the copy, `djbench plan` it, `djbench run` it")


def _again(analysed: Analysis) -> Step:
    base = analysed.run.scenario.base
    return Step(
        f"djbench ab SCENARIO --base {base.ref if base else 'REF'}",
        "measures the next state of the change in the same way",
    )


def _copy(analysed: Analysis) -> str:
    return f"cp {analysed.run.path / 'scenario.toml'} mine.toml"
