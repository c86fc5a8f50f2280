# The commands people type. The tools do the work: uv, ruff, mypy, import-linter, pytest, backorder.

# Some machines forbid bytecode: imports then take four times as long at every start.
export PYTHONDONTWRITEBYTECODE =
export UV_COMPILE_BYTECODE = 1

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help bootstrap up down status demo test test-fast check lint types fmt unit integration e2e chaos-run chaos mutants bench audit

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## Install the locked packages and Apache Kafka (runs by itself before what needs it)
	@$(PYTHON) scripts/bootstrap

up: bootstrap ## Run the whole system on this machine (ARGS=--detach: in the background)
	@$(BIN)/backorder up $(ARGS)

down: ## Stop what `make up` started; the data stay
	@$(BIN)/backorder down $(ARGS)

status: ## Show each part of the running system
	@$(BIN)/backorder status $(ARGS)

demo: bootstrap ## Start everything, replay some weeks of orders, tell of a delay and of one order (ONCE=1: check, stop, exit)
	@$(BIN)/backorder demo $(if $(ONCE),--once) $(ARGS)

# Runs commands of $(BIN), as many at a time as there are workers; the output of each is shown when it ends, and one that
# fails stops no other. A folder of tests is a run of its own: what one leaves in its event loop cannot slow down
# another's time limits. The longest come first, so that no worker is left with a long one at the end.
define at_once
	@printf '%s\0' $(1) | xargs -0 -n 1 -P $(WORKERS) sh -c 'log=$$(mktemp); code=0; \
	  $(BIN)/$$1 >$$log 2>&1 || code=$$?; echo "$$1"; cat $$log; rm -f $$log; exit $$code' sh
endef
PYTEST := pytest -q $(ARGS)

# Integration tests by the time they take; a folder that is not named here comes after these.
LONGEST := kit protocol allocation
LONG := local kit_web check inventory
SHORT := $(filter-out $(LONGEST) $(LONG),$(notdir $(patsubst %/,%,$(dir $(wildcard tests/integration/*/conftest.py)))))
folders = $(foreach folder,$(1),'$(PYTEST) tests/integration/$(folder)')

# Unit and contract tests in runs of about equal length: each loads what it tests once.
FUZZ := tests/contract/test_http_schemathesis.py
MODELS := $(addprefix tests/unit/,allocation order simulation)
UNITS := '$(PYTEST) $(MODELS)' '$(PYTEST) $(filter-out $(MODELS),$(wildcard tests/unit/*))' \
  '$(PYTEST) $(FUZZ)' '$(PYTEST) tests/contract --ignore $(FUZZ)'

# Those that start a system on the usual ports run one after the other.
SYSTEMS := tests/e2e/replay tests/e2e/demo

test: bootstrap ## Everything CI runs
	$(call at_once,'ruff check .' 'ruff format --check .' lint-imports $(call folders,$(LONGEST)) \
	  '$(PYTEST) $(SYSTEMS) tests/integration/local' $(UNITS) mypy $(call folders,$(filter-out local,$(LONG)) $(SHORT)) \
	  '$(PYTEST) tests/e2e/simulate')
	@$(MAKE) --no-print-directory chaos-run

check: lint types ## Style, types and the rules of who may import whom

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

unit:
	$(call at_once,$(UNITS))

integration:
	$(call at_once,$(call folders,$(LONGEST) $(LONG) $(SHORT)))

e2e:
	$(call at_once,'$(PYTEST) $(SYSTEMS)' '$(PYTEST) tests/e2e/simulate')
	@$(MAKE) --no-print-directory chaos-run

# It has the machine to itself: what it measures is how fast the system recovers.
chaos-run:
	$(BIN)/$(PYTEST) tests/e2e/chaos

test-fast: bootstrap unit ## Unit and contract tests only

chaos: bootstrap ## Kill everything at random under load, then check every promise (KILLS=60 SEED=n RATE=15 FREEZE=20 PLANT=inbox)
	@$(BIN)/python -m backorder_verify.chaos --kills $(or $(KILLS),60) $(if $(SEED),--seed $(SEED)) \
	  $(if $(RATE),--rate $(RATE)) $(if $(FREEZE),--freeze $(FREEZE)) $(if $(PLANT),--plant $(PLANT)) $(ARGS)

mutants: bootstrap ## Plant each defect of docs/testing.md and expect its tests to fail (ONLY=name,name)
	@$(BIN)/python -m backorder_verify.mutants $(if $(ONLY),--only $(ONLY)) $(ARGS)

bench: bootstrap ## Measure against floors of the same run; writes bench.json (ROWS=relay,fill-100k: only these)
	@$(BIN)/python -m tests.bench $(if $(ROWS),--rows $(ROWS)) $(ARGS)

audit: bootstrap ## Write the bill of materials (dist/), and look up known vulnerabilities where the index is reachable
	@$(PYTHON) scripts/audit $(ARGS)

fmt: bootstrap ## Put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
