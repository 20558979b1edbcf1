"""Where an export goes: a folder of CSV files, one file, or standard output. For `djbench export`.

A file appears whole or not at all: it is written under a temporary name beside its place and renamed. What is there already is
left alone unless the user says `--force`; a device or a pipe is written to as it is.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pandas as pd

from harness.analysis.frames import Run
from harness.errors import UserError
from harness.export import tables
from harness.verdicts import validity

STANDARD_OUTPUT: Final = Path("-")

REQUESTS_FILE: Final = "requests.csv"

TABLES: Final = ("slices", "cells", "comparisons", "claims")

Write = Callable[[BinaryIO], None]


def requests(run: Run, kind: str, to: Path, force: bool) -> None:
    """All requests as one stream, CSV or a line of JSON each."""
    write = tables.as_csv if kind == "csv" else tables.as_json_lines
    one(to, force, lambda file: write(tables.requests(run, say), file))


def document(path: Path, to: Path, force: bool) -> None:
    """The JSON document of the run in this folder."""
    analysed, reasons = validity.read(path)
    text = tables.dumped(tables.document(analysed.run, analysed, reasons))
    one(to, force, lambda file: _write_all(file, text.encode()))


def folder(path: Path, to: Path, force: bool) -> None:
    """A CSV file for each table of the run in this folder, the requests included."""
    if to == STANDARD_OUTPUT:
        raise UserError(
            "--csv --out -: five tables do not fit one stream; name a folder, or add --requests for the requests only"
        )
    if to.is_file():
        raise UserError(f"{to}: is a file; --csv writes a folder, --csv --requests one file")
    files = [to / REQUESTS_FILE, *(to / f"{name}.csv" for name in TABLES)]
    refuse_existing(files, force)
    analysed, reasons = validity.read(path)
    with told(to):
        to.mkdir(parents=True, exist_ok=True)
    requests(analysed.run, "csv", files[0], force)
    for name, table in tables.tables(analysed.run, analysed, reasons).items():
        one(to / f"{name}.csv", force, _csv(table))
    say(f"{', '.join(file.name for file in files)} in {to}")


def one(to: Path, force: bool, write: Write) -> None:
    """One file, or standard output."""
    if to == STANDARD_OUTPUT:
        with told("standard output"):
            write(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    refuse_existing([to], force)
    with told(to):
        if to.exists() and not to.is_file():
            with to.open("wb") as file:
                write(file)
        else:
            _replaced(to, write)


def refuse_existing(files: Sequence[Path], force: bool) -> None:
    """UserError if one of these is there and may not be written anew, or is no file."""
    for file in files:
        if file.is_dir():
            raise UserError(f"{file}: is a folder, expected a file; name another place with --out")
        if file.is_file() and not force:
            raise UserError(f"{file}: already exists; overwrite with --force, or name another place with --out")


@contextmanager
def told(target: Path | str) -> Iterator[None]:
    """What cannot be written is said in words; a reader that has hung up is for the command to see."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror or error}") from None


def say(text: str) -> None:
    """Progress; never on standard output, where the export may go."""
    print(f"… {text}", file=sys.stderr, flush=True)


def _replaced(to: Path, write: Write) -> None:
    temporary = to.with_name(f".{to.name}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
        temporary.replace(to)
    finally:
        temporary.unlink(missing_ok=True)


def _csv(table: pd.DataFrame) -> Write:
    words = {name: table[name].map({True: "true", False: "false"}) for name in table.select_dtypes(bool)}
    return lambda file: table.assign(**words).to_csv(file, index=False)


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)
