# Each target sets up what it needs. Works with GNU make 3.81, which macOS ships.
SHELL := /bin/sh
PY := .venv/bin/python
GEUSEMAKER := .venv/bin/geusemaker
# Tests that need programs which a host has, and on Linux root.
REST := tests/boot tests/real
CHECKED := bench geusemaker pulumi_moto scripts tests $(wildcard __main__.py)

# Variables that make Python import other code must not reach the programs below.
unexport PYTHONPATH
unexport PYTHONHOME
# Without compiled files each program that the tests start compiles the package: 0.3 s of CPU time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up down shell test test-rest test-all test-n8n test-ollama test-scale scale-programs test-tools live mutation lint bench bench-scale lock clean setup setup-local setup-dev

help:
	@echo 'make up      deploy the stack into a simulated AWS on this machine (no account, no cost)'
	@echo 'make shell   a shell in which plain `pulumi preview`, `up`, `destroy` work against it'
	@echo 'make down    remove everything, check that the account is empty, stop it'
	@echo 'make test    run the tests that need Python and the Pulumi CLI only'
	@echo 'make test-rest  boot the host in a throw-away system, run the real Caddy and PostgreSQL'
	@echo 'make test-all   both, with coverage: what CI runs (Linux: root or sudo)'
	@echo 'make test-n8n  run the real n8n behind Caddy on PostgreSQL (takes 2.4 GB)'
	@echo 'make test-ollama  run a real Ollama behind Caddy as on a host (Linux; builds it, with g++)'
	@echo 'make test-scale  run the real n8n on a host and three workers (Linux and root)'
	@echo 'make live    on AWS, at your cost: a stack of its own, from its deployment to its removal'
	@echo 'make mutation  change the code in small ways, list each change that no test notices'
	@echo 'make lint    ruff, mypy, zizmor, the generated config table, the size of the boot script'
	@echo 'make bench   report what commands and the program cost, next to a bare reference'
	@echo 'make bench-scale  report executions a minute with 0, 1 and 2 workers (as test-scale)'
	@echo 'make lock    write requirements*.lock after a change of requirements*.txt'
	@echo 'make clean   remove .venv and .geusemaker of this clone'

setup:
	@scripts/setup.sh run

setup-local:
	@scripts/setup.sh local

setup-dev:
	@scripts/setup.sh dev

up: setup-local
	@$(GEUSEMAKER) local up

down: setup-local
	@$(GEUSEMAKER) local down

shell: setup-local
	@$(GEUSEMAKER) local shell

# Engine tests first: they take the longest, and the short ones fill the workers at the end.
# A file stays on one worker, since tests of the engine share an account by file.
# Coverage is what the unit tests reach: the engine's runs reach most lines and prove few of them.
PYTEST := -m pytest -n auto --dist loadfile --no-loadscope-reorder
test: setup-dev
	@$(GEUSEMAKER) local engine
ifeq ($(COVERAGE),)
	@$(PY) $(PYTEST) tests/engine tests/unit
else
	@$(PY) $(PYTEST) tests/engine
	@$(PY) -m coverage erase
	@$(PY) -m coverage run $(PYTEST) tests/unit
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report
	@$(PY) -m coverage report --fail-under=100 \
		--include='geusemaker/dlami/*,geusemaker/services/ec2.py'
endif
	@echo 'Not run by `make test`: $(REST) (`make test-rest`, or all by `make test-all`),'
	@echo 'tests/n8n (`make test-n8n`), tests/ollama (`make test-ollama`), tests/scale (`make test-scale`).'

# Missing packages and programs are installed or built, which needs root or sudo.
# One worker more than cores: some tests only wait, one of them for a minute.
test-rest: setup-dev test-tools
	@scripts/test_packages.sh
	@$(PY) -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal $(REST)

test-all:
	@$(MAKE) test COVERAGE=yes
	@$(MAKE) test-rest

# Not part of `test`: it installs n8n first.
test-n8n: setup-dev
	@scripts/test_packages.sh
	@$(PY) scripts/real_tools.py caddy >/dev/null
	@$(PY) scripts/real_n8n.py >/dev/null
	@$(PY) -m pytest -n 2 --dist loadfile tests/n8n

# Not part of `test`: it builds Ollama first. The tests make namespaces, which needs root.
test-ollama: setup-dev
	@if [ "$$(uname -s)" != Linux ]; then echo 'make test-ollama needs Linux' >&2; exit 1; fi
	@scripts/test_packages.sh
	@$(PY) scripts/real_tools.py caddy ollama >/dev/null
	@as_root=; if [ "$$(id -u)" != 0 ]; then as_root='sudo -n'; fi; \
		$$as_root env "PATH=$$PATH" "HOME=$$HOME" "GEUSEMAKER_CACHE_DIR=$$GEUSEMAKER_CACHE_DIR" \
		$(PY) -B -m pytest -p no:cacheprovider tests/ollama

# Not part of `test`: it installs n8n first. The hosts are namespaces of this kernel, which needs root;
# they end with this system of their own.
ISOLATED = as_root=; if [ "$$(id -u)" != 0 ]; then as_root='sudo -n'; fi; \
	$$as_root env "PATH=$$PATH" "HOME=$$HOME" "GEUSEMAKER_CACHE_DIR=$$GEUSEMAKER_CACHE_DIR" \
	unshare --mount --net --pid --fork --kill-child --mount-proc $(PY) -B
test-scale: scale-programs
	@$(ISOLATED) -m pytest -p no:cacheprovider tests/scale $(SCALE)

bench-scale: scale-programs
	@$(ISOLATED) bench/throughput.py

scale-programs: setup-dev
	@if [ "$$(uname -s)" != Linux ]; then echo 'tests/scale needs Linux' >&2; exit 1; fi
	@scripts/test_packages.sh scale
	@$(PY) scripts/real_n8n.py >/dev/null

# On AWS: it shows account and cost, and prompts. Options: `make live LIVE='--max-usd 2'`.
live: setup
	@$(PY) scripts/live $(LIVE)

# The real Caddy, Compose plugin and coreutils of Ubuntu 26.04, for the tests that run with them.
test-tools: setup-dev
	@$(PY) scripts/real_tools.py >/dev/null

lint: setup-dev
	$(PY) -m ruff check $(CHECKED)
	$(PY) -m ruff format --check $(CHECKED)
	$(PY) -m mypy
	$(PY) scripts/config_table.py --check
	$(PY) scripts/boot_sizes.py
	.venv/bin/zizmor --offline --quiet .github/workflows
	@GITHUB_ACTIONS= $(PY) scripts/update_dlami.py --check-age
	@GITHUB_ACTIONS= $(PY) scripts/update_service_images.py --check-age

# An hour of CPU. For less: `make mutation MUTATED=geusemaker/dlami MUTATION='--count 20'`.
MUTATED := geusemaker/dlami 'geusemaker/config*' geusemaker/bundle geusemaker/userdata/render.py \
	geusemaker/services/ec2.py geusemaker/components
mutation: setup-dev
	@$(PY) scripts/mutation.py $(MUTATED) $(MUTATION)

bench: setup-dev
	@$(GEUSEMAKER) local engine >/dev/null
	@$(PY) bench/report.py

# Other packages keep their version; `make lock UPGRADE=--upgrade` updates all.
lock: setup-dev
	@$(PY) scripts/lock_requirements.py $(UPGRADE)

# The account is stopped first: without its state file its process could not be found.
clean:
	@if [ -e .geusemaker/account.json ] && [ -x $(GEUSEMAKER) ]; then \
		$(GEUSEMAKER) local stop || true; fi
	rm -rf .venv .geusemaker
