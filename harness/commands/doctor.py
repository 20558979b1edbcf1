"""`djbench doctor`: is the Django project in this folder ready for ASGI, what costs what there, and what to change."""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from harness.commands.options import Folders, Variables, VariablesFile, absolute, variables, verb
from harness.errors import EXIT_FAILED, UserError
from harness.onboarding import measured, what_if_arms
from harness.onboarding.measured import Measured
from harness.project import discovery, ready
from harness.project.target import Target
from harness.readiness import chain
from harness.readiness.catalogue import Finding
from harness.readiness.findings import findings, predicted_switches
from harness.scenario import reader
from harness.scenario.project import Project

SWITCHED_S = 60.0

MOST_NAMES, MOST_PLACES = 12, 5

WHOLE_ITERATOR: Final = "builtins.list"
"""As django.http.StreamingHttpResponse asks for what is not asynchronous."""

WEIGHTS = {"problem": "✗", "cost": "!", "note": "·"}


@verb(epilog="example: djbench doctor --strict")
def doctor(
    scenario: Annotated[
        Path | None,
        typer.Argument(metavar="[SCENARIO]", help="a scenario with a [project]; else what is in this folder"),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", help="the project, if it is not in this folder")] = Path(),
    python: Annotated[str | None, typer.Option(help="the Python of the project's environment")] = None,
    settings: Annotated[str | None, typer.Option(help="its settings module, if manage.py names another")] = None,
    env: Variables = None,
    env_file: VariablesFile = None,
    path: Folders = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 if there is a problem")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="also ask the scenario's pages on uvicorn under the probe")
    ] = False,
    write_arms: Annotated[
        bool, typer.Option("--write-arms", help="add what would help to the scenario as arms, so that a run decides")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="everything as JSON")] = False,
) -> None:
    """Audit the Django project in this folder for ASGI: what is read, what it costs, how sure that is, what to do."""
    if measure and scenario is None:
        raise UserError(
            "--measure: expected a scenario that names pages: `djbench init` writes one, `djbench doctor djbench.toml --measure`"
        )
    project, beside = _project(scenario, folder, python, settings)
    given: dict[str, Any] = {"env": {**project.env, **variables(env)}}
    if env_file is not None:
        given["env_file"] = absolute(env_file)
    if path:
        given["path"] = [*project.path, *path]
    project = project.model_copy(update=given)
    target = ready.of(project, [measured.ARM]) if measure else ready.described(project)
    switch_us = _switch_us(target)
    found = findings({**target.facts, "prepare": project.prepare, "host": project.host}, switch_us, beside)
    if write_arms:
        _write_arms(scenario, target)
    pages = list(_measured(scenario, target)) if measure and scenario is not None else []
    if as_json:
        told = _told(target.facts, found, switch_us) | ({"pages": [asdict(one) for one in pages]} if measure else {})
        print(json.dumps(told, indent=1, default=str))
    else:
        _print(target, found, switch_us)
        for page in pages:
            _print_page(page, predicted_switches(target.facts, page.is_async) if "middleware" in target.facts else None)
    if strict and (any(one.weight == "problem" for one in found) or any(page.blocked_ms for page in pages)):
        raise typer.Exit(EXIT_FAILED)


def _project(
    scenario: Path | None, folder: Path, python: str | None, settings: str | None
) -> tuple[Project, dict[str, str | None]]:
    """What is audited, and what only its folder says."""
    if scenario is not None:
        asked = reader.load(scenario).project
        if asked is None:
            raise UserError(f"{scenario}: has no [project]: `djbench init` writes a scenario that has")
        found = discovery.discover(Path(asked.dir), asked.python)
        return asked, _beside(found, asked.asgi)
    found = discovery.discover(folder, python, settings)
    return found.project(), _beside(found, found.asgi.value if found.asgi else None)


def _write_arms(scenario: Path | None, target: Target) -> None:
    """What would help, as arms in the scenario's file, with the overlays that they need beside it."""
    if scenario is None:
        raise UserError("--write-arms: expected a scenario to add them to: `djbench init` writes one")
    asked = reader.load(scenario)
    over = next((arm.name for arm in asked.arms if arm.server == what_if_arms.BASE and not arm.control_of), None)
    if over is None:
        raise UserError(f"--write-arms: {scenario} has no arm on {what_if_arms.BASE} to compare them with")
    overlay = asked.project.overlay if asked.project else None
    added = what_if_arms.offered(target.facts, Path(overlay).stem if overlay else target.asked.settings)
    if not added:
        print("no arms to add: no other order of middleware needs fewer switches, and connections are pooled")
        return
    try:
        text = what_if_arms.with_arms(scenario.read_text(encoding="utf-8"), added, over)
    except ValueError as error:
        raise UserError(f"--write-arms: {scenario} has the arm {error} already") from None
    reader.parse(text, str(scenario))
    for one in added:
        if one.overlay is not None:
            (scenario.parent / one.overlay[0]).write_text(one.overlay[1], encoding="utf-8")
    scenario.write_text(text, encoding="utf-8")
    print(f"added to {scenario}: {', '.join(one.name for one in added)}, each compared with {over}")


def _measured(scenario: Path, target: Target) -> Iterator[Measured]:
    asked = reader.load(scenario)
    pages = [endpoint.each[0][0] for endpoint in asked.endpoints if endpoint.is_own]
    print(f"asking {len(pages)} pages on uvicorn under the probe …", file=sys.stderr, flush=True)
    yield from measured.each(target, pages, asked.login)


def _print_page(page: Measured, predicted: int | None) -> None:
    """What was predicted beside what was counted; where they differ, whose switches there were."""
    print(f"\n{page.path}  ({page.view}, {'async' if page.is_async else 'sync'})")
    late = sum(count for name, count in page.names.items() if "render" in name.rpartition(".")[2])
    same = "as predicted" if predicted is not None and page.switches == predicted + late else f"predicted {predicted}"
    same = "nothing was predicted: the middleware could not be read" if predicted is None else same
    same += f", and {late:g} to render its response" if late else ""
    print(f"    thread switches {page.switches:g} per request ({same}), {page.of_middleware:g} of middleware")
    for name, count in sorted(page.names.items(), key=lambda one: -one[1])[:MOST_NAMES]:
        print(f"        {count:5.2g}  {name}")
    if len(page.names) > MOST_NAMES:
        print(f"        … and {len(page.names) - MOST_NAMES} more names")
    left = "" if page.sessions_left is None else f", {page.sessions_left} open afterwards"
    print(
        f"    database connections opened {page.sessions_opened:g} per request{left}; threads started {page.threads_started:g}"
    )
    if page.names.get(WHOLE_ITERATOR):
        print("    ! streams by a sync iterator, all of which Django reads in a thread before the first byte is sent")
    if page.writes_session:
        print("    ! writes the session in every request, by the session engine of its settings")
    for place, ms in sorted(page.blocked_ms.items(), key=lambda one: -one[1])[:MOST_PLACES]:
        print(f"    ✗ blocks the event loop for at least {ms:.0f} ms of a request: {place}")


def _beside(found: discovery.Found, asgi: str | None) -> dict[str, str | None]:
    return {"asgi": asgi, "gunicorn_conf": str(found.gunicorn_conf) if found.gunicorn_conf else None}


def _switch_us(target: Target) -> float | None:
    """µs of CPU of a thread switch, on the project's own Python and asgiref; None if it could not be measured."""
    command = [target.python, "-m", "djbench_injected.probe.switch_cost"]
    try:
        ended = target.run(command, {}, SWITCHED_S)
        told = json.loads(ended.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    loop = told.get("uvloop") or told["asyncio"]
    return float(loop["1"]["switch_cpu_us"])


def _print(target: Target, found: list[Finding], switch_us: float | None) -> None:
    facts = target.facts
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    print(f"{target.asked.settings} in {target.folder}: Django {facts['django']}, Python {facts['python']}")
    if switch_us is not None:
        print(f"a thread switch costs {switch_us:.0f} µs of CPU here")
    if "middleware" in facts:
        _print_chain(chain.walk(facts["middleware"]))
        for kind, is_async in (("a sync", False), ("an async", True)):
            told = predicted_switches(facts, is_async)
            also = "the view, " if not is_async else ""
            print(
                f"  predicted for a request to {kind} view: {told} thread switches, with {also}signals and the response's end"
            )
    for one in found:
        print(f"\n{WEIGHTS[one.weight]} {one.what}")
        for name, text in (("read", one.read), ("costs", one.costs), ("sure", one.sure), ("do", one.do)):
            lines = textwrap.wrap(text, width - 10) or [""]
            print(f"    {name:5} {lines[0]}")
            print("".join(f"          {line}\n" for line in lines[1:]), end="")
    problems, costs = (sum(one.weight == weight for one in found) for weight in ("problem", "cost"))
    print(f"\nproblems: {problems}; what costs something under ASGI: {costs}")


def _print_chain(links: chain.Chain) -> None:
    print("\nmiddleware of an ASGI request, outermost first:")
    for link in links.links:
        hooks = f"  {', '.join(link.hooks)}" if link.hooks else ""
        bridge = "  → event loop" if link.bridge else ""
        only = "  (sync-only)" if link.sync_only else ""
        print(f"  {link.mode:6} {link.switches:2}  {link.path}{only}{hooks}{bridge}")


def _told(facts: Any, found: list[Finding], switch_us: float | None) -> dict[str, Any]:
    told: dict[str, Any] = {"facts": facts, "switch_us": switch_us, "findings": [asdict(one) for one in found]}
    if "middleware" in facts:
        walked = chain.walk(facts["middleware"])
        told["chain"] = asdict(walked) | {"switches": walked.switches, "bridges": walked.bridges}
        told["what_ifs"] = [asdict(one) for one in chain.what_ifs(facts["middleware"])]
        told["predicted_switches"] = {kind: predicted_switches(facts, kind == "async") for kind in ("sync", "async")}
    return told
