"""The tiny scenario that most tests measure or plan."""

from typing import Any

from harness.scenario import reader
from harness.scenario.model import Scenario

TINY = """
question = "Does the pipeline carry a figure from end to end?"
blocks = 6
comparisons = [{ arm = "async", over = "sync" }]

[[arms]]
name = "sync"
server = "gunicorn-gthread"
view = "sync"
threads = 8

[[arms]]
name = "async"
server = "uvicorn"
view = "async"

[[arms]]
name = "async again"
server = "uvicorn"
view = "async"
control_of = "async"

[[endpoints]]
name = "hello"
users = [4]

[[endpoints]]
name = "wait"
query = { ms = 10 }
users = [8]
"""


def tiny(**changes: Any) -> Scenario:
    """The tiny scenario, with some of its top-level values changed."""
    return reader.parse(TINY, "tiny.toml").model_copy(update=changes)
