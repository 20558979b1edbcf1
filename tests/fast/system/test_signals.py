"""What may not be broken off."""

import os
import signal

import pytest

from harness.errors import Interrupted
from harness.system import signals


def test_a_signal_waits_until_what_may_not_be_broken_off_is_done() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted("SIGTERM")

    def work() -> None:
        with signals.unbroken():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("whole")

    done: list[str] = []
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with pytest.raises(Interrupted):
            work()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == ["whole"]
