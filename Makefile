# Commands for people and for CI; docs/guide/develop.md tells what each does.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help run test test-full check lint deps lab bench pictures lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ingestd needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: $(STAMP) ## Start the station with a simulated recorder (Ctrl-C stops it)
	@$(BIN)/ingestd run --simulate --config config/ingestd.toml

# Compiled once here and not in each of the thousand programs that the tests start, where writing bytecode is forbidden.
test: $(STAMP) ## Run the tests that need nothing but Python
	@$(BIN)/python -m compileall -q ingestd tests
	$(BIN)/python -m pytest -n 3

check: $(STAMP) ## Types, style, import contracts, tests: what CI runs
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 3

lint: $(STAMP) ## Types, style and import contracts only
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

deps: ## Install what the full tests need beyond Python (Debian, as root)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends umockdev udev systemd e2fsprogs util-linux coreutils procps gcc libc6-dev chromium-headless-shell fonts-wqy-microhei poppler-utils libimage-exiftool-perl slapd >/dev/null
	# An S3 server that really refuses what a lock forbids; nothing from PyPI does.
	apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd ceph-common >/dev/null

test-full: $(STAMP) ## Run all tests; nothing may be skipped for want of a tool
	INGESTD_FULL=1 $(BIN)/python -m pytest -n 3

lab: $(STAMP) ## Power cuts and a virtual dock with real hot-plug (long, as root; outside CI)
	INGESTD_LAB=1 $(BIN)/python -m pytest tests/lab

bench: $(STAMP) ## Measure, paired against the tools a user would take instead
	$(BIN)/python -m bench

pictures: $(STAMP) ## Take the guide's pictures of the screens anew (needs Chromium)
	INGESTD_PICTURES=1 $(BIN)/python -m pytest -n 1 tests/test_journey*.py

lock: ## Resolve and pin all dependencies anew
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## Remove what was built (never var/)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
