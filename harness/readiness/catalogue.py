"""What the audit can say: one entry for each thing it may find, in the words that are printed. What is in braces is filled in."""

from dataclasses import dataclass
from typing import Final, Literal

Weight = Literal["problem", "cost", "note"]

RULE, SEEN, LIKELY, UNSEEN = "Django's own rule", "measured on other projects", "plausible, not measured", "not seen"


@dataclass(frozen=True)
class Finding:
    """One paragraph of the audit. `problem`: it does not work, or not as it should; `cost`: it costs something under ASGI."""

    weight: Weight
    what: str
    read: str  # the setting, and its value
    costs: str
    sure: str
    do: str


@dataclass(frozen=True)
class Entry:
    """A finding before it is found."""

    weight: Weight
    what: str
    costs: str
    sure: str
    do: str

    def found(self, read: str, **values: object) -> Finding:
        """With what was read."""
        what, costs, do = (text.format_map(values) if values else text for text in (self.what, self.costs, self.do))
        return Finding(self.weight, what, read, costs, self.sure, do)


DEBUG: Final = Entry(
    "problem",
    "DEBUG is on",
    "every query kept in memory, errors rendered; nothing that is measured then counts",
    RULE,
    "DEBUG = False in the overlay",
)

HOSTS: Final = Entry(
    "problem",
    "requests to {host} are answered 400",
    "every page",
    RULE,
    "name one of them as project.host, or add {host} in the overlay",
)

HTTPS: Final = Entry(
    "problem",
    "pages redirect to https",
    "a redirect is faster than any page",
    RULE,
    "SECURE_SSL_REDIRECT = False in the overlay",
)

PERSISTENT: Final = Entry(
    "problem",
    "persistent connections do not persist under ASGI",
    "a connection per request all the same, which is then left open (60 requests of 4 users: 60 opened, 22 left)",
    SEEN,
    "set 0 there, or a pool (OPTIONS: pool)",
)

ATOMIC_ASYNC: Final = Entry(
    "problem",
    "async views answer 500",
    "every request to them",
    RULE,
    "transaction.non_atomic_requests on async views",
)

ATOMIC: Final = Entry(
    "cost",
    "a database connection for every request",
    "also where a page asks nothing",
    SEEN,
    "atomic where it is needed",
)

UNPOOLED: Final = Entry(
    "cost",
    "a new database connection per request",
    "on WSGI as on ASGI",
    RULE,
    'a pool: OPTIONS["pool"] = True (psycopg 3, Django 5.1)',
)

SQLITE: Final = Entry("note", "SQLite", "one writer at a time", LIKELY, "measure with the database of production")

MIDDLEWARE: Final = Entry("cost", "{switches} thread switches by middleware per request", "{costs}", RULE, "{do}")

SYNC_VIEWS: Final = Entry(
    "cost",
    "no async views",
    "{costs}",
    RULE,
    "an ASGI server runs each sync view in a thread of its own request: measure whether that pays before moving",
)

ASYNC_VIEWS: Final = Entry(
    "note",
    "{number} async views",
    "none where nothing in them blocks",
    RULE,
    "--measure says what blocks the event loop",
)

SESSIONS: Final = Entry(
    "cost", "every request writes its session", "a query, and a lock on a row", LIKELY, "save where it changed"
)

LOCAL_CACHE: Final = Entry(
    "note",
    "a cache per process ({name})",
    "each worker has its own",
    LIKELY,
    "measure with the cache of production",
)

RECEIVERS: Final = Entry(
    "cost",
    "sync receivers of {signal}",
    "they run in a thread, in every request",
    RULE,
    "are they needed in every request?",
)

TOOLBAR: Final = Entry(
    "problem",
    "debug toolbar",
    "other pages than in production",
    SEEN,
    "take it out of INSTALLED_APPS and MIDDLEWARE in the overlay",
)

INSTRUMENTATION: Final = Entry(
    "note",
    "instrumentation is loaded",
    "it costs CPU in every request, and talks to its service",
    LIKELY,
    "measure with and without it",
)

WHITENOISE: Final = Entry(
    "cost",
    "WhiteNoise streams files by sync iterators",
    "about 4 thread switches per file under ASGI",
    SEEN,
    "static files from the web server in front",
)

UNCOLLECTED: Final = Entry(
    "problem",
    "static files are not collected",
    "pages that name one answer 500",
    RULE,
    "collectstatic, as a command of project.prepare",
)

UNREAD: Final = Entry("note", "{name}: could not be read", "unknown", UNSEEN, "look at it yourself")

NO_ASGI: Final = Entry(
    "note",
    "no ASGI application",
    "none here: djbench makes one",
    RULE,
    "add asgi.py, as startproject writes it, before deploying",
)

GUNICORN_CONF: Final = Entry(
    "note",
    "gunicorn.conf.py",
    "gunicorn reads it; djbench does not let it, so that arms are alike",
    RULE,
    "put what matters into arms",
)

ELSEWHERE: Final = Entry(
    "note",
    "what no settings tell",
    "unknown",
    UNSEEN,
    "--measure shows waits and what blocks the event loop",
)
