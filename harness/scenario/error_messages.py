"""Messages for a malformed scenario: path to the key, expected, got, and did you mean."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

Keys = Mapping[str, Sequence[str]]
"""Table name ("" for the top level) → the keys it knows."""


def lines(error: ValidationError, keys: Keys) -> list[str]:
    """One line per problem."""
    first = {
        _path(problem["loc"]): problem for problem in reversed(error.errors())
    }  # a union complains once per member
    return [line for problem in reversed(first.values()) for line in _told(problem, keys)]


def _told(problem: Any, keys: Keys) -> list[str]:
    where, kind, got = _path(problem["loc"]), problem["type"], problem["input"]
    if kind == "value_error":
        told = str(problem["ctx"]["error"]).splitlines()
        joint = ": " if told[0].startswith("expected") else "."  # said of the key itself, or of one within it
        return [f"{where}{joint}{line}" if where else line for line in told]
    if kind == "missing":
        return [f"{where}: expected this key, got nothing"]
    if kind == "extra_forbidden":
        known = keys.get(str(problem["loc"][0]) if len(problem["loc"]) > 1 else "", [])
        return [f"{where}: unknown key; expected one of {', '.join(known)}{hint(problem['loc'][-1], known)}"]
    if kind == "literal_error":
        choices = [choice.strip("' ") for choice in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return [f"{where}: expected one of {', '.join(choices)}; got {got!r}{hint(got, choices)}"]
    if kind in ("model_type", "dict_type"):
        return [f"{where or 'the file'}: expected a table, got {_shown(got)}"]
    expectation = problem["msg"].removeprefix("Input should be ").replace("a valid ", "").replace("valid ", "")
    return [f"{where or 'the file'}: expected {expectation[0].lower() + expectation[1:]}, got {_shown(got)}"]


def _path(location: tuple[int | str, ...]) -> str:
    """`arms[2].server`; pydantic's names of union members are dropped."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part not in ("int", "float", "str", "a table"):
            text += f".{part}" if text else part
    return text


def hint(got: object, choices: Iterable[str]) -> str:
    """` (did you mean 'x'?)` if one of the choices is near."""
    near = get_close_matches(str(got), list(choices), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
