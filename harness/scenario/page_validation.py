"""Cross-checks of what only a user's own project has: pages, logins, arms without a view."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from harness.registry.endpoints import ENDPOINTS
from harness.registry.load_modes import CAPACITY
from harness.scenario import error_messages
from harness.scenario.request import Request

if TYPE_CHECKING:
    from harness.scenario.endpoint import Endpoint
    from harness.scenario.model import Scenario

SHARES_OFF: Final = 1e-6


def problems(where: str, endpoint: "Endpoint", scenario: "Scenario") -> Iterator[str]:
    """Of a page, or of a mix of some: one line each."""
    if "query" in endpoint.model_fields_set:
        yield f"{where}.query: expected only for endpoints of the demo, got it with a [project]: put a query into path"
    if endpoint.mix:
        yield from _page_mix_problems(where, endpoint, scenario)
    elif not endpoint.is_own:
        yield f"{where}.path: expected the path of a page, such as '/', got nothing"
    if endpoint.name in ENDPOINTS:
        yield f"{where}.name: expected one that no endpoint of the demo has, got {endpoint.name!r}"
    if endpoint.login is not None and endpoint.login not in (names := [login.name for login in scenario.login]):
        hint = error_messages.hint(endpoint.login, names)
        yield f"{where}.login: expected the name of a [[login]], got {endpoint.login!r}{hint}"


def problems_of_demo(where: str, endpoint: "Endpoint") -> Iterator[str]:
    """Keys of a page where there is no project of the user's own."""
    for key in sorted(endpoint.model_fields_set & set(Request.model_fields)):
        yield f"{where}.{key}: expected only for a page of a [project], got it for an endpoint of the demo"


def view_problems(scenario: "Scenario") -> Iterator[str]:
    """An arm names a view where there are two of the same work."""
    pairs = scenario.project is None or any(endpoint.paths for endpoint in scenario.endpoints)
    for index, arm in enumerate(scenario.arms):
        if pairs and arm.view is None:
            yield f"arms[{index}].view: expected 'sync' or 'async', got nothing"
        if not pairs and arm.view is not None:
            yield f"arms[{index}].view: expected only where an endpoint has paths by view, got {arm.view!r}"
        if arm.overlay is not None and not arm.overlay.endswith(".py"):
            yield f"arms[{index}].overlay: expected a file of settings, got {arm.overlay!r}"
        if scenario.project is not None and "profile" in arm.model_fields_set:
            yield f"arms[{index}].profile: expected only for the demo, got it with a [project]: give the arm an overlay"


def _page_mix_problems(where: str, endpoint: "Endpoint", scenario: "Scenario") -> Iterator[str]:
    """A mix of pages names others of its scenario, with shares of all of it."""
    names = [one.name for one in scenario.endpoints if one.is_own and not one.mix]
    for name in endpoint.mix:
        if name not in names:
            yield f"{where}.mix: expected names of pages, got {name!r}{error_messages.hint(name, names)}"
    if endpoint.is_own:
        yield f"{where}.path: expected either a path or a mix, got both"
    if scenario.load.mode == CAPACITY:
        yield f"{where}.mix: expected only with load.mode = 'closed' or 'open', got it with {scenario.load.mode!r}"
    yield from share_problems(where, endpoint, "pages")


def share_problems(where: str, endpoint: "Endpoint", what: str) -> Iterator[str]:
    """Shares of a mix have to be those of several, and all of it."""
    if len(endpoint.mix) < 2 or abs(sum(endpoint.mix.values()) - 1) > SHARES_OFF:
        yield f"{where}.mix: expected two {what} or more with shares that add up to 1, got {endpoint.mix}"
