"""Sessions of users, without password or form: `python -m djbench_injected.login NAME…` prints JSON, name → cookies.

Django's own test client logs in, whatever backend and user model a project has; what is written is a row of its sessions.
"""

import json
import os
import sys
from importlib import import_module


def cookies(name: str) -> dict[str, str]:
    """The cookies of a browser in which this user has logged in."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model()._default_manager.get_by_natural_key(name))
    return {key: morsel.value for key, morsel in client.cookies.items()}


def main() -> None:
    if prelude := os.environ.get("DJBENCH_PRELUDE"):
        import_module(prelude)
    import django

    django.setup()
    print("\n" + json.dumps({name: cookies(name) for name in sys.argv[1:]}))


if __name__ == "__main__":
    main()
