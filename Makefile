# Everything a person or CI does with this project. `make run` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CHECK_TESTS := not server and not journey and not browser

.PHONY: run test check lint types imports docs mission bench lock dev clean

run: $(VENV)/.run  ## Set up, ship the worked example, serve it and replay its last three months as live traffic
	$(BIN)/python examples/flights/prepare.py
	$(BIN)/shipworthy ship examples/flights --yes
	$(BIN)/shipworthy up examples/flights --replay

test: $(VENV)/.dev  ## All tests
	$(BIN)/python examples/flights/prepare.py
	$(BIN)/pytest -m journey -n 0  # alone: its search has a budget of seconds, which neighbours would eat
	$(BIN)/pytest -m "not journey"

check: $(VENV)/.dev lint types imports  ## All that needs no server, engine or browser
	$(BIN)/pytest -m "$(CHECK_TESTS)"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/deptry src

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

mission: $(VENV)/.dev  ## Every line of the mission with the tests that prove it, as docs/mission.md
	$(BIN)/python scripts/mission.py docs/mission.md

bench: $(VENV)/.dev  ## make bench NAME=serve
	$(BIN)/python benchmarks/$(NAME).py

lock: $(VENV)/.dev  ## Resolve again within pyproject's bounds; plain pip reads the result, with hashes
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile pyproject.toml --extra examples --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade --quiet --output-file locks/run.txt
	build/lock/bin/uv pip compile pyproject.toml --extra examples --group dev --constraint locks/run.txt --universal \
	  --python-version 3.11 --generate-hashes --no-header --upgrade --quiet --output-file locks/dev.txt

dev: $(VENV)/.dev

$(VENV)/.run: locks/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shipworthy needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev: locks/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shipworthy needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
