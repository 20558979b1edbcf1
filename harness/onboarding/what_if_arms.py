"""Advice as arms: another order of middleware, a pool of connections, added to a scenario so that a run decides. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.readiness import chain

POOL: Final = 16

BASE: Final = "uvicorn"
"""The server of the arms that are added; what they are compared with is the first arm on it."""


@dataclass(frozen=True)
class Added:
    """An arm that is added."""

    name: str
    lines: Sequence[str]  # of its table, besides name and server
    overlay: tuple[str, str] | None = None  # a file beside the scenario, and its text


def offered(facts: Mapping[str, Any], settings: str) -> list[Added]:
    """The arms that what was found of a project asks for. `settings`: the module that it is measured with."""
    found = []
    middleware = facts.get("middleware", [])
    for one in chain.what_ifs(middleware)[:1]:
        name = one.moved.rpartition(".")[2]
        file = "djbench_moved_last.py"
        found.append(
            Added(
                f"uvicorn · {name} last"[:60],
                [f"overlay = {json.dumps(file)}"],
                (file, _moved(settings, one.order(middleware))),
            )
        )
    database = facts.get("databases", {}).get("default", {})
    if "postg" in database.get("engine", "") and not database.get("pool") and can_pool(facts):
        found.append(Added("uvicorn · pool", ['database = "pool"', f"pool = {POOL}"]))
    return found


def can_pool(facts: Mapping[str, Any]) -> bool:
    """Whether its Django keeps a pool of connections: from 5.1 on, with psycopg 3."""
    django = tuple(int(part) for part in str(facts.get("django", "")).split(".")[:2] if part.isdigit())
    return django >= (5, 1) and "psycopg" in facts.get("versions", {})


def with_arms(text: str, added: Sequence[Added], over: str) -> str:
    """The scenario with these arms, each compared with the arm `over`. ValueError if it already has one of them."""
    for one in added:
        if f"name = {json.dumps(one.name, ensure_ascii=False)}" in text:
            raise ValueError(one.name)
        table = [
            "",
            "[[arms]]",
            f"name = {json.dumps(one.name, ensure_ascii=False)}",
            f'server = "{BASE}"',
            *one.lines,
            "",
        ]
        text = text.rstrip("\n") + "\n" + "\n".join(table)
    pairs = "".join(
        f"    {{ arm = {json.dumps(one.name, ensure_ascii=False)}, over = {json.dumps(over, ensure_ascii=False)} }},\n"
        for one in added
    )
    head, sign, rest = text.partition("comparisons = [\n")
    return f"{head}{sign}{pairs}{rest}" if sign else text


def _moved(settings: str, order: Sequence[str]) -> str:
    listed = "".join(f"    {json.dumps(path)},\n" for path in order)
    return (
        '"""The settings that are measured, with the sync-only middleware last: see `djbench doctor`."""\n\n'
        f"from {settings} import *  # noqa: F403\n\nMIDDLEWARE = [\n{listed}]\n"
    )
