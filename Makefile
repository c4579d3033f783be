# `make` lists the targets.
PYTHON ?= python3
export PATH := $(CURDIR)/.pulumi/bin:$(CURDIR)/.pulumi-hosts:$(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv
export PULUMI_SKIP_UPDATE_CHECK := 1

# Many tests wait for a server or a process: more workers than the two cores of a usual runner.
PARALLEL := --numprocesses 5 --dist worksteal
STRUCTURE := $(wildcard tests/package/test_*_layers.py) tests/package/test_imports.py tests/package/test_declarations.py tests/docs/test_architecture.py
# Where this is set, every Python that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Every example is called __main__: mypy needs their full names.
EXAMPLES := $(subst /,.,$(patsubst examples/%.py,%,$(wildcard examples/*/__main__.py examples/*/program/*.py)))

.PHONY: help quickstart test fuzz check lint format schema sdks clients languages live bench pictures clean cli

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

quickstart: .venv/ready cli ## authorize an application and a service principal on the emulator
	@sh examples/quickstart/quickstart.sh

test: .venv/ready ## run the fast tests (no Pulumi CLI)
	.venv/bin/pytest $(PARALLEL) -m 'not slow' --hypothesis-profile quick tests/provider tests/emulator tests/contract $(STRUCTURE)

fuzz: .venv/ready ## run the tests of random inputs, with 20,000 examples each
	.venv/bin/pytest $(PARALLEL) -m hypothesis --hypothesis-profile thorough tests/provider tests/emulator

lint: .venv/ready .venv/azuread ## check formatting, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy $(addprefix -m ,$(EXAMPLES))

format: .venv/ready ## format the code, and fix what ruff can fix
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

check: lint cli ## run lint and every test, as CI does
	.venv/bin/pytest $(PARALLEL)

schema: .venv/ready ## write the schema of the provider plugin from the sources that document it
	.venv/bin/python tools/schema.py > .venv/schema.json
	mv .venv/schema.json provider/pulumi_entra_provisioning/schema.json

sdks: ## generate sdk/ from the schema, with Go
	cd tools/sdks && go run . $(CURDIR)/provider/pulumi_entra_provisioning/schema.json $(CURDIR)/sdk

clients: .venv/ready ## run the Graph SDKs of other languages that are installed against the emulator
	.venv/bin/pytest -m clients tests/clients

languages: .venv/ready cli ## run programs in every Pulumi language that is installed against the emulator
	@.venv/bin/python tools/pulumi-cli/install.py --hosts
	.venv/bin/pytest -m languages tests/languages

live: .venv/ready ## run the tests of tests/live on a real tenant: set ENTRA_LIVE_TENANT_ID and more
	.venv/bin/pytest --live tests/live

bench: .venv/ready cli ## measure many authorizations: FULL=1 up to 1,000, WRITE=1 into docs/performance.md
	@PYTHONPATH=tests .venv/bin/python -m bench $(if $(FULL),--full) $(if $(WRITE),--write) $(BENCH)

pictures: .venv/ready cli ## draw the pictures of the documentation, with Graphviz and Chromium
	python tools/pictures/draw.py

clean: ## remove everything that the other targets created, including the built CLI
	rm -rf .venv .pulumi .pulumi-hosts .quickstart Pulumi.quickstart.yaml dist
	rm -rf tests/clients/*/node_modules tests/clients/*/target tests/clients/*/build
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

cli: .venv/ready
	@.venv/bin/python tools/pulumi-cli/install.py

# The package is installed editable: an edit needs no build. tests/package tests the built one.
# The engine runs pip in every run, and a new pip takes half the time. Most modules of msgraph are
# never imported: Python compiles the others when it first imports them.
.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed; name it: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --upgrade pip
	.venv/bin/pip install --quiet --no-compile --editable '.[emulator,dev,bench]'
	@touch $@

# On its own, for the example of a gallery application: the engine looks for the plugin of every Pulumi
# package that it finds installed, in every run of any program.
.venv/azuread: .venv/ready examples/gallery-application/requirements.txt
	@rm -rf $@
	.venv/bin/pip install --quiet --no-compile --no-deps --target $@ \
		"$$(grep '^pulumi-azuread' examples/gallery-application/requirements.txt)"
	@touch $@
