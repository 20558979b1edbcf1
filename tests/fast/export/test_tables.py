"""docs/data.md names every column there is and none that is not, and its examples run and agree with the report."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from support import report
from support.scenarios import TINY, tiny

from harness.analysis import analysis, frames
from harness.export import destination, tables
from harness.location import ROOT
from harness.plan.slices import Open, Slice
from harness.registry.metrics import HIGHEST_RATE, METRICS
from harness.report import csv_tables
from harness.samples import Outcome, Played
from harness.storage import reader
from harness.verdicts import mechanism, validity
from harness.verdicts.mechanism import Explained
from tools import made_up_runs

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
WORDS = {"text", "whole", "number", "boolean"}


def told(heading: str, page: str = PAGE) -> dict[str, str]:
    """Column (or key) → its type (or meaning), of the table under this heading."""
    section = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", page, re.M | re.S)
    assert section, heading
    rows = [line.strip("| ").split(" | ") for line in section[1].splitlines() if line.startswith("| `")]
    return {re.fullmatch(r"`([^`]+)`( ±)?", row[0])[0]: row[1].strip(" |") for row in rows}


def expanded(columns: dict[str, str]) -> list[str]:
    """Every column by name: one with ± stands for itself and both ends of its interval."""
    names = []
    for text in columns:
        name = text.partition("`")[2].partition("`")[0]
        names += [name, f"{name}_low", f"{name}_high"] if text.endswith("±") else [name]
    return names


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    *_, path = made_up_runs.make(
        tiny(blocks=3), TINY.replace("blocks = 6", "blocks = 3"), 10_000, tmp_path_factory.mktemp("results")
    )
    report.tables(path)
    destination.folder(path, path / "export", force=False)
    return path


@pytest.mark.parametrize("name", ["requests", "resources", "conditions"])
def test_every_column_of_a_parquet_file_is_told_with_its_type(run: Path, name: str) -> None:
    schema = pq.read_schema(run / "blocks" / "000" / f"{name}.parquet")
    assert [(f"`{field.name}`", str(field.type)) for field in schema] == list(told(f"{name}.parquet").items())


@pytest.mark.parametrize("name", ["claims", "comparisons", "export/requests", "export/slices"])
def test_every_column_of_a_csv_file_is_told(run: Path, name: str) -> None:
    file = run / ("" if "/" in name else "report") / f"{name}.csv"
    columns = told(f"{name}.csv")
    assert expanded(columns) == list(pd.read_csv(file))
    assert set(columns.values()) <= WORDS


def test_every_column_of_cells_csv_is_told(run: Path) -> None:
    columns = told("cells.csv")
    of_a_search = [name for name in expanded(columns) if name.startswith(HIGHEST_RATE.column)]
    assert [name for name in expanded(columns) if name not in of_a_search] == list(
        pd.read_csv(run / "report" / "cells.csv")
    )
    assert {f"`{metric.column}` ±" for metric in (HIGHEST_RATE, *METRICS)} == {
        name for name in columns if name.endswith("±")
    }


def test_every_column_of_mechanism_csv_is_told() -> None:
    empty = mechanism.table(Explained(None, {}, {}))  # type: ignore[arg-type]
    assert expanded(told("mechanism.csv")) == list(empty)


def test_the_types_told_of_exported_requests_are_those_that_are_read(run: Path) -> None:
    read = pd.read_csv(run / "export" / "requests.csv").convert_dtypes()
    kinds = {"text": "string", "whole": "Int64", "boolean": "boolean"}
    for text, word in told("export/requests.csv").items():
        if word != "number":
            assert str(read[text.strip("`")].dtype).lower().startswith(kinds[word].lower()), text


def test_every_key_that_readers_rely_on_is_told() -> None:
    head, notes = told("run.json"), told("block.json")
    assert {f"`{key}`" for key in reader.Head.model_fields} <= set(head)
    assert {f"`{key}`" for key in reader.Notes.model_fields} == set(notes)
    for key, kinds in {"`slices`": (Slice, Open), "`played`": (Played,)}.items():
        assert not {field.name for kind in kinds for field in fields(kind)} - set(re.findall(r"`(\w+)`", notes[key]))


def test_every_outcome_is_told_by_number_and_by_name() -> None:
    meaning = PAGE.partition("| `outcome` | int8 | | ")[2].partition(" |")[0]
    assert meaning == ", ".join(f"{one.value} {one.name.lower().replace('_', ' ')}" for one in Outcome)
    words = PAGE.partition("| `outcome` | text | | ")[2].partition(" |")[0]
    assert re.findall(r"`(\w+)`", words) == [one.name.lower() for one in Outcome]


def test_a_column_that_is_added_or_renamed_is_seen() -> None:
    for wrong in ("| `bytes` | int64 | bytes | response body received |\n", "| `part` | int16 "):
        assert wrong in PAGE
        assert told("requests.parquet", PAGE.replace(wrong, "| `parts` | int8 ")) != told("requests.parquet")


def example(name: str, path: Path) -> dict[str, Any]:
    """What the page's block of Python leaves behind, run on this folder."""
    code = re.search(rf"```python {name}\n(.*?)```", PAGE, re.S)
    assert code
    names: dict[str, Any] = {"RUN": path}
    exec(compile(code[1], f"docs/data.md, {name}", "exec"), names)  # noqa: S102  (our own page)
    return names


def test_the_pandas_example_says_what_the_report_says(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    p95 = example("pandas", run)["p95"]
    cells = pd.read_csv(run / "report" / "cells.csv").set_index(["endpoint", "level", "arm"]).p95_ms
    assert len(p95) == len(cells) == 6
    assert all(p95[key] == pytest.approx(cells[key], rel=1e-9) for key in cells.index)
    assert "async again" in capsys.readouterr().out


def test_the_duckdb_example_says_what_the_report_says(run: Path) -> None:
    pytest.importorskip("duckdb", reason="only the tests and this example want duckdb")
    found = example("duckdb", run)
    p95 = found["p95"].df().set_index(["endpoint", "level", "arm"]).p95_ms
    cells = pd.read_csv(run / "report" / "cells.csv").set_index(["endpoint", "level", "arm"])
    assert len(p95) == 6
    assert all(p95[key] == pytest.approx(cells.p95_ms[key], rel=1e-9) for key in cells.index)
    rates = found["over_time"].df()
    assert len(rates) == sum(
        len(block.slices[block.slices.purpose == "measure"]) for block in frames.open_run(run).blocks()
    )
    measured = analysis.analyse(frames.open_run(run))
    key = measured.cells[0]
    own = rates[(rates.arm == key.arm) & (rates.endpoint == key.endpoint) & (rates.block == 0)]
    assert own.ok_rps.mean() == pytest.approx(measured.rows(key)["throughput_rps"][0], rel=0.05)
    assert not [one for one in validity.check(measured) if one.invalid]


def test_the_export_holds_what_the_report_tells(run: Path) -> None:
    analysed, reasons = validity.read(run)
    assert list(tables.tables(analysed.run, analysed, reasons)) == list(destination.TABLES)
    assert list(csv_tables.cells_with_reasons(analysed, reasons)) == list(pd.read_csv(run / "export" / "cells.csv"))
