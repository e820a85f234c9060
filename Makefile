# make run [SRC=folder] [OUT=folder]   de-identify a folder; without SRC= a sample study
# make test                            every test there is
# make check                           the quick loop: ruff, mypy, unit tests but the thorough ones
# make chaos [SEED=number]             kill, pause, cut off and overwrite for minutes: docs/reliability.md
# make bench [BENCH=--quick]           measure, beside other tools: docs/bench.md
# make lock                            resolve the dependencies anew (needs uv)

PYTHON ?= python3
SRC ?=
OUT ?= build/out
SEED ?=
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

.DELETE_ON_ERROR:
.PHONY: run test check lint chaos bench audit lock wheel clean

$(SETUP): requirements-dev.lock pyproject.toml
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sendit needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(SETUP)
ifeq ($(SRC),)
	@echo "No SRC= given: a sample study, an invented patient. Next: make run SRC=folder OUT=folder"
	@$(BIN)/python tests/data/sample_study.py build/sample
	@$(BIN)/sendit run build/sample $(OUT) || { status=$$?; test $$status -eq 3 || exit $$status; }
	@echo "Results: $(OUT). One image is rejected on purpose: see $(BIN)/sendit errors --out $(OUT)"
else
	@$(BIN)/sendit run "$(SRC)" "$(OUT)"
endif

test: $(SETUP)
	$(PYTEST)

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(PYTEST) -q tests/unit -m "not thorough"

chaos: $(SETUP)
	$(BIN)/python -m pytest tests/chaos tests/contract/test_status_machine.py --long $(if $(SEED),--seed $(SEED)) -s -v --timeout 3600

bench: $(SETUP)
	$(BIN)/python -m tests.bench $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m tests.bench.whole_cloud)
	$(if $(BENCH),,$(BIN)/python -m tests.bench.large_batch)

audit: $(SETUP)
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.lock

wheel: $(SETUP)
	$(BIN)/python -m hatchling build -d dist

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links -o requirements.lock -q --upgrade
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links -c requirements.lock -o requirements-dev.lock -q --upgrade

clean:
	rm -rf build dist $(VENV)
