"""What a folder says of the Django project in it, without importing any of it. Each guess knows where it came from."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.errors import UserError
from harness.scenario import error_messages
from harness.scenario.project import Project

SETTINGS_NAMED: Final = re.compile(r"""DJANGO_SETTINGS_MODULE["']?\s*[,=\]]+\s*=?\s*["']?([\w.]+)""")
"""As files of settings for programs name them …"""

SETTINGS_IN_PYTHON: Final = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*[,=\]]+\s*=?\s*["']([\w.]+)["']""")
"""… and Python, where a name without quotes is that of a variable."""

NOT_THEIRS: Final = {
    ".git",
    ".hg",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    "env",
    "node_modules",
    "site-packages",
    "__pycache__",
    "static",
}

DEEPEST: Final = 3

ENVIRONMENTS: Final = (".venv", "venv", "env", ".env")

WHO_ELSE_KNOWS: Final = (
    "Procfile",
    "Dockerfile",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "uwsgi.ini",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
)


@dataclass(frozen=True)
class Guess:
    """A value, and where it came from."""

    value: str
    why: str


@dataclass(frozen=True)
class Found:
    """What a folder says."""

    folder: Path  # of manage.py
    settings: Guess
    others: tuple[Guess, ...]  # other settings that are named, or lie beside
    wsgi: Guess | None
    asgi: Guess | None
    python: Guess
    env_files: tuple[Path, ...]
    gunicorn_conf: Path | None

    def project(
        self, env: Mapping[str, str] | None = None, path: Sequence[str] = (), env_file: str | None = None
    ) -> Project:
        """As a scenario describes it. `env`: variables that its settings need, `env_file`: where more of them are; `path`:
        further folders of modules. UserError for what cannot be."""
        try:
            return Project(
                dir=str(self.folder),
                python=self.python.value,
                settings=self.settings.value,
                wsgi=self.wsgi.value if self.wsgi else None,
                asgi=self.asgi.value if self.asgi else None,
                path=list(path),
                env=dict(env or {}),
                env_file=env_file,
            )
        except ValidationError as error:
            told = error_messages.lines(error, {"": list(Project.model_fields)})
            raise UserError("\n".join(f"project.{line}" for line in told)) from None


def discover(start: Path, python: str | None = None, settings: str | None = None) -> Found:
    """The project in this folder, in one above it, or in the only one below it that has a manage.py. `python` and `settings`,
    where they are given, are no guesses.

    Raises UserError if there is no project, or it has no settings or no Python.
    """
    folder = _root(start.resolve())
    named = [*([Guess(settings, "--settings")] if settings else []), *_settings(folder)]
    if not named:
        raise UserError(
            f"{folder / 'manage.py'}: names no DJANGO_SETTINGS_MODULE, and nothing beside it does: give it as --settings"
        )
    taken, *rest = named
    others = {one.value: one for one in [*rest, *_siblings(folder, taken.value)] if one.value != taken.value}
    at = Guess(python, "--python") if python else python_of(folder)
    if at is None:
        raise UserError(
            f"{folder}: no environment found (.venv, venv, env), and none is active: give its Python as --python"
        )
    return Found(
        folder=folder,
        settings=taken,
        others=tuple(others.values()),
        wsgi=_application(folder, taken.value, "wsgi"),
        asgi=_application(folder, taken.value, "asgi"),
        python=at,
        env_files=tuple(_env_files(folder)),
        gunicorn_conf=path if (path := folder / "gunicorn.conf.py").is_file() else None,
    )


def _env_files(folder: Path) -> Iterator[Path]:
    for name in (".env", ".env.local"):
        if (path := folder / name).is_file():
            yield path
    yield from sorted(path for path in (folder / ".envs").rglob("*") if path.is_file())


def _root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "manage.py").is_file():
            return folder
        if (folder / ".git").exists():
            break
    below = [path.parent for path in _files(start, "manage.py")]
    if len(below) == 1:
        return below[0]
    if below:
        several = ", ".join(str(path.relative_to(start)) for path in below)
        raise UserError(f"{start}: several projects ({several}): run this in the folder of one of them, or give --dir")
    raise UserError(f"{start}: no manage.py here, above or below: run this in a Django project, or give --dir")


def _settings(folder: Path) -> Iterator[Guess]:
    """By manage.py, then by its application modules, then by files that start it elsewhere."""
    applications = [path for name in ("wsgi.py", "asgi.py") for path in _files(folder, name)]
    for path in [folder / "manage.py", *applications, *(folder / name for name in WHO_ELSE_KNOWS)]:
        if path.is_file():
            named = SETTINGS_IN_PYTHON if path.suffix == ".py" else SETTINGS_NAMED
            for value in named.findall(path.read_text(encoding="utf-8", errors="replace")):
                yield Guess(value, str(path.relative_to(folder)))


def _siblings(folder: Path, settings: str) -> Iterator[Guess]:
    """Modules beside the settings that are called as if they were for production."""
    beside = folder.joinpath(*settings.split(".")).parent
    package = settings.rpartition(".")[0]
    for path in sorted(beside.glob("prod*.py")):
        yield Guess(f"{package}.{path.stem}" if package else path.stem, str(path.relative_to(folder)))


def _application(folder: Path, settings: str, interface: str) -> Guess | None:
    """The module with Django's application for this interface: beside the settings' package, or the only one there is."""
    made = re.compile(rf"^(\w+)\s*(?::[^=\n]+)?=.*\bget_{interface}_application\b", re.M)
    packages = [path for path in _files(folder, "__init__.py") if path.parent.name == interface]
    found = {}
    for path in [*_files(folder, f"{interface}.py"), *packages]:
        text, place = path.read_text(encoding="utf-8", errors="replace"), path.relative_to(folder)
        module = [*place.parent.parts, *([] if place.name == "__init__.py" else [place.stem])]
        if f"get_{interface}_application" in text and all(map(str.isidentifier, module)):
            names = made.findall(text)
            given = "application" if "application" in names or not names or "\napplication" in text else names[-1]
            found[place] = ".".join(module) + ("" if given == "application" else f":{given}")
    first = settings.partition(".")[0]
    near = [place for place in found if place.parts[0] == first] or list(found)
    if not near:
        return None
    place = min(near, key=lambda one: len(one.parts))
    return Guess(found[place], str(place))


def python_of(folder: Path) -> Guess | None:
    """The interpreter of the project's environment: in a folder of the usual names here or above, or the one that is active."""
    for above in (folder, *folder.parents):
        for name in ENVIRONMENTS:
            path = above / name / "bin" / "python"
            if path.exists():
                return Guess(str(path), f"the environment in {above / name}")
        if (above / ".git").exists():
            break
    active = os.environ.get("VIRTUAL_ENV")
    if active and (path := Path(active) / "bin" / "python").exists():
        return Guess(str(path), "VIRTUAL_ENV")
    return None


def _files(folder: Path, name: str) -> list[Path]:
    """Files of this name, not too deep, and none of anybody else's."""
    found = []
    for path, folders, files in os.walk(folder):
        depth = len(Path(path).relative_to(folder).parts)
        folders[:] = (
            [one for one in folders if one not in NOT_THEIRS and not one.startswith(".")] if depth < DEEPEST else []
        )
        if name in files and not (Path(path) / "pyvenv.cfg").exists():
            found.append(Path(path) / name)
    return sorted(found, key=lambda one: (len(one.parts), str(one)))
