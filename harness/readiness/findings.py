"""What a project's settings mean under ASGI: each with what was read, what it costs, how sure that is, and what to do. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from harness.readiness import chain

Facts = Mapping[str, Any]
"""Of a project, as djbench_injected.describe tells them."""

Weight = Literal["problem", "cost", "note"]

RULE, SEEN, LIKELY = "Django's own rule", "measured on other projects", "plausible, not measured"

HERE: Final = ("127.0.0.1", "localhost", "*")

LOCAL_CACHES: Final = ("LocMemCache", "DummyCache")

SLOW_SESSIONS: Final = ("db", "cached_db")

SHOWN: Final = 3
"""Names in a line, of many."""


@dataclass(frozen=True)
class Finding:
    """One line of the audit. `problem`: it does not work, or not as it should; `cost`: it costs something under ASGI."""

    weight: Weight
    what: str
    read: str  # the setting, and its value
    costs: str
    sure: str
    do: str


def findings(facts: Facts, switch_us: float | None, beside: Mapping[str, str | None]) -> list[Finding]:
    """All that was found, problems first.

    `switch_us`: what a thread switch costs here, µs of CPU; None: not measured. `beside`: what only the folder says: `asgi`, the
    application's module, and `gunicorn_conf`, a file; None: there is none.
    """
    found = [one for rule in RULES for one in rule(facts, switch_us)]
    found += _beside(beside)
    order = ("problem", "cost", "note")
    return sorted(found, key=lambda one: order.index(one.weight))


def predicted_switches(facts: Facts, is_async: bool) -> int:
    """Thread switches of an ASGI request that passes the whole chain to a view that renders no template response: the middleware,
    a sync view, the receivers of request_started, and the closing of the response."""
    started = any(not one["async"] for one in facts.get("receivers", {}).get("request_started", ()))
    return chain.walk(facts["middleware"]).switches + int(not is_async) + int(started) + 1


def _middleware(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    if "middleware" not in facts:
        return
    now = chain.walk(facts["middleware"])
    sync_only = [link.path.rpartition(".")[2] for link in now.links if link.sync_only and link.mode != "unused"]
    read = f"{len(now.links)} middleware" + (
        f", sync-only: {', '.join(sync_only)}" if sync_only else ", none sync-only"
    )
    better = chain.what_ifs(facts["middleware"])
    do = "nothing: no other order needs fewer"
    if better:
        names = ", ".join(path.rpartition(".")[2] for path in better[0].moved)
        do = f"{names} moved last needs {better[0].switches}; --write-arms adds that order as an arm, so that a run decides"
    yield Finding(
        "cost",
        f"{now.switches} thread switches by middleware per request",
        read,
        _us(now.switches, switch_us),
        RULE,
        do,
    )


def _views(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    pages = facts.get("pages", [])
    if not pages:
        return
    asynchronous = sum(page["async"] for page in pages)
    read = f"{asynchronous} of {len(pages)} URL patterns have an async view"
    if not asynchronous:
        do = (
            "an ASGI server runs each sync view in a thread of its own request: measure whether that pays before moving"
        )
        yield Finding("cost", "no async views", read, _us(1, switch_us), RULE, do)
        return
    yield Finding(
        "note",
        f"{asynchronous} async views",
        read,
        "none where nothing in them blocks",
        RULE,
        "--measure says what blocks the event loop",
    )


def _databases(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    asynchronous = any(page["async"] for page in facts.get("pages", []))
    for alias, one in facts.get("databases", {}).items():
        where = f"DATABASES[{alias!r}]"
        if one["conn_max_age"] != 0 and not one["pool"]:
            read = f"{where}: CONN_MAX_AGE = {one['conn_max_age']}"
            costs = "a connection per request all the same, which is then left open (60 requests of 4 users: 60 opened, 22 left)"
            yield Finding(
                "problem",
                "persistent connections do not persist under ASGI",
                read,
                costs,
                SEEN,
                "set 0 there, or a pool (OPTIONS: pool)",
            )
        if one["atomic_requests"] and asynchronous:
            read = f"{where}: ATOMIC_REQUESTS = True, with async views"
            yield Finding(
                "problem",
                "async views answer 500",
                read,
                "every request to them",
                RULE,
                "transaction.non_atomic_requests on async views",
            )
        elif one["atomic_requests"]:
            read = f"{where}: ATOMIC_REQUESTS = True"
            yield Finding(
                "cost",
                "a database connection for every request",
                read,
                "also where a page asks nothing",
                SEEN,
                "atomic where it is needed",
            )
        if one["conn_max_age"] == 0 and not one["pool"] and "postg" in one["engine"]:
            yield Finding(
                "cost",
                "a new database connection per request",
                f"{where}: no pool",
                "on WSGI as on ASGI",
                RULE,
                'a pool: OPTIONS = {"pool": True} (psycopg 3, Django 5.1)',
            )
        if "sqlite" in one["engine"]:
            yield Finding(
                "note",
                "SQLite",
                f"{where}: {one['engine']}",
                "one writer at a time",
                LIKELY,
                "measure with the database of production",
            )


def _answers(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    """What keeps a page from being answered, or makes it another one."""
    simple = facts.get("simple", {})
    if simple.get("DEBUG"):
        yield Finding(
            "problem",
            "DEBUG is on",
            "DEBUG = True",
            "every query kept in memory, errors rendered; nothing that is measured then counts",
            RULE,
            "DEBUG = False in the overlay",
        )
    hosts = simple.get("ALLOWED_HOSTS", [])
    if not simple.get("DEBUG") and not any(host in HERE or host == ".localhost" for host in hosts):
        yield Finding(
            "problem",
            "requests to 127.0.0.1 are answered 400",
            f"ALLOWED_HOSTS = {hosts}",
            "every page",
            RULE,
            "name one of them as project.host, or add 127.0.0.1 in the overlay",
        )
    if simple.get("SECURE_SSL_REDIRECT"):
        yield Finding(
            "problem",
            "pages redirect to https",
            "SECURE_SSL_REDIRECT = True",
            "a redirect is faster than any page",
            RULE,
            "SECURE_SSL_REDIRECT = False in the overlay",
        )


def _state(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    """Sessions, caches, signals: what every request may touch."""
    simple = facts.get("simple", {})
    engine = str(simple.get("SESSION_ENGINE", "")).rpartition(".")[2]
    if simple.get("SESSION_SAVE_EVERY_REQUEST") and engine in SLOW_SESSIONS:
        yield Finding(
            "cost",
            "every request writes its session",
            f"SESSION_SAVE_EVERY_REQUEST = True, SESSION_ENGINE = {engine}",
            "a query, and a lock on a row",
            LIKELY,
            "save where it changed",
        )
    for alias, backend in facts.get("caches", {}).items():
        name = str(backend).rpartition(".")[2]
        if name in LOCAL_CACHES:
            yield Finding(
                "note",
                f"a cache per process ({name})",
                f"CACHES[{alias!r}]",
                "each worker has its own",
                LIKELY,
                "measure with the cache of production",
            )
    for signal, listening in facts.get("receivers", {}).items():
        own = [one["name"] for one in listening if not one["async"] and not one["name"].startswith("django.")]
        if own:
            yield Finding(
                "cost",
                f"sync receivers of {signal}",
                ", ".join(own[:SHOWN]),
                "they run in a thread, in every request",
                RULE,
                "are they needed in every request?",
            )


def _tools(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    loaded = [name for name, there in facts.get("tools", {}).items() if there]
    if "debug_toolbar" in loaded:
        yield Finding(
            "problem",
            "debug toolbar",
            "debug_toolbar is loaded",
            "other pages than in production",
            SEEN,
            "take it out of INSTALLED_APPS and MIDDLEWARE in the overlay",
        )
    watching = [name for name in loaded if name in ("sentry_sdk", "newrelic", "ddtrace", "elasticapm", "silk")]
    if watching:
        yield Finding(
            "note",
            "instrumentation is loaded",
            ", ".join(watching),
            "it costs CPU in every request, and talks to its service",
            LIKELY,
            "measure with and without it",
        )
    if any("whitenoise" in one["path"].lower() for one in facts.get("middleware", [])):
        yield Finding(
            "cost",
            "WhiteNoise streams files by sync iterators",
            "whitenoise in MIDDLEWARE",
            "about 4 thread switches per file under ASGI",
            SEEN,
            "static files from the web server in front",
        )


def _deployed(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    static = facts.get("static", {})
    if static.get("manifest") and not static.get("collected"):
        yield Finding(
            "problem",
            "static files are not collected",
            f"{static['storage']} without staticfiles.json in {static['root'] or 'STATIC_ROOT'}",
            "pages that name one answer 500",
            RULE,
            "collectstatic, as a command of project.prepare",
        )
    for name, why in facts.get("unknown", {}).items():
        yield Finding(
            "note", f"{name}: could not be read", str(why)[:120], "unknown", "not seen", "look at it yourself"
        )


def _beside(beside: Mapping[str, str | None]) -> Iterator[Finding]:
    if beside.get("asgi") is None:
        yield Finding(
            "note",
            "no ASGI application",
            "no asgi.py that calls get_asgi_application",
            "none here: djbench makes one",
            RULE,
            "add asgi.py, as startproject writes it, before deploying",
        )
    if conf := beside.get("gunicorn_conf"):
        yield Finding(
            "note",
            "gunicorn.conf.py",
            conf,
            "gunicorn reads it; djbench does not let it, so that arms are alike",
            RULE,
            "put what matters into arms",
        )
    yield Finding(
        "note",
        "what no settings tell",
        "tasks, calls of other services, third-party code in views",
        "unknown",
        "not seen",
        "--measure shows waits and what blocks the event loop",
    )


def _us(switches: int, switch_us: float | None) -> str:
    if switch_us is None:
        return f"{switches} × the cost of a switch"
    return f"{switches} × {switch_us:.0f} µs = {switches * switch_us / 1000:.2f} ms of CPU"


RULES: Final[tuple[Callable[[Facts, float | None], Iterator[Finding]], ...]] = (
    _answers,
    _databases,
    _middleware,
    _views,
    _state,
    _tools,
    _deployed,
)
