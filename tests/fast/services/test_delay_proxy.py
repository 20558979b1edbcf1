"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

from itertools import islice

from harness.services import delay_proxy


def test_the_same_seed_gives_the_same_delays() -> None:
    first, again, other = (list(islice(delay_proxy.delays(20, 5, seed), 100)) for seed in ("1/0", "1/0", "1/1"))
    assert first == again != other
    assert min(first) >= 0.020
    assert 0.022 < sum(first) / 100 < 0.028
    assert list(islice(delay_proxy.delays(20, 0, "1"), 3)) == [0.020] * 3
