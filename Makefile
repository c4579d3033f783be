# `make` lists the targets.
PYTHON ?= python3
export PATH := $(CURDIR)/.pulumi/bin:$(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv
export PULUMI_SKIP_UPDATE_CHECK := 1

.PHONY: help quickstart check clients live bench clean cli

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

quickstart: .venv/ready cli ## authorize an application and a service principal on the emulator
	@mkdir -p .quickstart && entra-emulator run --state .quickstart/tenant.json -- sh examples/quickstart/quickstart.sh

check: .venv/ready .venv/azuread cli ## formats, lints, types and tests, as CI runs them
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	for program in examples/*/__main__.py examples/pipelines/program/*.py; do mypy $$program || exit 1; done
	.venv/bin/pytest --numprocesses 4 --dist worksteal

clients: .venv/ready ## the Graph SDKs of other languages against the emulator, as far as their tools are here
	.venv/bin/pytest -m clients tests/clients

live: .venv/ready ## the tests of tests/live on a real tenant: ENTRA_LIVE_TENANT_ID and more
	.venv/bin/pytest --live tests/live

bench: .venv/ready cli ## requests, tokens, bytes and seconds of many authorizations, and of none
	.venv/bin/python tests/bench.py

clean: ## remove everything that the other targets made, the built CLI too
	rm -rf .venv .pulumi .quickstart Pulumi.quickstart.yaml dist
	rm -rf tests/clients/*/node_modules tests/clients/*/target tests/clients/*/build
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

cli: .venv/ready
	@.venv/bin/python tools/pulumi-cli/install.py

# The package is installed editable: an edit needs no build. tests/package tests the built one.
.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed; name it: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable '.[emulator,dev]'
	@touch $@

# On its own, for the example of a gallery application: the engine looks for the plugin of every Pulumi
# package that it finds installed, in every run of any program.
.venv/azuread: .venv/ready examples/gallery-application/requirements.txt
	@rm -rf $@
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --target $@ \
		"$$(grep '^pulumi-azuread' examples/gallery-application/requirements.txt)"
	@touch $@
