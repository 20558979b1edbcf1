"""Number of blocks: fixed, or a stopping rule."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Discriminator, Field, StrictInt, StrictStr, Tag, WithJsonSchema, model_validator

from harness.scenario import percentages
from harness.scenario.base_model import Table

MOST_BLOCKS: Final = 1_000


def percentage(text: str) -> str:
    """The percentage in this text, without its space; ValueError with expected and got."""
    percentages.part(text)
    return text.replace(" ", "")


class Rule(Table):
    """How many blocks: at least `min`, then until the first comparison is known to within ± `until`, at most `max`."""

    min: Annotated[StrictInt, Field(ge=3, le=MOST_BLOCKS)]
    max: Annotated[StrictInt, Field(ge=3, le=MOST_BLOCKS)]
    until: Annotated[
        StrictStr, AfterValidator(percentage), WithJsonSchema({"type": "string", "pattern": percentages.PATTERN})
    ]

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.max <= self.min:
            raise ValueError(f"max: expected more than min = {self.min}, got {self.max}")
        return self

    def __str__(self) -> str:
        """`6 to 20`: a run's blocks read the same whether they are a number or a rule."""
        return f"{self.min} to {self.max}"

    @property
    def within(self) -> float:
        """`until` as a fraction."""
        return percentages.part(self.until)


def _kind(value: object) -> str:
    """Which of the two forms of `blocks` a complaint is about. The names are left out of its path, see error_messages.py."""
    return "a table" if isinstance(value, dict | Rule) else "int"


Blocks = Annotated[
    Annotated[StrictInt, Field(ge=1, le=MOST_BLOCKS), Tag("int")] | Annotated[Rule, Tag("a table")],
    Discriminator(_kind),
]
"""A number, or a stopping rule."""
