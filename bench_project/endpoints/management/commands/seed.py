"""`manage.py seed`: create the tables and fill them with the same rows on every machine."""

import random
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from endpoints.models import Author, Book, Counter

SEED = 20_001
AUTHORS = 100
BOOKS = 1_000
COUNTERS = 1_000


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
        self.stdout.write(f"seeded {AUTHORS} authors and {BOOKS} books")


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
