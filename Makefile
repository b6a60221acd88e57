# make quickstart: run the first example.
# make test:       lint, tests, doctests.
# make stress:     long sweeps over strange inputs, kills, hostile files and clusters.
# make docs:       the site, in docs/_build/html/index.html.
# make oldest:     the tests with the oldest versions that pyproject.toml allows, in .venv-oldest;
#                  TORCH=2.13.0 takes another version of torch.
# make dist:       both distributions, in dist/; the wheel is tried in a fresh environment.
# Each other target installs what it needs into .venv.
PYTHON ?= python3
VENV ?= .venv
OLDEST ?= .venv-oldest
TORCH ?=
BIN = $(VENV)/bin

.PHONY: quickstart test stress lint docs linkcheck oldest dist benchmark clean

# Tests of what the oldest versions lack: scikit-learn's callbacks and its check with other arrays
# came with 1.9; safetensors before 0.7 words an error differently; torch 2.6 writes a file of its
# own on first use, which fails on a full disk. Old packages also use what new ones deprecate.
OLDEST_OPTIONS = -W ignore::DeprecationWarning \
	--deselect sklauction/model_selection/monitor.py::sklauction.model_selection.monitor.RegretMonitor \
	--deselect tests/test_domains.py::test_callbacks_follow_the_training \
	--deselect 'tests/test_docs.py::test_code_blocks_run[docs/monitoring.md]' \
	--deselect 'tests/test_examples.py::test_runs_without_a_warning_and_prints[plot_callbacks]' \
	--deselect 'tests/test_any_function.py::test_strange_values_are_answered_or_refused[RegretMonitor-small]' \
	--deselect tests/test_common.py::test_scikit_learn_contract_with_array_api \
	--deselect 'tests/test_hostile_files.py::test_malformed_headers_are_refused[complex]' \
	--deselect tests/test_surviving.py::test_a_full_disk_is_reported_before_training_and_does_not_stop_it_later

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
	$(BIN)/mypy

# Warnings are errors; every example is run, two at a time.
docs: $(VENV)/docs.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

# Links to other sites; needs a connection.
linkcheck: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

oldest:
	$(PYTHON) -m venv $(OLDEST)
	$(PYTHON) tools/oldest.py $(if $(TORCH),--torch $(TORCH)) > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt \
		--editable '.[plot,progress,save,dask,test]'
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest --numprocesses 2 --dist worksteal \
		$(OLDEST_OPTIONS)

dist: $(VENV)/dist.stamp
	rm -rf build dist *.egg-info
	$(BIN)/python -m build --quiet
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python tools/check_dist.py

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

$(VENV)/dist.stamp: $(VENV)/quickstart.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt build twine
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache docs/_build docs/api docs/auto_examples
