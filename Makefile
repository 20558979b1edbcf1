# Every command a person or CI runs. `make` prints them.
PYTHON ?= python3
BENCH := .venv/bin/bench

.DEFAULT_GOAL := help

help: ## print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.venv/ready: pyproject.toml uv.lock .ci/setup
	@echo "setting up .venv (once)"
	@.ci/setup $(PYTHON)

setup: .venv/ready ## make .venv with the exact versions of uv.lock

bench: .venv/ready ## measure scenarios/default.toml and report it (under 8 minutes)
	$(BENCH) run scenarios/default.toml

smoke: .venv/ready ## a whole run in under 45 seconds: does everything work here?
	$(BENCH) run scenarios/smoke.toml

tutorial: .venv/ready ## the four views of the tutorial at their own 1 s and 2 s
	$(BENCH) run scenarios/tutorial.toml

servers: .venv/ready ## every server of the table on two endpoints
	$(BENCH) run scenarios/servers.toml

capacity: .venv/ready ## the highest rate at which each arm keeps p99 <= 250 ms (under 12 minutes)
	$(BENCH) run scenarios/capacity.toml

calibrate: .venv/ready ## is the load maker to be trusted on this machine? (about 4 minutes)
	$(BENCH) calibrate

bench-client: .venv/ready ## is the load maker fast enough? against Locust's own clients, wrk and hey
	.venv/bin/python -m locustfiles.compare_clients

bench-wrk: .venv/ready ## does the load maker count what wrk counts? on `hello`, arm by arm, alternating
	.venv/bin/python -m locustfiles.compare_wrk

test: .venv/ready ## all tests: the fast ones, then those with real servers
	.venv/bin/pytest

test-fast: .venv/ready ## the tests that need no sockets
	.venv/bin/pytest -m "not live"

lint: .venv/ready ## ruff
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/ready ## mypy, strict
	.venv/bin/mypy

schema: .venv/ready ## write scenarios/scenario.schema.json anew
	.venv/bin/python -m harness.scenario > scenarios/scenario.schema.json

check: lint types test ## everything CI checks

clean: ## remove the environment and caches; results stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache

.PHONY: help setup bench smoke tutorial servers capacity calibrate bench-client bench-wrk test test-fast lint types schema check clean
