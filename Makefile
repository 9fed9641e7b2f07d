# `make` alone lists what there is. `make demo` and `make test` set up what they need, once.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Twice quiet: errors only. setuptools warns of every editable install.
INSTALL_US = $(PIP) install -qq --no-deps --no-build-isolation --editable .
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --quiet --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test check bench pages lock clean chromium postgresql
.DELETE_ON_ERROR:

help: ## Lists these targets
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

demo: .venv/runtime.stamp ## Starts the service with a mock EHR and teaching cases (options: ARGS="--port 9000")
	$(BIN)/second-opinion demo $(ARGS)

test: .venv/dev.stamp chromium postgresql ## Runs the tests (some only: ARGS="-k browser")
	$(BIN)/python -m pytest $(ARGS)

check: .venv/dev.stamp chromium postgresql ## Runs what a push needs: format, lint, types, layers, tests with full coverage
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest --cov --cov-branch --cov-fail-under=100

bench: .venv/dev.stamp ## Measures the speed of the assessment
	$(BIN)/python -m benchmarks $(ARGS)

pages: .venv/dev.stamp ## Writes docs/rules/*.md anew from rules, vignettes and value sets
	$(BIN)/python -m docs.generate

lock: .venv/dev.stamp ## Renews requirements/*.txt from pyproject.toml (newer versions: ARGS=--upgrade)
	$(PIP) install --quiet uv
	$(LOCK) $(ARGS) --group build --output-file requirements/runtime.txt
	$(LOCK) $(ARGS) --group dev --extra opentelemetry --constraints requirements/runtime.txt --output-file requirements/dev.txt

clean: ## Removes the environment and everything generated
	rm -rf .venv build dist *.egg-info .coverage .coverage.* htmlcov .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# The development packages include those of the demo, in the same versions: either stamp will do for it.
.venv/runtime.stamp: pyproject.toml requirements/runtime.txt | .venv/pyvenv.cfg
	$(PIP) install --quiet --require-hashes --requirement requirements/runtime.txt
	$(INSTALL_US)
	@touch $@

.venv/dev.stamp: pyproject.toml requirements/dev.txt | .venv/pyvenv.cfg
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	$(INSTALL_US)
	@touch $@ .venv/runtime.stamp

# The browser tests look for one of these names on the PATH. In CI they must not be left out silently.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq
chromium:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null && $(SUDO) true 2>/dev/null; then \
		echo "Installing Chromium for the browser tests ..."; \
		$(APT) update && $(APT) install --yes --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "No browser for the browser tests: install Chromium or Google Chrome so that one of these is on the PATH:" >&2; \
	echo "  $(BROWSERS)" >&2; \
	test "$$CI" != true

# The tests of the journal start a server of their own from these programs; Debian keeps them off the PATH.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null && exit 0; \
	if command -v apt-get >/dev/null && $(SUDO) true 2>/dev/null; then \
		echo "Installing PostgreSQL for the tests of the journal ..."; \
		$(APT) update && $(APT) install --yes --no-install-recommends postgresql >/dev/null && exit 0; \
	fi; \
	echo "No PostgreSQL for the tests of the journal: install its server so that initdb is on the PATH." >&2; \
	test "$$CI" != true
