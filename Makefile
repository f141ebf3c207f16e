# make demo | test | lint | lock | clean.  PYTHON=python3.12 picks the interpreter of a new .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test lint lock clean
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-emit-package torchferry --quiet

# A venv made by another interpreter than the one asked for by name is made anew.
ifneq ($(origin PYTHON),file)
ifneq ($(shell '$(PYTHON)' -c 'import sys; print(sys.version_info[:2])' 2>&1),$(shell $(BIN)/python -c 'import sys; print(sys.version_info[:2])' 2>&1))
.PHONY: $(INSTALLED)
endif
endif

help:
	@echo "make demo    train, export, archive, serve and predict on this machine"
	@echo "make test    run the tests"
	@echo "make lint    ruff and mypy"
	@echo "make lock    write the lock files from pyproject.toml (needs uv)"
	@echo "make clean   remove .venv"

demo: $(INSTALLED)
	@$(BIN)/python -m benchmarks demo

test: $(INSTALLED)
	@$(BIN)/python -m pytest

lint: $(INSTALLED)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# Hash checking makes pip take the very files that were locked, wherever it finds them.
$(INSTALLED): requirements.lock pyproject.toml
	@command -v '$(PYTHON)' >/dev/null || { echo "torchferry: '$(PYTHON)' is missing; install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "torchferry: '$(PYTHON)' does not run as Python 3.11 or newer; name one that does: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { echo "torchferry: '$(PYTHON)' has no venv module; install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@echo "installing into .venv from requirements.lock (about 6 GB with the CUDA libraries) ..."
	@'$(PYTHON)' -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

lock:
	@command -v uv >/dev/null || { echo "torchferry: 'uv' is missing; pip install uv" >&2; exit 2; }
	@uv pip compile $(LOCK_FLAGS) pyproject.toml --extra dev -o requirements.lock

clean:
	rm -rf .venv
