"""How noise is written: small as a percentage, large as the factor that it is."""

import pytest

from harness.formatting import numbers


@pytest.mark.parametrize(
    ("fraction", "written"), [(None, "–"), (0.021, "±2.1 %"), (0.0999, "±10 %"), (0.35, "×÷ 1.35"), (1.85, "×÷ 2.85")]
)
def test_large_noise_is_a_factor_and_never_a_percentage(fraction: float | None, written: str) -> None:
    assert numbers.noise(fraction) == written
