"""Runs with claims about them."""

from pathlib import Path

from support.fakes import FakeLoad, FakeStage
from support.runs import fake_run
from support.scenarios import TINY

from harness.scenario import reader

PAIR = 'endpoint = "hello"\nbetter = "async"\nthan = "sync"\n'


def with_claims(*claims: str, blocks: int = 6) -> str:
    """The tiny scenario with these claims; each is given without its text."""
    tables = [f'[[claims]]\ntext = "claim number {number}"\n{claim}' for number, claim in enumerate(claims)]
    return "\n".join([TINY.replace("blocks = 6", f"blocks = {blocks}"), *tables])


def run_of(folder: Path, text: str, load: FakeLoad, stage: FakeStage | None = None) -> Path:
    """A run of this scenario. What it claims is of no account to what is measured: one that asks the same is made once."""
    asked = reader.parse(text, "claims.toml").model_copy(update={"claims": []})
    run = fake_run(folder, asked, load, stage)
    (run / "scenario.toml").write_text(text)
    return run
