PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
PORT ?= 5006
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: install app test lint bench bench-app clean
.DELETE_ON_ERROR:

install: $(VENV)/installed

# The first run of a compiled kernel takes seconds; a small sample of each kind of frame runs them all once here.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Starshift needs Python 3.11 or later')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	rm -rf build/warm
	$(BIN)/starshift sample drift --size 360x240 --frames 3 --out build/warm/mosaic
	$(BIN)/starshift run build/warm/mosaic --out build/warm/mosaic-out --quiet
	$(BIN)/starshift sample rotation --size 360x240 --frames 3 --out build/warm/mono
	$(BIN)/starshift run build/warm/mono --out build/warm/mono-out --set offset_map.method=quadrants --quiet
	rm -rf build/warm
	touch $@

app: install
	$(BIN)/python -m panel serve app.py --show --port $(PORT) $(if $(DATA),--args --data $(DATA))

test: install
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m benchmarks

bench-app: install
	$(BIN)/python -m benchmarks app

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis
