# Each target sets up what it needs. Works with GNU make 3.81, which macOS ships.
SHELL := /bin/sh
PY := .venv/bin/python
GEUSEMAKER := .venv/bin/geusemaker
CHECKED := bench geusemaker scripts tests $(wildcard __main__.py)

# What leads Python elsewhere must not reach the programs below.
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help up down shell test test-boot test-n8n test-ollama test-tools lint lock clean setup setup-dev

help:
	@echo 'make up      deploy the stack into a simulated AWS on this machine (no account, no cost)'
	@echo 'make shell   a shell in which plain `pulumi preview`, `up`, `destroy` work against it'
	@echo 'make down    remove everything, prove the account empty, stop it'
	@echo 'make test    run every test, with coverage'
	@echo 'make test-boot  boot the host in a throw-away system, with faults (Linux, root or sudo)'
	@echo 'make test-n8n  run the real n8n behind Caddy on PostgreSQL (takes 2.5 GB)'
	@echo 'make test-ollama  run a real Ollama behind Caddy as on a host (Linux; builds it, with g++)'
	@echo 'make lint    ruff, mypy, and the generated config table'
	@echo 'make lock    write requirements*.lock anew after a change of requirements*.txt'
	@echo 'make clean   remove .venv and .geusemaker of this clone'

setup:
	@scripts/setup.sh run

setup-dev:
	@scripts/setup.sh dev

up: setup
	@$(GEUSEMAKER) local up

down: setup
	@$(GEUSEMAKER) local down

shell: setup
	@$(GEUSEMAKER) local shell

test: setup-dev test-tools
	@scripts/test_packages.sh
	@$(PY) scripts/boot_sizes.py
	@$(GEUSEMAKER) local engine
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -n auto --dist loadfile
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report
	@$(PY) -m coverage report --include='geusemaker/dlami/*,geusemaker/services/ec2.py' --fail-under=100

# The packages that it needs and that are missing are installed, which takes root or sudo.
test-boot: setup-dev
	@scripts/test_packages.sh
	@if [ "$$(uname -s)" = Linux ]; then $(PY) scripts/real_tools.py coreutils >/dev/null && \
		$(PY) -m pytest tests/boot -n auto; fi
	@$(PY) scripts/boot_sizes.py

# Apart from `test`, since it installs n8n first.
test-n8n: setup-dev
	@$(PY) scripts/real_tools.py caddy >/dev/null
	@$(PY) scripts/real_n8n.py >/dev/null
	@$(PY) -m pytest -m n8n -n 2 --dist loadfile tests/n8n

# Apart from `test`, since it builds Ollama first. The tests make namespaces, which takes root.
test-ollama: setup-dev
	@if [ "$$(uname -s)" != Linux ]; then echo 'make test-ollama takes Linux' >&2; exit 1; fi
	@scripts/test_packages.sh
	@$(PY) scripts/real_tools.py caddy ollama >/dev/null
	@as_root=; if [ "$$(id -u)" != 0 ]; then as_root='sudo -n'; fi; \
		$$as_root env "PATH=$$PATH" "HOME=$$HOME" "GEUSEMAKER_CACHE_DIR=$$GEUSEMAKER_CACHE_DIR" \
		$(PY) -B -m pytest -p no:cacheprovider -m ollama tests/ollama

# The real Caddy, Compose plugin and coreutils of Ubuntu 26.04, for the tests that run with them.
test-tools: setup-dev
	@$(PY) scripts/real_tools.py >/dev/null

lint: setup-dev
	$(PY) -m ruff check $(CHECKED)
	$(PY) -m ruff format --check $(CHECKED)
	$(PY) -m mypy
	$(PY) scripts/config_table.py --check
	@GITHUB_ACTIONS= $(PY) scripts/update_dlami.py --check-age
	@GITHUB_ACTIONS= $(PY) scripts/update_service_images.py --check-age

# What did not change keeps its version; `make lock UPGRADE=--upgrade` moves all.
lock: setup-dev
	@$(PY) scripts/lock_requirements.py $(UPGRADE)

# The account is stopped first: without its state file nobody could find its process any more.
clean:
	@if [ -e .geusemaker/account.json ] && [ -x $(GEUSEMAKER) ]; then \
		$(GEUSEMAKER) local stop || true; fi
	rm -rf .venv .geusemaker
