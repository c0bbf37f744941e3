# make demo, make test: one command each on a machine with python3.11+ (with venv), make and git.
# Another interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint bench calibrate lock clean
.DEFAULT_GOAL := test

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "labile needs Python 3.11 or newer; '$(PYTHON)' is missing or older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(STAMP)
	$(BIN)/labile run examples/feco --out out/feco
	@echo "The report is out/feco/report.html"

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --doctest-modules tests src

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# times as ratios within one run; reports, never gates
bench: $(STAMP)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# long statistical calibrations; each script prints its section of docs/calibration.md
calibrate: $(STAMP)
	@mkdir -p out
	@{ printf '# Calibrations\n\nThe last result of `make calibrate`.\n\n'; \
	  for script in benchmarks/calibration/*.py; do echo "== $$script" >&2; $(BIN)/python $$script || exit 1; done; } > out/calibration.md
	@mv out/calibration.md docs/calibration.md

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --no-header --no-annotate --upgrade -o requirements.lock

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
