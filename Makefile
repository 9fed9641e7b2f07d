# `make` alone lists what there is. `make demo` and `make test` set up what they need, once.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Twice quiet: errors only. setuptools warns of every editable install.
INSTALL_US = $(PIP) install -qq --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
           --quiet --custom-compile-command "make lock"
LOCK := $(COMPILE) pyproject.toml
LOCK_PEERS := $(COMPILE) benchmarks/peers/requirements.in --output-file benchmarks/peers/requirements.txt

COVERED := --cov --cov-branch --cov-fail-under=100

.DEFAULT_GOAL := help
.PHONY: help demo test check lint bench peers pages screenshots lock clean chromium postgresql redis poppler
.DELETE_ON_ERROR:

help: ## Lists these targets
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

demo: .venv/demo.stamp ## Starts the service with a mock EHR and teaching cases (options: ARGS="--port 9000")
	$(BIN)/second-opinion demo $(ARGS)

test: .venv/dev.stamp chromium postgresql redis poppler ## Runs the tests (some only: ARGS="-k browser")
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

check: lint ## Runs what a push needs: lint, and the tests with full coverage
	$(MAKE) --no-print-directory test ARGS="$(COVERED) $(ARGS)"

lint: .venv/dev.stamp ## Checks format, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/dev.stamp ## Measures speed and memory beside the peers (less than a minute: ARGS=--quick)
	@$(MAKE) --no-print-directory peers || echo "The peers cannot be installed: measured without them." >&2
	$(BIN)/python -m benchmarks $(ARGS)

peers: benchmarks/peers/.venv/peers.stamp ## Installs the peers that `make bench` compares with, in their own environment

pages: .venv/dev.stamp ## Writes docs/rules/*.md anew from rules, vignettes and value sets
	$(BIN)/python -m docs.generate

screenshots: .venv/dev.stamp chromium poppler ## Takes the pictures in docs/images anew (some only: ARGS="review refer")
	$(BIN)/python -m screenshots $(ARGS)

lock: .venv/dev.stamp ## Renews requirements/*.txt from pyproject.toml (newer versions: ARGS=--upgrade)
	$(PIP) install --quiet uv
	$(LOCK) $(ARGS) --group build --output-file requirements/runtime.txt
	$(LOCK_PEERS) $(ARGS)
	$(LOCK) $(ARGS) --group dev --extra opentelemetry --extra sandbox --constraints requirements/runtime.txt --output-file requirements/dev.txt
	$(LOCK) $(ARGS) --group build --extra sandbox --constraints requirements/dev.txt --output-file requirements/demo.txt

clean: ## Removes the environment and everything generated
	rm -rf .venv benchmarks/peers/.venv build dist *.egg-info .coverage .coverage.* htmlcov .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# The development packages include those of the demo, in the same versions: either stamp will do for it.
.venv/demo.stamp: pyproject.toml requirements/demo.txt | .venv/pyvenv.cfg
	$(PIP) install --quiet --require-hashes --requirement requirements/demo.txt
	$(INSTALL_US)
	@touch $@

.venv/dev.stamp: pyproject.toml requirements/dev.txt | .venv/pyvenv.cfg
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	$(INSTALL_US)
	@touch $@ .venv/demo.stamp

PEERS := benchmarks/peers/.venv
$(PEERS)/peers.stamp: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement $<
	@touch $@

# What the tests stand on besides Python. In CI none of it may be left out silently.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq
# $(call needed,what finds it,Debian's package,what to do without apt)
define needed
	@{ $(1); } >/dev/null 2>&1 && exit 0; \
	if command -v apt-get >/dev/null && $(SUDO) true 2>/dev/null; then \
		echo "Installing $(2) for the tests ..."; \
		$(APT) update && $(APT) install --yes --no-install-recommends $(2) >/dev/null && exit 0; \
	fi; \
	echo "$(2) is missing for the tests: $(3)" >&2; \
	test "$$CI" != true
endef

BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
chromium:
	$(call needed,which $(BROWSERS) | grep .,chromium,install Chromium or Google Chrome so that one of $(BROWSERS) is on the PATH.)

postgresql: # Debian keeps its programs off the PATH
	$(call needed,ls /usr/lib/postgresql/*/bin/initdb || which initdb,postgresql,install its server so that initdb is on the PATH.)

redis:
	$(call needed,which redis-server,redis-server,install Redis so that redis-server is on the PATH.)

poppler: # reads the text of our PDFs
	$(call needed,which pdftotext,poppler-utils,install Poppler so that pdftotext is on the PATH.)
