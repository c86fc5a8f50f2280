# The commands people type. The tools do the work: uv, ruff, mypy, import-linter, pytest, backorder.

# Some machines forbid bytecode: imports then take four times as long at every start.
export PYTHONDONTWRITEBYTECODE =
export UV_COMPILE_BYTECODE = 1

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help bootstrap up down status demo test test-fast check lint types fmt unit integration e2e chaos bench

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

# Runs pytest on those of the named folders that exist; a folder without tests is no failure.
define pytest
	@folders=""; for folder in $(1); do [ -d $$folder ] && folders="$$folders $$folder"; done; \
	if [ -z "$$folders" ]; then echo "no tests yet in $(1)"; else \
	  echo "pytest$$folders $(2)"; code=0; $(BIN)/pytest $$folders $(2) $(ARGS) || code=$$?; \
	  [ $$code -eq 5 ] && code=0; exit $$code; fi
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
	$(call pytest,tests/unit tests/contract,-q -n $(WORKERS))

# A run for each folder: what one leaves in its event loop cannot slow down another's time limits. Several processes
# save for those whose tests start whole systems of their own.
integration:
	@for folder in tests/integration/*/; do \
	  ls $$folder/test_*.py >/dev/null 2>&1 || continue; \
	  case $$folder in */check/|*/images/|*/local/) more=;; *) more="-n $(WORKERS)";; esac; \
	  echo "pytest $$folder $$more"; $(BIN)/pytest $$folder -q $$more $(ARGS) || exit 1; done

e2e:
	$(call pytest,tests/e2e,-q --durations=10)

test-fast: bootstrap ## Unit and contract tests only
	$(call pytest,tests/unit tests/contract,-q -n $(WORKERS))

chaos: bootstrap ## Kill everything at random under load, then check every promise (KILLS=60 SEED=n RATE=15 FREEZE=20 PLANT=inbox)
	@$(BIN)/python -m backorder_verify.chaos --kills $(or $(KILLS),60) $(if $(SEED),--seed $(SEED)) \
	  $(if $(RATE),--rate $(RATE)) $(if $(FREEZE),--freeze $(FREEZE)) $(if $(PLANT),--plant $(PLANT)) $(ARGS)

bench: bootstrap ## Measure against floors of the same run; writes bench.json (ROWS=relay,fill-100k: only these)
	@$(BIN)/python -m tests.bench $(if $(ROWS),--rows $(ROWS)) $(ARGS)

fmt: bootstrap ## Put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
