# Everything a developer or a newcomer runs. Each goal sets up what it needs; the second time that takes no time.
# The goals name no file, and all paths are relative: the folder may have a space in its name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The Python that makes the virtual environment.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)

# Unbuffered: long work tells how far it is, also into a file.
RUN := .venv/bin/python -u
BOOTSTRAP := "$(PYTHON)" -m scripts.bootstrap
# The tests need a browser; who looks on, or breaks things, does not.
FOR := --for-test
demo chaos: FOR :=

.PHONY: help setup lint check test demo bench bench-peers chaos conformance fuzz proto clean

help: ## show the goals
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

setup: ## system packages, virtual environment, jars
	@$(BOOTSTRAP) $(FOR)

lint: setup
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@.venv/bin/lint-imports --no-logo

check: lint ## lint, types, import order, the house's own rules: seconds
	@$(RUN) -m pytest -q tests/house

test: lint ## all that a change must pass, with the engine and the whole stack: minutes
	@mvn -B -q -f engine/pom.xml test
	@$(RUN) -m pytest

demo: setup ## train, publish, stream, shift traffic on real handwritten digits
	@$(RUN) examples/demo.py

bench: ## the table of docs/performance.md
	@$(BOOTSTRAP) --for-bench
	@$(RUN) -m benchmarks

bench-peers: ## the gateway beside the servers that others wrote, by turns; installs them into .cache
	@$(BOOTSTRAP) --for-bench
	@$(RUN) -m benchmarks.doors $(ARGUMENTS)

chaos: setup ## kill, stop and spoil parts at random under load for 30 minutes; nothing may be lost
	@$(RUN) -m benchmarks.chaos

conformance: setup ## clients that others wrote, unmodified, against the whole stack
	@$(RUN) -m pytest tests/conformance

fuzz: setup ## bad requests to all doors, a good one beside each, for ten minutes or so
	@POINTSMAN_FUZZ=100000 $(RUN) -m pytest -s tests/e2e/test_fuzz.py

proto: setup ## regenerate functions/pointsman/pb from proto/
	@$(RUN) -m scripts.proto functions

clean: ## remove what was built; the virtual environment stays
	@rm -rf engine/target engine/job/target engine/broker/target .cache dist benchmarks/build
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
