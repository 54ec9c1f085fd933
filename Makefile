# Everything a contributor or CI does, as one word each. Nothing has to be installed before
# but Python 3.11 or newer, git and make; uv is used if it is on the PATH, else venv and pip.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
REMOTES := s3 gs azure ssh
# An extra that was once asked for stays: later calls need not name it again.
CHOSEN := $(filter $(EXTRAS) $(notdir $(wildcard $(STAMPS)/*)),$(REMOTES))
LISTS := build run $(CHOSEN) test check

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help
QUIET := $(shell [ -t 2 ] || echo --quiet)
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# Where it is set, each of the many commands that demo and tests start compiles Assay anew.
unexport PYTHONDONTWRITEBYTECODE
# Through the environment: a tag's name may hold what a shell would run.
export VERSION TAG SEED

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: setup ## Run the whole flow on real flights, in a clone of its own under build/demo
	@$(PY) scripts/demo.py

.PHONY: image
image: ## Build the images assay:score and assay:full (BASE=...; ARGS="--target score"; docs/image.md)
	@$(PYTHON) scripts/image.py $(if $(BASE),--base "$(BASE)") $(ARGS)

##@ Develop

.PHONY: test
test: setup ## Run the tests (ARGS="-k name" picks some)
	@$(PY) $(if $(ARGS),-m pytest $(ARGS),scripts/suite.py)

.PHONY: deep
deep: setup ## Draw 1,000 random examples of each general property, from a seed (SEED=7; ARGS=tests/store)
	@seed="$${SEED:-$$RANDOM}"; echo "make deep SEED=$$seed draws these examples again"; \
	$(PY) -m pytest -m hypothesis --hypothesis-profile deep --hypothesis-seed "$$seed" $(or $(ARGS),tests) || \
	{ code=$$?; echo "make deep SEED=$$seed draws these examples again" >&2; exit $$code; }

.PHONY: quick
quick: setup ## Run the tests and checks that a change touches, in under three minutes
	@$(PY) -m scripts.quick

.PHONY: test-workflows
test-workflows: setup ## Run workflows and schedules as their platforms would (ARGS="-k promote")
	@$(PY) -m pytest tests/workflows $(ARGS)

.PHONY: dist
dist: setup ## Build wheel, sdist and the list of what they bring (CycloneDX) into dist/
	@rm -rf dist
	@$(PY) -m hatchling build --directory dist >/dev/null
	@$(PY) -m scripts.sbom dist
	@ls dist

.PHONY: release
release: setup ## Write a version into the files that name it (VERSION=0.2.0; nothing is committed)
	@$(PY) -m scripts.release "$$VERSION"

.PHONY: release-check
release-check: setup ## Say whether this tree is the version of a tag (TAG=v0.2.0); its news go to build/notes.md
	@$(PY) -m scripts.release --check "$$TAG" --notes build/notes.md

.PHONY: wheel
wheel: dist ## Install the built wheel in an environment of its own, and train a small model with it
	@$(PY) -m scripts.try_wheel dist

.PHONY: test-image
test-image: setup ## Build the images on a base made from Debian's packages, and score a night in one
	@$(PY) -m pytest tests/image $(ARGS)

.PHONY: coverage
coverage: setup ## Run the tests and show what they cover, which takes a third longer
	@mkdir -p build/coverage && rm -f build/coverage/data*
	@$(PY) $(if $(ARGS),-m coverage run -m pytest $(ARGS),scripts/suite.py coverage run)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

.PHONY: chaos
chaos: setup ## Kill a hundred scoring runs at random moments (TRIALS=10; ARGS=--interrupt for Ctrl-C)
	@$(PY) -m tests.chaos --trials $(or $(TRIALS),100) $(ARGS)

.PHONY: year
year: setup ## Live a year of a team's life, made up from a seed (SEED=1; ARGS="--years 100")
	@$(PY) -m tests.life --seed $(or $(SEED),1) $(ARGS)

.PHONY: endings
endings: setup ## Run each command 200 times: all must end well, none by a signal (RUNS=20)
	@$(PY) -m tests.endings --runs $(or $(RUNS),200) $(ARGS)

.PHONY: spark-versions
spark-versions: setup ## Run the tests of Spark with each version of it that was tried (ARGS="4.0.5")
	@$(PY) -m scripts.spark_versions $(ARGS)

.PHONY: faults
faults: setup ## Fail and kill commands at each of their file-system calls (needs cc; ARGS="--every 5")
	@$(PY) -m tests.faults --report reports/faults/README.md $(ARGS)

.PHONY: parity
parity: setup ## Hold both carriers' scores of July to December against scikit-learn's (after demo)
	@$(PY) -m tests.parity $(ARGS)

.PHONY: season
season: setup ## Score, monitor and label July to December in the demonstration's clone (after demo)
	@$(PY) scripts/season.py

.PHONY: pictures
pictures: setup ## Take the documentation's pictures anew (after demo; the front page's after season)
	@$(PY) -m scripts.pictures

.PHONY: recording
recording: setup ## Type docs/start.md into a terminal, and keep docs/images/tutorial.cast and .svg (minutes)
	@$(PY) -m scripts.record_tutorial

.PHONY: mutants
mutants: setup ## Change code in small ways and see that tests notice (all of the gate; ROOM=store N=60)
	@$(PY) -m scripts.mutants $(if $(ROOM),--room $(ROOM)) $(if $(N),--sample $(N)) $(ARGS)

.PHONY: docs
docs: setup ## Build the pages as a site with search into build/site; a link that leads nowhere fails
	@$(PY) -m scripts.site
	@echo "python3 -m http.server --directory build/site"

.PHONY: bench
bench: setup ## Measure speed and memory against named peers (BENCH_ROWS=2000000 for a quick look)
	@$(PY) -m benchmarks $(if $(BENCH_ROWS),--rows $(BENCH_ROWS)) $(ARGS)

.PHONY: simulate
simulate: setup ## Hold the gate's answers against populations that are known (TRIALS=200 for a quick look)
	@$(PY) -m benchmarks.gate_simulation $(if $(TRIALS),--trials $(TRIALS)) $(ARGS)

.PHONY: simulate-alerts
simulate-alerts: setup ## Count false alarms, and how soon planted shifts are found (YEARS=50 for a quick look)
	@$(PY) -m benchmarks.alert_simulation $(if $(YEARS),--years $(YEARS)) $(ARGS)

.PHONY: check
check: lint types arch ## Run the three checks below

.PHONY: lint
lint: setup ## Style and likely bugs (ruff), and workflows that could be abused (zizmor)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@zizmor --offline --quiet --no-progress .github/workflows

.PHONY: types
types: setup ## Types, strictly, in pipeline/assay/ (mypy)
	@$(PY) -m mypy

.PHONY: arch
arch: setup ## Which module may import which (import-linter)
	@lint-imports

.PHONY: format
format: setup ## Rewrite the code in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: pins
pins: ## Compile requirements/*.txt from pyproject.toml (needs uv; UPGRADE=1 for newer versions)
	@[ -n "$(UV)" ] || { echo "make pins needs uv: pipx install uv" >&2; exit 1; }
	@compile() { \
		out="requirements/$$1.txt"; shift; \
		"$(UV)" pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
			--generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command "make pins" $(if $(UPGRADE),--upgrade) \
			-c requirements/bounds.in \
			--output-file "$$out" "$$@" >/dev/null; \
		echo "$$out: $$(grep -c '^[a-z].*==' "$$out") packages"; \
	}; \
	compile run pyproject.toml --extra all; \
	known=(-c requirements/run.txt); \
	for extra in $(REMOTES); do \
		compile "$$extra" pyproject.toml --extra "$$extra" "$${known[@]}"; \
		$(PYTHON) -m scripts.new_pins requirements/run.txt "requirements/$$extra.txt"; \
		known+=(-c "requirements/$$extra.txt"); \
	done; \
	compile build --group build "$${known[@]}"; \
	compile test --group test --group reference "$${known[@]}" -c requirements/build.txt; \
	compile check --group check "$${known[@]}" -c requirements/test.txt

.PHONY: clean
clean: ## Delete .venv, build/ and caches; data and models that DVC made stay
	@rm -rf "$(VENV)" build dist .assay .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Set up (the others do it by themselves)

# Only one make at a time sets up: a second one waits for the lock, then finds the work done.
.PHONY: setup
setup: ## Make .venv with the pinned packages and assay itself (EXTRAS="s3": and a DVC remote's)
	@[ -z "$(filter-out $(REMOTES),$(EXTRAS))" ] || { \
		echo "no such extra: $(filter-out $(REMOTES),$(EXTRAS)); EXTRAS takes some of: $(REMOTES)" >&2; \
		exit 1; }
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "'$(PYTHON)' was not found; name a Python 3.11 or newer: make setup PYTHON=python3.12" >&2; \
		exit 1; }
	@mkdir -p build
	@$(PYTHON) -c "$$TAKE_TURNS" build/setup.lock $(MAKE) --no-print-directory .install

define TAKE_TURNS
import os, sys
if sys.version_info < (3, 11):
    sys.exit("Assay needs Python 3.11 or newer, '$(PYTHON)' is %d.%d; name another one: "
             "make setup PYTHON=python3.12" % sys.version_info[:2])
import fcntl
lock = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
os.set_inheritable(lock, True)  # held until the last process that inherits it has ended
fcntl.flock(lock, fcntl.LOCK_EX)
os.execvp(sys.argv[2], sys.argv[2:])
endef
export TAKE_TURNS

# uv and pip read the same hashed lists. Packages that are published as source only are built
# with the pinned tools of requirements/build.txt: nothing unpinned is fetched on the side.
# A stamp is written after the step it stands for, so what was cut short is done again.
ifneq ($(UV),)
NEW_VENV = "$(UV)" venv --quiet --no-python-downloads --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" "$(VENV)"
INSTALL = "$(UV)" pip install $(QUIET) --python "$(PY)"
else
NEW_VENV = $(PYTHON) -m venv "$(VENV)"
# What is imported is compiled then, by uv as by pip: most modules never are.
INSTALL = $(PY) -m pip install $(QUIET) --disable-pip-version-check --no-input --no-compile
endif

.PHONY: .install
.install: $(STAMPS)/assay
	@:

$(PY):
	@rm -rf "$(VENV)"
	@$(NEW_VENV) || { rm -rf "$(VENV)"; \
		echo "'$(PYTHON)' cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; }

$(LISTS:%=$(STAMPS)/%): $(STAMPS)/%: requirements/%.txt $(PY)
	@mkdir -p $(STAMPS)
	@echo "Installing requirements/$*.txt$(if $(filter run,$*), (the first time it downloads about 900 MB))"
	@$(if $(UV),,$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null)
	@$(INSTALL) --require-hashes --no-deps --no-build-isolation -r $<
	@touch $@

$(filter-out %/build,$(LISTS:%=$(STAMPS)/%)): | $(STAMPS)/build

$(STAMPS)/assay: pyproject.toml $(LISTS:%=$(STAMPS)/%)
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
