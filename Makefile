# make quickstart: install into .venv, run the first example.
# make test:       install into .venv with what tests need; lint, tests, doctests.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: quickstart test lint benchmark clean

quickstart: $(VENV)/quickstart.stamp
	$(BIN)/python examples/plot_quickstart.py

test: $(VENV)/test.stamp lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

benchmark: $(VENV)/quickstart.stamp
	$(BIN)/python benchmarks/algnet_quality.py

$(VENV)/quickstart.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plot]'
	touch $@

$(VENV)/test.stamp: $(VENV)/quickstart.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plot,test]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
