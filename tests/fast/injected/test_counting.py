"""What a worker counts of itself: requests, and its garbage collections. In a process of its own, which it changes."""

import subprocess
import sys
from pathlib import Path

from harness.location import INJECTED

PROGRAM = """
import gc, os, sys
from djbench_injected.counting import Counter

gc.disable()
counter = Counter(sys.argv[1])
counter.add()
counter.add()
gc.collect(0)
gc.collect(1)
young = counter._number[1], counter._number[2]
kept = [[] for _ in range(300_000)]
gc.collect()
old = counter._number[1]
child = os.fork()
if child == 0:
    counter.add()
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
print(*young, old, child)
"""


def test_requests_and_full_collections_are_counted_per_process(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=INJECTED, capture_output=True, text=True, check=True
    )
    before, young, old, child = map(int, told.stdout.split())
    assert (before, young) == (0, 2)
    assert 100_000 < old < 10_000_000_000  # 300 000 objects take more than 0.1 ms, on any machine
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    of_child = files.pop(str(child))
    (of_parent,) = files.values()
    assert [int.from_bytes(one[:8], sys.byteorder) for one in (of_parent, of_child)] == [2, 1]
    assert [int.from_bytes(one[16:], sys.byteorder) for one in (of_parent, of_child)] == [2, 0]
    assert int.from_bytes(of_parent[8:16], sys.byteorder) == old
    assert int.from_bytes(of_child[8:16], sys.byteorder) > 100_000
