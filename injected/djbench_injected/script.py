"""Runs a command of the project in its own Python, with the settings that it was given.

`python -m djbench_injected.script manage.py migrate` does what `python manage.py migrate` would; `-m module` likewise.
"""

import os
import runpy
import sys

from djbench_injected import pinned


def main() -> None:
    sys.argv = sys.argv[1:]
    pinned.settings()
    if sys.argv[0] == "-m":
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120  as Python does itself
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
