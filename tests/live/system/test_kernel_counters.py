"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import sys
from pathlib import Path

from harness import samples
from harness.location import ROOT
from harness.measure import resources
from harness.system import kernel_counters, ports, processes


def test_cpu_of_a_service_s_ended_children_is_its_own(tmp_path: Path) -> None:
    """PostgreSQL has a process per connection: one that came and went within a slice is not somebody else's work."""
    burn = "import subprocess, sys, time\nfor line in sys.stdin: subprocess.run([sys.executable, '-c', BURN])\n"
    burn = burn.replace("BURN", repr("import time\nwhile time.process_time() < 0.5: pass"))
    child = processes.start(
        "service",
        [sys.executable, "-u", "-c", burn + "print('done')"],
        tmp_path / "log",
        cores=None,
        env={},
        cwd=ROOT,
        pipes=True,
    )
    try:
        watch = resources.Watch(0, {samples.SERVICES: [child.pid], "server": [child.pid]})
        watch.begin()
        assert child.process.stdin is not None
        assert child.process.stdout is not None
        child.process.stdin.write(b"\n")
        child.process.stdin.close()
        assert ports.poll(lambda: (kernel_counters.tree_cpu_ns(child.pid) or 0) > 0.4e9, 100)
        services, server = watch.end()
    finally:
        processes.stop([child])
    assert services.cpu_ns is not None
    assert server.cpu_ns is not None
    assert services.cpu_ns > 0.35e9 > server.cpu_ns
