"""Which way a run is watched: live on a terminal, in plain lines elsewhere or where asked for, as events for programs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from harness.display.json_events import EventProgress, Events
from harness.display.live import LiveDisplay
from harness.display.plain_lines import PlainProgress
from harness.display.polling import Asking
from harness.errors import EXIT_INTERRUPTED, EXIT_MENDABLE, Interrupted
from harness.measure.progress import Opening, Progress
from harness.verdicts.interim import Ask, SoFar

USAGE: Final[Any] = typer.BadParameter.__base__
"""A usage error of any kind; which package it is of depends on typer's version."""


@dataclass(frozen=True)
class Watch:
    """How the runs of a command are watched."""

    ask: Ask
    plain: bool = False
    events: Events | None = None
    verbose: bool = False  # afterwards every table, not only the summary

    @contextmanager
    def show(self, opening: Opening) -> Iterator[Progress]:
        """One run. An instrumented run compares nothing that is a result."""
        ask = nothing if opening.scenario.instrumented else Asking(self.ask)
        if self.events is not None:
            yield EventProgress(opening, ask, self.events)
        elif self.plain or not is_live():
            yield PlainProgress(opening, ask)
        else:
            with LiveDisplay(opening, ask, Console()) as display:
                yield display

    def finished(self, **values: Any) -> None:
        if self.events is not None:
            self.events.say("finished", **values)

    def failed(self, error: BaseException) -> None:
        """The last event of a run that failed."""
        if self.events is not None:
            interrupted = isinstance(error, Interrupted)
            code = EXIT_INTERRUPTED if interrupted else EXIT_MENDABLE
            message = "interrupted" if interrupted else str(error) or type(error).__name__
            self.events.say("error", message=message, exit_code=code)


@contextmanager
def watching(plain: bool, as_json: bool, ask: Ask, verbose: bool = False) -> Iterator[Watch]:
    """With events, stdout is theirs alone, and everything for people goes to stderr."""
    if plain and as_json:
        raise typer.BadParameter(
            "expected without --plain: plain lines are for people, events for programs", param_hint="--json"
        )
    if not as_json:
        yield Watch(ask, plain, verbose=verbose)
        return
    watch = Watch(ask, events=Events(sys.stdout), verbose=verbose)
    with redirect_stdout(sys.stderr):
        try:
            yield watch
        except (typer.Exit, USAGE):  # usage is told by the command, whoever finds it wrong
            raise
        except (Exception, Interrupted) as error:
            watch.failed(error)
            raise


def usage_event(message: str, exit_code: int) -> None:
    """A usage error, as the only event."""
    Events(sys.stdout).say("error", message=message, exit_code=exit_code)


def is_live() -> bool:
    """Whether stdout is a terminal that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def nothing(_: Path) -> SoFar:
    return SoFar("", 0, ())
