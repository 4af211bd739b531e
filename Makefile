# Kontor. `make up` starts everything on this machine; nothing needs to be installed but Python 3.11 or newer and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMPS := $(VENV)/.kontor
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml))
PROTOS := $(shell find protos -name '*.proto' -o -name '*.json') protos/build.py
PIP := $(PY) -m pip --disable-pip-version-check -qq
# Where a repository was moved to, its environment no longer works: scripts and editable installs name its path.
MOVED := $(shell [ ! -d $(VENV) ] || [ "`cat $(STAMPS)/here 2>/dev/null`" = "$(CURDIR)" ] || echo moved)

.PHONY: help environment up down demo test check conformance bench bench-gateway bench-crowd bench-crm docs examples protos constraints clean

help: ## Shows this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /:/' | awk -F: '{printf "  make %-13s %s\n", $$1, $$2}'

up: environment ## Starts everything: services, edge, MCP gateway, database; Ctrl-C stops it
	@exec $(BIN)/kontor up

down: environment ## Stops what `kontor up --detach` started
	@$(BIN)/kontor down

demo: environment ## Has an agent do CRM work over MCP on a running stack (starts one if none runs)
	@$(BIN)/kontor demo --start $(DEMO)

test: environment ## Runs every test
	@$(PY) -m pytest $(TESTS)

check: environment ## Lints, formats, types, layers, contract tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@# One by one: each package has a tests/conftest.py of its own.
	@for each in $(PACKAGES) "tests conftest.py tools protos/build.py"; do echo mypy $$each; $(BIN)/mypy $$each || exit 1; done
	$(BIN)/lint-imports --no-logo
	$(PY) -m pytest tests/contract

conformance: environment ## Runs the MCP conformance suite in both revisions, with sessions and without
	@$(PY) -m pytest tests/conformance -v -rP

bench: environment ## Measures calls a second and CPU per call
	@$(PY) bench/gateway.py $(BENCH)

bench-gateway: environment ## Measures the gateway beside others, which it installs under build/peers
	@$(PY) bench/gateway.py --peers --in-flight 1 16 64 $(BENCH)

bench-crowd: environment ## Holds 1,000 idle streams and 64 callers for ten minutes (BENCH="--minutes 1" for less)
	@$(PY) bench/crowd.py $(BENCH)

bench-crm: environment ## Measures import, search and export with a million contacts (BENCH="--contacts 20000" for less)
	@$(PY) bench/contacts.py $(BENCH)

docs: environment ## Writes docs/tools.md from the contract and its examples
	@$(PY) -m kontor_platform.faces.manual docs/tools.md

examples: environment ## Records protos/examples anew: a call of every tool with its answer
	@$(PY) -m pytest -q tests/journeys/test_examples.py --record-examples
	@$(MAKE) --no-print-directory docs

environment: $(STAMPS)/editable ## Makes the virtual environment, if something it is made from changed

protos: $(STAMPS)/protos ## Compiles the contract into build/protos

ifneq ($(MOVED),)
.PHONY: $(STAMPS)/venv
endif

$(STAMPS)/venv:
	@rm -rf $(VENV)
	@PYTHON="$(PYTHON)" ./tools/make-venv $(VENV)
	@mkdir -p $(STAMPS) && pwd > $(STAMPS)/here && touch $@

$(STAMPS)/installed: $(STAMPS)/venv constraints.txt
	@echo "Installing the pinned packages; the first time this takes about a minute."
	@$(PIP) install --require-hashes --requirement constraints.txt
	@touch $@

$(STAMPS)/protos: $(STAMPS)/installed $(PROTOS)
	@$(PY) protos/build.py
	@touch $@

$(STAMPS)/editable: $(STAMPS)/protos $(PACKAGES:%=%/pyproject.toml)
	@$(PIP) install --no-deps --no-build-isolation --no-index $(addprefix --editable ,build/protos $(PACKAGES))
	@touch $@

constraints: $(STAMPS)/venv ## Compiles requirements.in into constraints.txt (COMPILE=--upgrade takes the newest)
	@$(PY) -m venv build/pip-tools && build/pip-tools/bin/pip --disable-pip-version-check -qq install pip-tools==7.6.2
	@CUSTOM_COMPILE_COMMAND="make constraints" build/pip-tools/bin/pip-compile --quiet $(COMPILE) \
	  --generate-hashes --strip-extras --allow-unsafe --no-annotate \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file constraints.txt requirements.in
	@$(MAKE) --no-print-directory environment
	@$(PY) tools/check_constraints.py constraints.txt

clean: ## Deletes the environment and what was built; data in .data stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
