# limner's commands. `make demo` and `make test` are all a newcomer needs; both set up what is missing and are safe to repeat or interrupt.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow lint types check weights dist docs setup clean

setup:
	@PYTHON=$(PYTHON) VENV=$(VENV) bash tools/setup.sh

demo: setup
	@$(BIN)/python -m limner.bench.demo

test: setup
	@bash tools/browser.sh
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

test-slow: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow $(ARGS)

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	@$(BIN)/pyright

check: lint types test

weights: setup
	@$(BIN)/python tools/make_weights.py $(ARGS)

# The wheel: the package alone, with its weights. By way of a source archive, so that nothing left in build/ gets in.
dist: setup
	@rm -rf dist && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 1767225600) $(BIN)/python -m build --outdir dist . >/dev/null
	@ls -l dist/*.whl | awk '{ printf "limner: %s, %.1f MB; elsewhere: pip install %s\n", $$NF, $$5 / 1e6, $$NF }'

# The documentation site, into site/: it asks nothing of any other host.
docs: setup
	@$(BIN)/python -c "import material, mkdocstrings_handlers.python" 2>/dev/null || PIP_CONSTRAINT= $(BIN)/python -m pip install -qq "limner[docs]"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@$(BIN)/python tools/check_site.py site && echo "limner: site/index.html"

clean:
	rm -rf $(VENV) site .pytest_cache .ruff_cache build dist limner-out
