"""Runs a server in the project's own Python: `python -m djbench_injected.launch uvicorn --host 127.0.0.1 …`.

DJBENCH_SERVERS: a folder that the server is taken from, where the project's environment has none. It comes last on the path, so
that what the project has itself is what it gets.
"""

import os
import runpy
import sys


def main() -> None:
    servers = os.environ.get("DJBENCH_SERVERS")
    if servers:
        sys.path.append(servers)
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
