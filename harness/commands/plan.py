"""`djbench plan`: print what would run and for how long; starts nothing."""

from harness.commands import preview
from harness.commands.options import Blocks, ScenarioFile, Seed, overridden, verb
from harness.scenario import reader


@verb(epilog="example: djbench plan default")
def plan(file: ScenarioFile, blocks: Blocks = None, seed: Seed = None) -> None:
    """Print arms, cells, blocks, exact commands and the expected time. Starts nothing."""
    asked = overridden(reader.load(file), blocks, seed)
    print("\n".join(preview.lines(asked)))
