"""Runs with claims about them."""

import random
from pathlib import Path

from support.fakes import FakeLoad, FakeStage
from support.runs import fake_run
from support.scenarios import TINY

from harness.plan.slices import Slice
from harness.scenario import reader

PAIR = 'endpoint = "hello"\nbetter = "async"\nthan = "sync"\n'


def with_claims(*claims: str, blocks: int = 6) -> str:
    """The tiny scenario with these claims; each is given without its text."""
    tables = [f'[[claims]]\ntext = "claim number {number}"\n{claim}' for number, claim in enumerate(claims)]
    return "\n".join([TINY.replace("blocks = 6", f"blocks = {blocks}"), *tables])


def twice_as_slow_when_sync(slice_: Slice, rng: random.Random) -> float:
    return (20.0 if slice_.cell.arm == "sync" else 10.0) * (1 + 0.02 * rng.random())


def run_of(folder: Path, text: str, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    run = fake_run(folder, reader.parse(text, "claims.toml"), load, stage)
    (run / "scenario.toml").write_text(text)
    return run
