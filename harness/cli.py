"""The `djbench` command: its verbs, and the handling of errors and signals.

Each verb is a module of harness/commands, imported only when it is asked for: `--help` returns immediately.
"""

import os
import signal
import sys
from difflib import get_close_matches
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from harness.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_INVALID, EXIT_MENDABLE, EXIT_OPEN, Interrupted, UserError

VERBS: Final = {
    "plan": "print what would run and for how long; starts nothing",
    "run": "run scenarios and report the results",
    "extend": "add blocks to a finished run",
    "report": "rebuild the report of a run from its raw data",
    "export": "export results as CSV or JSON",
    "explain": "explain the results by an instrumented run",
    "compare": "compare two runs, metric by metric",
    "ab": "compare the working tree with a git revision",
    "init": "write a scenario for your own Django project",
    "doctor": "audit your own Django project for ASGI",
    "calibrate": "check the accuracy of the load generator on this machine",
    "serve": "start arms in the foreground and print their URLs",
    "list": "list scenarios, endpoints, servers and runs",
}

EXIT_CODES: Final = f"""\b
Exit codes:
  0    all well
  {EXIT_MENDABLE}    something you can fix: the message says what
  2    a command line that is not understood
  {EXIT_INVALID}    the measurement is INVALID
  {EXIT_FAILED}    a claim or a gate failed (only where one was asked for)
  {EXIT_OPEN}    a gate cannot tell yet whether the limit is exceeded (likewise)
  {EXIT_INTERRUPTED}  interrupted"""

USAGE: Final[Any] = typer.BadParameter.__base__
"""A usage error of any kind; which package it is of depends on typer's version."""


class Verbs(TyperGroup):
    """The verbs of VERBS, in its order; each is imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        function = getattr(import_module(f"harness.commands.{cmd_name}"), cmd_name)
        info = CommandInfo(name=cmd_name, callback=function, epilog=function.epilog)
        return get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(VERBS)}"
            ctx.fail(f"no such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(
    cls=Verbs,
    help="Measure when an async Django view outperforms a sync view, by how much, and why.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def told_version(asked: bool) -> None:
    """`djbench 0.1.0`, and nothing else happens."""
    if asked:
        from importlib.metadata import version

        print(f"djbench {version('djbench')}")
        raise typer.Exit


@app.callback()
def djbench(
    version: Annotated[
        bool, typer.Option("--version", callback=told_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Measure when an async Django view outperforms a sync view, by how much, and why."""


def main() -> None:
    """Entry point: a message for what the user can fix, a traceback for a bug."""
    unwind_on_signals()
    try:
        sys.exit(app(standalone_mode=False))
    except USAGE as error:
        sys.exit(usage_told(error, sys.argv[1:]))
    except UserError as error:
        print(f"djbench: {error}", file=sys.stderr)
        sys.exit(EXIT_MENDABLE)
    except Interrupted:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_MENDABLE)


def usage_told(error: Any, arguments: list[str]) -> int:
    """Report a usage error, with --json also as an event; the exit code."""
    error.show()
    if "--json" in arguments:
        from harness.display.watch import usage_event

        usage_event(error.format_message(), error.exit_code)
    return int(error.exit_code)


def unwind_on_signals() -> None:
    """On SIGINT, SIGTERM and SIGHUP leave every `with` properly."""
    for caught in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(caught, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


if __name__ == "__main__":
    main()
