"""What is installed is what uv.lock says, and the repository is fit to be cloned anywhere."""

import re
import subprocess
import tomllib
from importlib import metadata

from harness.location import ROOT

LOCK = tomllib.loads((ROOT / "uv.lock").read_text())


def test_every_installed_package_has_a_version_from_the_lock() -> None:
    locked: dict[str, set[str]] = {}
    for package in LOCK["package"]:
        locked.setdefault(package["name"], set()).add(package["version"])
    ours = {"djbench", "pip", "setuptools", "uv", "wheel"}
    installed = {
        d.metadata["Name"].lower().replace("_", "-").replace(".", "-"): d.version for d in metadata.distributions()
    }
    wrong = {n: v for n, v in installed.items() if n not in ours and v not in locked.get(n, set())}
    assert wrong == {}


def test_the_lock_has_a_hash_for_every_file_and_names_no_index() -> None:
    text = (ROOT / "uv.lock").read_text()
    files = [f for p in LOCK["package"] for f in [*p.get("wheels", []), *([p["sdist"]] if "sdist" in p else [])]]
    assert len(files) > 500
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", file["hash"]) for file in files)
    assert "http://" not in text
    assert "https://" not in text


def test_the_lock_is_universal() -> None:
    django = sorted(p["version"] for p in LOCK["package"] if p["name"] == "django")
    assert django[0].startswith("5.2.")
    assert int(django[1].partition(".")[0]) >= 6
    tags = " ".join(f["filename"] for p in LOCK["package"] for f in p.get("wheels", []))
    assert "manylinux" in tags
    assert "macosx" in tags


def test_bare_make_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.M))
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in listed.splitlines()} == targets
