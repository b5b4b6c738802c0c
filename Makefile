# Two commands make everything: `make sweep` and `make test`. They need Python 3.11+, make and git.
PYTHON ?= python3
PY := .venv/bin/python
# Modules are compiled once, also where the environment says that nothing is kept of it.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: sweep test test-outside test-cluster test-cluster-short postgresql test-slow torture lint docs \
	bench fields fields-short constraints audit clean

sweep: .venv/installed  ## install, then run the quickstart sweep on real data
	$(PY) run_sweep.py start configs/quickstart.yaml

test: .venv/installed-dev  ## install with test requirements, then run the tests
	$(PY) -m pytest -n 2 --dist loadgroup

test-outside: .venv/installed-dev  ## the program as a person uses it: browser, terminal, docs, faults
	$(PY) -m pytest -n 2 --dist loadgroup -m outside

SHORT_CHAOS := tests/sweep/execution/ray/test_short_chaos.py

test-cluster: .venv/installed-cluster postgresql  ## on PostgreSQL and Ray, started here
	$(PY) -m pytest $(SHORT_CHAOS)
	$(PY) -m pytest -m cluster -n 2 --dist worksteal

test-cluster-short: .venv/installed-cluster postgresql  ## without the whole sweeps, most of which wait
	$(PY) -m pytest $(SHORT_CHAOS)
	$(PY) -m pytest -m "cluster and not slow" -n 2 --dist worksteal

test-slow: .venv/installed-dev  ## the tests that take longer, quickstart included
	$(PY) -m pytest -m "slow and not cluster"

torture: .venv/installed-dev  ## sweeps under every fault there is, for some minutes, and what is lost
	$(PY) -m tests.chaos

lint: .venv/installed-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: .venv/installed-dev  ## the pages that are made from the code
	$(PY) -m docs.generate_configuration

bench: .venv/installed-bench  ## the table of ratios: ours beside what one would take instead
	$(PY) -m benchmarks.bench

fields: .venv/installed  ## sweeps on fields nobody tuned on, each beside its right verdict; an hour
	$(PY) -m benchmarks.fields

fields-short: .venv/installed  ## four of them in small
	$(PY) -m benchmarks.fields --short

constraints:  ## constraints.txt anew, from an environment with the newest of what requirements leave open
	PYTHON=$(PYTHON) .ci/write_constraints

audit: .venv/installed-dev  ## which packages are outdated, and which have known vulnerabilities
	PY=$(PY) PYTHON=$(PYTHON) .ci/audit

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.txt constraints.txt
	$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt requirements-integrations.txt \
		requirements-oracles.txt requirements-grib.txt
	$(PY) -m pip install --disable-pip-version-check -q \
		-r requirements-dev.txt -r requirements-integrations.txt
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-grib.txt \
		> .venv/grib.log 2>&1 || echo "requirements-grib.txt cannot be installed here" \
		"(.venv/grib.log): the tests that need it will be skipped"
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-oracles.txt \
		> .venv/oracles.log 2>&1 || echo "requirements-oracles.txt cannot be built here" \
		"(.venv/oracles.log): the tests that need it will be skipped"
	@touch $@

.venv/installed-bench: .venv/installed requirements-bench.txt
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-bench.txt
	@touch $@

.venv/installed-cluster: .venv/installed-dev requirements-postgres.txt requirements-ray.txt
	$(PY) -m pip install --disable-pip-version-check -q \
		-r requirements-postgres.txt -r requirements-ray.txt
	@touch $@

postgresql:
	@command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 \
		|| { apt-get update -q && apt-get install -y -q --no-install-recommends postgresql; } \
		|| echo "PostgreSQL cannot be installed here (Debian: apt-get install postgresql, as root):" \
		"its tests will be skipped"

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
