"""Settings of the project that is measured: what `startproject` writes, and each deviation with its reason.

Everything that may differ between two runs comes from the environment, so that the exact
deployment is its command line and its environment, nothing else:

DJANGO_PROFILE     middleware: `default` (what startproject writes), `bare` (none), `sync-outermost` and `sync-innermost` (default
                   with one that only does sync), `sessions` (default, and every request reads its session and user)
DATABASE_URL       sqlite:///… or postgres://…; default: db.sqlite3 beside manage.py
DATABASE_ENGINE    another engine for that database: django_async_backend.db.backends.postgresql, for `db_backend`
UPSTREAM_URL       the slow API that `upstream`, `fanout` and `mixed` call
UPSTREAM_LIMIT     most connections to it per worker process, and threads for the sync fan-out
CACHE_URL          redis://…; default: local memory
CACHE_PREFIX       with which all keys begin, so that a server can be shared
NATIVE_POOL        per worker process: connections of `db_native` and of `cache_native`, threads of the sync fan-outs over rows
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

DATABASES = {
    "default": dj_database_url.parse(os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")),
}
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

UPSTREAM_URL = os.environ.get("UPSTREAM_URL", "http://127.0.0.1:9100")
UPSTREAM_LIMIT = int(os.environ.get("UPSTREAM_LIMIT", "512"))
