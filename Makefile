PORT ?= 9000
SECONDS ?= 1800
PYTHON := .venv/bin/python
PROJECT := .venv/.installed
MLSERVER := .venv-mlserver/.installed
CLIENTS := .venv-clients/.installed
PEERS := .venv-peers/.installed

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(PROJECT): pyproject.toml demo/install.sh
	@demo/install.sh project

$(MLSERVER): demo/requirements-mlserver.txt demo/requirements-mlserver-nodeps.txt demo/install.sh
	@demo/install.sh mlserver

$(CLIENTS): tests/clients/requirements.txt tests/clients/node/package.json \
    tests/clients/node/package-lock.json demo/install.sh
	@demo/install.sh clients

$(PEERS): bench/peers/requirements.txt demo/install.sh
	@demo/install.sh peers

install: $(PROJECT) $(MLSERVER) ## install everything into .venv and .venv-mlserver
	@$(PYTHON) -c '' && .venv-mlserver/bin/python -c '' || \
	  { echo "An installed environment no longer runs (moved, or its Python is gone): make clean"; exit 1; }

demo: install ## run Envoy, the translator and a real model server on localhost:9000
	@$(PYTHON) -m demo --port $(PORT)

test: install ## run the tests, against real Envoy and real MLServer
	@$(PYTHON) -m pytest
	@OIP_TRANSLATOR_TRANSPORT=grpcio $(PYTHON) -m pytest tests/e2e tests/mesh --ignore-glob='*/test_bench_*'

fuzz: install ## fuzz the h2 transport for SECONDS (default 1800; needs the extra fuzz)
	@mkdir -p .fuzz
	@$(PYTHON) -m tests.fuzz.h2 -max_total_time=$(SECONDS) -max_len=4096 -artifact_prefix=.fuzz/ .fuzz tests/fuzz/corpus

clients: install $(CLIENTS) ## run OpenAI clients in Python and JavaScript through Envoy to real models
	@.venv-clients/bin/python -m pytest -c tests/clients/pytest.ini tests/clients
	@$(PYTHON) -m pytest -c tests/clients/pytest.ini tests/clients/test_openai_*.py # OpenAI 3

peers: install $(PEERS) ## install the proxies that bench compares with, and see that they translate
	@$(PYTHON) -m pytest -c tests/peers/pytest.ini tests/peers

lint: $(PROJECT) ## ruff, mypy --strict, import-linter
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

format: $(PROJECT) ## let ruff lay out the code
	$(PYTHON) -m ruff check --fix-only .
	$(PYTHON) -m ruff format .

proto: $(PROJECT) ## compile proto/ into translator/extproc/_proto
	$(PYTHON) -m grpc_tools.protoc -Iproto --python_out=translator/extproc/_proto \
	  --pyi_out=translator/extproc/_proto external_processor.proto

docs: $(PROJECT) ## write what is made from others: docs/configuration.md, Envoy's parts of k8s/
	$(PYTHON) -m translator.settings.reference > docs/configuration.md
	$(PYTHON) k8s/render.py

lock: $(PROJECT) ## write the versions and hashes of what the image holds
	@tests/image/lock.sh

image-test: $(PROJECT) ## build and try the image without a container engine (as root, with mmdebstrap)
	@$(PYTHON) -m pytest -rP tests/image/proof.py

dashboard: install ## draw docs/dashboards under load for 9 minutes (needs prometheus)
	@$(PYTHON) -m docs.dashboards.draw

bench: install ## measure against Envoy alone, a no-op filter and peers, in some five minutes (needs wrk)
	@$(PYTHON) -m bench $(ARGS)

bench-full: install ## measure all there is, in half an hour (needs wrk)
	@$(PYTHON) -m bench --full $(ARGS)

bench-smoke: $(PROJECT) ## see in half a minute whether something has become very much slower
	@$(PYTHON) -m bench --smoke $(ARGS)

clean: ## remove the virtual environments and caches
	rm -rf .venv .venv-mlserver .venv-clients .venv-peers .fuzz tests/clients/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help install demo test fuzz clients peers lint format proto docs lock image-test dashboard bench bench-full bench-smoke clean
