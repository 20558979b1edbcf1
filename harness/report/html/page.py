"""report.html as one file: content, style and script of an analysed run.

Style and script are embedded and allowed by their hashes alone: nothing else may run, nothing is loaded.
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from harness.analysis.analysis import Analysis
from harness.report.html.page_content import content
from harness.verdicts.validity import Reason

HERE: Final = Path(__file__).parent

NAME: Final = "report.html"


def write(analysis: Analysis, reasons: list[Reason], folder: Path) -> Path:
    """The page into this folder; its path."""
    target = folder / NAME
    target.write_text(html(analysis, reasons), encoding="utf-8")
    return target


def html(analysis: Analysis, reasons: list[Reason]) -> str:
    """The page."""
    return _template().render(_embedded(content(analysis, reasons)))


@cache
def _template() -> Template:
    """Compiled once: that takes as long as to fill it in."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html")


def _embedded(shown: dict[str, Any]) -> dict[str, Any]:
    """The content with data, style and script embedded, and the policy that allows only these."""
    style, script = _read("vendor/uPlot.min.css", "page.css"), _read("vendor/uPlot.iife.min.js", "page.js")
    return shown | {
        "style": Markup(style),
        "script": Markup(script),
        "allowed": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'",
        "data": _data(shown["data"]),
    }


def _read(*names: str) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(content: Any) -> Markup:
    """JSON that cannot end its script element, whatever a name holds."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
