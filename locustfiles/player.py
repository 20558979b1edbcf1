"""Play slices as the harness says: `python -m locustfiles.player PLAN.json ROWS NUMBER OF`.

One Locust process for one block (or one of several that share the load: the NUMBERth OF so many). Its users wait for
their turn, so that a slice starts within a millisecond and its connections are those of the last visit. Standard input
says which slice to prepare, at which address, and when to go; standard output answers `ready`, `prepared` and
`played`, one JSON object per line.
"""

import base64
import gc
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter_ns
from typing import Any, BinaryIO, Protocol

import numpy as np
from gevent.event import Event

from harness.samples import ANSWER, COLUMNS, SAMPLES_NEEDED, SHORTAGE, Outcome, Page, Played
from locustfiles.client import Sweeper
from locustfiles.closed_loop import Window
from locustfiles.recorder import Recorder, Rows, fold_into, write
from locustfiles.slices import Asked, ClosedSlice, OpenSlice
from locustfiles.ticker import Ticker
from locustfiles.users import Crew

OUTCOME, INTENDED, DONE = COLUMNS.index("outcome"), COLUMNS.index("intended_ns"), COLUMNS.index("done_ns")


LOOK_S = 0.05


class AnySlice(Protocol):
    """A slice that is prepared."""

    window: Window  # once it goes

    def go(self, start_ns: int) -> Event:
        """Start it; the event is set when every request has ended."""

    def kept(self) -> tuple[int, bytes] | None:
        """One answer of a page whose answers differ."""


class Player:
    """Prepares a slice, plays it, writes its rows, and one answer where none is like the other."""

    def __init__(self, plan: dict[str, Any], folder: Path, number: int, of: int) -> None:
        self.pages = {label: page_of(told) for label, told in plan["pages"].items()}
        self.host, self.headers, self.folder = plan["host"], plan["headers"], folder
        self.drain_s = plan["drain_s"]
        self.recorder = Recorder()
        self.sweeper = Sweeper()
        self.environment, self.crew = Crew.create(int(plan["timeout_s"] * 1e9), self.sweeper)
        self.place = (number, of)

    def prepare(self, told: dict[str, Any]) -> None:
        """Everything that may be done before the slice starts."""
        slice_ = told["slice"]
        self.asked = Asked(
            slice_,
            tuple(told["address"]),
            told["filling_ns"],
            told["latencies"],
            self.pages,
            self.headers.get(slice_["cell"]["arm"], {}),
            self.host,
            self.place,
        )
        kind = OpenSlice if slice_["open"] else ClosedSlice
        self.ready: AnySlice = kind(self.asked, self.crew, self.recorder)

    def play(self, start_ns: int, file: BinaryIO) -> Played:
        """Drive the prepared slice, drain it, write its rows."""
        asked, ticker = self.asked, Ticker()
        ended = self.ready.go(start_ns)
        ticker.start(start_ns)
        self._drain(ended, self.ready.window)
        ticker.stop()
        drained_ns, window = perf_counter_ns(), self.ready.window
        rows = self.recorder.take()
        write(rows, file)
        if (kept := self.ready.kept()) is not None:
            (self.folder / ANSWER.format(slice=asked.slice["index"], call=kept[0], process=self.place[0])).write_bytes(
                kept[1]
            )
        fold_into(self.environment.stats, " · ".join(map(str, asked.slice["cell"].values())), rows)
        return Played(
            index=asked.slice["index"],
            start_ns=start_ns,
            cut_ns=window.cut_ns,
            end_ns=window.end_ns,
            drained_ns=drained_ns,
            **counts(rows, (asked.slice["open"] or {}).get("limit_ms")),
            ticks=ticker.ticks,
            late_ticks=ticker.late,
            worst_tick_ms=ticker.worst_ns / 1e6,
            in_flight=in_flight(rows, window.cut_ns, window.end_ns),
        )

    def _drain(self, ended: Event, window: Window) -> None:
        """Wait for every request; what is in flight drain_s after the end, which only shows meanwhile, is abandoned."""
        while not ended.wait(LOOK_S):
            if perf_counter_ns() > window.end_ns + self.drain_s * 1e9:
                self.sweeper.abandon()
                ended.wait()


def page_of(told: dict[str, Any]) -> Page:
    """As load/locust_process.py writes it."""
    return Page(
        body=None if told["body"] is None else base64.b64decode(told["body"]),
        status=tuple(told["status"]),
        lengths=told["lengths"] and tuple(told["lengths"]),
        contains=tuple(base64.b64decode(text) for text in told["contains"]),
        lacks=tuple(base64.b64decode(text) for text in told["lacks"]),
    )


def counts(rows: Rows, limit_ms: float | None) -> dict[str, Any]:
    """What the rows of a slice come to."""
    outcome = rows[:, OUTCOME]
    ok, dropped = outcome == Outcome.OK, outcome == Outcome.DROPPED
    latency_ms = (rows[:, DONE] - rows[:, INTENDED]) / 1e6
    return {
        "requests": int((~dropped).sum()),
        "dropped": int(dropped.sum()),
        "failures": int((~ok & ~dropped).sum()),
        "late": 0 if limit_ms is None else int((~ok | (latency_ms > limit_ms)).sum()),
        "shortage": bool(np.isin(outcome, list(SHORTAGE)).any()),
        "latency_ms": float(np.median(latency_ms[ok])) if ok.any() else None,
        "p95_ms": float(np.quantile(latency_ms[ok], 0.95)) if ok.sum() >= SAMPLES_NEEDED[0.95] else None,
    }


def in_flight(rows: Rows, cut_ns: int, end_ns: int) -> tuple[float, float]:
    """How many requests were under way on average, in the first and in the second half of the window."""
    sent = rows[rows[:, OUTCOME] != Outcome.DROPPED]
    middle_ns = (cut_ns + end_ns) // 2
    first, second = (
        float(
            (np.minimum(sent[:, DONE], high) - np.maximum(sent[:, INTENDED], low)).clip(min=0).sum()
            / max(1, high - low)
        )
        for low, high in ((cut_ns, middle_ns), (middle_ns, end_ns))
    )
    return first, second


def say(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def commands() -> Iterator[dict[str, Any]]:
    """Lines from the harness. Reading blocks the event loop on purpose: between slices there is nothing to do."""
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    plan_file, rows_file, number, of = sys.argv[1:]
    player = Player(json.loads(Path(plan_file).read_text()), Path(rows_file).parent, int(number), int(of))
    gc.disable()  # a collection in mid-slice would be measured as latency; collected between slices
    with Path(rows_file).open("wb") as file:
        say("ready")  # now its file is there, also where nothing is played
        for command in commands():
            if "prepare" in command:
                player.prepare(command["prepare"])
                gc.collect()
                gc.freeze()
                say("prepared")
            else:
                say("played", **asdict(player.play(command["go"], file)))


if __name__ == "__main__":
    main()
