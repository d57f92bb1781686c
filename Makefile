.DEFAULT_GOAL := help
SHELL := bash

VERSION := 0.1.0
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)
WEB     := services/portal/web

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

setup: ## install what a new machine lacks (PostgreSQL, nginx, Chromium)
	@scripts/setup

proto: ## lint the contract and generate its Go code
	@cd proto && GOWORK=off go -C tools build -o ../../bin/ github.com/bufbuild/buf/cmd/buf google.golang.org/protobuf/cmd/protoc-gen-go \
	 && PATH="$$PWD/../bin:$$PATH" buf lint && PATH="$$PWD/../bin:$$PATH" buf generate

build: bin/chancery ## build the program

bin/chancery: FORCE
	@go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./services/chancery

lint: ## gofmt, vet, staticcheck, module edges
	@scripts/lint

test: setup ## set up what is needed and run every test
	@scripts/test

.PHONY: help setup proto build lint test FORCE
