"""Verification before any load: server, interface, view and run ID of each arm, and an identical body from all arms.

A wrong identity is a bug of the deployment and ends the run. A wrong answer makes that one cell INVALID with its
reason; the others are still measured.
"""

import http.client
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from harness.deployment import same_page
from harness.deployment.fleet import Deployed, Fleet, Site
from harness.deployment.same_page import Seen, Text, excerpt
from harness.errors import UserError
from harness.plan import layout
from harness.plan.slices import Slice
from harness.project.logins import Carried, Headers
from harness.project.target import SETTINGS
from harness.samples import Page
from harness.scenario.endpoint import Part
from harness.scenario.model import Scenario
from harness.scenario.request import Request

T = TypeVar("T")

Answer = tuple[int, bytes]

ADVICE: Final = {
    "debug": ": say DEBUG = False in project.overlay",
    "settings": ": the project's own wsgi or asgi module sets DJANGO_SETTINGS_MODULE: leave project.wsgi and project.asgi out",
}
"""What to do about a fact that is not as expected."""

ANSWERS: Final = 3
"""Of each arm, to know what differs from answer to answer …"""

LATER_S: Final = 1.2
"""… with one more that comes so much later."""


@dataclass(frozen=True)
class Verified:
    """The result of verification."""

    identities: dict[str, dict[str, Any]]  # arm → its whoami response
    pages: dict[str, Page] = field(default_factory=dict)  # endpoint label → what the verified arms agree on
    refused: dict[tuple[str, str], str] = field(default_factory=dict)  # (arm, endpoint label) → why it is not measured
    notes: dict[str, str] = field(default_factory=dict)  # endpoint label → what could not be compared
    host: str = "127.0.0.1"  # under which all were asked
    headers: dict[str, dict[str, Headers]] = field(default_factory=dict)  # arm → endpoint label → what requests carry
    texts: dict[str, Text] = field(default_factory=dict)  # endpoint label → what its answers have in common

    def take(self, part: Part, page: Page | None, faults: Mapping[str, str]) -> None:
        """What is correct there, and on which arms it is not."""
        if page is not None:
            self.pages[part.label] = page
        self.refused.update({(arm, part.label): fault for arm, fault in faults.items()})

    def strange(self, asked: Sequence[Slice], answers: Mapping[tuple[int, int], bytes]) -> list[dict[str, Any]]:
        """Where answers that were kept under load are unlike those seen before it: arm, endpoint, count, and how the first is.

        `answers`: (slice, place of its call) → body.
        """
        slices, found = {one.index: one for one in asked}, dict[tuple[str, str], list[str]]()
        for (index, place), body in sorted(answers.items()):
            call = slices[index].calls[place]
            text = self.texts.get(call.key or call.endpoint)
            if text is not None and (how := text.differs(body)):
                found.setdefault((slices[index].cell.arm, slices[index].cell.endpoint), []).append(how)
        return [
            {"arm": arm, "endpoint": endpoint, "count": len(how), "how": how[0]}
            for (arm, endpoint), how in found.items()
        ]


def verify(scenario: Scenario, fleet: Fleet) -> Verified:
    """Request `whoami` of every arm, and every endpoint on every arm.

    Raises UserError if an arm differs from the scenario.
    """
    found = Verified(
        {name: _identity(deployed, scenario) for name, deployed in fleet.deployed.items()},
        host=fleet.site.target.asked.host,
        headers={arm.name: _carried(scenario, fleet.site.carried_to(arm)) for arm in scenario.arms},
    )
    parts = [
        (part, [fleet.deployed[arm.name] for arm in scenario.arms_of(endpoint)])
        for endpoint in scenario.endpoints
        for part in endpoint.parts
    ]
    pages = [Asking(part, part.page, arms, fleet.site) for part, arms in parts if part.page is not None]
    for part, arms in parts:
        if part.page is None:
            found.take(part, *_same(arms, part))
    for seen, part in _settled(pages):
        found.take(part, seen.page, seen.faults)
        if seen.text is not None:
            found.texts[part.label] = seen.text
        if seen.note:
            found.notes[part.label] = seen.note
    return found


def _carried(scenario: Scenario, carried: Carried) -> dict[str, Headers]:
    """Endpoint label → what requests for its page carry; a control is also asked, to warm up, for pages that it is not measured
    for."""
    parts = [part for endpoint in scenario.endpoints for part in endpoint.parts]
    return {part.label: carried.by(part.page) for part in parts if part.page is not None}


def _same(arms: Sequence[Deployed], part: Part) -> tuple[Page | None, Mapping[str, str]]:
    """An endpoint of the demo: its answers are the same to the byte."""
    body, faults = compare(_all(arms, lambda deployed: deployed.ask(layout.path(deployed.arm, part))))
    return (None if body is None else Page(body)), faults


@dataclass(frozen=True)
class Asking:
    """A page of a user's own project, to be asked of these arms."""

    part: Part
    page: Request
    arms: Sequence[Deployed]
    site: Site

    def once(self, deployed: Deployed) -> Answer:
        path = layout.path(deployed.arm, self.part)
        return deployed.ask_page(path, self.page, self.site.carried_to(deployed.arm))

    def answers(self) -> dict[str, list[Answer] | str]:
        """Of each arm. The first is not looked at: it may import and compile, and make what all that follow find there (a
        thumbnail, a row), so that no two arms are asked for it at the same time."""
        for deployed in self.arms:
            _all([deployed], self.once)
        count = 1 if self.part.listed else ANSWERS
        return _all(self.arms, lambda deployed: [self.once(deployed) for _ in range(count)])


def _settled(pages: Sequence[Asking]) -> Iterator[tuple[Seen, Part]]:
    """What correct answers are. Each page is asked again after all others, and at least LATER_S after the first: what counts
    seconds is the same in answers that come right one after the other."""
    begun = time.monotonic()
    answers = [one.answers() for one in pages]
    if pages:
        time.sleep(max(0.0, begun + LATER_S - time.monotonic()))
    for one, told in zip(pages, answers, strict=True):
        later = _all(one.arms, one.once)
        yield same_page.settle(one.page, {arm: _with(told[arm], answer) for arm, answer in later.items()}), one.part


def _with(told: list[Answer] | str, later: Answer | str) -> list[Answer] | str:
    """An arm's answers with one that came later; or why there are none."""
    return told if isinstance(told, str) else later if isinstance(later, str) else [*told, later]


def compare(answers: dict[str, Answer | str]) -> tuple[bytes | None, dict[str, str]]:
    """The body that most arms agree on, and the faults of the others.

    `answers`: arm → (status, body), or why there is none. No body at all: None.
    """
    faults = {arm: answer for arm, answer in answers.items() if isinstance(answer, str)}
    good: dict[str, bytes] = {}
    for arm, answer in answers.items():
        if isinstance(answer, tuple):
            status, body = answer
            if status == 200:
                good[arm] = body
            else:
                faults[arm] = f"verification: HTTP {status}: {excerpt(body)}"
    if not good:
        return None, faults
    agreed = Counter(good.values()).most_common(1)[0][0]
    for arm, body in good.items():
        if body != agreed:
            faults[arm] = (
                f"verification: the sync/async pair disagrees: body {excerpt(body)}, other arms {excerpt(agreed)}"
            )
    return agreed, faults


def check_identity(deployed: Deployed, identity: dict[str, Any]) -> list[str]:
    """Differences between `whoami` and the arm; empty if there are none."""
    arm = deployed.arm
    expected = {"interface": arm.table.interface, "nonce": deployed.nonce, "settings": SETTINGS, "debug": False}
    wrong = [
        f"{key}: expected {want!r}, got {identity.get(key)!r}{ADVICE.get(key, '')}"
        for key, want in expected.items()
        if identity.get(key) != want
    ]
    server = str(identity.get("server", "")).lower()
    if arm.table.program not in server:
        wrong.append(f"server: expected {arm.table.program!r}, got {server!r}")
    for path, view in identity.get("views", {}).items():
        if arm.view is not None and (view is None or view["async"] != (arm.view == "async")):
            wrong.append(f"{path}: expected the {arm.view} view, got {view['view'] if view else 'none'}")
    return wrong + deployed.target.strays(identity.get("apps", {}))


def _identity(deployed: Deployed, scenario: Scenario) -> dict[str, Any]:
    """The response of `whoami`, with the views that the arm is asked for; of lists none: they would be no request line."""
    arm = deployed.arm
    endpoints = [endpoint for endpoint in scenario.endpoints if arm in scenario.arms_of(endpoint)]
    parts = [part for endpoint in endpoints for part in endpoint.parts if not part.listed]
    identity = deployed.identity([layout.path(arm, part) for part in parts])
    wrong = ["whoami: expected JSON, got none"] if identity is None else check_identity(deployed, identity)
    if identity is None or wrong:
        raise UserError("\n".join(f"arm {arm.name!r}: {line}" for line in wrong))
    return identity


def _all(arms: Sequence[Deployed], ask: Callable[[Deployed], T]) -> dict[str, T | str]:
    """Arm → what it answers, or why it does not; all at the same time."""

    def tried(deployed: Deployed) -> T | str:
        try:
            return ask(deployed)
        except (OSError, http.client.HTTPException) as error:
            return f"verification: no response: {type(error).__name__}: {error}"

    with ThreadPoolExecutor(max(1, len(arms))) as threads:
        asked = {deployed.arm.name: threads.submit(tried, deployed) for deployed in arms}
        return {name: answer.result() for name, answer in asked.items()}
