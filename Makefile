# Every command a person needs; `make` alone lists them. Needs git, make and python3 (3.11 or later).

PYTHON ?= python3
# Arguments for pytest, for example: make test ARGS="-k sanitize -x"
ARGS ?=
# A file's tests stay in one process, which keeps what its fixtures have started.
SIDE_BY_SIDE := -n auto --dist loadfile
# How long `make soak` takes.
SECONDS ?= 1200
BIN := .venv/bin
PIP_TOOLS := build/pip-tools
PIP_TOOLS_VERSION := 7.6.2
COMPILE := env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND="make requirements" $(PIP_TOOLS)/bin/pip-compile --quiet \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --generate-hashes --allow-unsafe

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-picture crds manifests chart previous test check format test-servers test-flux-servers test-gitea \
	test-kustomize test-helm test-cainjector test-image e2e soak bench requirements image image-compare image-lint

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## create or refresh .venv (called by the others)
	@PYTHON="$(PYTHON)" requirements/install

demo: setup ## see it work: no cluster, no remote, no settings
	@$(BIN)/reverser demo

demo-picture: setup ## draw docs/demo.svg anew from what the demo prints
	@$(BIN)/python -m tests.tools.demo_picture

crds: setup ## generate config/crd, and the tables of its fields, from the structs of the custom resources
	@$(BIN)/python -m tests.tools.crds
	@$(BIN)/python -m tests.tools.crd_tables

manifests: setup test-kustomize ## build install.yaml, install-cert-manager.yaml and the dashboard
	@$(BIN)/python -m tests.tools.dashboard
	@$(BIN)/python -m tests.tools.manifests

chart: setup ## copy and generate what the Helm chart has of config/ and of the configuration
	@$(BIN)/python -m tests.tools.chart

previous: setup ## at a release: store its manifests and chart, from which the tests upgrade
	@$(BIN)/python -m tests.tools.previous

test: setup ## run every test; those that need servers which are not there skip and say so
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

check: setup ## format, lint, types, import contracts, names, generated CRDs and manifests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/unit/test_names.py tests/unit/custom_resources/test_crds.py tests/unit/test_manifests.py \
		tests/unit/test_chart_files.py

format: setup ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-servers: ## build kube-apiserver, etcd and friends for the tests (needs Go; about 20 minutes the first time)
	@tests/servers/build
	@tests/servers/sops/build
	@tests/servers/kustomize/build

test-flux-servers: ## build Flux for its tests (needs Go; about 10 minutes the first time)
	@tests/servers/flux/build

test-gitea: ## build Gitea for its tests (needs Go and a C compiler; about 5 minutes the first time)
	@tests/servers/gitea/build

test-kustomize: ## build kustomize, for make manifests and its tests (needs Go; half a minute the first time)
	@tests/servers/kustomize/build

test-cainjector: ## build cert-manager's CA injector for its test (needs Go; about 2 minutes the first time)
	@tests/servers/cainjector/build

test-helm: ## build helm, for tests of the chart (needs Go; about 4 minutes the first time)
	@tests/servers/helm/build

test-image: ## build the image for its tests, on a stand-in base (needs root, podman, runc, mmdebstrap; 3 minutes the first time)
	@tests/servers/image/build

e2e: setup test-servers ## only the tests against a real API server
	@$(BIN)/python -m pytest $(if $(findstring tests/e2e,$(ARGS)),,tests/e2e) $(ARGS)

soak: setup test-servers ## all at a time for 20 minutes; SECONDS=300 for 5, ARGS="--seed 7"
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(ARGS)

bench: setup test-servers ## measure, and print ratios (docs/benchmarks.md)
	@$(BIN)/python -m tests.bench

image: ## build the container image; IMAGE, BASE, SOPS, TOOL as in image/build (docs/image.md)
	@image/build $(ARGS)

image-compare: ## build the image twice and compare the digests
	@image/compare

image-lint: ## hadolint over the Containerfile
	@image/lint

requirements: ## pin the dependencies of pyproject.toml anew, with hashes
	@test -x $(PIP_TOOLS)/bin/pip-compile || { $(PYTHON) -m venv $(PIP_TOOLS) && \
		$(PIP_TOOLS)/bin/pip install --quiet pip-tools==$(PIP_TOOLS_VERSION); }
	$(COMPILE) $(ARGS) --output-file requirements/build.txt requirements/build.in
	$(COMPILE) $(ARGS) --output-file requirements/run.txt pyproject.toml
	$(COMPILE) $(ARGS) --extra test --extra check --constraint requirements/run.txt \
		--output-file requirements/dev.txt pyproject.toml requirements/build.in
