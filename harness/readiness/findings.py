"""The audit of a project for ASGI: its settings as read, and by which rule each is something to tell. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.readiness import catalogue, chain
from harness.readiness.catalogue import Finding

Facts = Mapping[str, Any]
"""Of a project, as djbench_injected.describe tells them."""

LOCAL_CACHES: Final = ("LocMemCache", "DummyCache")

IN_DATABASE: Final = ("db", "cached_db")
"""Session engines that write a row."""

WATCHING: Final = ("sentry_sdk", "newrelic", "ddtrace", "elasticapm", "silk")

ORDER: Final = ("problem", "cost", "note")

SHOWN: Final = 3
"""Names in a line, of many."""

LONGEST: Final = 120


def findings(facts: Facts, switch_us: float | None, beside: Mapping[str, str | None]) -> list[Finding]:
    """All that was found, problems first.

    `switch_us`: what a thread switch costs here, µs of CPU; None: not measured. `beside`: what only the folder says: `asgi`, the
    application's module, and `gunicorn_conf`, a file; None: there is none.
    """
    found = [one for rule in RULES for one in rule(facts)]
    found += [*_middleware(facts, switch_us), *_views(facts, switch_us), *_beside(beside)]
    return sorted(found, key=lambda one: ORDER.index(one.weight))


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
    read = f"{len(now.links)} middleware, sync-only: {', '.join(sync_only) or 'none'}"
    do = "nothing: no other order needs fewer"
    if better := chain.what_ifs(facts["middleware"]):
        name, fewer = better[0].moved.rpartition(".")[2], better[0].switches
        do = f"{name} moved last needs {fewer}; --write-arms adds that order as an arm, so that a run decides"
    yield catalogue.MIDDLEWARE.found(read, switches=now.switches, costs=_us(now.switches, switch_us), do=do)


def _views(facts: Facts, switch_us: float | None) -> Iterator[Finding]:
    pages = facts.get("pages", [])
    number = sum(page["async"] for page in pages)
    read = f"{number} of {len(pages)} URL patterns have an async view"
    if number:
        yield catalogue.ASYNC_VIEWS.found(read, number=number)
    elif pages:
        yield catalogue.SYNC_VIEWS.found(read, costs=_us(1, switch_us))


def _databases(facts: Facts) -> Iterator[Finding]:
    with_async = [page for page in facts.get("pages", []) if page["async"]]
    for alias, one in facts.get("databases", {}).items():
        where, age = f"DATABASES[{alias!r}]", one["conn_max_age"]
        if age != 0 and not one["pool"]:
            yield catalogue.PERSISTENT.found(f"{where}: CONN_MAX_AGE = {age}")
        if one["atomic_requests"]:
            refused = [page["view"] for page in with_async if alias not in page.get("non_atomic", ())]
            entry = catalogue.ATOMIC_ASYNC if refused else catalogue.ATOMIC
            views = f", and the async view {refused[0]}" if refused else ""
            yield entry.found(f"{where}: ATOMIC_REQUESTS = True{views}")
        if age == 0 and not one["pool"] and "postg" in one["engine"]:
            yield catalogue.UNPOOLED.found(f"{where}: no pool")
        if "sqlite" in one["engine"]:
            yield catalogue.SQLITE.found(f"{where}: {one['engine']}")


def _answers(facts: Facts) -> Iterator[Finding]:
    """What keeps a page from being answered, or makes it another one."""
    simple = facts.get("simple", {})
    hosts, asked_at = simple.get("ALLOWED_HOSTS", []), facts.get("host", "127.0.0.1")
    if simple.get("DEBUG"):
        yield catalogue.DEBUG.found("DEBUG = True")
    elif not is_allowed(asked_at, hosts):
        yield catalogue.HOSTS.found(f"ALLOWED_HOSTS = {hosts}", host=asked_at)
    if simple.get("SECURE_SSL_REDIRECT"):
        yield catalogue.HTTPS.found("SECURE_SSL_REDIRECT = True")
    static = facts.get("static", {})
    collects = any("collectstatic" in line for line in facts.get("prepare", ()))
    if static.get("manifest") and not static.get("collected") and not collects:
        where = static["root"] or "STATIC_ROOT"
        yield catalogue.UNCOLLECTED.found(f"{static['storage']} without staticfiles.json in {where}")


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether Django answers requests to this host (`shop.example:8000`), by its ALLOWED_HOSTS."""
    name = host.partition(":")[0].lower()
    return any(
        one in ("*", name) or (one.startswith(".") and f".{name}".endswith(one)) for one in map(str.lower, allowed)
    )


def _state(facts: Facts) -> Iterator[Finding]:
    """Sessions, caches, signals: what every request may touch."""
    simple = facts.get("simple", {})
    engine = str(simple.get("SESSION_ENGINE", "")).rpartition(".")[2]
    if simple.get("SESSION_SAVE_EVERY_REQUEST") and engine in IN_DATABASE:
        yield catalogue.SESSIONS.found(f"SESSION_SAVE_EVERY_REQUEST = True, SESSION_ENGINE = {engine}")
    for alias, backend in facts.get("caches", {}).items():
        name = str(backend).rpartition(".")[2]
        if name in LOCAL_CACHES:
            yield catalogue.LOCAL_CACHE.found(f"CACHES[{alias!r}]", name=name)
    for signal, listening in facts.get("receivers", {}).items():
        own = [one["name"] for one in listening if not one["async"] and not one["name"].startswith("django.")]
        if own:
            yield catalogue.RECEIVERS.found(", ".join(own[:SHOWN]), signal=signal)


def _tools(facts: Facts) -> Iterator[Finding]:
    loaded = [name for name, there in facts.get("tools", {}).items() if there]
    middleware = [one["path"] for one in facts.get("middleware", [])]
    if any(path.startswith("debug_toolbar.") for path in middleware):
        yield catalogue.TOOLBAR.found("debug_toolbar in MIDDLEWARE")
    if watching := [name for name in loaded if name in WATCHING]:
        yield catalogue.INSTRUMENTATION.found(", ".join(watching))
    if any("whitenoise" in path.lower() for path in middleware):
        yield catalogue.WHITENOISE.found("whitenoise in MIDDLEWARE")


def _unread(facts: Facts) -> Iterator[Finding]:
    for name, why in facts.get("unknown", {}).items():
        yield catalogue.UNREAD.found(str(why)[:LONGEST], name=name)


def _beside(beside: Mapping[str, str | None]) -> Iterator[Finding]:
    if beside.get("asgi") is None:
        yield catalogue.NO_ASGI.found("no asgi.py that calls get_asgi_application")
    if conf := beside.get("gunicorn_conf"):
        yield catalogue.GUNICORN_CONF.found(conf)
    yield catalogue.ELSEWHERE.found("tasks, calls of other services, third-party code in views")


def _us(switches: int, switch_us: float | None) -> str:
    if switch_us is None:
        return f"{switches} × the cost of a switch"
    return f"{switches} × {switch_us:.0f} µs = {switches * switch_us / 1000:.2f} ms of CPU"


RULES: Final[tuple[Callable[[Facts], Iterator[Finding]], ...]] = (_answers, _databases, _state, _tools, _unread)
