"""Verification before any load: server, interface, view and run ID of each arm, and an identical body from all arms.

A wrong identity is a bug of the deployment and ends the run. A wrong answer makes that one cell INVALID with its
reason; the others are still measured.
"""

import http.client
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.deployment.fleet import Deployed, Fleet
from harness.errors import UserError
from harness.plan import layout
from harness.scenario.endpoint import Part
from harness.scenario.model import Scenario

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Verified:
    """The result of verification."""

    identities: dict[str, dict[str, Any]]  # arm → its whoami response
    bodies: dict[str, bytes]  # endpoint label → the body that the verified arms agree on
    refused: dict[tuple[str, str], str]  # (arm, endpoint label) → why it cannot be measured


def verify(scenario: Scenario, fleet: Fleet) -> Verified:
    """Request `whoami` of every arm, and every endpoint on every arm.

    Raises UserError if an arm differs from the scenario.
    """
    asked = {name: _identity(deployed) for name, deployed in fleet.deployed.items()}
    identities = {name: answer for name, answer in asked.items() if not isinstance(answer, str)}
    bodies: dict[str, bytes] = {}
    refused: dict[tuple[str, str], str] = {}
    for endpoint in scenario.endpoints:
        arms = [arm.name for arm in scenario.arms_of(endpoint)]
        for part in endpoint.parts:
            unable = {name: answer for name in arms if isinstance(answer := asked[name], str)}
            body, faults = compare(_ask_all(fleet, [name for name in arms if name not in unable], part))
            if body is not None:
                bodies[part.label] = body
            refused |= {(arm, part.label): fault for arm, fault in (unable | faults).items()}
    return Verified(identities, bodies, refused)


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
                faults[arm] = f"verification: HTTP {status}: {_excerpt(body)}"
    if not good:
        return None, faults
    agreed = Counter(good.values()).most_common(1)[0][0]
    for arm, body in good.items():
        if body != agreed:
            faults[arm] = (
                f"verification: the sync/async pair disagrees: body {_excerpt(body)}, other arms {_excerpt(agreed)}"
            )
    return agreed, faults


def check_identity(deployed: Deployed, identity: dict[str, Any]) -> list[str]:
    """Differences between `whoami` and the arm; empty if there are none."""
    arm = deployed.arm
    program = arm.table.program.partition("-")[0]  # waitress-serve calls itself waitress
    expected = {"view": arm.view, "interface": arm.table.interface, "nonce": deployed.nonce, "debug": False}
    wrong = [
        f"{key}: expected {want!r}, got {identity.get(key)!r}"
        for key, want in expected.items()
        if identity.get(key) != want
    ]
    server = str(identity.get("server", "")).lower()
    if program not in server:
        wrong.append(f"server: expected {program!r}, got {server!r}")
    if arm.view == "async" and not identity.get("event_loop"):
        wrong.append("event_loop: expected one in an async view's thread, got none")
    return wrong


def _identity(deployed: Deployed) -> dict[str, Any] | str:
    """The response of `whoami` by the arm's view; a message if this Django cannot serve that view."""
    status, body = deployed.get(f"/{deployed.arm.view}/whoami/")
    if status != 200:
        return f"verification: HTTP {status} from whoami: {_excerpt(body)}"
    identity: dict[str, Any] = json.loads(body)
    wrong = check_identity(deployed, identity)
    if wrong:
        raise UserError("\n".join(f"arm {deployed.arm.name!r}: {line}" for line in wrong))
    return identity


def _ask_all(fleet: Fleet, arms: Sequence[str], part: Part) -> dict[str, Answer | str]:
    with ThreadPoolExecutor(max(1, len(arms))) as threads:
        asked = {name: threads.submit(_ask, fleet.deployed[name], part) for name in arms}
        return {name: answer.result() for name, answer in asked.items()}


def _ask(deployed: Deployed, part: Part) -> Answer | str:
    try:
        return deployed.get(layout.path(deployed.arm, part))
    except (OSError, http.client.HTTPException) as error:
        return f"verification: no response: {type(error).__name__}: {error}"


def _excerpt(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 80 else text[:77] + "…")
