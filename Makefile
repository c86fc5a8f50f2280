# The commands people type. The tools do the work: uv, ruff, mypy, import-linter, pytest, backorder.

# Some machines forbid bytecode: imports then take four times as long at every start.
export PYTHONDONTWRITEBYTECODE =
export UV_COMPILE_BYTECODE = 1

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help bootstrap up down status demo test test-fast check lint types fmt unit integration e2e chaos mutants bench audit

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

demo: bootstrap ## Start everything, replay some weeks of orders, show one order's life (ONCE=1: check, stop, exit)
	@$(BIN)/backorder demo $(if $(ONCE),--once) $(ARGS)

# One pytest run for each folder, as many at a time as there are workers; a run's output is shown when it ends. A folder
# is a run of its own: what one leaves in its event loop cannot slow down another's time limits. The longest come first.
define runs_of_folders
	@printf '%s\n' $(1) | xargs -P $(WORKERS) -I{} sh -c 'log=$$(mktemp); code=0; \
	  $(BIN)/pytest {} -q $(ARGS) >$$log 2>&1 || code=$$?; echo "pytest {}"; cat $$log; rm -f $$log; exit $$code'
endef

test: bootstrap check unit integration e2e ## Everything CI runs

check: lint types ## Style, types and the rules of who may import whom

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

unit:
	$(BIN)/pytest tests/unit tests/contract -q -n $(WORKERS) $(ARGS)

LONG := tests/integration/kit tests/integration/protocol tests/integration/allocation tests/integration/local
integration:
	$(call runs_of_folders,$(LONG) $(filter-out $(LONG),$(patsubst %/,%,$(dir $(wildcard tests/integration/*/conftest.py)))))

# Replay and demo take the usual ports, so they run one after the other. The chaos run has the machine to itself: what it
# measures is how fast the system recovers.
e2e:
	$(call runs_of_folders,'tests/e2e/replay tests/e2e/demo' tests/e2e/simulate)
	$(BIN)/pytest tests/e2e/chaos -q $(ARGS)

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
