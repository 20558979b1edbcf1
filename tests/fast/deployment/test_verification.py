"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

from pathlib import Path

import pytest
from support.arms import arm

from harness.deployment import fleet, verification
from harness.project import ready

SOUND = {
    "interface": "ASGI",
    "nonce": "n",
    "debug": False,
    "settings": "djbench_injected.settings",
    "server": "uvicorn",
    "views": {"/async/hello/": {"view": "views_async.hello", "async": True}},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"views": {"/x/": {"view": "v.x", "async": False}}}, "/x/: expected the async view, got v.x"),
        ({"views": {"/x/": None}}, "/x/: expected the async view, got none"),
        ({"interface": "WSGI"}, "interface: expected 'ASGI'"),
        ({"nonce": "other"}, "nonce: expected 'n', got 'other'"),
        ({"debug": True}, "debug: expected False, got True: say DEBUG = False"),
        (
            {"settings": "shop.settings"},
            "settings: expected 'djbench_injected.settings', got 'shop.settings': the project's own",
        ),
        ({"server": "gunicorn"}, "server: expected 'uvicorn', got 'gunicorn'"),
    ],
)
def test_an_arm_that_is_not_what_it_claims_is_found_out(change: dict[str, object], message: str | None) -> None:
    deployed = fleet.Deployed(arm("uvicorn", "async"), None, 1, "n", Path(), ready.demo())  # type: ignore[arg-type]
    wrong = verification.check_identity(deployed, SOUND | change)
    assert wrong == [] if message is None else wrong[0].startswith(message)


def test_verification_names_the_arm_that_answers_otherwise() -> None:
    answers = {"a": (200, b"same"), "b": (200, b"same"), "c": (200, b"other"), "d": (500, b"oops"), "e": "no response"}
    body, faults = verification.compare(answers)
    assert body == b"same"
    assert set(faults) == {"c", "d", "e"}
    assert "the sync/async pair disagrees: body 'other', other arms 'same'" in faults["c"]
    assert "HTTP 500" in faults["d"]
