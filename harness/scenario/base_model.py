"""What every table of a scenario file has in common: it is frozen and knows its keys."""

from operator import not_
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr
from pydantic.json_schema import SkipJsonSchema

Name = Annotated[StrictStr, Field(min_length=1, max_length=60, pattern=r"^[^\s\x00-\x1f/\\][^\x00-\x1f/\\]*$")]

Pass = Annotated[bool, SkipJsonSchema(), Field(exclude_if=not_)]
"""Part of an instrumented run; left out of dumps otherwise, so that plan hashes do not depend on it."""


class Table(BaseModel):
    """A TOML table: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
