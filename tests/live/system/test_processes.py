"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.location import ROOT
from harness.system import kernel_counters, ports, processes


def test_a_folder_put_aside_is_gone_when_its_harness_is_killed() -> None:
    code = "from harness.system.processes import scratch\nwith scratch('bench-test-') as it:\n print(it, flush=True)\n input()"
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as harness:
        assert harness.stdout is not None
        folder = Path(harness.stdout.readline().strip())
        (folder / "data").mkdir()
        assert folder.name.startswith("bench-test-")
        harness.kill()
    assert ports.poll(lambda: not folder.exists(), 60)


def start(code: str, log: Path) -> processes.Child:
    env = processes.environment({})
    return processes.start("child", [sys.executable, "-c", code], log, cores=None, env=env, cwd=log.parent)


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


def test_a_child_that_ignores_term_is_killed_with_its_own_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "TERM_S", 1.0)
    child = start(STUBBORN, tmp_path / "log")
    assert ports.poll(lambda: child.log.read_text().count("up") == 2, 60)
    pids = child.pids()
    assert len(pids) == 2
    processes.stop([child])
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def test_cpu_time_counts_threads_that_have_ended() -> None:
    code = """if True:
        import threading, time
        def burn():
            end = time.thread_time() + 0.3
            while time.thread_time() < end: pass
        thread = threading.Thread(target=burn); thread.start(); thread.join()
        print("ended", flush=True); time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        used = kernel_counters.cpu_ns(process.pid)
        assert used is not None
        assert used >= 300_000_000
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]


def test_cpu_time_of_a_process_that_is_gone_is_missing_not_zero() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert kernel_counters.cpu_ns(process.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Without the reaper's help: the launcher's parent-death signal alone."""
    code = f"""if True:
        import sys, time; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from harness.system import processes
        processes.Reaper.tell = lambda *a: None
        child = processes.start("c", ["sleep", "600"], Path({str(tmp_path / "log")!r}), cores=None,
                                env=processes.environment({{}}), cwd=Path("/"))
        print(child.pid, flush=True); time.sleep(600)
    """
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    asked_for_the_signal = ports.poll(lambda: psutil.Process(child).cmdline() == ["sleep", "600"], 60)
    assert asked_for_the_signal  # it is the last thing that the launcher does before it becomes the command
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert ports.poll(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 60)
