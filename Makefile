# `make` alone lists the targets. Everything runs in .venv, which `setup` makes and keeps up to date.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.ready

# Tests and benchmarks start dozens of processes: without bytecode each would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo notebooks docs test soak check format bench conformance wheel server coverage clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## Make .venv with the package and what its tests need

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## Prepare two account briefs: the main job, without keys or network
	$(BIN)/python -m graphs.account_brief

notebooks: $(STAMP) ## Run every notebook from a clean kernel, without keys or network
	$(BIN)/python -m notebooks

docs: $(STAMP) ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest

soak: $(STAMP) ## Run the long forms of tests: a million calls, hundreds of killed processes
	$(BIN)/python -m pytest -m soak -o log_cli=true --log-cli-level=INFO

check: $(STAMP) ## Format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(STAMP) ## Rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure against LangChain's and LangGraph's own parts, as ratios
	$(BIN)/python -m benchmarks

conformance: $(STAMP) ## Run langgraph's own tests of ToolNode against ToolFanOut
	$(BIN)/python -m pytest -n 0 -m conformance -rs tests/nodes/test_conformance.py

wheel: $(STAMP) ## Build the wheel and try it in empty environments, with each extra alone
	$(BIN)/python -m pytest -n 1 -m wheel tests/test_wheel.py

server: .venv-server/.ready ## Make .venv-server with the LangGraph server, for `langgraph dev` and the test that starts it

.venv-server/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-server
	.venv-server/bin/python -m pip install --quiet --disable-pip-version-check 'langgraph-cli[inmem]' -e '.[models]'
	@touch $@

coverage: $(STAMP) ## Run the tests; in core, governed and handlers every branch has to be reached
	$(BIN)/python -m pytest tests/core tests/governed tests/handlers tests/selection/test_reward.py $(foreach part,core governed handlers,--cov=salesboost_tools.$(part)) --cov-branch --cov-report=term-missing --cov-fail-under=100

clean: ## Remove what the other targets made
	rm -rf .venv .venv-server .langgraph_api .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist build site
