"""Settings profiles: those of the measured project are those that a scenario may name."""

import os
from typing import get_args

from harness.scenario.arm import Arm


def test_the_harness_knows_every_profile_and_no_other() -> None:
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    assert set(get_args(Arm.model_fields["profile"].annotation)) == set(settings.MIDDLEWARE_PROFILES)
