"""`djbench plan`: print what would run and for how long; starts nothing."""

from harness.commands import preview
from harness.commands.options import Blocks, ScenarioFile, Seed, Time, overridden, verb
from harness.scenario import reader


@verb(epilog="example: djbench plan default")
def plan(file: ScenarioFile, blocks: Blocks = None, seed: Seed = None, time: Time = None) -> None:
    """Print arms, cells, blocks, exact commands and the expected time. Starts nothing."""
    asked = overridden(reader.load(file), blocks, seed, time)
    print("\n".join(preview.lines(asked)))
