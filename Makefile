# make quickstart: run the first example.
# make test:       lint, tests, doctests.
# make stress:     long sweeps over strange inputs, kills, hostile files and clusters.
# make docs:       the site, in docs/_build/html/index.html.
# Each target installs what it needs into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: quickstart test stress lint docs linkcheck benchmark clean

quickstart: $(VENV)/quickstart.stamp
	OMP_NUM_THREADS=1 $(BIN)/python examples/plot_quickstart.py

test: $(VENV)/test.stamp lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

stress: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -m stress \
		--numprocesses 2 --dist worksteal

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Warnings are errors; every example is run, two at a time.
docs: $(VENV)/docs.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

# Links to other sites; needs a connection.
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
