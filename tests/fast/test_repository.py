"""What is installed is what requirements*.txt say, the repository can be cloned anywhere, and what its texts refer to exists."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from harness.location import ROOT

FILES = sorted(ROOT.glob("requirements*.txt"))

PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==(\S+)")


def pins() -> dict[str, set[str]]:
    """Package → the versions that the files name, of which a marker chooses one."""
    found: dict[str, set[str]] = {}
    for file in FILES:
        for line in file.read_text().splitlines():
            if pin := PIN.match(line):
                found.setdefault(pin[1], set()).add(pin[2])
    return found


def test_every_installed_package_has_a_version_from_the_requirements() -> None:
    pinned, ours = pins(), {"djbench", "pip", "setuptools", "uv", "wheel"}
    installed = {
        d.metadata["Name"].lower().replace("_", "-").replace(".", "-"): d.version for d in metadata.distributions()
    }
    wrong = {n: v for n, v in installed.items() if n not in ours and v not in pinned.get(n, set())}
    assert wrong == {}


def test_every_requirement_is_one_version_with_its_hashes_and_no_index_is_named() -> None:
    assert [file.name for file in FILES] == ["requirements-databases.txt", "requirements-dev.txt", "requirements.txt"]
    for file in FILES:
        text = file.read_text()
        entries = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", text, flags=re.M)).splitlines()
        assert entries
        for entry in entries:
            assert PIN.match(entry)
            assert re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", entry), entry[:60]
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def test_the_requirements_are_universal() -> None:
    django = sorted(pins()["django"])
    assert django[0].startswith("5.2.")
    assert int(django[1].partition(".")[0]) >= 6
    text = (ROOT / "requirements.txt").read_text()
    uvloop = re.search(r"^uvloop==.*?\n(?=\S)", text, re.M | re.S)
    assert uvloop is not None
    assert uvloop[0].count("--hash") > 20  # of every Python, on Linux and on macOS


def test_the_core_pins_no_django_and_no_server_of_the_user() -> None:
    core = {
        re.split(r"[^a-z0-9-]", one.lower())[0] for one in metadata.requires("djbench") or [] if "extra ==" not in one
    }
    assert "locust" in core
    assert not core & {"django", "gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "aiohttp"}


def test_bare_make_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.M))
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in listed.splitlines()} == targets


def ours(kind: str, *others: str) -> list[Path]:
    """The files of this kind, but for those in folders that git or pip fills; what is in these is not even looked at."""
    others += (".venv", ".git")
    tops = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name not in others]
    found = [*ROOT.glob(f"*.{kind}"), *(file for folder in tops for file in folder.rglob(f"*.{kind}"))]
    return [file for file in found if not {*others} & set(file.relative_to(ROOT).parts)]


PAGES = ours("md")

SOURCES = ours("py", "build")

TOP = "|".join(
    ["bench_project", "docs", "harness", "injected", "locustfiles", "results/reference", "scenarios", "tests", "tools"]
)

PLACEHOLDERS = {"scenarios/mine.toml", "tests/fast/WING", "tests/live/WING", "harness/shipped"}
"""Files a reader makes, any wing, and the folder that exists in the wheel only."""


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    wrong = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
            if "://" in target:
                continue
            file = page.parent / target if target else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                wrong.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert wrong == []


def test_every_path_in_a_page_exists() -> None:
    wrong = []
    for page in PAGES:
        for path in re.findall(rf"(?<![\w./-])((?:{TOP})/[\w./-]*\w)", page.read_text()):
            if path not in PLACEHOLDERS and not (ROOT / path).exists():
                wrong.append(f"{page.relative_to(ROOT)}: {path}")
    assert wrong == []


NAMED = re.compile(r"(?<![\w./<-])([\w./-]*\w\.(?:py|md|js|css))\b")
"""A file's name in a text."""


def docstrings(source: Path) -> Iterator[str]:
    """Of modules, classes, functions and constants; none of a source that names no file anywhere, which is soon seen."""
    text = source.read_text()
    for node in ast.walk(ast.parse(text)) if NAMED.search(text) else ():
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def test_every_file_that_a_docstring_names_exists() -> None:
    names = {file.name for file in [*PAGES, *SOURCES, *(ROOT / "harness" / "report" / "html").iterdir()]}
    wrong = []
    for source in SOURCES:
        for text in docstrings(source):
            for path in NAMED.findall(text):
                if not ((ROOT / path).exists() if re.match(f"(?:{TOP})/", path) else Path(path).name in names):
                    wrong.append(f"{source.relative_to(ROOT)}: {path}")
    assert wrong == []
