"""An export carries what the run holds, to the unit; strict, whole or not at all, and every refusal is a sentence."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import report
from support.fakes import FakeLoad
from support.runs import fake_run
from support.scenarios import TINY, tiny
from typer.testing import CliRunner

from harness.analysis import frames
from harness.cli import app
from harness.errors import UserError
from harness.export import destination
from harness.export import tables as export
from harness.samples import Outcome
from harness.scenario import reader
from harness.verdicts import validity
from tools import made_up_runs

BRIEF = TINY.replace("blocks = 6", "blocks = 1")

MIXED = BRIEF.replace(
    'name = "wait"\nquery = { ms = 10 }', 'name = "both"\nmix = { "hello" = 0.8, "wait ms=10" = 0.2 }'
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    *_, path = made_up_runs.make(
        tiny(blocks=2), TINY.replace("blocks = 6", "blocks = 2"), 2_000, tmp_path_factory.mktemp("results")
    )
    report.tables(path)
    return path


def exported(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    ended = CliRunner().invoke(app, ["export", *map(str, arguments)])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


def refused(*arguments: object) -> str:
    with pytest.raises(UserError) as told:
        exported(*arguments)
    return str(told.value)


def test_the_csv_of_requests_is_the_parquet_files_joined_with_their_slices(run: Path, tmp_path: Path) -> None:
    assert exported(run, "--csv", "--out", tmp_path)[0] == 0
    told = pd.read_csv(tmp_path / "requests.csv")
    assert list(told) == list(export.REQUESTS)
    at = 0
    for folder in sorted((run / "blocks").iterdir()):
        stored = pd.read_parquet(folder / "requests.parquet")
        own, at = told[at : at + len(stored)].reset_index(drop=True), at + len(stored)
        same = ["slice", "user", "intended_ns", "sent_ns", "first_ns", "done_ns", "status", "bytes", "reused"]
        assert own[same].equals(stored[same].astype(np.int64))
        assert (own.block == int(folder.name)).all()
        assert own.outcome.tolist() == [Outcome(value).name.lower() for value in stored.outcome]
        assert own.latency_ms.to_numpy() == pytest.approx((stored.done_ns - stored.intended_ns).to_numpy() / 1e6)
        slices = frames.read_block(folder).slices.set_index("index").loc[stored.slice]
        for name in ("arm", "endpoint", "level", "purpose"):
            assert own[name].tolist() == slices[name].tolist()
        due = (stored.intended_ns.to_numpy() >= slices.cut_ns.to_numpy()) & (
            stored.intended_ns.to_numpy() < slices.end_ns.to_numpy()
        )
        assert own.in_window.tolist() == due.tolist()
    assert at == len(told)
    assert told.outcome.nunique() > 1
    assert set(told.in_window) == {True, False}


def test_the_other_tables_are_those_of_the_report_and_a_row_per_slice(run: Path, tmp_path: Path) -> None:
    exported(run, "--csv", "--out", tmp_path)
    for name in ("cells", "comparisons", "claims"):
        assert (tmp_path / f"{name}.csv").read_bytes() == (run / "report" / f"{name}.csv").read_bytes()
    slices, requests = pd.read_csv(tmp_path / "slices.csv"), pd.read_csv(tmp_path / "requests.csv")
    assert list(slices) == list(export.SLICES)
    counted = requests.groupby(["block", "slice"]).size()
    assert slices.set_index(["block", "slice"]).requests.equals(counted.rename("requests"))
    assert (slices.server_cpu_ns > slices.load_cpu_ns).all()
    assert {row["shortage"] for row in csv.DictReader((tmp_path / "slices.csv").open())} == {"false"}
    assert {file.stem for file in tmp_path.iterdir()} == {"requests", *destination.TABLES}


def test_by_default_the_folder_is_in_the_run_and_the_document_goes_to_standard_output(run: Path) -> None:
    code, out, err = exported(run, "--csv")
    assert (code, out) == (0, "")
    assert "block 2 of 2" in err
    assert (run / "export" / "requests.csv").exists()
    assert json.loads(exported(run, "--json")[1])["schema_version"] == 2


def strict(text: str) -> Any:
    def no(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=no)


def test_the_document_is_strict_json_and_holds_the_cells_comparisons_and_claims(run: Path) -> None:
    told = strict(exported(run, "--json")[1])
    analysed, reasons = validity.read(run)
    tables = export.tables(analysed.run, analysed, reasons)
    for name in ("cells", "comparisons", "claims"):
        assert len(told[name]) == len(tables[name])
        assert not told[name] or list(told[name][0]) == list(tables[name])
    cell, row = told["cells"][0], tables["cells"].iloc[0]
    assert cell["throughput_rps"] == row.throughput_rps
    assert cell["first_byte_ms"] is None
    assert told["run"]["question"] == tiny().question
    assert told["machine"] == analysed.run.head["machine"]
    assert [arm["name"] for arm in told["arms"]] == [arm.name for arm in tiny().arms]
    assert told["conclusion"]


def test_a_line_of_json_per_request(run: Path) -> None:
    lines = [strict(line) for line in exported(run, "--json", "--requests")[1].splitlines()]
    assert lines == [{key: (lines[0][key] and line[key]) or line[key] for key in export.REQUESTS} for line in lines]
    stored = pd.concat(pd.read_parquet(folder / "requests.parquet") for folder in sorted((run / "blocks").iterdir()))
    assert [line["done_ns"] for line in lines] == stored.done_ns.tolist()
    assert Counter(line["outcome"] for line in lines)["ok"] == (stored.outcome == 0).sum()


def test_words_of_a_scenario_are_quoted_in_both(tmp_path: Path) -> None:
    scenario = reader.parse(BRIEF.replace('"async again"', '"a, b · ä;=1"'), "tiny.toml")
    run = fake_run(tmp_path / "results", scenario, FakeLoad())
    (run / "scenario.toml").write_text(BRIEF.replace('"async again"', '"a, b · ä;=1"'))
    rows = list(csv.DictReader(io.StringIO(exported(run, "--csv", "--requests")[1])))
    lines = [json.loads(line) for line in exported(run, "--json", "--requests")[1].splitlines()]
    assert {row["arm"] for row in rows} == {line["arm"] for line in lines} == {"sync", "async", "a, b · ä;=1"}


def test_a_request_of_a_mix_is_told_by_the_endpoint_that_it_asked(tmp_path: Path) -> None:
    scenario = reader.parse(MIXED, "tiny.toml")
    run = fake_run(tmp_path, scenario, FakeLoad())
    (run / "scenario.toml").write_text(MIXED)
    rows = pd.read_csv(io.StringIO(exported(run, "--csv", "--requests")[1]))
    stored = pd.concat(pd.read_parquet(folder / "requests.parquet") for folder in sorted((run / "blocks").iterdir()))
    asked = rows.endpoint.value_counts()
    assert set(asked.index) == {"hello", "both: hello", "both: wait ms=10"}
    assert asked["both: wait ms=10"] == (stored.part == 1).sum() > 0


def test_what_is_there_is_left_alone_unless_forced(run: Path, tmp_path: Path) -> None:
    kept = tmp_path / "cells.csv"
    kept.write_text("mine")
    assert "already exists; overwrite with --force" in refused(run, "--csv", "--out", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cells.csv"]
    assert "already exists; overwrite with --force" in refused(run, "--json", "--out", kept)
    assert kept.read_text() == "mine"
    assert exported(run, "--csv", "--out", tmp_path, "--force")[0] == 0
    assert kept.read_text().startswith("arm,")


def test_what_cannot_be_exported_is_refused_in_words(run: Path, tmp_path: Path) -> None:
    assert "not a run folder" in refused(tmp_path, "--json")
    assert "five tables do not fit one stream" in refused(run, "--csv", "--out", "-")
    assert "is a folder, expected a file" in refused(run, "--json", "--out", tmp_path)
    assert "cannot be written: No such file" in refused(run, "--json", "--out", tmp_path / "no" / "where.json")
    (tmp_path / "file").write_text("")
    assert "is a file; --csv writes a folder" in refused(run, "--csv", "--out", tmp_path / "file")
    assert exported(run)[0] == exported(run, "--csv", "--json")[0] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("kind", [["--json"], ["--json", "--requests"], ["--csv", "--requests"]])
def test_a_full_disk_is_said(run: Path, kind: list[str]) -> None:
    assert refused(run, *kind, "--out", "/dev/full") == "/dev/full: cannot be written: No space left on device"


def test_a_file_appears_whole_or_not_at_all(run: Path, tmp_path: Path) -> None:
    def half(file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        destination.one(tmp_path / "out.json", False, half)
    assert not list(tmp_path.iterdir())


def test_a_damaged_block_is_named(tmp_path: Path) -> None:
    *_, path = made_up_runs.make(tiny(blocks=2), TINY, 1_000, tmp_path)
    (path / "blocks" / "001" / "requests.parquet").write_bytes(b"PAR1 nothing PAR1")
    assert "001: cannot be read" in refused(path, "--csv", "--requests", "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_run_without_a_request_has_headings(tmp_path: Path) -> None:
    to = io.BytesIO()
    export.as_csv(iter(()), to)
    assert to.getvalue().decode().strip() == ",".join(f'"{name}"' for name in export.REQUESTS)
