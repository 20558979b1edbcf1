"""A Django project of a few files: pages that are plain, async, slow, timed, random, behind a login, and that write."""

import sys
from pathlib import Path
from typing import Any, Final

from harness.project.target import Target
from harness.scenario.project import Project

MANAGE: Final = """import os, sys
if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""

SETTINGS: Final = """from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for tests"
DEBUG = True
ALLOWED_HOSTS = []
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
USE_TZ = True
LOGIN_URL = "/login/"
"""

URLS: Final = """import random, time
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path

seen = {}

def front(request):
    return HttpResponse(f"<form><input value='{get_token(request)}'></form> hello")

def item(request, pk):
    return HttpResponse(f"item {pk}", status=200 if pk < 1000 else 404)

async def quick(request):
    return JsonResponse({"hello": "world"})

async def blocks(request):
    time.sleep(0.1)
    return HttpResponse("blocked")

def clock(request):
    return HttpResponse(f"it is {time.time():.0f} now")

def lengths(request):
    return HttpResponse("word " * random.randint(1, 50))

@login_required
def account(request):
    return HttpResponse(f"dear {request.user.username}")

def enter(request):
    form = AuthenticationForm(request, request.POST)
    if request.method == "POST" and form.is_valid():
        login(request, form.get_user())
        return redirect("/account/")
    return HttpResponse(f"<form>{get_token(request)}</form>")

def thumb(request):
    if "thumb" not in seen:
        row = User.objects.filter(username__startswith="thumb").first()
        if row is None:
            time.sleep(0.2)
            row = User.objects.create(username=f"thumb{random.random()}")
        seen["thumb"] = row.username
    return HttpResponse(seen["thumb"])

def ticks(request):
    return HttpResponse(f"event {int(time.time())} seen")

def visit(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse("visited")

def leaks(request):
    asked = seen["leaks"] = seen.get("leaks", 0) + 1
    return HttpResponse(f"dear {'alice' if asked < 10 else 'bobby'}, {random.random():.5f}")

def secure(request):
    return HttpResponse("secure" if request.is_secure() else "plain")

def events(request):
    return StreamingHttpResponse(time.sleep(0.01) or "event " for _ in range(3))

def count(request):
    if request.method == "POST":
        User.objects.create(username=str(random.random()))
        return HttpResponse("made", status=201)
    return HttpResponse(f"{User.objects.count()} users")

def moody(request):
    asked = seen["moody"] = seen.get("moody", 0) + 1
    return HttpResponse("well", status=500 if asked % 40 == 0 else 200)

def audit(request):
    with connections["audit"].cursor() as cursor:
        cursor.execute("INSERT INTO audit VALUES (1)")
    return HttpResponse(f"noted, {User.objects.using('replica').count()} users")

def away(request):
    return HttpResponse(status=302, headers={"Location": "/away/"})

urlpatterns = [
    path("", front), path("quick/", quick), path("blocks/", blocks), path("clock/", clock), path("lengths/", lengths),
    path("account/", account), path("count/", count), path("moody/", moody), path("away/", away), path("visit/", visit),
    path("item/<int:pk>/", item), path("login/", enter), path("secure/", secure), path("events/", events),
    path("leaks/", leaks), path("thumb/", thumb), path("ticks/", ticks), path("audit/", audit),
]
"""

WSGI: Final = """import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""

USERS: Final = """from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

class Command(BaseCommand):
    def handle(self, **options):
        User.objects.create_user("alice", password="wonderland")
"""


def written(folder: Path, **settings: str) -> Path:
    """The project in this folder. `settings`: lines appended to its settings, by any name."""
    files = {
        "manage.py": MANAGE,
        "shop/__init__.py": "",
        "shop/settings.py": SETTINGS + "".join(f"{line}\n" for line in settings.values()),
        "shop/urls.py": URLS,
        "shop/wsgi.py": WSGI,
        "shop/management/__init__.py": "",
        "shop/management/commands/__init__.py": "",
        "shop/management/commands/users.py": USERS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def target(folder: Path, **keys: Any) -> Target:
    """It, served by this Python."""
    asked = Project(
        **{"dir": str(folder), "settings": "shop.settings", "wsgi": "shop.wsgi", "python": sys.executable} | keys
    )
    return Target(asked, folder, sys.executable)
