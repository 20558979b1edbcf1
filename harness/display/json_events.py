"""A run as events for other programs: one strict JSON object per line. docs/events.md says what each key is.

Nothing is written while a slice is played.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any, Final, TextIO

from harness.measure.progress import Opening
from harness.plan.layout import cells
from harness.plan.slices import Block, Slice
from harness.samples import Played
from harness.verdicts.interim import Ask, Standing

VERSION: Final = 2

COMPARISON: Final = (
    "arm",
    "over",
    "endpoint",
    "level",
    "ratio",
    "low",
    "high",
    "blocks",
    "word",
    "note",
    "blocks_needed",
)

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "run_started": (
        "version", "question", "mode", "arms", "cells", "blocks", "blocks_left", "slices", "expected_s", "folder", "instrumented",
    ),
    "calibration": ("name", "figure", "limit", "passed", "advice"),
    "block_started": ("block",),
    "slice_played": (
        "block", "slice", "arm", "endpoint", "level", "purpose", "refused", "requests", "dropped", "failures",
        "load_s", "ok_rps", "p50_ms", "p95_ms", "load_cpu_cores",
    ),
    "block_finished": ("block", "blocks", "metric", "comparisons"),
    "finished": ("folder", "report", "conclusion", "next", "exit_code"),
    "error": ("message", "exit_code"),
}  # fmt: skip
"""Each event and its keys, in this order, after `event`: none is ever left out."""


class Events:
    """A Progress that writes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, event: str, **values: Any) -> None:
        """One line, with exactly the keys of this event."""
        told = {"event": event} | {key: _strict(values.pop(key)) for key in KEYS[event]}
        assert not values, values
        print(json.dumps(told, ensure_ascii=False, allow_nan=False), file=self._stream, flush=True)


class EventProgress:
    """Progress as events."""

    def __init__(self, opening: Opening, ask: Ask, events: Events) -> None:
        self._opening, self._ask, self._events = opening, ask, events
        asked = opening.scenario
        events.say(
            "run_started",
            version=VERSION,
            question=asked.question,
            mode=asked.load.mode,
            arms=[arm.name for arm in asked.arms],
            cells=len(list(cells(asked))),
            blocks=asked.most_blocks,
            blocks_left=opening.left,
            slices=opening.slices,
            expected_s=opening.expected_s,
            folder=str(opening.folder),
            instrumented=asked.instrumented,
        )
        for line in opening.calibration:
            events.say("calibration", **{key: line[key] for key in KEYS["calibration"]})

    def block_started(self, block: Block) -> None:
        self._events.say("block_started", block=block.index)

    def slice_started(self, block: Block, slice_: Slice) -> None: ...

    def slice_played(self, block: Block, slice_: Slice, played: Played | None, load_busy: float | None) -> None:
        asked = slice_.cell
        self._events.say(
            "slice_played",
            block=block.index,
            slice=slice_.index,
            arm=asked.arm,
            endpoint=asked.endpoint,
            level=asked.level,
            purpose=slice_.purpose,
            load_cpu_cores=load_busy,
            **_figures(played),
        )

    def block_finished(self, block: Block) -> None:
        so_far = self._ask(self._opening.folder)
        told = [_comparison(one) for one in so_far.standings]
        self._events.say(
            "block_finished", block=block.index, blocks=so_far.blocks, metric=so_far.metric, comparisons=told
        )


def _figures(played: Played | None) -> dict[str, Any]:
    """Of a slice; all of them null where its cell was refused."""
    keys = ("requests", "dropped", "failures", "load_s", "ok_rps", "p50_ms", "p95_ms")
    if played is None:
        return {"refused": True} | dict.fromkeys(keys)
    load_s = (played.drained_ns - played.start_ns) / 1e9
    ok = played.requests - played.failures
    values = played.requests, played.dropped, played.failures, load_s, ok / load_s, played.latency_ms, played.p95_ms
    return {"refused": False} | dict(zip(keys, values, strict=True))


def _comparison(one: Standing) -> dict[str, Any]:
    told = asdict(one)
    return {key: _strict(told[key]) for key in COMPARISON}


def _strict(value: Any) -> Any:
    """JSON knows no NaN and no infinity."""
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not isfinite(value) else value
