"""Python's garbage collector, where an arm asks for another than Python's own.

DJBENCH_GC=frozen: what was loaded to serve is no longer looked at. A full collection comes every few hundred requests, and most
of what it looks at are modules, classes and URL patterns, which never become garbage.
"""

import gc
import os

from django.urls import get_resolver


def set_up() -> None:
    """Called once per process, when the application has been loaded."""
    if os.environ.get("DJBENCH_GC") == "frozen":
        _ = get_resolver().url_patterns  # otherwise loaded by the first request
        gc.collect()
        gc.freeze()
