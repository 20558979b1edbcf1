"""Two tables with a join between them, enough for a read by key and a list with a template; and one to write to."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=200)
    year = models.PositiveSmallIntegerField()
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")

    def __str__(self) -> str:
        return self.title


class Counter(models.Model):
    n = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.pk}: {self.n}"
