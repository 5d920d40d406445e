# Market X-Ray. `make help` lists what there is. Options are given as variables: PORT=8001 make run
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
PATHS := accounts signals mlmodels trading xray_site tests bench scripts manage.py
PYTEST_ARGS ?=
CHECK_ENV := XRAY_READ_DOTENV=0 SECRET_KEY=check XRAY_DEPLOYMENT_ID=check XRAY_MASTER_KEYS=check:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= XRAY_VAR_DIR=var/check DATABASE_URL= REDIS_URL=

.DEFAULT_GOAL := help
.PHONY: help run up setup setup-dev test faults coverage lint types layers migrations security format bench gpu-compile gpu-check memory

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup ## start everything on this machine, without a server: [PORT=8000] [SEED=7] [SPEED=60] [DATA=folder] [EXCHANGE=binance]
	@exec $(PY) manage.py run_demo

up: setup ## the same as separate processes on PostgreSQL and Redis (needs DATABASE_URL and REDIS_URL)
	@exec $(PY) manage.py run_demo --separate

setup: ## make .venv with what the platform needs
	@$(PYTHON) scripts/bootstrap.py requirements-core.txt

setup-dev: ## make .venv with the test and lint tools too
	@$(PYTHON) scripts/bootstrap.py requirements-dev.txt

test: setup-dev ## all tests that need no server (with DATABASE_URL and REDIS_URL set: on those): [PYTEST_ARGS="-k scan"]
	@exec $(PY) -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

faults: setup-dev ## the fault laboratory in full: 20,000 simulated histories, every pair of faults (with DATABASE_URL and REDIS_URL set: restarts)
	@$(PY) -m tests.faults.simulation --seeds 20000
	@FAULTS=all KILL_SEEDS=50 RESTART_SEEDS=20 exec $(PY) -m pytest -n 2 --dist loadgroup tests/faults tests/trading/test_kill.py tests/restarts $(PYTEST_ARGS)

coverage: setup-dev ## which lines the tests without a server reach (twice as slow)
	@exec $(PY) -m pytest -n 2 --dist loadgroup -m 'not browser and not servers' --cov --cov-report=term:skip-covered

lint: setup-dev ## ruff, types, layers, missing migrations, security
	@$(PY) -m ruff check $(PATHS) && $(PY) -m ruff format --check $(PATHS)
	@$(MAKE) --no-print-directory types layers migrations security

types: setup-dev ## mypy
	@$(CHECK_ENV) $(PY) -m mypy accounts signals mlmodels trading xray_site

layers: setup-dev ## which room may import which (import-linter)
	@.venv/bin/lint-imports

migrations: setup-dev ## models without a migration
	@$(CHECK_ENV) $(PY) manage.py makemigrations --check --dry-run

security: setup-dev ## bandit
	@$(PY) -m bandit -q -ll -r accounts signals mlmodels trading xray_site scripts -c pyproject.toml

format: setup-dev ## put the code in shape
	@$(PY) -m ruff check --fix $(PATHS); $(PY) -m ruff format $(PATHS)

bench: setup-dev ## benchmarks, one JSON line a figure: [BENCH=scan]
	@$(CHECK_ENV) DATABASE_URL="$(DATABASE_URL)" REDIS_URL="$(REDIS_URL)" $(PY) -m bench.run $(BENCH)

gpu-compile: setup-dev ## compile the GPU's source for sm_75, sm_80 and sm_90, without a GPU
	@$(CHECK_ENV) $(PY) scripts/gpu_compile.py

gpu-check: setup-dev ## on a machine with a GPU: compare it with the CPU, and measure (exit 3 without a GPU)
	@$(CHECK_ENV) $(PY) -m bench.gpu

memory: ## memory (PSS) of the running demo's process group
	@$(PY) scripts/memory.py
