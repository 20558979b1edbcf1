"""Settings of the project that is measured: what `startproject` writes, and each deviation with its reason.

Everything that may differ between two runs comes from the environment, so that the exact
deployment is its command line and its environment, nothing else:

DJANGO_PROFILE     middleware: `default` (what startproject writes), `bare` (none), `sync-outermost` and `sync-innermost` (default
                   with one that only does sync), `sessions` (default, and every request reads its session and user)
DATABASE_URL       sqlite:///… or postgres://…; default: db.sqlite3 beside manage.py
CONN_MAX_AGE       seconds a database connection is kept, or `none` for ever; Django's default is 0
DATABASE_ENGINE    another engine for that database: django_async_backend.db.backends.postgresql, for `db_backend`
DATABASE_POOL      connections in a pool per worker process (PostgreSQL only); without it there is no pool
UPSTREAM_URL       the slow API that `upstream`, `fanout` and `mixed` call
UPSTREAM_LIMIT     most connections to it per worker process, and threads for the sync fan-out
CACHE_URL          redis://…; default: local memory
CACHE_PREFIX       with which all keys begin, so that a server can be shared
GC                 `frozen`: what was loaded to serve is no longer looked at in garbage collections (collector.py)
NATIVE_POOL        per worker process: connections of `db_native` and of `cache_native`, threads of the sync fan-outs over rows
BENCH_NONCE        echoed by `whoami`, so that a stray server can never be measured
"""

import os
from importlib.util import find_spec
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

# A benchmark on loopback has no secrets; a key that changed between processes would only add noise.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "not-a-secret-this-project-only-listens-on-loopback")

# startproject writes True. DEBUG keeps every SQL query in memory and changes what errors cost.
DEBUG = False

# startproject writes []. With DEBUG off the host has to be named; the servers bind to loopback only.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "endpoints",
]

STARTPROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE_PROFILES = {
    "default": STARTPROJECT,
    "bare": [],
    "sync-outermost": ["config.middleware.sync_only", *STARTPROJECT],
    "sync-innermost": [*STARTPROJECT, "config.middleware.sync_only"],
    "sessions": ["config.middleware.returning_visitor", *STARTPROJECT, "config.middleware.known_user"],
}
MIDDLEWARE = MIDDLEWARE_PROFILES[os.environ.get("DJANGO_PROFILE", "default")]

ROOT_URLCONF = "config.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

CONN_MAX_AGE = os.environ.get("CONN_MAX_AGE", "0")
POOL = int(os.environ.get("DATABASE_POOL", "0"))
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}"),
        conn_max_age=None if CONN_MAX_AGE == "none" else int(CONN_MAX_AGE),
    )
}
# All of a pool's connections are opened at once, so that its size is the number there is. A request that finds none free waits.
if POOL and DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": POOL, "max_size": POOL, "timeout": 30}
# Beside the engine that the URL stands for; one that this Python does not have is left out, and `db_backend` says so.
ENGINE = os.environ.get("DATABASE_ENGINE", "")
if ENGINE and find_spec(ENGINE.partition(".")[0]):
    DATABASES["default"]["ENGINE"] = ENGINE
    INSTALLED_APPS.append(ENGINE.partition(".")[0])
CACHE_URL = os.environ.get("CACHE_URL", "")
CACHE_PREFIX = os.environ.get("CACHE_PREFIX", "")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": CACHE_PREFIX,
    }
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
NATIVE_POOL = int(os.environ.get("NATIVE_POOL", "16"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"

# With DEBUG off, Django mails errors to nobody. Here they go to stderr, that is, into the arm's log,
# so that a failure can be reported with its cause. Nothing is logged for a request that succeeds.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}

UPSTREAM_URL = os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9100")
UPSTREAM_LIMIT = int(os.environ.get("UPSTREAM_LIMIT", "512"))
BENCH_NONCE = os.environ.get("BENCH_NONCE", "")
