"""A table of words and figures, as aligned text or as Markdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A heading over rows of cells; the first column is text, the others are figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def as_text(table: Table) -> list[str]:
    """Aligned lines: the first column to the left, the figures to the right."""
    rows = [table.columns, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def as_markdown(table: Table) -> list[str]:
    """The same as a Markdown table."""
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    return [
        "| " + " | ".join(unmarked(cell).replace("|", "\\|") for cell in row) + " |"
        for row in (table.columns, rule, *table.rows)
    ]


def as_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of words, each to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def clipped(line: str, width: int) -> str:
    """At most so many characters of a line; what is cut off ends with `…`."""
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"


def unmarked(text: str) -> str:
    """Text escaped for Markdown: a `<` that would open a tag does not."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
