"""A length of time as people write it."""

import pytest
from support.scenarios import TINY

from harness.errors import UserError
from harness.scenario import duration, reader


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("8m", 480.0), ("1h", 3600.0), ("2m30s", 150.0), ("2m 30s", 150.0), (42.5, 42.5)],
)
def test_a_time_is_read_in_seconds(text: object, seconds: float) -> None:
    assert duration.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "8 minutes", "m", "1s", "25h", 8, None])
def test_what_is_no_time_is_refused_with_what_was_expected(text: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        duration.seconds(text)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('time = "8 minutes"', "time: expected a time such as '8m', '90s' or '1h', got '8 minutes'"),
        ('time = "8m"\nload = { visits = 3 }', "load.visits: expected without time, which decides how many there are"),
        ('time = "8m"\nload = { mode = "capacity", objective = "p99 <= 50ms" }', "time: expected only with mode"),
    ],
)
def test_a_scenario_with_a_time_that_cannot_be_is_refused(lines: str, told: str) -> None:
    text = TINY.replace("blocks = 6", f"blocks = 6\n{lines}")
    with pytest.raises(UserError) as refused:
        reader.parse(text.replace("users = ", "# ") if "capacity" in lines else text, "x.toml")
    assert told in str(refused.value)
