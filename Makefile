PORT ?= 9000
SECONDS ?= 1800
PYTHON := .venv/bin/python

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Tests that need no server and no second environment. All others are end-to-end.
UNIT := tests/unit tests/golden tests/property tests/proto tests/image
# Two processes: servers wait more than they compute. Tests that share servers share a process.
TWO := -n 2 --dist loadgroup

install: ## install all tools and the model server
	@demo/install.sh dev mlserver

demo: ## run Envoy, the translator and a real model server on localhost:9000
	@demo/install.sh demo mlserver
	@$(PYTHON) -m demo --port $(PORT)

test: ## run test-unit, then test-e2e
	@demo/install.sh test-e2e mlserver
	@$(MAKE) --no-print-directory test-unit
	@$(MAKE) --no-print-directory test-e2e

test-unit: ## run the tests that need no server
	@demo/install.sh test-unit
	@$(PYTHON) -m pytest -n 2 $(UNIT)

coverage: ## fail if the tests that need no server cover too little
	@demo/install.sh test-unit
	@$(PYTHON) -m coverage run -m pytest -q $(UNIT)
	@$(PYTHON) -m coverage report
	@$(PYTHON) -m coverage report --include='translator/transport/h2/*' --fail-under=100

test-e2e: ## run the tests with real Envoy and real MLServer
	@demo/install.sh test-e2e mlserver
	@$(PYTHON) -m pytest $(TWO) tests $(addprefix --ignore=,$(UNIT) tests/bench)
	@OIP_TRANSLATOR_TRANSPORT=grpcio $(PYTHON) -m pytest $(TWO) -m transport tests/e2e tests/mesh

fuzz: ## fuzz the h2 transport for SECONDS (default 1800)
	@demo/install.sh fuzz
	@$(PYTHON) -m tests.fuzz.h2 -max_total_time=$(SECONDS)

clients: ## run real OpenAI clients, in Python and JavaScript, through Envoy to real models
	@demo/install.sh test-e2e mlserver clients
	@.venv-clients/bin/python -m pytest -c tests/clients/pytest.ini tests/clients
	@$(PYTHON) -m pytest -c tests/clients/pytest.ini tests/clients/test_openai_*.py # OpenAI 3

browser: ## test the gateway from web pages in a real browser (needs chromium)
	@demo/install.sh test-e2e clients
	@$(PYTHON) -m pytest tests/e2e/proof_browser.py

nginx: ## test the gateway behind real nginx (needs nginx)
	@demo/install.sh test-e2e
	@$(PYTHON) -m pytest tests/e2e/proof_nginx.py

peers: ## install the proxies that bench compares with, and test that they translate
	@demo/install.sh test-e2e mlserver peers
	@$(PYTHON) -m pytest -c tests/peers/pytest.ini tests/peers

fresh: ## run make demo and make test on minimal Debian 12 and 13 (as root, with mmdebstrap)
	@demo/install.sh test-unit
	@$(PYTHON) -m pytest -rP tests/fresh/proof.py $(ARGS)

lint: ## run ruff, mypy --strict and import-linter
	@demo/install.sh lint
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

format: ## format the code with ruff
	@demo/install.sh lint
	$(PYTHON) -m ruff check --fix-only .
	$(PYTHON) -m ruff format .

proto: ## compile proto/ into translator/extproc/_proto
	@demo/install.sh test-unit
	$(PYTHON) -m grpc_tools.protoc -Iproto --python_out=translator/extproc/_proto \
	  --pyi_out=translator/extproc/_proto external_processor.proto

docs: ## generate docs/configuration.md and the Envoy configurations in k8s/
	@demo/install.sh demo
	$(PYTHON) -m translator.settings.reference > docs/configuration.md
	$(PYTHON) k8s/render.py

lock: ## update the lock files of the image and of the demo
	@demo/install.sh lock
	@tests/image/lock.sh
	@demo/lock.sh

image-test: ## build and run the image without a container engine (as root, with mmdebstrap)
	@demo/install.sh test-unit
	@$(PYTHON) -m pytest -rP tests/image/proof.py

dashboard: ## render docs/dashboards under load, for 9 minutes (needs prometheus)
	@demo/install.sh bench mlserver
	@$(PYTHON) -m docs.dashboards.draw

bench: ## compare with Envoy alone, a no-op filter and peers, in about five minutes (needs wrk)
	@demo/install.sh bench mlserver
	@$(PYTHON) -m bench $(ARGS)

bench-full: ## run all benchmarks, in half an hour (needs wrk)
	@demo/install.sh bench mlserver
	@$(PYTHON) -m bench --full $(ARGS)

bench-smoke: ## test the benchmarks, and fail if something is much slower
	@demo/install.sh bench test-unit
	@$(PYTHON) -m pytest -n 2 tests/bench
	@$(PYTHON) -m bench --smoke $(ARGS)

clean: ## remove the virtual environments and caches
	rm -rf .venv .venv-mlserver .venv-clients .venv-peers .fuzz .coverage tests/clients/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help install demo test test-unit test-e2e coverage fuzz clients browser nginx peers fresh lint format proto docs lock image-test dashboard bench bench-full bench-smoke clean
