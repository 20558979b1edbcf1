"""What may not be broken off in the middle."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unbroken() -> Iterator[None]:
    """A signal waits until this is done: half an escape sequence would be left on the terminal, and an import that is broken
    off raises whatever it likes. In the main thread only.

    Blocking it in this thread is not enough, because any other thread may take it: numpy has some.
    """
    waiting: list[int] = []
    before = [(one, signal.signal(one, lambda number, _: waiting.append(number))) for one in SIGNALS]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
