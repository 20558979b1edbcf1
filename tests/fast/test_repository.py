"""What is installed is what requirements*.txt say, and the repository is fit to be cloned anywhere."""

import re
import subprocess
from importlib import metadata

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
    assert not core & {"django", "gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "psycopg", "redis", "aiohttp"}


def test_bare_make_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.M))
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in listed.splitlines()} == targets
