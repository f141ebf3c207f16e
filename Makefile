# make install | demo | check | test | lint | lock | clean.  PYTHON=python3.12 picks the interpreter of a new .venv.
.DEFAULT_GOAL := help
.PHONY: help install demo check test lint style types lock clean test-quick test-servers test-serial
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-package torchferry --quiet

# A .venv made by another Python than the one that is named is made anew.
VERSION_OF = $(shell { '$(1)' -c 'import sys; print(*sys.version_info[:2])'; } 2>/dev/null)
ifneq ($(origin PYTHON),file)
ifneq ($(call VERSION_OF,$(PYTHON)),$(call VERSION_OF,$(BIN)/python))
.PHONY: $(INSTALLED)
endif
endif

help:
	@echo "make install the environment in .venv; all others make it if it is missing"
	@echo "make demo    train, export, archive, serve and predict on this machine"
	@echo "make check   lint, types and the quick tests, which start no server; for while you work"
	@echo "make test    every test"
	@echo "make lint    ruff and mypy"
	@echo "make lock    write the lock files from pyproject.toml (needs uv)"
	@echo "make clean   remove .venv"

install: $(INSTALLED)

demo: $(INSTALLED)
	@$(BIN)/python -m torchferry demo

# Tests say by markers what they start (tests/README.md); what measures time, or offers load to measure it, runs alone.
CORES := $(shell nproc)
WORKERS ?= $(CORES)
STARTERS := server or torchrun or container or slow
PYTEST := $(BIN)/python -m pytest
COVERAGE ?=
# Every test process would compile our sources again, and pytest rewrite every test.
unexport PYTHONDONTWRITEBYTECODE

check: $(INSTALLED)
	@$(MAKE) -j2 --output-sync=target lint test-quick

test: $(INSTALLED)
	@$(MAKE) test-quick
	@$(MAKE) test-servers
	@$(MAKE) test-serial

test-quick: $(INSTALLED)
	@$(PYTEST) -n $(WORKERS) -m "not ($(STARTERS) or serial or sweep)" $(COVERAGE)

test-servers: $(INSTALLED)
	@$(PYTEST) -n $$(($(WORKERS) + 1)) -m "($(STARTERS)) and not (serial or sweep)"  # one more: they also wait

test-serial: $(INSTALLED)
	@$(PYTEST) -m "serial and not sweep"

lint: style types

style: $(INSTALLED)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(INSTALLED)
	@$(BIN)/mypy

define refuse
{ echo "torchferry: $(1)" >&2; exit 2; }
endef
ANOTHER := name one with make PYTHON=python3.12

# Of pip's many lines one for each ten packages that it has fetched, and one for the end, which takes as long again.
PROGRESS := awk -v all="$$(grep -c '^[a-zA-Z].*==' requirements.lock)" '\
	/^Collecting/ && ++n % 10 == 0 { print "  " n " of about " all " packages fetched"; fflush() } \
	/^Installing collected/ { print "  unpacking all of them ..."; fflush() }'

# Hash checking makes pip take the very files that were locked, wherever it finds them. The lock has all dependencies; pip, left to
# look for them, stops at one that is wanted with an extra, once there is a newer release than the locked one.
$(INSTALLED): requirements.lock
	@command -v '$(PYTHON)' >/dev/null || $(call refuse,'$(PYTHON)' is missing; install Python 3.11 or newer or $(ANOTHER))
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(call refuse,'$(PYTHON)' does not run as Python 3.11 or newer; $(ANOTHER))
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || $(call refuse,'$(PYTHON)' has no venv module; install it (Debian: apt install python3-venv))
	@echo "installing into .venv from requirements.lock (about 6 GB with the CUDA libraries) ..."
	@rm -rf .venv
	@'$(PYTHON)' -m venv .venv
	@set -o pipefail; $(BIN)/python -m pip install --progress-bar off --disable-pip-version-check --no-deps --require-hashes -r requirements.lock | $(PROGRESS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

lock:
	@command -v uv >/dev/null || $(call refuse,'uv' is missing; pip install uv)
	@uv pip compile $(LOCK_FLAGS) pyproject.toml --extra dev -o requirements.lock
	@uv pip compile $(LOCK_FLAGS) -c requirements.lock pyproject.toml --extra train -o docker/train.lock
	@uv pip compile $(LOCK_FLAGS) -c requirements.lock pyproject.toml --extra serve -o docker/torchserve.lock
	@uv pip compile $(LOCK_FLAGS) -c requirements.lock pyproject.toml --extra onnx-server --extra fast-grpc -o docker/onnx-server.lock
	@uv pip compile $(LOCK_FLAGS) -c requirements.lock pyproject.toml --extra signing -o docker/signing.lock
	@uv pip compile $(LOCK_FLAGS) -c requirements.lock docker/build.in -o docker/build.lock

clean:
	rm -rf .venv
