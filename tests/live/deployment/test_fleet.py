"""Real servers, real sockets, real signals. Nothing here depends on how fast the machine is."""

import http.client
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.commands import arm, site

from harness.deployment import fleet as deployment
from harness.deployment import verification
from harness.deployment.fleet import Fleet
from harness.errors import UserError
from harness.registry.servers import SERVERS
from harness.scenario import model
from harness.services.slow_api import Services
from harness.system import ports, processes

APART = "gunicorn-gevent"
"""A worker with one thread, in which a sync and an async view that are asked at once would get into each other's way."""


@pytest.fixture(scope="module")
def every_server(around: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """An arm per server for both its views; two of APART."""
    arms = [*(arm(server, "sync") for server in SERVERS), arm(APART, "async")]
    with deployment.running(arms, site(around, tmp_path_factory.mktemp("every"))) as fleet:
        yield fleet


def test_every_server_comes_up_in_both_views_and_gives_the_same_answers(every_server: Fleet) -> None:
    fleet = Fleet(every_server.site)
    for one in (arm(server, view) for server in SERVERS for view in ("sync", "async")):
        served = every_server.deployed.get(one.name) or every_server.deployed[f"sync · {one.server}"]
        assert one.table.argv(one, served.port) == served.arm.table.argv(served.arm, served.port)
        fleet.deployed[one.name] = replace(served, arm=one)
    endpoints = [
        {"name": name, "users": [1], "query": query}
        for name, query in {
            "hello": {}, "simple": {}, "wait": {"ms": 5}, "greeting": {}, "upstream": {"ms": 5}, "db_read": {}, "db_list": {},
            "mixed": {"ms": 5}, "cpu": {}, "blocking": {"ms": 5}, "fanout": {"ms": 5, "mode": "sequential"}, "db_write": {},
            "db_fanout": {"mode": "sequential"}, "cache": {}, "stream": {"ms": 20}, "sse": {"ms": 20, "every": 10},
            "longpoll": {"ms": 20}, "file": {"kib": 100}, "bridge": {"k": 3},
        }.items()
    ]  # fmt: skip
    endpoints += [{"name": "fanout", "users": [1], "query": {"ms": 5}}, {"name": "db_fanout", "users": [1]}]
    asked = model.Scenario.model_validate(
        {
            "question": "same answers?",
            "arms": [one.arm.model_dump(exclude_unset=True) for one in fleet.deployed.values()],
            "endpoints": endpoints,
            "load": {"slice_max_s": 20},
        }
    )
    verified = verification.verify(asked, fleet)
    broken = {cell for cell, why in verified.refused.items() if "AsyncToSync" not in why and "HTTP 500" in why}
    # Django's async ORM needs asgiref's bridge, which cannot work in a gevent worker's one thread: that is an effect.
    assert broken <= {("async · gunicorn-gevent", label) for label in verified.pages}
    bridged = {
        "db_read",
        "db_list",
        "mixed ms=5",
        "db_write",
        "db_fanout",
        "db_fanout mode=sequential",
        "cache",
        "bridge k=3",
    }
    assert {label for _, label in broken} <= bridged
    assert set(verified.pages) == {endpoint.label for endpoint in asked.endpoints}


def test_servers_with_open_connections_are_gone_after_stop(every_server: Fleet) -> None:
    """Seen: granian outlived SIGTERM with its keep-alive connections, kept the port, and was measured as its successor."""
    all_of_them, held = list(every_server.deployed.values()), []
    for deployed in all_of_them:
        for _ in range(8):
            connection = http.client.HTTPConnection(*deployed.address)
            connection.request("GET", "/sync/hello/")
            connection.getresponse().read()
            held.append(connection)
        waiting = socket.create_connection(deployed.address)
        waiting.sendall(b"GET /sync/wait/?ms=30000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        held.append(waiting)
    every_server.stop()
    assert [one.arm.name for one in all_of_them if processes.group_is_alive(one.child.pid)] == []
    assert [one.arm.name for one in all_of_them if ports.answers(one.port)] == []
    for connection in held:
        connection.close()


def test_a_restarted_arm_is_a_new_process_that_answers(around: Services, tmp_path: Path) -> None:
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        name = next(iter(fleet.deployed))
        before = fleet.deployed[name]
        fleet.restart(name)
        after = fleet.deployed[name]
        assert after.child.pid != before.child.pid
        assert after.identity() is not None
        assert not processes.group_is_alive(before.child.pid)


def test_a_stray_server_is_never_measured(around: Services, tmp_path: Path) -> None:
    """A server from another run answers on an arm's port: its nonce gives it away."""
    with deployment.running([arm("uvicorn", "async")], site(around, tmp_path)) as fleet:
        (stray,) = fleet.deployed.values()
        ours = deployment.Deployed(stray.arm, stray.child, stray.port, "another nonce", stray.counts, stray.target)
        with pytest.raises(UserError, match="another server answers there"):
            deployment.wait_until_up(ours)
        with pytest.raises(UserError, match="already in use"):
            ports.refuse_if_taken(stray.port)


def test_a_server_that_cannot_start_is_reported_with_its_log(around: Services, tmp_path: Path) -> None:
    broken = arm("uvicorn", "async").model_copy(update={"environment": {"DJANGO_SETTINGS_MODULE": "config.nothing"}})
    with (
        pytest.raises(UserError, match=r"(?s)the server exited at startup.*uvicorn --host.*No module named"),
        deployment.running([broken], site(around, tmp_path)),
    ):
        pass


def test_the_upstream_pair_keep_their_connections_on_asgi_and_cannot_on_wsgi(around: Services, tmp_path: Path) -> None:
    """An async view on WSGI runs in a loop of its own, so its client's connections die with it: part of the effect."""
    arms = [arm("uvicorn", "async"), arm("gunicorn-gthread", "sync"), arm("gunicorn-gthread", "async")]
    sources: dict[str, set[int]] = {}
    with deployment.running(arms, site(around, tmp_path)) as fleet:
        for deployed in fleet.deployed.values():
            seen, before = set(), client_ports(around.upstream_port)
            for _ in range(5):
                assert deployed.ask(f"/{deployed.arm.view}/upstream/?ms=1")[0] == 200
                seen |= client_ports(around.upstream_port)
            sources[deployed.arm.name] = seen - before
    assert len(sources["async · uvicorn"]) == 1
    assert len(sources["sync · gunicorn-gthread"]) == 1
    assert len(sources["async · gunicorn-gthread"]) != 1


def client_ports(port: int) -> set[int]:
    """Remote ports of the connections established at a local port."""
    import psutil

    return {
        c.raddr.port
        for c in psutil.net_connections("tcp4")
        if c.laddr.port == port and c.status == "ESTABLISHED" and c.raddr
    }
