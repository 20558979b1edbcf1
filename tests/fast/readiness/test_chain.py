"""Thread switches of a middleware chain, as Django adapts it: by order, and not by a list of sync-only middleware."""

from typing import Any

import pytest

from harness.readiness import chain


def mixed(path: str, *hooks: str, views: tuple[str, ...] = (), templates: bool = False) -> dict[str, Any]:
    """One made with MiddlewareMixin: sync and async."""
    return {
        "path": path,
        "sync_capable": True,
        "async_capable": True,
        "used": True,
        "hooks": list(hooks),
        "views": list(views),
        "templates": templates,
    }


def sync_only(path: str, **more: Any) -> dict[str, Any]:
    return {**mixed(path), "async_capable": False, **more}


BOTH = ("process_request", "process_response")

STARTPROJECT = [
    mixed("security", *BOTH),
    mixed("session", *BOTH),
    mixed("common", *BOTH),
    mixed("csrf", *BOTH, views=("process_view",)),
    mixed("auth", "process_request"),
    mixed("messages", *BOTH),
    mixed("xframe", "process_response"),
]


def test_startproject_has_no_sync_only_middleware_and_makes_thirteen_switches() -> None:
    found = chain.walk(STARTPROJECT)
    assert (found.switches, found.entry, found.bridges) == (13, 0, 0)
    assert [link.switches for link in found.links] == [2, 2, 2, 3, 1, 2, 1]


def test_from_the_innermost_that_is_sync_only_outwards_everything_shares_one_thread() -> None:
    found = chain.walk([*STARTPROJECT, sync_only("last")])
    assert found.switches == 1 + 1  # into the thread, and process_view, which is one wherever it stands
    assert found.bridges == 1
    assert {link.mode for link in found.links} == {"sync"}


def test_one_in_the_middle_leaves_those_inside_of_it_async() -> None:
    found = chain.walk([STARTPROJECT[0], sync_only("whitenoise"), *STARTPROJECT[1:]])
    assert found.switches == 1 + 13 - 2
    assert [link.mode for link in found.links[:3]] == ["sync", "sync", "async"]


def test_one_that_says_it_is_not_used_changes_nothing() -> None:
    unused = sync_only("debug", used=False)
    found = chain.walk([unused, *STARTPROJECT])
    assert found.switches == 13
    assert found.links[0].mode == "unused"


def test_one_that_cannot_be_sync_goes_on_being_async_outside_of_a_sync_one() -> None:
    only_async = {**mixed("only async"), "sync_capable": False}
    found = chain.walk([only_async, sync_only("sync")])
    assert [link.mode for link in found.links] == ["async", "sync"]
    assert found.entry == 0


def test_a_response_that_is_rendered_late_is_told_apart() -> None:
    assert chain.walk([mixed("basket", templates=True)]).templates == 1


@pytest.mark.parametrize("place", [0, 1, 4])
def test_moved_last_is_offered_where_it_needs_fewer(place: int) -> None:
    there = [*STARTPROJECT[:place], sync_only("whitenoise"), *STARTPROJECT[place:]]
    (best, *_) = chain.what_ifs(there)
    assert (best.moved, best.switches) == ("whitenoise", 2)
    assert best.order(there)[-1] == "whitenoise"
    assert sorted(best.order(there)) == sorted(one["path"] for one in there)


def test_nothing_is_offered_where_nothing_is_better() -> None:
    assert chain.what_ifs(STARTPROJECT) == []
    assert chain.what_ifs([*STARTPROJECT, sync_only("last")]) == []


def test_of_several_that_are_sync_only_one_moved_last_is_enough() -> None:
    there = [sync_only("a"), *STARTPROJECT[:3], sync_only("b"), *STARTPROJECT[3:]]
    assert chain.walk(there).switches == 1 + 3 + 1 + 2 + 1  # into the thread; what stands inside of b
    assert [(one.moved, one.switches) for one in chain.what_ifs(there)] == [("a", 2), ("b", 2)]
