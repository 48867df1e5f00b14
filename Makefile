# The commands of CONTRIBUTING.md. What is not there yet is installed into .venv first.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install test quick lint format run

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

install:  ## make .venv with all that tests and checks need
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -e '.[dev]'

test: $(BIN)/pytest  ## run every test (fetches about 1.2 GB of models once)
	$(BIN)/python -m pytest

quick: $(BIN)/pytest  ## run the tests that need no model and no browser
	$(BIN)/python -m pytest -m "not model and not browser"

lint: $(BIN)/ruff  ## check style, form and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/ruff  ## write the form that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

run: $(BIN)/rag  ## open the chat
	$(BIN)/python ui.py

$(BIN)/pytest $(BIN)/ruff $(BIN)/rag:
	$(MAKE) install
