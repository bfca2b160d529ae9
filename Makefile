# make demo and make test are all that a fresh clone needs. They find Python, make .venv, install, and do the job.
SHELL := /bin/sh
# make test PYTHON=python3.13 takes this Python, OLDEST=1 the oldest versions that pyproject.toml allows, each in an
# environment of its own.
PYTHON :=
OLDEST :=
VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))$(if $(OLDEST),-oldest)
BIN := $(VENV)/bin
RUNS := runs
# Byte code is compiled when a module is first imported, and kept: much faster than all of it when installing.
unexport PYTHONDONTWRITEBYTECODE
# A file's tests stay in one process, so that what they share is made once.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check $(if $(OLDEST),--constraint tests/oldest.txt)

.PHONY: index demo test test-all validate campaign mutation softhebb conversion works torch neurobench nest interop lint types docs bench gpu wheels clean

demo: $(VENV)/.core
	@mkdir -p $(RUNS)
	@$(BIN)/spikehebb learn --data digits --neurons 100 --epochs 5 --seed 0 --overwrite --out $(RUNS)/demo
	@echo "Look at $(RUNS)/demo/receptive_fields.png and $(RUNS)/demo/raster.png"

test: $(VENV)/.test
	@command -v $${CXX:-g++} >/dev/null && command -v make >/dev/null || echo "No C++ compiler: the tests that need one are skipped (install g++, or run xcode-select --install)."
	$(PYTEST) -m "not slow and not long"

# What make test leaves out: emulated CUDA, nvcc, every rule as a compiled program, every example.
test-all: test
	$(PYTEST) -m "long and not slow"

validate: $(VENV)/.test
	$(BIN)/python -m pytest -m slow

# 60 minutes, or longer on a busy machine: kill -9, signals, full disks, damaged files; docs/reliability.md shows the figures.
campaign: $(VENV)/.test
	$(BIN)/python -m tests.campaign --seed 0 --minutes 60 --out $(RUNS)/campaign.json

# As long as make test-all, and then half an hour: 40 lines of the package changed at random, each before the tests that run it.
mutation: $(VENV)/.test
	RUN_LINES=$(RUNS)/lines $(PYTEST) -p tests.mutation -m "not slow"
	$(BIN)/python -m tests.mutation --seed 0 --count 40 --lines $(RUNS)/lines --out $(RUNS)/mutation.json

# Hours of training: the published SoftHebb accuracies. Interrupt it at will.
softhebb: $(VENV)/.core
	@mkdir -p $(RUNS)/softhebb
	$(BIN)/python benchmarks/softhebb_accuracy.py --folder $(RUNS)/softhebb --out benchmarks/results/softhebb-accuracy.json

# As long again, with the same networks: what they lose in spikes.
conversion: $(VENV)/.core
	@mkdir -p $(RUNS)/softhebb
	$(BIN)/python benchmarks/conversion.py --folder $(RUNS)/softhebb --out benchmarks/results/conversion.json

# What the works that this toolkit is for have measured, again, as far as two cores get in three hours; it can be interrupted.
works: $(VENV)/.core
	@mkdir -p $(RUNS)/works
	$(BIN)/python benchmarks/works_descent.py --folder $(RUNS)/works --out benchmarks/results/works-descent.json
	$(BIN)/python benchmarks/works_reward.py --folder $(RUNS)/works --out benchmarks/results/works-reward.json
	$(BIN)/python benchmarks/works_miconi.py --folder $(RUNS)/works/miconi --out benchmarks/results/works-miconi.json
	$(BIN)/python benchmarks/works_beyond.py --folder $(RUNS)/works/beyond --out benchmarks/results/works-beyond.json
	$(BIN)/python benchmarks/works_softhebb.py --folder $(RUNS)/works/softhebb --out benchmarks/results/works-softhebb.json

torch: $(VENV)/.test
	@$(PIP) --editable '.[torch]'
	$(BIN)/python -m pytest tests/test_softhebb_torch.py tests/test_softhebb_import.py tests/test_losses_torch.py

# PyTorch, too: several GB where no CPU build is at hand. Then a model that comes along, in NeuroBench's own harness.
neurobench: $(VENV)/.test
	@mkdir -p $(RUNS)
	@$(PIP) --editable '.[neurobench]'
	$(BIN)/python -m pytest tests/test_neurobench.py
	$(BIN)/python benchmarks/neurobench_harness.py --out $(RUNS)/neurobench.json

# The simulators have an environment of their own: PyTorch is large, and they need nothing of this toolkit.
INTEROP := .venv-interop
interop: $(VENV)/.test $(INTEROP)/.done
	@mkdir -p $(RUNS)
	$(BIN)/python benchmarks/nir_interop.py --python $(INTEROP)/bin/python --out $(RUNS)/nir-interop.json

$(INTEROP)/.done: benchmarks/nir-requirements.txt
	@for python in python3.11 python3.12 python3.13 python3; do \
	  if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Installing the simulators into $(INTEROP) (once, a minute or more) ..."; \
	    $$python -m venv --clear $(INTEROP) && $(INTEROP)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -r $< && touch $@ && exit 0; exit 1; \
	  fi; \
	done; \
	echo "make interop needs Python 3.11 or later with venv, and found none." >&2; exit 1

nest: $(VENV)/.test
	@$(PIP) --editable '.[nest]'
	$(BIN)/python -m pytest tests/test_nest.py

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint $(VENV)/.test
	$(BIN)/mypy

# What commands list without importing Brian2; after a change of the catalogue.
index: $(VENV)/.core
	$(BIN)/python -c "from spikehebb.cli import index; index.write()"

# QUICK=1 runs neither tutorials nor examples.
docs: $(VENV)/.docs
	$(BIN)/python -m docs.catalogue
	$(if $(QUICK),SPIKEHEBB_NOTEBOOKS=off SPIKEHEBB_EXAMPLES=False) $(BIN)/python -m sphinx -W --keep-going -q -j 2 -b html docs docs/_build/html
	$(BIN)/python -m docs.links docs/_build/html

bench: $(VENV)/.core
	$(BIN)/python benchmarks/digits.py

# What a GPU gains, in at most ten minutes; without a GPU, the CPU alone.
gpu: $(VENV)/.test
	@mkdir -p $(RUNS)
	$(BIN)/python benchmarks/gpu.py --out $(RUNS)/gpu.json --plot $(RUNS)/gpu.png

# All that a machine without a network connection needs for it.
wheels: $(VENV)/.core
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --wheel-dir dist/wheels '.[cuda]'
	@cp benchmarks/gpu.py dist/wheels/
	@echo "Carry dist/wheels to the machine with the GPU, and there:"
	@echo "  python3 -m venv env && env/bin/pip install --no-index --find-links wheels 'spikehebb[cuda]'"
	@echo "  env/bin/python wheels/gpu.py --out gpu.json --plot gpu.png"

clean:
	rm -rf .venv .venv-* $(INTEROP) docs/_build docs/catalogue docs/api docs/gallery .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.python:
	@for python in $(or $(PYTHON),python3.12 python3.13 python3.14 python3 python); do \
	  if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; then \
	    $$python -m venv --clear $(VENV) && touch $@ && exit 0; exit 1; \
	  fi; \
	done; \
	echo "spikehebb needs Python 3.12 or later with venv, and found none; install it, for example with 'uv python install 3.12' or 'pyenv install 3.12'." >&2; exit 1

$(VENV)/.core: $(VENV)/.python pyproject.toml
	@echo "Installing spikehebb into $(VENV) (once) ..."
	@$(PIP) --editable . && touch $@

# Where nvcc is, the tests compile with it, and need cuRAND.
$(VENV)/.test: $(VENV)/.core
	@if command -v nvcc >/dev/null; then extras=test,cuda; else extras=test; fi; \
	$(PIP) --editable ".[$$extras]" && touch $@

$(VENV)/.lint: $(VENV)/.core
	@$(PIP) --editable '.[lint]' && touch $@

$(VENV)/.docs: $(VENV)/.core
	@$(PIP) --editable '.[docs]' && touch $@
