# What a newcomer needs: `make run`, `make run URL=https://...`, `make check`, `make test`.
# Needs nothing but make and Python 3.11 or later; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
# Files in the order of collection, slow ones first (tests/conftest.py), not in that of their number of tests.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
FIND := for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; done
PYTHON ?= $(shell $(FIND))

.PHONY: run test check lint requirements schemas bench clean

run: $(VENV)/installed
ifdef URL
	@$(BIN)/podcrawler archive $(foreach url,$(URL),'$(url)')
else
	@$(BIN)/python -m sample archive
endif

test: $(VENV)/installed-dev lint
	$(PYTEST)

# Without the slow tests, which run processes of podcrawler.
check: $(VENV)/installed-dev lint
	$(PYTEST) -m 'not slow'

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/installed-dev
	$(BIN)/python -m bench

# The pinned versions, from what pyproject.toml asks for.
requirements: $(VENV)/installed-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-emit-find-links --upgrade pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-emit-find-links --upgrade --extra s3 --constraint requirements.txt pyproject.toml \
		--output-file requirements-s3.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-emit-find-links --upgrade --extra dev --constraint requirements-s3.txt pyproject.toml \
		--output-file requirements-dev.txt

# The JSON Schemas in docs, from podcrawler/store/sidecar.py.
schemas: $(VENV)/installed-dev
	$(BIN)/python -m tests.schemas

$(VENV)/installed: requirements.txt pyproject.toml
	@test -n '$(PYTHON)' || { echo 'podcrawler needs Python 3.11 or later; install it, or name one: make PYTHON=...'; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || \
		{ rm -rf $(VENV); echo 'Python cannot make a virtual environment; on Debian: apt-get install python3-venv'; exit 1; }
	@echo 'Setting up $(VENV) ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
