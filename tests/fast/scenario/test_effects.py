"""The catalogue of effects: every file asks one question, names mechanism and source, and claims something that could fail."""

from pathlib import Path

import pytest

from harness.location import ROOT
from harness.plan import courses
from harness.scenario import reader

EFFECTS = sorted((ROOT / "scenarios" / "effects").glob("*.toml"))
MOST_S = 40 * 60


@pytest.mark.parametrize("file", EFFECTS, ids=lambda file: file.stem)
def test_an_effect_names_its_mechanism_and_source_and_claims_something(file: Path) -> None:
    asked = reader.load(file)
    comment = [line for line in file.read_text().splitlines()[1:] if line.startswith("# ")]
    assert any(line.startswith("# Source: ") for line in comment)
    assert len(comment) > 1
    assert asked.claims
    assert (asked.blocks if asked.time else asked.fewest_blocks) >= (4 if asked.time else 6), "fewer decide nothing"
    assert asked.question.endswith("?")


def test_every_arm_of_an_effect_is_compared_or_claimed_about() -> None:
    for file in EFFECTS:
        asked = reader.load(file)
        named = {name for pair in asked.pairs for name in (pair.arm, pair.over)}
        named |= {name for claim in asked.claims for condition in claim.conditions for name in condition.arms}
        assert {arm.name for arm in asked.arms} <= named, file.stem


def test_the_whole_catalogue_is_planned_to_take_less_than_forty_minutes() -> None:
    assert len(EFFECTS) >= 24
    assert sum(courses.expected_s(reader.load(file)) for file in EFFECTS) < MOST_S
