"""What is shown of a run while it goes on: live, in plain lines, as events."""

import re

from support.scenarios import tiny

from harness.commands import preview


def test_the_first_lines_say_what_will_run_and_for_how_long() -> None:
    from datetime import UTC, datetime

    question, arms, size = preview.first(tiny(), datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
    assert question == "Does the pipeline carry a figure from end to end?"
    assert arms == "arms: sync; async; async again"
    assert re.fullmatch(r"6 cells, 6 blocks, about \d+ .*s: done at about 12:\d\d", size)


def test_a_page_that_may_write_into_the_database_of_all_arms_is_told() -> None:
    from harness.scenario.endpoint import Endpoint

    made = {"name": "make", "path": "/make/", "method": "POST", "users": [2]}
    pages = [
        Endpoint(**made),
        Endpoint(**made | {"name": "own", "writes": True}),
        Endpoint(name="read", path="/", users=[2]),
    ]
    (told,) = preview.unshared(tiny().model_copy(update={"endpoints": pages}))
    assert told.startswith("! make: is no GET")
