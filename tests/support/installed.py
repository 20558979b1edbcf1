"""The wheel, built and installed into a fresh environment, without a network: what it depends on is lent by this environment."""

import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from harness.location import ROOT

SCRIPT = """#!{python}
import sys
from {module} import {attribute}
sys.exit({attribute}())
"""


def built(folder: Path) -> Path:
    """The wheel of this working tree."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("djbench-*.whl")
    return wheel


def environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """A new environment with the wheel and exactly what it depends on with these extras; its folder of programs."""
    venv.create(folder, with_pip=False)
    programs, lent = folder / "bin", folder / "lent"
    pip("--python", str(programs / "python"), "install", "--no-deps", str(wheel))
    lent.mkdir()
    for distribution in needed(extras):
        lend(distribution, lent, programs)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(f"{lent}\n")
    return programs


def needed(extras: tuple[str, ...]) -> list[metadata.Distribution]:
    """All that djbench depends on with these extras, directly or not."""
    found: dict[str, metadata.Distribution] = {}
    asked = [("djbench", extra) for extra in ("", *extras)]
    seen = set(asked)
    for name, extra in asked:  # grows
        for text in metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found[requirement.name] = metadata.distribution(requirement.name)
                new = {(requirement.name, more) for more in ("", *requirement.extras)} - seen
                seen |= new
                asked += sorted(new)
    return list(found.values())


def lend(distribution: metadata.Distribution, lent: Path, programs: Path) -> None:
    """Links to a distribution's packages, and programs that run them by the new environment's Python."""
    for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
        if not (lent / top).exists():
            (lent / top).symlink_to(Path(str(distribution.locate_file(top))))
    for entry in distribution.entry_points.select(group="console_scripts"):
        script = programs / entry.name
        script.write_text(SCRIPT.format(python=programs / "python", module=entry.module, attribute=entry.attr))
        script.chmod(0o755)


def pip(*arguments: str) -> None:
    """Never asks an index."""
    command = [sys.executable, "-m", "pip", "--quiet", *arguments, "--no-index"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
