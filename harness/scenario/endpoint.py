"""An endpoint as a scenario asks for it: one workload or a mix of several, and its load levels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StrictFloat, StrictInt, StrictStr, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from harness.registry.endpoints import ENDPOINTS, SPREAD, Facts
from harness.scenario.base_model import Name
from harness.scenario.request import Request

Users = Annotated[StrictInt, Field(ge=1, le=10_000)]

Rate = Annotated[StrictFloat | StrictInt, Field(ge=0.1, le=100_000)]

Query = dict[StrictStr, StrictInt | StrictStr]

HELD: Final = 0
"""The level of a capacity cell: the highest rate that meets the objective, known only after the run."""


@dataclass(frozen=True)
class Part:
    """One endpoint of a level: all of it, or a share of a mix."""

    name: str
    query: dict[str, int | str]
    share: float  # of the requests
    reported: str  # as it stands in reports: `wait ms=100`; in a mix called neighbours `neighbours: wait ms=100`
    page: Request | None = None  # of a user's own project; None: an endpoint of the demo
    listed: str = ""  # its path, where it is one of those in a file

    @property
    def label(self) -> str:
        """Under which its correct answer is known."""
        return f"{self.reported} {self.listed}" if self.listed else self.reported

    @property
    def facts(self) -> Facts:
        """What is known of it. KeyError if it is no endpoint of the demo, and no page either."""
        if self.page is None:
            return ENDPOINTS[self.name]
        least_ms = float(self.page.waits_ms)
        return Facts(lambda _: least_ms, f"{self.page.method} {self.page.path}", streams=self.page.streams)

    @property
    def least_ms(self) -> float:
        """The least time a correct answer can take, in ms."""
        return self.facts.least_ms(self.query)

    @property
    def mean_ms(self) -> float:
        """The least that correct answers take on average, in ms: more where waits are spread."""
        return self.facts.least_ms({key: value for key, value in self.query.items() if key != SPREAD})

    def path(self, view: str | None) -> str:
        """What an arm with this view asks for."""
        if self.page is not None:
            return self.page.at(view)
        query = "&".join(f"{key}={value}" for key, value in self.query.items())
        return f"/{view}/{self.name}/" + (f"?{query}" if query else "")


class Endpoint(Request):
    """One workload and its levels: `users` in closed loop, `rate` in open loop, neither for capacity.

    `arms` names those that are asked for it, where not all of them are.
    In a scenario with a [project] it is a page of that: the keys of a request say which, and its name is only a name.
    In a scenario with a [project] a mix is one of pages, by their names.
    Or a mix of several, `mix = { greeting = 0.9, "wait ms=100" = 0.1 }`: each request draws its endpoint by these shares.
    """

    name: Annotated[StrictStr, WithJsonSchema({"anyOf": [{"enum": list(ENDPOINTS)}, {"type": "string"}]})]
    query: Query = {}
    mix: dict[StrictStr, Annotated[StrictFloat, Field(gt=0, lt=1)]] = {}
    users: list[Users] = []
    rate: list[Rate] = []
    arms: list[Name] = []
    pages: Annotated[
        dict[str, Request], SkipJsonSchema(), Field(exclude=True)
    ] = {}  # of a mix, by name: set by reader.parse

    @property
    def levels(self) -> Sequence[int | float]:
        """Its load levels."""
        return self.users or self.rate or [HELD]

    @property
    def parts(self) -> Sequence[Part]:
        """The endpoints that are requested: one, or those of the mix."""
        if not self.mix and self.is_own:
            return list(_parts(self.name, 1.0, self.label, self))
        if not self.mix:
            return [Part(self.name, self.query, 1.0, self.label)]
        if self.pages:
            shares = {text: share for text, share in self.mix.items() if text in self.pages}
            return [
                part
                for text, share in shares.items()
                for part in _parts(text, share, f"{self.name}: {text}", self.pages[text])
            ]
        named = [(text, *read_label(text), share) for text, share in self.mix.items()]
        return [Part(name, query, share, f"{self.name}: {text}") for text, name, query, share in named]

    @property
    def least_ms(self) -> float:
        """The least time a correct answer can take, in ms."""
        return min(part.least_ms for part in self.parts)

    @property
    def mean_ms(self) -> float:
        """The least time that a correct answer takes on average, in ms: of a mix, weighed by shares."""
        return sum(part.share * part.mean_ms for part in self.parts)

    @property
    def longest_ms(self) -> float:
        """The least that correct answers of its slowest part take on average, in ms."""
        return max(part.mean_ms for part in self.parts)

    @property
    def slowest_least_ms(self) -> float:
        """The least time that a correct answer of its slowest part can take, in ms."""
        return max(part.least_ms for part in self.parts)

    @property
    def label(self) -> str:
        """The endpoint with its query, as it stands in reports: `wait ms=100`; of a mix, its name."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.query.items())])

    @property
    def labels(self) -> Sequence[str]:
        """What is reported at this level: the endpoint; of a mix, all of it and then each part."""
        return list(dict.fromkeys([self.label, *(part.reported for part in self.parts)]))


def _parts(name: str, share: float, reported: str, page: Request) -> Iterator[Part]:
    """A page, or each of those that are listed for it."""
    for one, own in page.each:
        yield Part(name, {}, share * own, reported, one, str(one.path) if page.listed else "")


def read_label(text: str) -> tuple[str, dict[str, int | str]]:
    """Name and query of an endpoint written as in reports: `wait ms=100`. Whether they make sense is checked in validation.py."""
    name, *pairs = text.split() or [""]
    split = (pair.partition("=") for pair in pairs)
    return name, {key: int(value) if value.isdecimal() else value for key, _, value in split}
