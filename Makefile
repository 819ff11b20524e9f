# Two commands matter: `make demo` and `make test`. Each works alone on a fresh clone.

VENV ?= .venv
# The Python that makes the environment; .ci/find-python chooses one unless this says which.
PYTHON ?=
RESULTS ?= results/demo
UPGRADE ?=
# Of `make fuzz`: what is tried, and where it goes on.
OF ?= configurations requests
SEED ?= 1
FIRST ?= 0

BIN := $(VENV)/bin
LOCKED := $(VENV)/.simkit-locked
READY := $(VENV)/.simkit-ready
PIP_INSTALL := $(BIN)/python -m pip install -qq --no-compile
# What the tests talk to. nginx lies outside a plain user's PATH on Debian.
PROGRAMS := nginx openssl curl wget haproxy apache2 chromium firefox-esr gobuster ffuf prometheus-blackbox-exporter
# What verify-clients talks to as well, as Debian's packages have it.
MORE_PROGRAMS := golang-go openjdk-17-jdk-headless libokhttp-java libhttpclient-java nodejs ruby \
    newsboat
export PATH := $(PATH):/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
MAKEFLAGS += --no-print-directory

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo lab bench sim-to-real test test-all lint types tests fuzz verify-long verify-clients notebooks programs setup lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## set up, compare the shipped policies on the default scenario
	@$(BIN)/simkit compare --out $(RESULTS)
	@echo
	@echo "The numbers and figures behind this table are in $(RESULTS)/."
	@echo "Next: 'make lab' opens the course at notebooks/00-start-here.ipynb; README.md says"
	@echo "what the columns mean; '$(BIN)/simkit --help' takes your own nginx.conf and access log."

lab: $(READY) ## set up, open JupyterLab on the first notebook
	$(BIN)/jupyter lab notebooks/00-start-here.ipynb

test: lint types tests notebooks ## set up, then lint, types, tests and notebooks

test-all: ## make test on each of Python 3.11, 3.12 and 3.13 that this machine has
	@tested=; for version in 3.11 3.12 3.13; do \
	    if python=$$(.ci/find-python $$version); then \
	        echo "== Python $$version"; \
	        $(MAKE) test VENV=.venv-$$version PYTHON="$$python" || exit 1; \
	        tested="$$tested $$version"; \
	    fi; \
	done; \
	echo "tested on Python:$${tested:- none}"; test -n "$$tested"

lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy --strict
	$(BIN)/mypy simkit tests

# What meets live servers and browsers runs alone, for it listens to the clock.
tests: $(READY) programs ## pytest
	$(BIN)/python -m pytest tests --ignore=tests/live -n logical --maxprocesses 4 --dist worksteal
	$(BIN)/python -m pytest tests/live

fuzz: $(READY) ## a million hostile configurations and requests (OF=, SEED= and FIRST= go on)
	@for target in $(OF); do \
	    $(BIN)/python -m tests.fuzz.campaign $$target --seed $(SEED) --first $(FIRST) \
	        --until 500000 || exit 1; \
	done

verify-long: $(READY) programs ## 50,000 generated pairs and long timed traces on a live nginx
	SIMKIT_GENERATED=2500 HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest \
	    --hypothesis-show-statistics tests/policy/test_generated_live.py
	SIMKIT_TIMED=20 $(BIN)/python -m pytest tests/live/test_timed.py

verify-clients: $(READY) programs ## every client of the catalogue on a live nginx, for minutes
	@echo "This takes what Debian has in $(MORE_PROGRAMS)"
	SIMKIT_CLIENTS=all $(BIN)/python -m pytest tests/live/clients

notebooks: $(READY) ## run every notebook and compare its outputs
	$(BIN)/python -m tests.notebook_gate notebooks
	$(BIN)/python -m pytest --nbval notebooks

programs:
	@for program in $(PROGRAMS); do \
	    command -v $$program >/dev/null || { \
	        echo "the tests talk to a live $$program, which is not installed" \
	             "(on Debian and Ubuntu: apt-get install $(PROGRAMS))" >&2; exit 1; }; \
	done

bench: $(READY) ## measure speed and memory (takes a while), write data/benchmark
	@$(BIN)/simkit bench --out data/benchmark

sim-to-real: $(READY) ## a crowd on a live nginx and simulated (over an hour), into data/sim-to-real
	@$(BIN)/simkit sim-to-real --out data/sim-to-real

setup: $(READY) ## make the environment in .venv and install simkit into it

$(LOCKED): requirements.lock
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    python="$(or $(PYTHON),$$(.ci/find-python))" && \
	    echo "Making $(VENV) with $$python" && "$$python" -m venv --clear $(VENV); }
	@echo "Installing what requirements.lock names; the first time takes about a minute"
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@touch $@

# The lock holds the build backend too, so nothing is downloaded here.
$(READY): pyproject.toml $(LOCKED)
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

lock: $(READY) ## write requirements.lock anew (UPGRADE=1 moves every pin)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	    --fork-strategy fewest --generate-hashes --no-emit-index-url --no-config --quiet \
	    --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) -o requirements.lock

clean: ## remove environments and caches, keep results
	rm -rf .venv .venv-* build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find simkit tests -name __pycache__ -prune -exec rm -rf {} +
