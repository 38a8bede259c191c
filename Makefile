# What people and the build machine type. Versions come locked and hash-checked; nothing else is installed.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
FEATURES_ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SHELL := /bin/sh
# prefer-text-field: alembic's own table. smallint: rungs go from 0 to 4. statement-timeout: a long
# migration is no harm, a long lock is, and the lock time-out is asked for.
NOT_LINTED := prefer-text-field prefer-bigint-over-smallint require-statement-timeout
.DEFAULT_GOAL := help
.PHONY: help up test crash tamper check bench models overload outage broker bulk lock clean
.NOTPARALLEL:

help: ## show this list
	@echo "make up      run everything on this machine: database, service, workers (ARGS=--once for one round)"
	@echo "make test    run the tests (ARGS=tests/unit for a part of them)"
	@echo "make crash   kill every process over and over under ten thousand decisions, and count (ten minutes or more)"
	@echo "make tamper  change the record a thousand times as its database's owner, and see each found (ten minutes)"
	@echo "make check   lint, types, import contracts, migrations, docker files"
	@echo "make bench   measure beside a peer and the physical limits, half an hour (ARGS, FEATURES_ARGS=--json; --help)"
	@echo "make models  train on the public data sets, beside a plain scorecard (some minutes; ARGS=--help)"
	@echo "make overload  ask three times what can be answered, with and without refusing (ten minutes; ARGS=--help)"
	@echo "make outage  each source in each fault under a steady load (forty minutes; ARGS=--help)"
	@echo "make broker  ten thousand decisions with the broker down, then back, on each broker (five minutes; ARGS=--help)"
	@echo "make bulk    a file of a million applications beside its limits (half an hour; ARGS='--applications 200000')"
	@echo "make lock    renew the locked versions from pyproject.toml (UPGRADE=1: take the newest)"
	@echo "make clean   remove the virtual environment and caches; data in .meridian stays"
	@echo "             PYTHON=python3.13 chooses the interpreter (3.11 or newer), VENV=dir the environment"

up: $(VENV)/installed-run
	@exec $(BIN)/meridian up $(ARGS)

test: $(VENV)/installed-dev
	@exec $(BIN)/python -m pytest $(ARGS)

crash: $(VENV)/installed-dev
	@MERIDIAN_CRASH=long exec $(BIN)/python -m pytest -s -k long tests/e2e/test_crash.py $(ARGS)

tamper: $(VENV)/installed-dev
	@MERIDIAN_TAMPERINGS=1000 exec $(BIN)/python -m pytest -s tests/integration/test_tampering.py $(ARGS)

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	@# Two steps, because a pipe would hide the failure of its first half.
	DATABASE_URL= MERIDIAN_HOME=$(VENV) $(BIN)/meridian migrate --sql > $(VENV)/migrations.sql
	$(BIN)/squawk $(NOT_LINTED:%=--exclude=%) $(VENV)/migrations.sql
	$(BIN)/python -m pytest -q tests/architecture/test_docker.py

bench: $(VENV)/installed-bench
	@$(BIN)/python -m tests.bench $(ARGS)
	@$(BIN)/python -m tests.bench.scoring $(SCORING_ARGS)
	@$(BIN)/python -m tests.bench.policy
	@$(BIN)/python -m tests.bench.offers
	@$(BIN)/python -m tests.bench.backtest $(BACKTEST_ARGS)
	@exec $(BIN)/python -m tests.bench.features $(FEATURES_ARGS)

models: $(VENV)/installed-dev
	@exec $(BIN)/python -m tests.bench.models $(ARGS)

overload: $(VENV)/installed-dev
	@exec $(BIN)/python -m tests.bench.overload $(ARGS)

outage: $(VENV)/installed-dev
	@exec $(BIN)/python -m tests.bench.outage $(ARGS)

broker: $(VENV)/installed-dev
	@exec $(BIN)/python -m tests.bench.broker $(ARGS)

bulk: $(VENV)/installed-bench
	@exec $(BIN)/python -m tests.bench.bulk $(ARGS)

lock: $(VENV)/installed-dev
	$(BIN)/python .ci/lock.py $(if $(UPGRADE),--upgrade)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A stamp is newer than what it was installed from, so a second run installs nothing.
# The build warns, on every editable install, that the checkout is what is imported: that is wished for.
$(VENV)/installed-run: requirements-run.lock pyproject.toml setup.py | $(VENV)/bin/python
	@echo "Installing the locked packages that running needs (a minute or two) ..."
	@$(PIP) --require-hashes -r requirements-run.lock
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: requirements.lock pyproject.toml setup.py | $(VENV)/bin/python
	@echo "Installing the locked packages that development needs (a minute or two) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/installed-run

$(VENV)/installed-bench: requirements-bench.lock $(VENV)/installed-dev
	@echo "Installing the locked packages that the benchmark's peer needs ..."
	@$(PIP) --require-hashes -r requirements-bench.lock
	@touch $@

$(VENV)/bin/python:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Meridian needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..."; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Meridian needs Python 3.11 or newer and $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) comes without venv (on Debian: apt-get install python3-venv)."; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)"
