# The one entry point. Each target sets up what it needs, and is quick where nothing changed.
SHELL := /bin/bash
PYTHON ?=
TOPIC ?=
ARGS ?=
export PYTHON
export PATH := $(PATH):/usr/sbin:/sbin
bin := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test cluster cluster-up image snap check format bench soak fuzz fuzz-seeds setup clean

help: ## this list
	@echo 'pylb: addresses of your home network for the Services of your cluster'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: lab-packages setup ## a LAN, a cluster and a lost node on this machine (ARGS=--script prints it)
	@$(bin)/python -m pylb demo $(ARGS)

test: test-packages setup ## check, and every test on every Python of this machine
	@$(bin)/python scripts/suite.py

cluster: cluster-programs setup ## the tests on a real Kubernetes: three nodes on this machine
	@$(bin)/python scripts/suite.py cluster

cluster-up: cluster-programs setup ## keep such a Kubernetes running, with pylb on it (ARGS=--help)
	@PYTHONPATH=tests $(bin)/python -m cluster up $(ARGS)

image: setup ## the container image for amd64 and arm64, an OCI archive in dist/ (ARGS='--arch native --refresh')
	@scripts/image $(ARGS)

snap: setup ## the snap for amd64 and arm64, in dist/ (wants snapd and squashfs-tools)
	@scripts/snap $(ARGS)

check: setup ## format, lint, types and import contracts
	@scripts/check

format: setup ## write the format and what ruff can mend
	@$(bin)/ruff check --quiet --fix . ; $(bin)/ruff format .

bench: lab-packages setup ## the figures, PASS or MISS (TOPIC=arp for one, as does make bench-arp)
	@$(bin)/python -m bench $(TOPIC)
	@$(bin)/python -m bench._readme

bench-%: lab-packages setup
	@$(bin)/python -m bench $*
	@$(bin)/python -m bench._readme

soak: lab-packages setup ## 25 minutes of lost frames, of a busy machine, and of no speaker: nothing moves (ARGS='busy --seconds 60')
	@PYTHONPATH=src:tests $(bin)/python -m soak $(ARGS)

fuzz: setup ## the property tests, random and deep (ARGS='-k ranges')
	@PYLB_HYPOTHESIS=hunt $(bin)/python -m pytest tests/property -n auto --timeout 3600 $(ARGS)

fuzz-seeds: setup ## the simulated LAN with ever new disasters (ARGS='2000 22000'; ARGS=1234 tells one story; ARGS=large)
	@PYTHONPATH=src:tests $(bin)/python -m simulation $(or $(ARGS),2000 22000)

setup: ## the virtual environment alone
	@scripts/setup venv

.PHONY: cluster-programs lab-packages test-packages
cluster-programs:
	@scripts/setup cluster
	@tests/cluster/build >/dev/null

lab-packages:
	@scripts/setup lab

test-packages:
	@scripts/setup test

clean: ## remove what these commands made (not bench/results)
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -type d -print0 | xargs -0r rm -rf
