"""The database and the cache of a run: found in order, refused in words, gone afterwards, missed when they go."""

import pytest
from support.databases import READS, reading

from harness.deployment import arm_environment
from harness.errors import UserError
from harness.scenario import reader


@pytest.mark.parametrize(
    ("arm", "problem"),
    [
        (
            'database = "pool"',
            "arms[0].pool: expected a number of connections with database = 'pool', and only then; got none",
        ),
        (
            "pool = 4",
            "arms[0].pool: expected a number of connections with database = 'pool', and only then; got 4 with 'per",
        ),
        ('database = "pool"\npool = 5\nworkers = 2', "arms[0].pool: expected a multiple of its workers = 2, got 5"),
        (
            'database = "pool"\npool = 4\ndjango = "4.2"',
            "arms[0].database: expected another with Django 4.2 (pools came with 5.1)",
        ),
        (
            'django = "3.1.14"',
            "endpoints[0].arms: expected arms with Django 4.2 or newer (psycopg 3 needs it), got 'sync' with 3",
        ),
        (
            'environment = { DJBENCH_CONN_MAX_AGE = "5" }',
            "arms[0].environment.DJBENCH_CONN_MAX_AGE: expected a variable that the harness does not set",
        ),
    ],
)
def test_connection_policies_that_make_no_sense_are_refused(arm: str, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        reader.parse(READS.replace("threads = 8", f"threads = 8\n{arm}"), "reads.toml")
    assert problem in str(caught.value)


def test_a_pool_on_sqlite_and_a_delay_before_a_file_are_refused() -> None:
    pooled = reading(engine="sqlite").replace("threads = 8", 'threads = 8\ndatabase = "pool"\npool = 4')
    with pytest.raises(UserError, match=r"database.engine: expected 'postgres' or 'auto' for arms with a pool"):
        reader.parse(pooled, "reads.toml")
    with pytest.raises(
        UserError, match=r"database.delay_ms: expected only with a server, got it with engine = 'sqlite'"
    ):
        reader.parse(reading(engine="sqlite", delay_ms=5), "reads.toml")


def test_a_pool_is_told_and_shared_by_the_workers() -> None:
    pooled = reader.parse(READS.replace("threads = 8", 'threads = 8\ndatabase = "pool"\npool = 4'), "reads.toml")
    assert "concurrency limit 8, middleware default, pool of 4 database connections" in pooled.arms[0].summary
    assert arm_environment.connection_policy(pooled.arms[0].model_copy(update={"workers": 2})) == {"DJBENCH_POOL": "2"}
    assert arm_environment.connection_policy(pooled.arms[1]) == {}
