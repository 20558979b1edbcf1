"""Runs for the page."""

import random

from harness.plan.slices import Slice


def slower_when_sync(slice_: Slice, rng: random.Random) -> float:
    return (20.0 if slice_.cell.arm.startswith("sync") else 10.0) * (1 + 0.02 * rng.random())
