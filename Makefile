.DEFAULT_GOAL := help
SHELL := bash

VERSION := 0.1.0
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)
DATA    ?= .data
ARGS    ?=

# What is run after it finds a Postgres, fetched first where the machine has none.
WITH_POSTGRES = PG_BIN=$$(scripts/postgres) && { [ -z "$$PG_BIN" ] && unset PG_BIN || export PG_BIN; } &&

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

run: ui build ## run the whole suite with a demo world; DATA=folder, ARGS='--portal 127.0.0.1:9080'
	@$(WITH_POSTGRES) exec bin/chancery up --data '$(DATA)' $(ARGS)

demo: build ## tell one credential's whole life on a fresh suite, every line checked
	@$(WITH_POSTGRES) exec bin/chancery demo $(ARGS)

reset: build ## forget everything `make run` has kept
	@bin/chancery reset --data '$(DATA)'

doctor: ## tell what this machine lacks
	@DATA='$(DATA)' scripts/doctor

setup: ## install what a new machine lacks (PostgreSQL, nginx, Caddy, Chromium)
	@scripts/setup

ui: ## build the portal's pages, if they changed
	@scripts/ui

build: ## build the program, bin/chancery
	@go build -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/chancery ./services/chancery

proto: ## lint the contract and generate its Go code
	@scripts/proto generate

proto-check: ## lint the contract, compare it with the last release, and check that the Go code is its own
	@scripts/proto check

fmt: ## format Go and the pages' sources
	@git ls-files -co --exclude-standard '*.go' | grep -v '\.pb\.go$$' | xargs gofmt -w
	@[ ! -d services/portal/web/node_modules ] || (cd services/portal/web && npm run --silent format)

lint: ## formatting, vet, staticcheck, module edges, stale pages
	@scripts/lint

test: setup ## set up what is needed and run every test
	@scripts/test

bench: build ## measure, each figure beside its baseline
	@go run ./services/chancery/internal/bench $(ARGS)

clean: ## remove what was built
	@rm -rf bin .cache services/portal/web/node_modules
	@find services/portal/web/dist -mindepth 1 ! -name .keep -delete

prove: ## run every acceptance at full size, taken up again where it was interrupted; figures go to docs/proof.md
	@scripts/prove $(NAMES)

.PHONY: prove help run demo reset doctor setup ui build proto proto-check fmt lint test bench clean
