"""Two folders of runs in, results/reference/ out: what the repository shows of them. `make reference` ends with this.

Of the runs of the main scenarios: report, tables, pictures and the machine; of those of the effects the words and tables only.
No raw samples: whoever wants those measures. tools/readme.py takes README's numbers from what is written here.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness.analysis import analysis, frames
from harness.analysis.analysis import Analysis
from harness.commands import publishing
from harness.errors import EXIT_MENDABLE, UserError
from harness.formatting import numbers
from harness.report import effects_catalogue, run_report
from harness.storage.files import FINISHED
from harness.verdicts import validity

TARGET: Final = Path("results/reference")

SCENARIOS: Final = ("default", "tutorial_claims", "capacity")

EFFECTS: Final = "effects"

MACHINE: Final = "machine.json"

TEXT: Final = "report.txt"

HEAD: Final = ("schema_version", "scenario", "started", "seconds", "machine", "cores", "database", "calibration")


def publish_reference(runs: Path, effects: Path, target: Path) -> None:
    """The newest finished run of each scenario, and of each effect, into `target`, in place of what was there.

    Raises UserError if a scenario has no finished run, before anything is replaced.
    """
    main = {name: newest(runs, name) for name in SCENARIOS}
    others = list(effects_catalogue.newest(effects))
    if not others:
        raise UserError(f"{effects}: no run of an effect; `make effects` measures them")
    shutil.rmtree(target, ignore_errors=True)
    for name, run in main.items():
        print(f"… {name}, of {run}", flush=True)
        write_whole(analysis.analyse(frames.open_run(run)), target / name)
    told = [_effect(name, run, wrong, target / EFFECTS) for name, run, wrong in others]
    effects_catalogue.write(told, target / EFFECTS)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target}: {len(main)} runs and {len(told)} effects, {numbers.number(size / 1e6)} MB")


def newest(runs: Path, scenario: str) -> Path:
    """The newest finished run of this scenario in the folder."""
    found = {name: (run, wrong) for name, run, wrong in effects_catalogue.newest(runs)}
    if scenario not in found:
        raise UserError(
            f"{runs}: no run of {scenario}; `djbench run scenarios/{scenario}.toml --results {runs}` makes one"
        )
    run, wrong = found[scenario]
    if wrong is not None:
        raise wrong
    if (state := frames.open_run(run).state) != FINISHED:
        raise UserError(f"{run}: {state}, and a reference has whole runs; `djbench run --resume {run}` completes it")
    return run


def write_whole(analysed: Analysis, folder: Path) -> None:
    """All that `djbench report` writes, what it prints, and the machine."""
    publishing.write(*validity.sound(analysed), folder)
    (folder / TEXT).write_text(run_report.text(analysed), encoding="utf-8")
    _write_machine(analysed, folder)


def _effect(name: str, run: Path, wrong: UserError | None, folder: Path) -> effects_catalogue.Effect:
    """An effect's report and tables written, and what the catalogue tells of it."""
    print(f"… {name}", flush=True)
    if wrong is not None:
        return effects_catalogue.Effect(name, run.name, "", missing=str(wrong))
    analysed = analysis.analyse(frames.open_run(run))
    (folder / name).mkdir(parents=True)
    run_report.write(analysed, folder / name, [])
    _write_machine(analysed, folder / name)
    return effects_catalogue.told(analysed, f"{name}/report.md")


def _write_machine(analysed: Analysis, folder: Path) -> None:
    """Which run this is, and on what it was measured."""
    run = analysed.run
    block = next(run.blocks())
    facts: dict[str, Any] = {"run": run.path.name} | {key: run.head[key] for key in HEAD if key in run.head}
    facts |= {"blocks": analysed.blocks, "commands": block.notes["commands"]}
    (folder / MACHINE).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """`python -m tools.reference RUNS EFFECTS`."""
    if len(arguments) != 2:
        print("usage: python -m tools.reference RUNS EFFECTS", file=sys.stderr)
        return 2
    try:
        publish_reference(Path(arguments[0]), Path(arguments[1]), TARGET)
    except UserError as error:
        print(f"reference: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
