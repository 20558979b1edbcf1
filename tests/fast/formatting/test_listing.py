"""Rows in columns: aligned, whole where there is room, and never wider than they may be."""

import pytest

from harness.formatting import listing

ROWS = [
    ("default", "WSGI", "When does an async view outperform a sync one?"),
    ("effects/a_long_name_of_a_scenario", "ASGI", ""),
]


def test_without_a_width_every_row_is_one_aligned_line() -> None:
    first, second = listing.lines(ROWS, None)
    assert first == f"{'default':33}  WSGI  When does an async view outperform a sync one?"
    assert second == "effects/a_long_name_of_a_scenario  ASGI"


def test_what_does_not_fit_is_wrapped_below_the_start_of_its_column() -> None:
    first, more, *_ = listing.lines(ROWS, 70)
    assert more.index(more.strip()) == first.index("When")
    assert f"{first[first.index('When') :]} {more.strip()}" == ROWS[0][2]


@pytest.mark.parametrize("width", [12, 20, 40, 60, 80])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, listing.lines(ROWS, width))) <= width


def test_a_name_that_is_cut_says_so() -> None:
    assert any("…  ASGI" in line for line in listing.lines(ROWS, 40))


def test_no_rows_are_no_lines() -> None:
    assert listing.lines([], 80) == []
