PORT ?= 9000
PYTHON := .venv/bin/python
PROJECT := .venv/.installed
MLSERVER := .venv-mlserver/.installed
CLIENTS := .venv-clients/.installed

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

install: $(PROJECT) $(MLSERVER) ## install everything into .venv and .venv-mlserver
	@$(PYTHON) -c '' && .venv-mlserver/bin/python -c '' || \
	  { echo "An installed environment no longer runs (moved, or its Python is gone): make clean"; exit 1; }

demo: install ## run Envoy, the translator and a real model server on localhost:9000
	@$(PYTHON) -m demo --port $(PORT)

test: install ## run the tests, against real Envoy and real MLServer
	@$(PYTHON) -m pytest

clients: install $(CLIENTS) ## run OpenAI clients in Python and JavaScript through Envoy to real models
	@.venv-clients/bin/python -m pytest -c tests/clients/pytest.ini tests/clients
	@$(PYTHON) -m pytest -c tests/clients/pytest.ini tests/clients/test_openai_*.py # OpenAI 3

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
	$(PYTHON) -m translator.serving.reference > docs/configuration.md
	$(PYTHON) k8s/render.py

lock: $(PROJECT) ## write the versions and hashes of what the image holds
	@tests/image/lock.sh

image-test: $(PROJECT) ## build and try the image without a container engine (as root, with mmdebstrap)
	@$(PYTHON) -m pytest -rP tests/image/proof.py

dashboard: install ## draw docs/dashboards under load for 9 minutes (needs prometheus, extra bench)
	@$(PYTHON) -m docs.dashboards.draw

bench: install ## measure against Envoy alone and a no-op filter (needs wrk)
	@$(PYTHON) -m bench

clean: ## remove the virtual environments and caches
	rm -rf .venv .venv-mlserver .venv-clients tests/clients/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help install demo test clients lint format proto docs lock image-test dashboard bench clean
