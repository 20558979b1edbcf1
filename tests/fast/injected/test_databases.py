"""The databases of a project's settings, with those of a run in their place."""

from djbench_injected import databases

POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "db1", "USER": "shop", "PASSWORD": "x"}


def test_every_database_of_a_run_is_one_of_its_own() -> None:
    asked = {
        "default": {**POSTGRES, "OPTIONS": {"sslmode": "require", "pool": True}},
        "reading": {**POSTGRES, "HOST": "db2"},
        "mirror": {**POSTGRES, "NAME": "copy", "TEST": {"MIRROR": "default"}},
        "audit": {**POSTGRES, "NAME": "audit", "ENGINE": "django.contrib.gis.db.backends.postgis"},
        "by service": {**POSTGRES, "OPTIONS": {"service": "other"}},
        "none": {},
    }
    run = "postgres://bench@127.0.0.1:5433/bench_ab?connect_timeout=5"
    found = databases.of_a_run(asked, run, run)
    assert {alias: one.get("NAME") for alias, one in found.items()} == {
        "default": "bench_ab",
        "reading": "bench_ab",
        "mirror": "bench_ab",
        "audit": "bench_ab_audit",
        "by service": "bench_ab_by service",
        "none": None,
    }
    assert {one["HOST"] for one in found.values() if one} == {"127.0.0.1"}
    assert found["audit"]["ENGINE"] == asked["audit"]["ENGINE"]
    assert found["default"]["OPTIONS"] == {"pool": True}  # the run's own server has no certificate


def test_one_that_its_settings_have_from_a_variable_stays_and_what_is_beside_it_does_not() -> None:
    asked = {"default": {**POSTGRES, "NAME": "bench_ab"}, "audit": {**POSTGRES, "NAME": "audit"}}
    found = databases.of_a_run(asked, "postgres://bench@127.0.0.1:5433/bench_ab", None)
    assert found["default"] == asked["default"]
    assert found["audit"]["NAME"] == "bench_ab_audit"


def test_a_file_stays_a_file() -> None:
    asked = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/x/db"}, "audit": {"ENGINE": "sqlite3"}}
    found = databases.of_a_run(asked, "sqlite:////run/0.sqlite3", "sqlite:////run/0.sqlite3")
    assert [one["NAME"] for one in found.values()] == ["/run/0.sqlite3", "/run/0.sqlite3_audit"]
