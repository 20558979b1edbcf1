"""Runs to compare: slower, noisier, spoilt."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.fakes import FakeLoad, FakeStage, Latency, untouched
from support.runs import fake_run
from support.scenarios import tiny

from harness.plan.slices import Cell, Slice
from harness.samples import COLUMNS, Outcome

BLOCKS = 3


def slow(factor: float, only: str = "sync", endpoint: str = "hello") -> Latency:
    """Ten milliseconds and up to a tenth more, times a factor on one arm and endpoint."""

    def latency(slice_: Slice, rng: random.Random) -> float:
        cell = slice_.cell
        return (10.0 + rng.random()) * (factor if cell.arm == only and cell.endpoint.startswith(endpoint) else 1.0)

    return latency


def quick(factor: float) -> Latency:
    """Two milliseconds on hello, times a factor; ten on wait."""
    return lambda slice_, rng: 10.0 + rng.random() if slice_.least_s else (2.0 + 0.1 * rng.random()) * factor


def made(folder: Path, latency: Latency, seed: int, refused: dict[tuple[str, str], str] | None = None) -> Path:
    return fake_run(folder, tiny(blocks=BLOCKS, seed=seed), FakeLoad(latency), FakeStage(refused or {}))


def noisy(folder: Path, seed: int, spoil: Callable[[Slice, np.ndarray], np.ndarray] = untouched) -> Path:
    """A run whose control is a tenth slower than its original, and had work left."""

    def left(slice_: Slice) -> bool:
        return slice_.cell == Cell("async again", "hello", 4)

    return fake_run(folder, tiny(blocks=BLOCKS, seed=seed), FakeLoad(slow(1.1, "async again"), spoil, left))


def fail_some(slice_: Slice, rows: np.ndarray) -> np.ndarray:
    """Every tenth request to the control ends with HTTP 500."""
    if slice_.cell.arm == "async again":
        rows[::10, COLUMNS.index("status")] = 500
        rows[::10, COLUMNS.index("outcome")] = Outcome.HTTP_ERROR
    return rows
