"""What every table of a scenario file has in common: it is frozen and knows its keys. For scenario.py and claim.py."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

Name = Annotated[StrictStr, Field(min_length=1, max_length=60, pattern=r"^[^\s\x00-\x1f/\\][^\x00-\x1f/\\]*$")]


class Table(BaseModel):
    """A TOML table: frozen, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
