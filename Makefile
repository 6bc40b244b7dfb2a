# Two commands matter: `make lab` opens the course, `make test` checks all of it. `make` alone lists the rest.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

lab: .venv/run.stamp  ## open the course in JupyterLab
	@$(BIN)/python tools/lab.py

test: .venv/test.stamp  ## check everything: lint, tests, every notebook, every lesson in a real browser
	$(BIN)/ruff check
	$(BIN)/python -m tools.notebooks --check
	$(BIN)/pytest tests notebooks --nbval --nbval-current-env --nbval-cell-timeout 120 -rs -n 2 --dist loadfile

test-fast: .venv/edit.stamp  ## the tests that need neither browser, PyTorch nor notebooks: under a minute
	$(BIN)/pytest -m 'not browser and not torch' -n 2 --dist loadfile

notebooks: .venv/edit.stamp  ## build notebooks/ from lessons/
	$(BIN)/python -m tools.notebooks
	$(BIN)/python -m tools.readme_picture

bench: .venv/oracle.stamp  ## time a training step against PyTorch
	$(BIN)/python -m benchmarks.training_step

bench-widgets: .venv/test.stamp  ## time how soon the explorers answer to the hand, in a real browser
	$(BIN)/python -m benchmarks.widgets

seeds: .venv/edit.stamp  ## train the course's networks from many seeds
	$(BIN)/python -m benchmarks.seeds

localize: .venv/edit.stamp  ## train the detector of lesson 10, and measure what it finds in 200 scenes
	$(BIN)/python -m benchmarks.localize

lint: .venv/edit.stamp  ## look for mistakes that need no running
	$(BIN)/ruff check

.PHONY: help lab test test-fast notebooks bench bench-widgets seeds localize lint

# What is installed: to read the course, to edit it, to check it, and to compare it with PyTorch.
.venv/run.stamp: extras =
.venv/edit.stamp: extras = [build,test,lint]
.venv/test.stamp: extras = [build,test,browser,lint]
.venv/oracle.stamp: extras = [oracle]
.venv/%.stamp: pyproject.toml .venv/pyvenv.cfg
	@echo 'Installing into .venv; the first time takes a minute or two.'
	@$(BIN)/python -m pip install --quiet --editable '.$(extras)'
	@touch $@

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "The course needs Python 3.11 or newer, and \
	$(PYTHON) is %d.%d. Name another: make PYTHON=python3.13 ..." % sys.version_info[:2])'
	@$(PYTHON) -m venv .venv

.DELETE_ON_ERROR:
