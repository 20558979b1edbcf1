"""A scenario's instrumented run, and what is made of its counts: made-up ones here, those of real servers at the end."""

import json
from pathlib import Path

from support.passes import HELLO, MADE_UP, a_pass

from harness.report import mechanism_text
from harness.storage.files import write_json
from harness.verdicts import mechanism


def test_the_words_say_what_is_there_and_leave_out_what_is_not(tmp_path: Path) -> None:
    found = mechanism.read(a_pass(tmp_path, sessions_opened=1))
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 2.0) == [
        "16.0 thread switches per request (13.0 from 7 middleware), 40 % of CPU per request (50.0 µs each)",
        "starting the threads for these switches: 10 % of CPU per request (200 µs)",
        "2.0 threads started per request",
        "1.0 database sessions opened per request",
        "sync-only middleware: a.B",
        "time in the application 10.0 ms: 4.00 ms waiting for a thread, 1.00 ms in database queries,"
        " 0.500 ms in Redis, 2.50 ms in Python, sleep and other, 2.00 ms after the response",
        f"time outside the application (server queues): {found.cells[HELLO].outside_ms:.2f} ms",
        "event loop lag 12.2 ms (p99)",
        "at most 4 requests concurrent in one process",
    ]
    quiet = a_pass(tmp_path / "quiet", **dict.fromkeys(MADE_UP, 0))
    found = mechanism.read(quiet)
    assert found is not None
    assert mechanism_text.lines(found, HELLO, 2.0)[-1] == "at most 4 requests concurrent in one process"
    assert not any("switch" in line or "event loop" in line for line in mechanism_text.lines(found, HELLO, 2.0))


def test_an_uneven_share_of_the_workers_is_told(tmp_path: Path) -> None:
    path = a_pass(tmp_path)
    file = path / "blocks/000/block.json"
    notes = json.loads(file.read_text())
    for one in notes["instrumented"]:
        whole = one["grown"]["requests"]
        one["requests"] = {"1": whole - whole // 4, "2": whole // 4}
    write_json(file, notes)
    found = mechanism.read(path)
    assert found is not None
    assert "uneven load: the busiest of 2 workers served 75 %" in mechanism_text.lines(found, HELLO, 2.0)
