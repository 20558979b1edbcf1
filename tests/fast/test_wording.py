"""The field's terms instead of home-made ones: in every text of the harness, on the page and in the documents."""

import ast
import re
from pathlib import Path

import pytest

from harness.location import ROOT

RETIRED = {
    r"load makers?": "load generator",
    r"undecided": "inconclusive",
    r"A/A floor": "noise floor (A/A)",
    r"promises?": "objective",
    r"twins?": "sync/async pair",
    r"(?:either|both|two|the other|view) colours?|colours? of (?:a|the) view": "view (sync or async)",
    r"caps?(?! on\b)|uncapped": "concurrency limit",
    r"room for \S+ requests?": "concurrency limit",
    r"(?:is|are) limited by": "bottleneck",
    r"probed|unprobed|pass with (?:a|the) probe": "instrumented run",
    r"kinds? of work": "workload, or endpoint",
    r"measured (?:ahead|behind)": "leads, trails",
    r"proven": "verified",
    r"Can it be believed|Do it again|Where is the tail|Every figure in numbers|The words of this page": "a usual heading",
    r"serves? (?:its|their) users better": "outperforms",
    r"answers? at once": "returns immediately",
    r"somebody else's answer": "sleeps (simulated I/O)",
    r"at their own pace": "open-loop (Poisson) arrivals",
    r"comparisons? (?:was|were) lost": "a requested comparison is invalid",
    r"is a scenario away": "the key to set",
    r"who calls|who measures|what came out": "load generator, harness, results",
    r"Mind: ": "Caution: ",
    r"the others queue": "saturated",
    r"fills? (?:its|their) core": "CPU-bound",
    r"blocks would do": "(≈ N blocks needed)",
    r"a difference takes": "at least N blocks are needed",
    r"not steady": "no steady state",
    r"end what else runs": "stop other processes",
    r"waited at most so long": "share of requests completed within each latency",
    r"(?:machine's|its) moods?": "machine noise",
    r"shown all the same": "warnings (results still shown)",
    r"as good as": "higher, or lower",
    r"write files anew": "overwrite existing files",
    r"Hand a run": "export results",
}
"""Each as a pattern of whole words, with what to say instead. The list is a sample of how not to write, not a dictionary."""

TERMS = {
    re.compile(rf"\b(?:{old})(?!\w)", 0 if old[0].isupper() else re.IGNORECASE): new for old, new in RETIRED.items()
}

SOURCES = sorted(
    path
    for folder in ("harness", "locustfiles", "injected", "bench_project", "tools")
    for path in (ROOT / folder).rglob("*.py")
)

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "results/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "scenarios").rglob("*.toml")),
    *(ROOT / "harness/report/html" / name for name in ("template.html", "page.js")),
]


def texts(path: Path) -> list[tuple[int, str]]:
    """(line, text) of every string of a module, docstrings included; of another file, its lines."""
    if path.suffix != ".py":
        return list(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (one.lineno, one.value)
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def retired(found: list[tuple[int, str]]) -> list[str]:
    return [
        f"line {line}: {match[0]!r}: say {new}"
        for line, text in found
        for old, new in TERMS.items()
        for match in old.finditer(text)
    ]


@pytest.mark.parametrize("path", [*SOURCES, *DOCUMENTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_retired_term_is_left(path: Path) -> None:
    assert retired(texts(path)) == []


def test_a_retired_term_is_seen() -> None:
    assert retired([(3, "the load maker was late"), (4, "a capital captain")]) == [
        "line 3: 'load maker': say load generator"
    ]
