# make quickstart: install into .venv, run the first example.
# make test:       install into .venv with what tests need; lint, tests, doctests.
# make docs:       install into .venv with what the site needs; docs/_build/html/index.html.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: quickstart test lint docs linkcheck benchmark clean

quickstart: $(VENV)/quickstart.stamp
	OMP_NUM_THREADS=1 $(BIN)/python examples/plot_quickstart.py

test: $(VENV)/test.stamp lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Warnings are errors; every example is run, two at a time.
docs: $(VENV)/docs.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

# Links to other sites, for whom has a connection.
linkcheck: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

benchmark: $(VENV)/quickstart.stamp
	$(BIN)/python benchmarks/algnet_quality.py

$(VENV)/quickstart.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plot,save]'
	touch $@

$(VENV)/docs.stamp: $(VENV)/quickstart.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

$(VENV)/test.stamp: $(VENV)/quickstart.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plot,save,test]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache docs/_build docs/api docs/auto_examples
