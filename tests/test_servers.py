"""The servers table and what surrounds a started server: flags, environment, ports, process groups."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from harness.deployment import fleet, verification
from harness.errors import UserError
from harness.project import django_versions
from harness.registry.servers import REASONS, SERVERS
from harness.scenario.arm import Arm
from harness.system import kernel_counters, ports, processes


def arm(server: str, view: str = "sync") -> Arm:
    threads = {"threads": 4} if "threads" in SERVERS[server].options else {}
    return Arm(name=f"{view} · {server}", server=server, view=view, **threads)


def flags(server: str) -> list[str]:
    return [word for word in SERVERS[server].argv(arm(server), 8000) if re.match(r"-{1,2}[a-z]", word)]


@pytest.mark.parametrize("server", SERVERS)
def test_every_flag_has_a_reason(server: str) -> None:
    assert [flag for flag in flags(server) if flag not in REASONS] == []


def test_no_reason_is_left_over() -> None:
    used = {flag for server in SERVERS for flag in flags(server)}
    assert set(REASONS) == used


@pytest.mark.parametrize("server", SERVERS)
def test_no_command_leaves_anything_on_auto(server: str) -> None:
    argv = SERVERS[server].argv(arm(server), 8000)
    assert "auto" not in argv
    assert "{" not in " ".join(argv)


@pytest.mark.parametrize(
    ("server", "cap"), [("gunicorn-sync", 1), ("gunicorn-gthread", 4), ("granian-wsgi", 4), ("uvicorn", None)]
)
def test_the_cap_is_what_the_flags_declare(server: str, cap: int | None) -> None:
    assert arm(server).cap == cap


def test_nothing_of_our_environment_reaches_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "PYTHONASYNCIODEBUG", "DATABASE_URL"):
        monkeypatch.setenv(name, "7")
    kept = processes.environment({"A": "b"})
    assert kept["A"] == "b"
    assert "7" not in kept.values()


def test_a_port_on_which_something_answers_is_refused_and_never_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* something already answers there"):
            ports.refuse_if_taken(port)
    assert not ports.answers(ports.free())


def test_arms_that_start_side_by_side_get_different_ports() -> None:
    drawn = [ports.free() for _ in range(500)]  # nothing listens yet; by chance ten would be drawn twice
    assert len(set(drawn)) == len(drawn)


def test_arms_get_different_log_names() -> None:
    assert fleet.slug("sync · gthread×8") == "sync-gthread-8"
    assert fleet.slug("···") == "arm"


SOUND = {"view": "async", "interface": "ASGI", "nonce": "n", "debug": False, "server": "uvicorn", "event_loop": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"view": "sync"}, "view: expected 'async', got 'sync'"),
        ({"interface": "WSGI"}, "interface: expected 'ASGI'"),
        ({"nonce": "other"}, "nonce: expected 'n', got 'other'"),
        ({"debug": True}, "debug: expected False, got True"),
        ({"server": "gunicorn"}, "server: expected 'uvicorn', got 'gunicorn'"),
        ({"event_loop": False}, "event_loop: expected one"),
    ],
)
def test_an_arm_that_is_not_what_it_claims_is_found_out(change: dict[str, object], message: str | None) -> None:
    deployed = fleet.Deployed(arm("uvicorn", "async"), None, 1, "n", Path())  # type: ignore[arg-type]
    wrong = verification.check_identity(deployed, SOUND | change)
    assert wrong == [] if message is None else wrong[0].startswith(message)


def test_the_twins_proof_names_the_arm_that_answers_otherwise() -> None:
    answers = {"a": (200, b"same"), "b": (200, b"same"), "c": (200, b"other"), "d": (500, b"oops"), "e": "no answer"}
    body, faults = verification.compare(answers)
    assert body == b"same"
    assert set(faults) == {"c", "d", "e"}
    assert "the twins disagree: 'other' where the others answer 'same'" in faults["c"]
    assert "HTTP 500" in faults["d"]


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
    monkeypatch.setattr(processes, "TERM_S", 0.3)
    child = start(STUBBORN, tmp_path / "log")
    assert ports.poll(lambda: child.log.read_text().count("up") == 2, 10)
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
    time.sleep(0.2)  # the launcher has to get as far as asking for the signal
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert ports.poll(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 5)


def test_another_django_comes_first_on_its_arm_s_path_and_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    old = arm("uvicorn", "async").model_copy(update={"django": "3.0.99"})
    path = {"PYTHONPATH": str(django_versions.folder("3.0.99"))}
    assert django_versions.environment(old) == path | {"DATABASE_URL": "sqlite://:memory:"}  # psycopg 3 needs 4.2
    assert django_versions.environment(old.model_copy(update={"django": "4.2.1"})) == {
        "PYTHONPATH": str(django_versions.folder("4.2.1"))
    }
    assert django_versions.environment(arm("uvicorn", "async")) == {}
    with pytest.raises(UserError, match=r"arms ask for Django 3\.0\.99, .* `make django-3\.0\.99` unpacks it"):
        django_versions.refuse_missing([old, arm("uvicorn", "async")])
    django_versions.refuse_missing([arm("uvicorn", "async")])


@pytest.mark.parametrize("url", ["postgres://[::1", "redis://127.0.0.1:abc/0", "redis://127.0.0.1:99999/0"])
def test_a_url_that_is_none_has_no_scheme(url: str) -> None:
    assert ports.scheme(url) is None
    assert ports.scheme("redis://127.0.0.1:6379/0") == "redis"
    assert ports.shown("postgres://me:secret@host/db") == "postgres://…"
