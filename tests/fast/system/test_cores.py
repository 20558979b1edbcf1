"""Cores are shared out fairly, and what the machine cannot do is said before anything starts."""

import os

import pytest

from harness.system import cores as machine_cores
from harness.system.cores import Cores

AFFINITY = hasattr(os, "sched_setaffinity")


def test_server_and_load_get_different_cores() -> None:
    cores = machine_cores.share_cores()
    if cores.server is None:
        assert cores.note
    else:
        assert cores.load is not None
        assert not set(cores.server) & set(cores.load)


@pytest.mark.skipif(not AFFINITY, reason="no CPU affinity on this system")
@pytest.mark.parametrize(
    ("usable", "server", "load"),
    [({0}, None, None), ({0, 1}, (0,), (1,)), ({0, 2, 5}, (0,), (2, 5)), ({4, 5, 6, 7}, (4, 5), (6, 7))],
)
def test_the_servers_get_the_first_half(
    monkeypatch: pytest.MonkeyPatch, usable: set[int], server: tuple[int, ...] | None, load: tuple[int, ...] | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: usable)
    cores = machine_cores.share_cores()
    assert (cores.server, cores.load) == (server, load)


def test_without_affinity_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert machine_cores.share_cores() == Cores(
        None, None, "no CPU affinity on this system: server and load generator share all cores"
    )


@pytest.mark.skipif(not AFFINITY, reason="no CPU affinity on this system")
def test_a_second_run_in_the_same_process_has_all_cores_again() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    with machine_cores.off_the_servers(Cores((one,), (one,))):
        assert os.sched_getaffinity(0) == {one}
    assert os.sched_getaffinity(0) == before
