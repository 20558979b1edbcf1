"""A user's own project, from `init` to a report: real servers, a database of its own, and nothing of it changed."""

import json
import re
import sqlite3
import subprocess
import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from support import small_project
from support.commands import bench, the_run
from support.programs import kill_nine

from harness.project import checkouts

SCENARIO = """
question = "Is this project served better by an ASGI server?"
blocks = 1

[load]
visits = 1
slice_s = 0.3

[project]
dir = "x"
python = {python!r}
settings = "shop.settings"
overlay = "over.py"
wsgi = "shop.wsgi"
prepare = ["python manage.py migrate --noinput", "python manage.py users"]

[[login]]
name = "alice"
user = "alice"

[[arms]]
name = "threads"
server = "gunicorn-gthread"
threads = 4

[[arms]]
name = "loop"
server = "uvicorn"
"""

OVERLAY = "from shop.settings import *\nDEBUG = False\nALLOWED_HOSTS = ['127.0.0.1']\n"


def page(name: str, path: str, *more: str) -> str:
    return "\n".join(["", "[[endpoints]]", f'name = "{name}"', f'path = "{path}"', "users = [2]", *more, ""])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """In a git repository, with an environment that is this one's Python."""
    folder = small_project.written(tmp_path / "x")
    (tmp_path / "over.py").write_text(OVERLAY)
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", *checkouts.AS_NOBODY, *arguments], cwd=folder, check=True)
    return folder


def scenario(tmp_path: Path, *pages: str) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(SCENARIO.format(python=small_project.sys.executable) + "".join(pages))
    return file


def untouched(project: Path) -> bool:
    """Whether its tree is as it was."""
    return changed(project) == []


def changed(project: Path) -> list[str]:
    told = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def run(tmp_path: Path, *pages: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    ended = bench("run", str(scenario(tmp_path, *pages)), "--results", str(tmp_path / "results"), folder=tmp_path)
    return ended, the_run(tmp_path)


def refused(run: Path) -> dict[str, str]:
    notes = json.loads((run / "blocks/000/block.json").read_text())
    return {f"{one['arm']} {one['endpoint']}": one["reason"] for one in notes["refused"]}


def test_pages_of_every_kind_are_measured_and_the_project_stays_as_it_is(tmp_path: Path, project: Path) -> None:
    pages = [
        page("front page", "/"),
        page("clock", "/clock/"),
        page("lengths", "/lengths/", 'contains = ["word"]'),
        page("account", "/account/", 'login = "alice"', 'contains = ["dear alice"]'),
        page("away", "/away/", "status = [302]"),
        page("make", "/count/", 'method = "POST"', 'form = { a = "b" }', "status = [201]", "writes = true"),
    ]
    ended, folder = run(tmp_path, *pages)
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
    assert refused(folder) == {}, ended.stdout
    report = (folder / "report" / "report.md").read_text()
    assert "deployments of x at" in report
    assert "lengths: answers differ in length" in report
    told = json.loads((folder / "run.json").read_text())["project"]
    assert told["effective"]["DEBUG"] == "False"
    assert untouched(project)
    assert not (project / "db.sqlite3").exists()
    assert kill_nine.survivors(tmp_path) == []


def test_its_further_databases_are_those_of_the_run_as_well(tmp_path: Path, project: Path) -> None:
    further = """
DATABASES |= {
    "audit": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "audit.sqlite3"},
    "replica": {**DATABASES["default"], "TEST": {"MIRROR": "default"}},
}
"""
    settings, file = project / "shop" / "settings.py", project / "audit.sqlite3"
    settings.write_text(settings.read_text() + further)
    with closing(sqlite3.connect(file)) as own:
        own.execute("CREATE TABLE audit (n)")
    before = file.read_bytes()
    ended, folder = run(tmp_path, page("audit", "/audit/", "writes = true", 'contains = ["noted, 1 users"]'))
    assert refused(folder) == {}, ended.stdout
    assert ended.returncode == 0, ended.stdout
    assert file.read_bytes() == before
    assert not (project / "db.sqlite3").exists()


def test_a_page_that_fails_once_in_forty_times_is_invalid_and_gunicorn_s_own_file_is_not_read(
    tmp_path: Path, project: Path
) -> None:
    (project / "gunicorn.conf.py").write_text("max_requests = 7\n")
    ended, folder = run(tmp_path, page("moody", "/moody/"), page("front page", "/"))
    assert ended.returncode == 3
    report = (folder / "report" / "report.md").read_text()
    assert re.search(r"✗ (threads|loop): INVALID, .*failed", report), report
    assert "were replaced" not in report


def test_a_list_of_paths_a_form_and_a_proxy_s_https(tmp_path: Path, project: Path) -> None:
    (tmp_path / "over.py").write_text(OVERLAY + "SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')\n")
    paths = [
        f"/item/{number}/?such-as-a-long-slug-of-an-article=that-makes-a-request-line-long" for number in range(100)
    ]
    (tmp_path / "urls.txt").write_text("\n".join(paths))
    form = '[[login]]\nname = "by form"\npath = "/login/"\nform = { username = "alice", password = "wonderland" }\n'
    pages = [
        '\n[[endpoints]]\nname = "items"\npaths_from = "urls.txt"\nusers = [2]\n',
        page("account", "/account/", 'login = "by form"', 'contains = ["dear alice"]'),
        page("secure", "/secure/", 'contains = ["secure"]'),
        page("make", "/count/", 'method = "POST"', "status = [201]", "writes = true"),
        page("events", "/events/", "streams = true"),
    ]
    file = scenario(tmp_path, form, *pages)
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
    folder = the_run(tmp_path)
    assert refused(folder) == {}, ended.stdout
    (tmp_path / "urls.txt").unlink()
    again = bench("report", str(folder), folder=tmp_path)
    assert again.returncode == 0, again.stderr
    report = (folder / "report" / "report.md").read_text()
    assert "first byte" in report
    assert "/item/7/" not in report
    assert "wonderland" not in (folder / "report" / "report.html").read_text()
    assert untouched(project)


def test_a_listed_page_that_is_not_there_is_named(tmp_path: Path, project: Path) -> None:
    (tmp_path / "urls.txt").write_text("/item/1/\n/item/4711/\n")
    items = '\n[[endpoints]]\nname = "items"\npaths_from = "urls.txt"\nusers = [2]\n'
    ended, folder = run(tmp_path, page("quick", "/quick/"), items)
    assert ended.returncode == 3
    assert "/item/4711/: verification: HTTP 404" in (folder / "report" / "report.md").read_text()


def test_an_answer_under_load_that_is_another_page_of_the_same_length_is_told(tmp_path: Path, project: Path) -> None:
    ended, folder = run(tmp_path, page("leaks", "/leaks/"))
    assert refused(folder) == {}, ended.stdout
    report = (folder / "report" / "report.md").read_text()
    told = r"! (threads|loop): \d+ answers under load, .* are unlike .*'bobby' instead of 'alice'"
    assert re.search(told, report), report


def test_a_form_that_lets_nobody_in_is_told(tmp_path: Path, project: Path) -> None:
    form = '[[login]]\nname = "f"\npath = "/login/"\nform = { username = "alice", password = "wrong" }\n'
    file = scenario(tmp_path, form, page("account", "/account/", 'login = "f"'))
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 1
    assert "/login/ answered HTTP 200 to the form, and logged nobody in" in ended.stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (page("account", "/account/"), "HTTP 302, expected 200"),
        (page("lengths", "/lengths/"), "give a text that every one of them has"),
        (page("nowhere", "/nowhere/"), "HTTP 404, expected 200"),
        (page("account", "/account/", 'login = "alice"', 'contains = ["dear bob"]'), "'dear bob' is not in the answer"),
        (page("count", "/count/", 'method = "POST"', "status = [200]"), "HTTP 201, expected 200"),
    ],
    ids=["a login page", "a random length", "a page that is not there", "somebody else's page", "another status"],
)
def test_a_page_that_is_not_what_was_asked_for_is_refused_and_never_a_number(
    tmp_path: Path, project: Path, wrong: str, told: str
) -> None:
    ended, folder = run(tmp_path, wrong)  # nothing is played at all
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode == 3
    assert len(refused(folder)) == 2, ended.stdout
    assert all(told in reason for reason in refused(folder).values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("dir", 'dir = "nowhere"'), r"project\.dir: there is no folder"),
        (("overlay", 'overlay = "nowhere.py"'), r"project\.overlay: there is no file"),
        (("prepare", 'prepare = ["python manage.py nowhere"]'), r"(?s)project\.prepare: .*Unknown command: 'nowhere'"),
        (("wsgi", 'database = "nowhere.sqlite3"'), r"project\.database: .*nowhere\.sqlite3 cannot be copied"),
        (("user", 'user = "bob"'), r"login: no session for bob: .*is the user in the run's database\?"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_what_is_not_there_is_told_in_words(tmp_path: Path, project: Path, change: tuple[str, str], told: str) -> None:
    key, line = change
    file = scenario(tmp_path, page("account", "/account/", 'login = "alice"'))
    file.write_text(re.sub(rf"(?m)^{key} = .*$", line, file.read_text(), count=1))
    ended = bench("run", str(file), "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 1, ended.stdout
    assert re.search(told, ended.stderr), ended.stderr
    assert (
        "Traceback" not in ended.stderr.replace("Traceback (most recent call last):\n  File", "", 1) or "prepare" in key
    )


def test_debug_that_is_on_is_refused_with_where_to_turn_it_off(tmp_path: Path, project: Path) -> None:
    (tmp_path / "over.py").write_text(OVERLAY.replace("False", "True"))
    ended = bench(
        "run", str(scenario(tmp_path, page("quick", "/quick/"))), "--results", str(tmp_path / "r"), folder=tmp_path
    )
    assert ended.returncode == 1
    assert "debug: expected False, got True: say DEBUG = False in project.overlay" in ended.stderr


def inited(tmp_path: Path, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    python = ("--python", small_project.sys.executable)
    return bench("init", "--dir", str(project), *python, *arguments, folder=tmp_path)


def test_init_asks_every_page_and_writes_a_scenario_that_runs(tmp_path: Path, project: Path) -> None:
    ended = inited(tmp_path, project, "--into", str(tmp_path / "bench"))
    assert ended.returncode == 0, ended.stderr
    table = {line.split()[0]: line for line in ended.stdout.splitlines() if line.startswith("/")}
    assert {"/", "/quick/", "/clock/", "/lengths/", "/account/", "/away/"} <= set(table)
    assert "equal" in table["/"]
    assert "302" in table["/account/"]
    assert "--user NAME" in ended.stdout
    written = tomllib.loads((tmp_path / "bench" / "djbench.toml").read_text())
    assert {"/", "/quick/"} <= {one["path"] for one in written["endpoints"]}
    assert "DEBUG = False" in (tmp_path / "bench" / "djbench_overlay.py").read_text()
    assert untouched(project)
    assert not (project / "db.sqlite3").exists()
    planned = bench("plan", str(tmp_path / "bench" / "djbench.toml"), folder=tmp_path)
    assert planned.returncode == 0, planned.stderr
    again = inited(tmp_path, project, "--into", str(tmp_path / "bench"))
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_init_as_somebody_whom_a_command_makes(tmp_path: Path, project: Path) -> None:
    made = ("--prepare", "python manage.py users", "--user", "alice")
    ended = inited(tmp_path, project, "--into", str(tmp_path / "bench"), *made)
    assert ended.returncode == 0, ended.stderr
    table = {line.split()[0]: line for line in ended.stdout.splitlines() if line.startswith("/")}
    assert "200" in table["/account/"]
    written = tomllib.loads((tmp_path / "bench" / "djbench.toml").read_text())
    assert written["login"] == [{"name": "user", "user": "alice"}]
    assert {one["login"] for one in written["endpoints"]} == {"user"}
    nobody = inited(tmp_path, project, "--into", str(tmp_path / "other"), "--user", "bob")
    assert nobody.returncode == 1
    assert "login: no session for bob" in nobody.stderr


def test_a_dry_run_writes_nothing(tmp_path: Path, project: Path) -> None:
    ended = inited(tmp_path, project, "--into", str(tmp_path / "bench"), "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "[project]" in ended.stdout
    assert not (tmp_path / "bench").exists()


def doctored(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    ended = bench("doctor", *arguments, "--json", folder=tmp_path)
    return ended, json.loads(ended.stdout)


def test_doctor_predicts_the_switches_that_are_then_counted_and_names_what_blocks(
    tmp_path: Path, project: Path
) -> None:
    made = page("make", "/count/", 'method = "POST"', 'login = "alice"', "status = [201]")
    visitors = '\n[[endpoints]]\nname = "visitors"\nmix = { quick = 0.5, blocks = 0.5 }\nusers = [2]\n'
    events = page("events", "/events/", "streams = true")
    visit = page("visit", "/visit/")
    pages = [
        page("front page", "/"),
        page("quick", "/quick/"),
        page("blocks", "/blocks/"),
        made,
        events,
        visit,
        visitors,
    ]
    file = scenario(tmp_path, *pages)
    ended, told = doctored(tmp_path, str(file), "--measure")
    assert ended.returncode == 0, ended.stderr
    counted: Sequence[dict[str, object]] = told["pages"]  # type: ignore[assignment]
    predicted: dict[str, int] = told["predicted_switches"]  # type: ignore[assignment]
    for one in counted[:4] + counted[5:]:
        assert one["switches"] == predicted["async" if one["is_async"] else "sync"], one
    front, quick, blocks, make, streamed, visited = counted
    assert streamed["names"]["builtins.list"] == 1  # type: ignore[index]  a sync iterator, read whole
    assert [one["writes_session"] for one in (front, visited)] == [False, True]
    assert make["path"] == "/count/"  # answered 201: a session and the proof against CSRF in one line of cookies
    names: dict[str, float] = front["names"]  # type: ignore[assignment]
    assert names["django.contrib.sessions.middleware.SessionMiddleware.process_request"] == 1
    places: dict[str, float] = blocks["blocked_ms"]  # type: ignore[assignment]
    place, ms = max(places.items(), key=lambda one: one[1])
    assert "shop/urls.py" in place
    assert "in blocks" in place
    assert ms > 30
    assert quick["blocked_ms"] == {} or max(quick["blocked_ms"].values()) < 30  # type: ignore[union-attr]
    assert untouched(project)


def test_doctor_takes_what_settings_need_and_what_blocks_is_a_problem(tmp_path: Path, project: Path) -> None:
    settings = project / "shop" / "settings.py"
    settings.write_text(settings.read_text() + "import os\nNEEDED = os.environ['NEEDED']\n")
    plain = page("quick", "/quick/")
    missing = bench("doctor", str(scenario(tmp_path, plain)), folder=tmp_path)
    assert missing.returncode == 1
    assert "--env NAME=VALUE" in missing.stderr
    given = ("--env", "NEEDED=1", "--strict", "--measure")
    assert bench("doctor", str(scenario(tmp_path, plain)), *given, folder=tmp_path).returncode == 0
    assert bench("doctor", str(scenario(tmp_path, page("b", "/blocks/"))), *given, folder=tmp_path).returncode == 4


def test_doctor_finds_what_is_wrong_and_strict_fails(tmp_path: Path, project: Path) -> None:
    file = scenario(tmp_path, page("front page", "/"))
    (tmp_path / "over.py").write_text(OVERLAY.replace("False", "True"))
    ended = bench("doctor", str(file), "--strict", folder=tmp_path)
    assert ended.returncode == 4, ended.stderr
    assert "✗ DEBUG is on" in ended.stdout
    assert "SessionMiddleware" in ended.stdout


def test_ab_serves_two_revisions_each_from_a_checkout_of_its_own(tmp_path: Path, project: Path) -> None:
    urls = project / "shop" / "urls.py"
    urls.write_text(urls.read_text().replace('{"hello": "world"}', '{"hello": "world"} if not time.sleep(0.2) else {}'))
    account = page("account", "/account/", 'login = "alice"', 'contains = ["dear alice"]')
    file = scenario(tmp_path, page("quick", "/quick/"), account)
    ended = bench(
        *("ab", str(file), "--base", "main", "--blocks", "3", "--max-regression", "50%"),
        *("--results", str(tmp_path / "results")),
        folder=tmp_path,
    )
    assert ended.returncode == 4, ended.stdout + ended.stderr
    assert refused(the_run(tmp_path)) == {}  # a session of its own in the database of each revision
    listed = subprocess.run(["git", "worktree", "list"], cwd=project, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1
    assert changed(project) == [" M shop/urls.py"]


def test_what_the_first_to_ask_makes_is_there_for_all_and_a_control_is_asked_as_its_arm_is(
    tmp_path: Path, project: Path
) -> None:
    control = '\n[[arms]]\nname = "loop again"\nserver = "uvicorn"\ncontrol_of = "loop"\n'
    account = page("account", "/account/", 'login = "alice"', 'arms = ["threads", "loop"]')
    ended, folder = run(tmp_path, control, page("thumb", "/thumb/"), account, page("ticks", "/ticks/"))
    assert refused(folder) == {}, ended.stdout
    played = json.loads((folder / "blocks/000/block.json").read_text())["played"]
    assert sum(one["failures"] for one in played) == 0
