"""The project that is measured, at one revision: how a process of it is started, and its database filled."""

import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from harness.errors import UserError
from harness.location import INJECTED
from harness.registry.servers import Interface
from harness.scenario.project import PLACES, Project
from harness.system import processes

SETTINGS: Final = "djbench_injected.settings"
"""What a measured process is given as its settings: the project's own, with what an arm decides on top."""

PREPARED_S: Final = 900.0

NOWHERE: Final = {"upstream": "http://127.0.0.1:9", "cache": "redis://127.0.0.1:9/0", "cache_prefix": "djbench"}
"""What variables name of a service that is not up yet: settings can be loaded, and nobody is asked."""


@dataclass(frozen=True)
class Target:
    """A project in a folder."""

    asked: Project
    folder: Path  # where its processes start, and where its modules are found
    python: str
    servers: Path | None = None  # where servers are, if the project's environment has none
    overlay: Path | None = None  # a module of settings on top of the project's own
    bytecode: Path | None = None  # where Python compiles to, which is beside the sources otherwise
    origin: Path | None = None  # of a checkout: the repository that it was made from
    facts: Mapping[str, Any] = field(default_factory=dict)  # as it describes itself; none of the demo
    keys: str = ""  # what its keys in caches begin with; empty: as its settings say

    @property
    def has_database(self) -> bool:
        """Whether it names one."""
        return not self.facts or bool(self.facts.get("databases", {}).get("default"))

    @property
    def engine(self) -> str:
        """Of its default database: `postgres` or `sqlite`; `auto` where it does not care."""
        return kind_of(str(self.facts.get("databases", {}).get("default", {}).get("engine", ""))) or "auto"

    @property
    def further(self) -> dict[str, str]:
        """Further databases, alias → name, but for those that are the default one once more."""
        return {
            alias: str(one["name"])
            for alias, one in self.facts.get("databases", {}).items()
            if alias != "default" and not one["replica"]
        }

    def at(self, folder: Path, origin: Path) -> Self:
        """The same project, checked out elsewhere from the repository `origin`."""
        return replace(self, folder=folder, origin=origin, keys=self.keys and own_keys())

    def strays(self, apps: Mapping[str, str]) -> list[str]:
        """Apps (name → folder) that a checkout took from its repository's own working tree: an editable install leads there."""
        if self.origin is None:
            return []
        return [
            f"{name}: expected it in {self.folder}, got {path}: an editable install? Name its folder as project.path"
            for name, path in apps.items()
            if Path(path).is_relative_to(self.origin)
            and not Path(path).is_relative_to(self.folder)
            and "site-packages" not in path
        ]

    def environment(self, places: Mapping[str, str], first: Sequence[Path] = ()) -> dict[str, str]:
        """All variables of a process of this project. `places`: what the run brings, by name; `first`: where it looks for modules
        before anything else."""
        folders = [*first, *(self.folder / path for path in self.asked.path), INJECTED]
        if self.overlay is not None:
            folders.append(self.overlay.parent)
        own = {
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONHASHSEED": "0",
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "DJBENCH_SETTINGS": self.overlay.stem if self.overlay is not None else self.asked.settings,
        }
        if self.bytecode is not None:
            own["PYTHONPYCACHEPREFIX"] = str(self.bytecode)
        if self.keys:
            own["DJBENCH_KEYS"] = self.keys
        if self.servers is not None:
            own["DJBENCH_SERVERS"] = str(self.servers)
        if "database" in places and self.has_database:
            if not any("{database}" in text for text in self.asked.env.values()):
                own["DJBENCH_DATABASE"] = places["database"]
            if self.facts:
                own["DJBENCH_BESIDE"] = places["database"]
        asked = {**read_variables(self.asked.env_file), **filled(self.asked.env, places)}
        return processes.environment(asked | own)

    def serving(self, interface: Interface) -> dict[str, str]:
        """What tells a server's process which application is the project's own for this interface."""
        both = {"WSGI": self.asked.wsgi, "ASGI": self.asked.asgi}
        if named := both[interface]:
            return {"DJBENCH_APPLICATION": named}
        other = next((one for one in both.values() if one), None)
        return {"DJBENCH_PRELUDE": other.partition(":")[0]} if other else {}

    def command(self, *words: str) -> list[str]:
        """A server's command line, run by the project's own Python."""
        return [self.python, "-m", "djbench_injected.launch", *words]

    def run(
        self,
        words: Sequence[str],
        places: Mapping[str, str],
        seconds: float,
        own: Mapping[str, str] = MappingProxyType({}),
    ) -> "subprocess.CompletedProcess[str]":
        """A command in its folder, with its variables and `own` on top. OSError, TimeoutExpired: it does not start, or end."""
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment(places) | dict(own),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )

    def words(self, line: str) -> list[str]:
        """A command line of the project's, its Python scripts and modules run with the settings that they are given,
        whatever they set themselves. ValueError for one that ends within quotes, or is empty."""
        words = shlex.split(line)
        if not words:
            raise ValueError("an empty command")
        if words[0] in ("./manage.py", "manage.py"):
            words.insert(0, "python")
        if words[0] not in ("python", "python3"):
            return words
        ours = ["-m", "djbench_injected.script"] if words[1:] and (words[1] == "-m" or words[1][0] != "-") else []
        return [self.python, *ours, *words[1:]]

    def prepare(self, places: Mapping[str, str]) -> None:
        """Fill a database with the project's own commands. UserError with the output of one that fails."""
        for line in self.asked.prepare:
            try:
                ended = self.run(self.words(line), {**NOWHERE, **places} if self.facts else places, PREPARED_S)
            except (OSError, ValueError, subprocess.TimeoutExpired) as error:
                raise UserError(f"project.prepare: `{line}` in {self.folder}: {error}") from None
            if ended.returncode:
                said = (ended.stderr.strip() or ended.stdout.strip())[-4_000:]
                raise UserError(f"project.prepare: `{line}` failed in {self.folder}:\n{said}")


def own_keys() -> str:
    """What keys in a cache begin with that nobody else has."""
    return f"djbench-{secrets.token_hex(4)}:"


def kind_of(engine: str) -> str:
    """`postgres`, `sqlite`, or the engine as it is called."""
    known = {"postg": "postgres", "psql": "postgres", "sqlite": "sqlite", "spatialite": "sqlite"}
    return next((kind for sign, kind in known.items() if sign in engine), engine)


def beside(database: str, alias: str) -> str:
    """Where the further database `alias` of a run is, as injected/djbench_injected/databases.py looks for it. `database`: the
    run's own, a name, a path or a URL."""
    place, sign, query = database.partition("?")
    return f"{place}_{alias}{sign}{query}"


def read_variables(file: str | None) -> dict[str, str]:
    """`NAME=value` lines, as shells and dotenv read them; without substitution. UserError if there is no such file."""
    if file is None:
        return {}
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"project.env_file: {file} cannot be read: {error}") from None
    found = {}
    for line in lines:
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and name.strip().isidentifier():
            words = value.strip()
            quoted = len(words) > 1 and words[0] == words[-1] and words[0] in "'\""
            found[name.strip()] = words[1:-1] if quoted else words.partition(" #")[0].rstrip()
    return found


def filled(variables: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    """Variables with what the run brings in place of `{database}` and its like; those that name what it does not are left out."""
    found = {}
    for name, text in variables.items():
        for place in PLACES:
            if place in text and (value := places.get(place.strip("{}"))) is not None:
                text = text.replace(place, value)
        if not any(place in text for place in PLACES):
            found[name] = text
    return found
