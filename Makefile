# Everything runs inside .venv, made from Python 3.11 and constraints.txt.
PYTHON ?= python3.11
BIN := .venv/bin
# Tests run on this many processes.
JOBS ?= 2
# Keeps the log of the training engine to faults.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help environment demo test bench docs clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | \
		awk -F':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

environment: .venv/.installed  ## make .venv with everything in it

demo: environment  ## open the app on the shipped results (HOST=0.0.0.0: to the network)
	$(BIN)/equipoise app $(if $(HOST),--host $(HOST))

test: environment  ## run every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile \
		--no-loadscope-reorder

bench: environment  ## print the table of speed and memory
	$(BIN)/python -m bench.run

docs: environment  ## write the results in README and docs anew, from the shipped runs
	$(BIN)/python -m docs.blocks

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

# A stamp, and not the folder: an installation that broke off is taken up again.
.venv/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
		echo "Equipoise needs Python 3.11: $(PYTHON) was not found." \
			"Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
		-c constraints.txt -e '.[dev]'
	@touch $@
