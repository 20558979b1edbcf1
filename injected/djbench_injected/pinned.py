"""A process keeps the settings that it was given, whatever the project's own modules say.

`os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"` in a manage.py or wsgi.py would leave out the run's database, and have
the project's own one migrated and written instead.
"""

import os
from typing import Any


def settings() -> None:
    """DJANGO_SETTINGS_MODULE is what it is now at the moment in which Django reads it."""
    if (given := os.environ.get("DJANGO_SETTINGS_MODULE")) is None:
        return
    from django import conf

    set_up = conf.LazySettings._setup

    def _setup(self: Any, name: Any = None) -> None:
        os.environ["DJANGO_SETTINGS_MODULE"] = given
        set_up(self, name)

    conf.LazySettings._setup = _setup
