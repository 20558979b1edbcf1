"""Two runs in words and tables, for a terminal or as Markdown for a CI job's summary. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from harness.formatting import numbers, tables
from harness.formatting.tables import Table
from harness.plan.slices import Cell
from harness.registry.metrics import Metric
from harness.report.sections import Section
from harness.storage.files import FINISHED
from harness.verdicts import regression_gate
from harness.verdicts.regression_gate import Gate
from harness.verdicts.run_comparison import Matched, Side, TwoRuns
from harness.verdicts.validity import Reason

ABREAST: Final = 3  # metrics that fit beside each other in a terminal

NAMED: Final = 5  # regressions that cannot be ruled out, by name; the rest is counted

WARNING: Final = (
    "! Drift of the machine between the two runs is part of every ratio; `djbench ab` interleaves both revisions in the same"
    " blocks."
)


def text(two: TwoRuns, limit: float | None) -> str:
    """For a terminal: runs, tables, and the conclusion last."""
    lines = ["NEW over BASE: ratios of geometric means over blocks", *_head(two), ""]
    for section in _sections(two, limit, ABREAST):
        lines += [section.title, ""]
        for table in section.tables:
            lines += [*tables.as_text(table), ""]
        lines += [*section.notes, ""] if section.notes else []
    return "\n".join([*lines, result(two, limit), *_conclusion(two, limit), WARNING]) + "\n"


def markdown(two: TwoRuns, limit: float | None) -> str:
    """For a CI job's summary: the result first."""
    lines = ["# NEW vs BASE", "", result(two, limit), ""]
    lines += [*(f"- {line}" for line in [*_conclusion(two, limit), WARNING, *_head(two)]), ""]
    for section in _sections(two, limit, len(two.metrics)):
        lines += [f"## {section.title}", ""]
        for table in section.tables:
            lines += [*tables.as_markdown(table), ""]
        lines += [*(f"- {note}" for note in section.notes), ""] if section.notes else []
    return "\n".join(lines[:-1]) + "\n"


def result(two: TwoRuns, limit: float | None) -> str:
    """The result in one sentence."""
    size = f"{_counted(len(two.matched), 'comparison')} on {len({one.cell for one in two.matched})} of {len(two.cells)} cells"
    if limit is None:
        return f"NEW vs BASE, {size}: {_tally(two)}."
    gate = regression_gate.of_runs(two, limit)
    if gate is Gate.FAILED:
        return f"✗ Regression gate failed: {'; '.join(_failures(two, limit))} ({size})."
    if gate is Gate.OPEN:
        few = _counted(len(regression_gate.deciding(two, limit)), "interval")
        reach = f"{few} of {_deciding(two)} reach beyond {numbers.percent(limit)}"
        return f"? Regression gate cannot tell: {reach}; add blocks to both ({size})."
    return f"✓ Regression gate passed: no regression beyond {numbers.percent(limit)} in {size}."


def _deciding(two: TwoRuns) -> str:
    return ", ".join(metric.title for metric in two.deciding)


def _failures(two: TwoRuns, limit: float) -> Iterator[str]:
    """Reasons why the gate failed."""
    if failed := regression_gate.regressed(two, limit):
        yield f"{_counted(len(failed), 'regression')} beyond {numbers.percent(limit)}"
    if lost := {one.cell for one in two.lost}:
        yield f"{_counted(len(lost), 'cell')} missing or INVALID"
    if unjudged := regression_gate.unjudged(two):
        yield f"{_counted(len(unjudged), 'comparison')} with too few blocks for an interval"
    if not two.matched:
        yield "nothing could be compared"


def _tally(two: TwoRuns) -> str:
    words = [one.verdict.word for one in two.matched]
    better = sum(word == one.metric.better for word, one in zip(words, two.matched, strict=True))
    worse = sum(word == one.metric.worse for word, one in zip(words, two.matched, strict=True))
    return f"{better} better, {worse} worse, {words.count('equivalent')} equivalent, {words.count('inconclusive')} inconclusive"


def _conclusion(two: TwoRuns, limit: float | None) -> list[str]:
    """The rest of what was found, in sentences."""
    lines = [line for side in (two.base, two.new) for line in _unfinished(side)]
    lines += [f"Total: {_tally(two)}."] if limit is not None else []
    for title, word in (("Worse", "worse"), ("Better", "better")):
        told = [_named(two, one) for one in two.matched if one.verdict.word == getattr(one.metric, word)]
        lines += [f"{title}: {'; '.join(told)}."] if told else []
    if limit is not None:
        lines += _open_questions(two, limit)
    lost = dict.fromkeys(_place(two, one.cell) + f" ({one.word})" for one in two.lost)
    return lines + ([f"Not compared (counts as failed): {'; '.join(lost)}."] if lost else [])


def _open_questions(two: TwoRuns, limit: float) -> list[str]:
    """Regressions beyond the limit that the intervals do not rule out."""
    found = regression_gate.not_ruled_out(two, limit)
    if not found:
        return []
    told = [f"{one.metric.title} of {_place(two, one.cell)} ({numbers.percent(by)})" for by, one in found[:NAMED]]
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    most = numbers.percent(found[0][0])
    return [
        f"! A regression of up to {most} cannot be ruled out (far end of the 95 % interval): {'; '.join(told)}{more}."
    ]


def _named(two: TwoRuns, one: Matched) -> str:
    return f"{one.metric.title} on {_place(two, one.cell)} ({numbers.number(one.ratio.value)}×)"


def _place(two: TwoRuns, cell: Cell) -> str:
    return f"{cell.arm}, {numbers.cell(two.base.analysis.mode, cell.endpoint, cell.level)}"


def _head(two: TwoRuns) -> list[str]:
    """Which runs, where, how they are compared, and what was accepted."""
    lines = [_run(two.base), _run(two.new)]
    machine = two.new.analysis.run.head["machine"]
    lines.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; Python {machine['python']}")
    family = two.matched[0].family if two.matched else 0
    lines.append(f"95 % intervals and Welch's t-test (unpaired blocks), corrected for {family} comparisons")
    lines += [f"! accepted difference: {difference}" for difference in two.accepted]
    return lines


def _run(side: Side) -> str:
    run, blocks = side.analysis.run, _counted(side.analysis.blocks, "block")
    return f"{side.name}: {run.path.resolve().name}, {blocks}, “{run.scenario.question}”"


def _unfinished(side: Side) -> Iterator[str]:
    """Warning beside the result: an unfinished run is less precise."""
    analysis = side.analysis
    run, planned = analysis.run, analysis.run.scenario.blocks
    if run.state != FINISHED or analysis.blocks != planned:
        yield f"! {side.name} is NOT FINISHED: {run.state} after {analysis.blocks} of {planned} blocks."


def _sections(two: TwoRuns, limit: float | None, abreast: int) -> Iterator[Section]:
    """One per endpoint and level, in BASE's order."""
    failed = regression_gate.regressed(two, limit) if limit is not None else []
    places = dict.fromkeys((cell.endpoint, cell.level) for cell in two.cells)
    for endpoint, level in places:
        cells = [cell for cell in two.cells if (cell.endpoint, cell.level) == (endpoint, level)]
        scenario = two.base.analysis.run.scenario
        title = f"{endpoint} · {scenario.load.in_words}, {numbers.level(two.base.analysis.mode, level)}"
        columns = [two.metrics[place : place + abreast] for place in range(0, len(two.metrics), abreast)]
        yield Section(title, [_table(two, cells, told, failed) for told in columns], list(_notes(two, cells, failed)))


def _table(two: TwoRuns, cells: Sequence[Cell], told: Sequence[Metric], failed: Sequence[Matched]) -> Table:
    out = {one.cell: one.word for one in two.lost if one.metric is None}
    found = {(one.cell, one.metric): one for one in two.matched if one.cell in cells}
    rows = []
    for cell in cells:
        if cell in out:
            rows.append([cell.arm, out[cell], *[""] * (len(told) - 1)])
        else:
            rows.append([cell.arm, *(_figure(found.get((cell, metric)), failed) for metric in told)])
    floors = [
        max((one.noise_floor or 0.0 for one in found.values() if one.metric is metric), default=0.0) for metric in told
    ]
    if any(floors):
        rows.append(["noise floor (A/A)", *(numbers.noise(floor or None) for floor in floors)])
    return Table(["NEW / BASE", *(metric.title for metric in told)], rows)


def _figure(one: Matched | None, failed: Sequence[Matched]) -> str:
    if one is None:
        return numbers.MISSING
    return f"{numbers.ratio(one.ratio)} {one.verdict}{' ✗' if one in failed else ''}"


def _notes(two: TwoRuns, cells: Sequence[Cell], failed: Sequence[Matched]) -> Iterator[str]:
    """Regressions in absolute terms, what is missing and why, and the flags of either run."""
    for one in failed:
        if one.cell in cells:
            by = numbers.percent(regression_gate.worse_by(one.ratio.value, one.metric))
            change = f"{numbers.number(one.base)} to {numbers.number(one.new)} {one.metric.unit}"
            yield f"✗ {one.cell.arm}: {one.metric.title} {by} worse, from {change}"
    for lost in two.lost:
        if lost.cell in cells:
            yield f"✗ {lost.cell.arm}: {lost.word}, {lost.why}"
    for side in (two.base, two.new):
        yield from (f"! {reason.cell.arm} in {side.name}: {reason.text}" for reason in _flags(side, cells))
    for metric, absent in groupby(sorted(two.absent, key=lambda one: one[1].title), key=lambda one: one[1]):
        arms = [cell.arm for cell, _ in absent if cell in cells]
        if arms:
            why = "available in neither run (too few samples, or not measurable there)"
            yield f"! {metric.title} not compared on {', '.join(arms)}: {why}"


def _flags(side: Side, cells: Sequence[Cell]) -> list[Reason]:
    return [reason for reason in side.reasons if not reason.invalid and reason.cell in cells]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
