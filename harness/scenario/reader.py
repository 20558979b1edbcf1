"""A scenario file in, a checked Scenario out; or one message per problem."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.errors import UserError
from harness.scenario import error_messages, validation
from harness.scenario.arm import Arm
from harness.scenario.blocks import Rule
from harness.scenario.claims import Claim
from harness.scenario.database import Database
from harness.scenario.model import Comparison, Endpoint, Load, Scenario

KEYS: Final = {
    "": list(Scenario.model_fields),
    "blocks": list(Rule.model_fields),
    "arms": list(Arm.model_fields),
    "endpoints": list(Endpoint.model_fields),
    "load": list(Load.model_fields),
    "database": list(Database.model_fields),
    "comparisons": list(Comparison.model_fields),
    "claims": list(Claim.model_fields),
}


def load(path: Path) -> Scenario:
    """The scenario in this file.

    Raises UserError with one line per problem: file, key path, expected, got.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The file's text; UserError if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = get_close_matches(path.stem, [p.stem for p in path.parent.glob("*.toml")], n=1)
        hint = f"; did you mean {path.parent / near[0]}.toml?" if near else ""
        raise UserError(f"{path}: no such scenario file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def parse(text: str, source: str) -> Scenario:
    """The scenario in this TOML text; `source` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source}: invalid TOML: {error}") from None
    try:
        asked = Scenario.model_validate(tables)
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {line}" for line in error_messages.lines(error, KEYS))) from None
    if found := list(validation.problems(asked)):
        raise UserError("\n".join(f"{source}: {line}" for line in found))
    return asked
