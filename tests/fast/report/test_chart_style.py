"""Colours belong to a server and view, in every report."""

from support.arms import arm

from harness.registry.servers import SERVERS
from harness.report import chart_style


def test_a_server_and_view_has_the_same_colour_whatever_else_there_is() -> None:
    usual = [arm("gunicorn-gthread"), arm("uvicorn"), arm("uvicorn", "async")]
    found, fewer = chart_style.colours(usual), chart_style.colours(usual[::-1][:2])
    assert found == {"sync · gunicorn-gthread": 0, "sync · uvicorn": 2, "async · uvicorn": 1}
    assert fewer.items() <= found.items()


def test_a_further_arm_of_the_same_kind_has_a_colour_that_is_free_and_a_control_that_of_its_arm() -> None:
    first, second = arm("uvicorn", "async"), arm("uvicorn", "async").model_copy(update={"name": "two workers"})
    control = first.model_copy(update={"name": "again", "control_of": first.name})
    found = chart_style.colours([second, first, control])
    assert found["two workers"] == 1  # whoever comes first
    assert found[first.name] not in chart_style.OWN.values()
    assert found["again"] == found[first.name]


def test_eight_arms_have_eight_colours_and_more_share_them() -> None:
    arms = [arm("uvicorn", "async").model_copy(update={"name": f"arm {number}"}) for number in range(20)]
    found = chart_style.colours(arms)
    assert len(set(list(found.values())[:8])) == 8
    assert set(found.values()) == set(range(8))
    every = [arm(server, view) for server in SERVERS for view in ("sync", "async")]
    assert set(chart_style.colours(every).values()) <= set(range(8))
