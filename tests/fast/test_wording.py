"""The tool and its pages speak the field's English: words of our own that were retired stay out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.location import ROOT

RETIRED = {
    "load maker": "load generator",
    "undecided": "inconclusive",
    r"A/A floor": "noise floor (A/A)",
    r"\bpromises?\b": "objective",
    r"\btwins\b": "sync/async pair",
    r"\bboth colours\b|\bcolours? of (a |the )?view": "view (sync or async)",
    r"is limited by": "bottleneck: …",
    r"room for \d": "concurrency limit: …",
    r"probed pass": "instrumented run",
    r"serves? its users better": "outperforms",
    r"answers at once": "returns immediately",
    r"shuffled slices": "short, randomly interleaved slices",
    r"at their own pace": "open-loop (Poisson) arrivals",
    r"was measured ahead|measured ahead in": "leads (not significant)",
    r"\bMind:": "Caution:",
    r"the others queue": "thread pool saturated",
    r"fills its core": "CPU-bound",
    r"blocks would do\b": "≈ N more blocks",
    r"\ba difference takes\b": "p95 available in …",
    r"not steady:": "no steady state:",
    r"end what else": "stop other processes",
    r"is as good as": "… higher, … lower",
    r"[Hh]and a run": "export results",
    r"write files anew": "overwrite existing files",
    r"comparisons? (was|were) lost": "a requested comparison is invalid",
    r"Can it be believed|Do it again|Where is the tail|Every figure in numbers|The words of this page": "Data quality …",
    r"[Ww]ho calls|[Ww]ho measures|[Ww]hat came out": "load generator, harness, results",
}
"""Pattern → what is said instead."""

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"), ROOT / "Makefile"]
SCENARIOS = [*(ROOT / "scenarios").rglob("*.toml")]
TEMPLATES = [path for path in (ROOT / "harness" / "report" / "html").iterdir() if path.suffix in (".html", ".js")]


def strings(path: Path) -> Iterator[str]:
    """Every string of a module, docstrings included: help texts are docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def retired(text: str) -> list[str]:
    """What in this text was retired, with what to say."""
    return [f"{found[0]!r}: say {instead!r}" for old, instead in RETIRED.items() if (found := re.search(old, text))]


@pytest.mark.parametrize("path", [*PAGES, *SCENARIOS, *TEMPLATES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_or_scenario_says_a_retired_word(path: Path) -> None:
    assert retired(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("folder", ["harness", "locustfiles", "probe", "tools"])
def test_no_string_of_the_code_says_a_retired_word(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    found = [f"{path.relative_to(ROOT)}: {one}" for path in files for text in strings(path) for one in retired(text)]
    assert found == []


def test_the_check_itself_sees_a_retired_word() -> None:
    assert retired("3 cells undecided; is limited by its cap") == [
        "'undecided': say 'inconclusive'",
        "'is limited by': say 'bottleneck: …'",
    ]
