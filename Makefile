# Two commands do everything on a fresh machine: make sweep, make test. Python 3.11 or newer and make are all they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := UV_FIND_LINKS="$$(echo "$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}" | tr ' ' ',')" $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help sweep test lint clean

help:
	@echo "make sweep   install, then sweep LoRA settings with the embedded defaults (no GPU needed)"
	@echo "make test    install, then ruff, mypy, lint-imports and pytest"
	@echo "make clean   remove .venv (mlruns/ and the caches stay)"

sweep: $(VENV)/.run
	$(BIN)/harness sweep search_spaces/quickstart.yaml

# A worker per core of a small machine; tests/conftest.py hands out the long files first. Plain pytest runs all in one process.
test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=20

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The stamps name what was installed from; a changed file installs again.
$(VENV)/.run: $(BIN)/uv pyproject.toml constraints.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[quickstart]'
	@touch $@

$(VENV)/.dev: $(BIN)/uv pyproject.toml constraints.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[quickstart,dev]'
	@touch $@ $(VENV)/.run

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, found " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv

clean:
	rm -rf $(VENV)
