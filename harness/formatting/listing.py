"""Rows of words in aligned columns, no wider than a terminal: the last column is wrapped, those before it are cut."""

import textwrap
from collections.abc import Sequence
from typing import Final

GAP: Final = 2

LEAST_LAST: Final = 20  # characters that the last column has at least, if it needs them


def lines(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The rows, every column as wide as its longest cell. `width`: of the terminal; None: as wide as they are."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        widths[:-1] = _narrowed(widths[:-1], width - min(widths[-1], LEAST_LAST))
        widths[-1] = max(1, min(widths[-1], width - sum(widths[:-1]) - GAP * (len(widths) - 1)))
    return [line for row in rows for line in _row(row, widths)]


def _narrowed(widths: list[int], room: int) -> list[int]:
    """The widest columns cut down, until all of them and a gap behind each have room."""
    while sum(widths) + GAP * len(widths) > room and max(widths, default=1) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    fixed = [
        (cell if len(cell) <= width else f"{cell[: width - 1]}…").ljust(width)
        for cell, width in zip(row[:-1], widths, strict=False)
    ]
    first, *more = textwrap.wrap(row[-1], widths[-1]) or [""]
    indent = " " * (sum(widths[:-1]) + GAP * len(fixed))
    return [(" " * GAP).join([*fixed, first]).rstrip(), *(f"{indent}{line}" for line in more)]
