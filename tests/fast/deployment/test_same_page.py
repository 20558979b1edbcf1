"""Whether two arms give the same page, where no two answers are the same to the byte."""

import re
from collections.abc import Callable

import pytest

from harness.deployment import same_page
from harness.deployment.same_page import settle
from harness.samples import Outcome
from harness.scenario.request import Request

PAGE = Request(path="/")


def answers(text: Callable[[str, int], str], arms: str = "ab") -> dict[str, list[tuple[int, bytes]]]:
    return {arm: [(200, text(arm, number).encode()) for number in range(3)] for arm in arms}


def test_the_same_to_the_byte_is_compared_to_the_byte() -> None:
    seen = settle(PAGE, answers(lambda *_: "hello"))
    assert seen.page is not None
    assert (seen.page.body, seen.faults) == (b"hello", {})


@pytest.mark.parametrize(
    "text",
    [
        lambda arm, number: f'<input value="{arm * 32}{number % 10 * 11:02}{"x" * 30}"> hello',
        lambda arm, number: f"created 24th Nov 2026 04:{20 + number}",
        lambda arm, number: f"it is {1_764_000_000 + number}",
        lambda arm, number: f"{number + 1} seconds ago" if number else "1 second ago",
        lambda arm, number: f"visit number {number + 100 * (arm == 'b')} of today",
    ],
    ids=["a token", "a clock", "an epoch", "ago", "a word that differs on each arm"],
)
def test_what_differs_within_an_arm_is_no_difference_between_arms(text: Callable[[str, int], str]) -> None:
    seen = settle(PAGE, answers(text))
    assert seen.faults == {}
    assert seen.page is not None
    assert seen.page.body is None
    assert seen.page.outcome(200, text("a", 1).encode()) is Outcome.OK
    assert seen.page.outcome(200, b"x" * 500) is Outcome.WRONG_BODY
    assert seen.page.outcome(500, text("a", 1).encode()) is Outcome.HTTP_ERROR


def test_another_page_is_told_with_the_line_that_differs() -> None:
    seen = settle(
        PAGE, answers(lambda arm, _: "<h1>shop</h1>\n" + ("<p>login</p>" if arm == "c" else "<p>cart</p>"), "abc")
    )
    assert set(seen.faults) == {"c"}
    assert "-<p>cart</p>" in seen.faults["c"]
    assert "+<p>login</p>" in seen.faults["c"]


def test_what_the_scenario_ignores_is_covered() -> None:
    asked = Request(path="/", ignore=[r"arm-\w"])
    assert settle(asked, answers(lambda arm, _: f"served by arm-{arm}")).faults == {}
    assert settle(PAGE, answers(lambda arm, _: f"served by arm-{arm}")).faults


def test_a_page_of_random_length_needs_a_text_that_it_contains() -> None:
    longer = answers(lambda _, number: "hello " + "word " * number)
    assert "give a text" in settle(PAGE, longer).faults["a"]
    seen = settle(Request(path="/", contains=["hello"]), longer)
    assert seen.faults == {}
    assert "differ in length" in seen.note
    assert seen.page is not None
    assert seen.page.outcome(200, b"hello word") is Outcome.OK
    assert seen.page.outcome(200, b"goodbye") is Outcome.WRONG_BODY


@pytest.mark.parametrize(
    ("asked", "answer", "told"),
    [
        (PAGE, (302, b""), "HTTP 302, expected 200"),
        (Request(path="/", status=[302]), (200, b"x"), "HTTP 200, expected 302"),
        (Request(path="/", contains=["alice"]), (200, b"log in"), "'alice' is not in the answer"),
        (Request(path="/", lacks=["log in"]), (200, b"please log in"), "'log in' is in the answer"),
    ],
)
def test_a_wrong_answer_is_refused(asked: Request, answer: tuple[int, bytes], told: str) -> None:
    seen = settle(asked, {"a": [answer], "b": [answer]})
    assert seen.page is None
    assert re.search(re.escape(told), seen.faults["a"])


def test_an_arm_without_an_answer_keeps_its_reason_and_the_others_are_measured() -> None:
    seen = settle(PAGE, {"a": "no response", **answers(lambda *_: "x", "bc")})
    assert seen.faults == {"a": "no response"}
    assert seen.page is not None


def test_an_excerpt_is_short() -> None:
    assert len(same_page.excerpt(b"x" * 500)) < 90


def test_an_answer_that_comes_later_is_held_against_what_all_before_it_had_in_common() -> None:
    text = settle(PAGE, answers(lambda arm, number: f"dear alice, visit {number} at 10:0{number}")).text
    assert text is not None
    assert text.differs(b"dear alice, visit 77 at 23:59") == ""
    assert text.differs(b"dear bobby, visit 77 at 23:59") == "'bobby' instead of 'alice'"
    assert "words and signs" in text.differs(b"dear alice")
    assert settle(PAGE, answers(lambda *_: "hello")).text is None


def test_the_same_to_the_byte_with_a_clock_in_it_is_not_compared_to_the_byte() -> None:
    """It would go on while it is measured."""
    seen = settle(PAGE, answers(lambda *_: "created 24th Nov 2026 04:26"))
    assert seen.page is not None
    assert seen.page.body is None
    assert seen.page.outcome(200, b"created 24th Nov 2026 04:27") is Outcome.OK
