"""Whether two runs are comparable: every fact that moves figures has a key, under which differences are listed. Pure.

What differs between two runs is part of their ratio, so it has to be the one thing the question is about.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.analysis.frames import Run
from harness.errors import UserError
from harness.scenario.error_messages import hint
from harness.scenario.model import Scenario

PLAN: Final = "plan"

MACHINE: Final = ("cpu", "cores", "system")

OF_NO_MATTER: Final = frozenset({"blocks", "seed", "question", "margin", "comparisons", "claims"})
"""Keys of a scenario that change no cell: number and order of blocks, and what is concluded afterwards."""


@dataclass(frozen=True)
class Difference:
    """One fact that is not the same in both runs."""

    key: str  # what --allow-different takes
    base: str
    new: str
    path: str = ""  # to the key within the plan

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.key}: {where}{self.base} vs {self.new}"


def accepted(base: Run, new: Run, allowed: Sequence[str]) -> list[Difference]:
    """How the runs differ, if all of it is allowed.

    Raises UserError naming every difference that is not, or a key that is none. The same run,
    or another kind of load, is never allowed.
    """
    if base.path.resolve() == new.path.resolve():
        raise UserError(f"{new.path}: BASE and NEW are the same run; name two run folders")
    known = [*dict.fromkeys([*facts(base), *facts(new)]), PLAN]
    for key in allowed:
        if key not in known:
            raise UserError(f"--allow-different: expected one of {', '.join(known)}; got {key!r}{hint(key, known)}")
    modes = [run.scenario.load.mode for run in (base, new)]
    if modes[0] != modes[1]:
        raise UserError(
            f"plan: load.mode: {modes[0]} vs {modes[1]}: runs with different kinds of load are not comparable"
        )
    found = list(differences(base, new))
    refused = [str(one) for one in found if one.key not in allowed]
    if refused:
        advice = "run both alike, or accept the difference with --allow-different KEY"
        raise UserError("\n".join([f"the runs are not comparable (BASE vs NEW): {advice}", *refused]))
    return found


def differences(base: Run, new: Run) -> Iterator[Difference]:
    """Every one, machine and versions first."""
    ours, theirs = facts(base), facts(new)
    for key in dict.fromkeys([*ours, *theirs]):
        before, after = ours.get(key), theirs.get(key)
        if before != after:
            yield Difference(key, _said(before), _said(after))
    for path, before, after in _differing(_asked(base.scenario), _asked(new.scenario)):
        yield Difference(PLAN, _said(before), _said(after), path)


def facts(run: Run) -> dict[str, Any]:
    """Machine, versions and database, by key. Packages go by their own names; one that is not installed is None."""
    machine, cores = run.head["machine"], run.head["cores"]
    return {
        **{key: machine[key] for key in MACHINE},
        "python": _python(machine),
        "database": run.head["database"],
        "affinity": f"server on {cores['server']}, load on {cores['load']}" if cores["server"] else cores["note"],
        **machine["packages"],
    }


def _python(machine: dict[str, Any]) -> str:
    """The version; the implementation and the GIL where they are not the usual ones."""
    implementation = machine.get("implementation", "CPython")
    unusual = [implementation] if implementation != "CPython" else []
    unusual += ["without GIL"] if machine.get("gil") is False else []
    return " ".join([machine["python"], *unusual])


def _asked(scenario: Scenario) -> dict[str, Any]:
    return scenario.model_dump(mode="json", exclude=set(OF_NO_MATTER)) | {"paths": scenario.lists}


def _differing(base: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, value, other value) of each leaf that differs; lists of unequal length are listed whole, then entry by entry."""
    if isinstance(base, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*base, *new]):
            yield from _differing(base.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(base, list) and isinstance(new, list) and _of_tables([*base, *new]):
        if len(base) != len(new):
            yield path, base, new
        for place, (before, after) in enumerate(zip(base, new, strict=False)):
            yield from _differing(before, after, f"{path}[{place}]")
    elif base != new:
        yield path, base, new


def _of_tables(entries: list[Any]) -> bool:
    return bool(entries) and all(isinstance(entry, dict) for entry in entries)


def _said(value: Any) -> str:
    """A value in words; of tables, their names."""
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(str(one.get("name", one) if isinstance(one, dict) else one) for one in value) or "nothing"
    return str(value)
