# Everything runs inside .venv, made from constraints.txt and the newest of these that
# runs and can make an environment: one without ensurepip or behind a shim cannot.
PYTHONS := python3.13 python3.12 python3.11
PYTHON ?= $(shell for one in $(PYTHONS); do \
	$$one -c 'import ensurepip, venv' 2>/dev/null && echo $$one && break; done)
BIN := .venv/bin
# Tests run on this many processes.
JOBS ?= 2
# Keeps the log of the training engine to faults.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help environment demo test bench messages docs pictures clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | \
		awk -F':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

environment: .venv/.installed  ## make .venv with everything in it

demo: environment  ## open the app on the shipped results (HOST=0.0.0.0: to the network; PORT=8600)
	$(BIN)/equipoise app $(if $(HOST),--host $(HOST)) $(if $(PORT),--server.port=$(PORT))

test: environment  ## run every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile \
		--no-loadscope-reorder

bench: environment  ## print the table of speed and memory
	$(BIN)/python -m bench.run

messages: environment  ## bring the catalogues of translations up to date
	$(BIN)/python -m core.language.catalogue

docs: environment  ## write the results in README and docs anew, from the shipped runs
	$(BIN)/python -m docs.blocks

pictures: environment  ## take the pictures of README and docs anew; needs Chromium
	$(BIN)/python -m docs.pictures

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

# A stamp, and not the folder: an installation that broke off is taken up again, with
# the Python that it began with.
.venv/.installed: pyproject.toml constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Equipoise needs Python 3.11, 3.12 or 3.13 with its venv module." \
			"Not found: $(or $(PYTHON),$(PYTHONS)). Install one, or name it:" \
			"make PYTHON=/path/to/python3.13" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "Installing the packages into .venv: some minutes, and about 4 GB."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
		-c constraints.txt -e '.[dev]'
	@touch $@
