"""What is sent to a page of a user's own project, and what a correct answer to it looks like."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from harness.scenario.base_model import Name, Table
from harness.scenario.path_list import PATH

Path = Annotated[StrictStr, Field(pattern=PATH)]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Status = Annotated[StrictInt, Field(ge=200, le=599)]

Header = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]

Line = Annotated[StrictStr, Field(pattern=r"^[^\r\n\x00]*$")]


class Request(Table):
    """The part of an endpoint that says how a page is asked, and what it answers.

    `path`, or `paths` by view where a project has a sync and an async view of the same work, or `paths_from` a file with many,
    of which each request draws one. `status`: those that are correct. `contains` and `lacks`: texts that every answer has, or
    has not. `ignore`: regular expressions of what differs from answer to answer. `least_ms`: no correct answer takes less.
    `writes`: what it answers depends on what was sent before, so that each arm gets a database of its own.
    """

    path: Path | None = None
    paths: dict[Literal["sync", "async"], Path] = {}
    paths_from: Annotated[StrictStr, Field(min_length=1)] | None = None
    listed: Annotated[
        dict[str, int], SkipJsonSchema(), Field(exclude=True)
    ] = {}  # what is in that file: set by reader.load
    method: Method = "GET"
    headers: dict[Header, Line] = {}
    body: StrictStr | None = None
    form: dict[StrictStr, StrictStr] = {}
    json_body: Annotated[Any, Field(alias="json")] = None
    login: Name | None = None
    status: list[Status] = [200]
    contains: list[StrictStr] = []
    lacks: list[StrictStr] = []
    ignore: list[StrictStr] = []
    writes: StrictBool = False
    streams: StrictBool = False
    waits_ms: Annotated[StrictFloat | StrictInt, Field(ge=0, le=60_000, alias="least_ms")] = 0

    @model_validator(mode="before")
    @classmethod
    def known(cls, given: Any) -> Any:
        for key in ("listed", "pages"):
            if isinstance(given, dict) and key in given:
                raise ValueError(f"{key}: unknown key")
        return given

    @field_validator("ignore")
    @classmethod
    def compiles(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"expected a regular expression, got {pattern!r}: {error}") from None
        return patterns

    @model_validator(mode="after")
    def check(self) -> Self:
        places = [key for key in ("path", "paths", "paths_from") if getattr(self, key)]
        if len(places) > 1:
            raise ValueError(f"{places[0]}: expected one of path, paths and paths_from, got {' and '.join(places)}")
        if self.paths_from and self.method != "GET":
            raise ValueError(f"paths_from: expected only with method = 'GET', got it with {self.method!r}")
        if self.paths and set(self.paths) != {"sync", "async"}:
            raise ValueError(f"paths: expected one for sync and one for async, got {', '.join(self.paths)}")
        bodies = [bool(self.form), self.body is not None, self.json_body is not None]
        if sum(bodies) > 1:
            raise ValueError("body: expected one of body, form and json, got several")
        if any(bodies) and self.method == "GET":
            raise ValueError(f"method: expected POST, PUT, PATCH or DELETE with a body, got {self.method!r}")
        if not self.status:
            raise ValueError("status: expected at least one, got an empty list")
        return self

    @model_serializer(mode="wrap")
    def without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What stands at its default is left out: plans of the demo do not depend on what other projects may ask."""
        fields = Request.model_fields
        return {key: value for key, value in dump(self).items() if key not in fields or value != fields[key].default}

    @property
    def is_own(self) -> bool:
        """Whether it is a page of a project, and not one of the demo's endpoints."""
        return self.path is not None or bool(self.paths) or self.paths_from is not None

    @property
    def each(self) -> Sequence[tuple["Request", float]]:
        """What is asked, and the share of requests that ask it: one page, or each of those that are listed."""
        if not self.listed:
            return [(self, 1.0)]
        total = sum(self.listed.values())
        return [
            (self.model_copy(update={"path": path, "listed": {}}), count / total) for path, count in self.listed.items()
        ]

    def at(self, view: str | None) -> str:
        """The path that an arm with this view asks for."""
        return self.paths[view] if self.paths and view else str(self.path)  # type: ignore[index]

    @property
    def content(self) -> tuple[str, dict[str, str]]:
        """The body, and the headers that it needs."""
        if self.form:
            return urlencode(self.form), {"Content-Type": "application/x-www-form-urlencoded"}
        if self.json_body is not None:
            return json.dumps(self.json_body), {"Content-Type": "application/json"}
        return self.body or "", {}
