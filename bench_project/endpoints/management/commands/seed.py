"""`manage.py seed`: create the tables and fill them with the same rows on every machine."""

import random
from datetime import UTC, datetime
from typing import Any

from config.middleware import SESSION_KEY, USERNAME
from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from endpoints.models import Author, Book, Counter

SEED = 20_001
AUTHORS = 100
BOOKS = 1_000
COUNTERS = 1_000
EXPIRES = datetime(2100, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = "Create the tables and fill them with rows from a fixed seed; existing rows are replaced."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        with transaction.atomic():
            Book.objects.all().delete()
            Author.objects.all().delete()
            Counter.objects.all().delete()
            Author.objects.bulk_create(Author(pk=pk, name=f"Author {pk:03d}") for pk in range(1, AUTHORS + 1))
            Book.objects.bulk_create(books(random.Random(SEED)))
            Counter.objects.bulk_create(Counter(pk=pk) for pk in range(1, COUNTERS + 1))
            make_visitor()
        self.stdout.write(f"seeded {AUTHORS} authors and {BOOKS} books")


def make_visitor() -> None:
    """The user and the session of profile `sessions`; the password is one that nobody can have."""
    user, _ = User.objects.update_or_create(username=USERNAME, defaults={"password": "!nobody"})
    session = {
        auth.SESSION_KEY: str(user.pk),
        auth.BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        auth.HASH_SESSION_KEY: user.get_session_auth_hash(),
        "theme": "dark",
    }
    Session.objects.update_or_create(
        session_key=SESSION_KEY, defaults={"session_data": SessionStore().encode(session), "expire_date": EXPIRES}
    )


def books(rng: random.Random) -> list[Book]:
    """BOOKS rows; the same on every machine and Python, because only randrange() is used."""
    return [
        Book(
            pk=pk,
            title=f"Book {pk:04d}",
            year=1900 + rng.randrange(125),
            author_id=1 + rng.randrange(AUTHORS),
        )
        for pk in range(1, BOOKS + 1)
    ]
