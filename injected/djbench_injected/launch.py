"""Runs a server in the project's own Python: `python -m djbench_injected.launch uvicorn --host 127.0.0.1 …`.

DJBENCH_SERVERS: a folder that the server is taken from, where the project's environment has none, or one that is too old. It
comes last on the path, so that what the project has itself is what it gets; and first where the project's own server is older.
"""

import os
import re
import runpy
import sys
from importlib.metadata import distributions


def place(servers: str, program: str) -> int:
    """Where on the path this folder belongs: first, if its version of the program is newer than the environment's; else last."""
    own, theirs = (_version(program, path) for path in ([servers], sys.path))
    return 0 if theirs and own > theirs else len(sys.path)


def _version(name: str, path: "list[str]") -> "tuple[int, ...]":
    """Of a package in these folders; empty if it is in none."""
    found = next(iter(distributions(name=name, path=path)), None)
    return tuple(int(part) for part in re.findall(r"\d+", found.version)[:3]) if found else ()


def main() -> None:
    servers = os.environ.get("DJBENCH_SERVERS")
    sys.argv = sys.argv[1:]
    if servers:
        sys.path.insert(place(servers, sys.argv[0]), servers)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
